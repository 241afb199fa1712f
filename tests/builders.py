"""Config entries of the integration, as the flows would have made them."""

from collections.abc import Mapping, Sequence
from typing import Any

from homeassistant.config_entries import ConfigSubentryDataWithId
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.leap.const import (
    CONF_API_KEY,
    CONF_COMMUNICATION_TEST,
    CONF_ENTITIES,
    CONF_ENVIRONMENT,
    CONF_EXPECTED_KW,
    CONF_EXTERNAL_CHANGE,
    CONF_KIND,
    CONF_LIMITS,
    CONF_MAX_TEMP,
    CONF_METER_ID,
    CONF_METER_IDS,
    CONF_METER_TYPE,
    CONF_MIN_TEMP,
    CONF_MODE,
    CONF_OFFSET,
    CONF_PUSH,
    CONF_RANK,
    CONF_VOLUNTARY_DEFAULT,
    CONF_WEBHOOK_ID,
    CONF_WEBHOOK_SECRET,
    DOMAIN,
    CommunicationTestMode,
    Environment,
    ExternalChange,
    LoadKind,
    MeterType,
    Mode,
    PushMode,
    SubentryType,
    VoluntaryDefault,
)

ENTRY_ID = "01LEAPENTRY000000000000000"
METER_SUBENTRY_ID = "01LEAPMETER000000000000000"
LOAD_SUBENTRY_ID = "01LEAPLOAD0000000000000000"
METER_ID = "5b0c1f3e-7a52-4c0e-9d0b-2f6f0a7f1a01"
OTHER_METER_ID = "7d9e2a10-3c44-4b1f-8e5a-91b2c3d4e502"
API_KEY = "planted-api-key"
WEBHOOK_ID = "planted-webhook-id"
WEBHOOK_SECRET = "planted-webhook-secret"
CLIMATE_REGISTRY_ID = "planted-registry-id-of-a-climate"


def meter_subentry(
    meter_id: str = METER_ID, *, subentry_id: str = METER_SUBENTRY_ID, title: str = "home-0042", **data: Any
) -> ConfigSubentryDataWithId:
    """Build a followed meter; `data` adds to and replaces its defaults."""
    return ConfigSubentryDataWithId(
        subentry_id=subentry_id,
        subentry_type=SubentryType.METER,
        title=title,
        unique_id=meter_id,
        data={
            CONF_METER_ID: meter_id,
            CONF_METER_TYPE: MeterType.UTILITY_METER,
            CONF_VOLUNTARY_DEFAULT: VoluntaryDefault.JOIN,
            **data,
        },
    )


def load_subentry(
    climate: str = CLIMATE_REGISTRY_ID,
    *,
    subentry_id: str = LOAD_SUBENTRY_ID,
    title: str = "Hallway",
    meter_ids: Sequence[str] = (METER_ID,),
    limits: Mapping[str, float] | None = None,
    **data: Any,
) -> ConfigSubentryDataWithId:
    """Build a thermostat load; `climate` is the registry id of its entity."""
    return ConfigSubentryDataWithId(
        subentry_id=subentry_id,
        subentry_type=SubentryType.LOAD,
        title=title,
        unique_id=None,
        data={
            CONF_METER_IDS: list(meter_ids),
            CONF_KIND: LoadKind.THERMOSTAT,
            CONF_ENTITIES: {"climate": climate},
            CONF_LIMITS: limits or {CONF_OFFSET: 2.0, CONF_MIN_TEMP: 16.0, CONF_MAX_TEMP: 28.0},
            CONF_EXPECTED_KW: 1.5,
            CONF_RANK: 50,
            CONF_EXTERNAL_CHANGE: ExternalChange.OPT_OUT,
            **data,
        },
    )


def build_entry(
    *,
    mode: Mode = Mode.API_KEY,
    entry_id: str = ENTRY_ID,
    subentries: Sequence[ConfigSubentryDataWithId] | None = None,
    data: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> MockConfigEntry:
    """Build an entry with one meter and one thermostat; push is off unless `options` say otherwise."""
    own: dict[str, Any] = {CONF_MODE: mode, CONF_WEBHOOK_ID: WEBHOOK_ID, CONF_WEBHOOK_SECRET: WEBHOOK_SECRET}
    if mode is Mode.API_KEY:
        own |= {CONF_ENVIRONMENT: Environment.STAGING, CONF_API_KEY: API_KEY}
    own |= data or {}
    return MockConfigEntry(
        domain=DOMAIN,
        entry_id=entry_id,
        title="Leap",
        unique_id=own[CONF_WEBHOOK_ID],
        data=own,
        options={CONF_PUSH: PushMode.OFF, CONF_COMMUNICATION_TEST: CommunicationTestMode.LOG, **(options or {})},
        subentries_data=[meter_subentry(), load_subentry()] if subentries is None else list(subentries),
    )
