"""Constants of the Leap integration: the words of its public contract."""

from enum import StrEnum
from typing import Final

DOMAIN: Final = "leap"
MANUFACTURER: Final = "Leap"

CONF_MODE: Final = "mode"
CONF_ENVIRONMENT: Final = "environment"
CONF_BASE_URL: Final = "base_url"
CONF_API_KEY: Final = "api_key"
CONF_RELAY_URL: Final = "relay_url"
CONF_RELAY_TOKEN: Final = "relay_token"
CONF_WEBHOOK_ID: Final = "webhook_id"
CONF_WEBHOOK_SECRET: Final = "webhook_secret"

CONF_PUSH: Final = "push"
CONF_COMMUNICATION_TEST: Final = "communication_test"

CONF_METER_ID: Final = "meter_id"
CONF_METER_TYPE: Final = "meter_type"
CONF_VOLUNTARY_DEFAULT: Final = "voluntary_default"

CONF_METER_IDS: Final = "meter_ids"
CONF_KIND: Final = "kind"
CONF_ENTITIES: Final = "entities"
CONF_LIMITS: Final = "limits"
CONF_EXPECTED_KW: Final = "expected_kw"
CONF_RANK: Final = "rank"
CONF_EXTERNAL_CHANGE: Final = "external_change"

CONF_OFFSET: Final = "offset"
CONF_MIN_TEMP: Final = "min_temp"
CONF_MAX_TEMP: Final = "max_temp"
CONF_EVENT_MODE: Final = "event_mode"
CONF_EVENT_TEMP: Final = "event_temp"
CONF_MAX_OFF_MINUTES: Final = "max_off_minutes"

WEBHOOK_SECRET_HEADER: Final = "x-leap-webhook-secret"
MAX_PUSH_BYTES: Final = 16 * 1024 * 1024


class Mode(StrEnum):
    """How the home reaches Leap."""

    API_KEY = "api_key"
    RELAY = "relay"


class Environment(StrEnum):
    """Which of Leap's environments a key belongs to."""

    PRODUCTION = "production"
    STAGING = "staging"
    CUSTOM = "custom"


class PushMode(StrEnum):
    """Who tells Leap where to post dispatches."""

    OFF = "off"
    REGISTER = "register"
    MANUAL = "manual"


class CommunicationTestMode(StrEnum):
    """What a communication test of Leap's does to the loads."""

    LOG = "log"
    RESPOND = "respond"


class SubentryType(StrEnum):
    """What a config subentry stands for."""

    METER = "meter"
    LOAD = "load"


class MeterType(StrEnum):
    """What a meter of Leap's stands for."""

    UTILITY_METER = "UTILITY_METER"
    SUBMETER = "SUBMETER"
    DEVICE = "DEVICE"


class LoadKind(StrEnum):
    """How a load is curtailed."""

    THERMOSTAT = "thermostat"
    SWITCH = "switch"
    WATER_HEATER = "water_heater"


class VoluntaryDefault(StrEnum):
    """What happens to a voluntary event nobody decided about."""

    JOIN = "join"
    SKIP = "skip"


class ExternalChange(StrEnum):
    """What a change by something other than a person means for the load."""

    OPT_OUT = "opt_out"
    ADOPT = "adopt"
    REASSERT_ONCE = "reassert_once"
