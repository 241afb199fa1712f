"""An entry's data, read from what a form says."""

from collections.abc import Mapping
import secrets
from typing import Any

from homeassistant.components import webhook
from homeassistant.core import HomeAssistant, callback
from yarl import URL

from .const import (
    CONF_API_KEY,
    CONF_BASE_URL,
    CONF_ENVIRONMENT,
    CONF_METER_ID,
    CONF_MODE,
    CONF_RELAY_TOKEN,
    CONF_RELAY_URL,
    CONF_WEBHOOK_ID,
    CONF_WEBHOOK_SECRET,
    DOMAIN,
    Environment,
    Mode,
    SubentryType,
)
from .coordinator import LeapConfigEntry
from .flow_access import FlowError, parse_url

PLACE: Mapping[str, tuple[str, ...]] = {
    Mode.API_KEY: (CONF_ENVIRONMENT, CONF_BASE_URL),
    Mode.RELAY: (CONF_RELAY_URL,),
}
CREDENTIAL: Mapping[str, str] = {Mode.API_KEY: CONF_API_KEY, Mode.RELAY: CONF_RELAY_TOKEN}


def account_data(user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Read which of Leap's environments is meant; a base URL belongs to a custom one alone."""
    data: dict[str, Any] = {CONF_MODE: Mode.API_KEY.value, CONF_ENVIRONMENT: user_input[CONF_ENVIRONMENT]}
    if user_input[CONF_ENVIRONMENT] == Environment.CUSTOM:
        data[CONF_BASE_URL] = parse_url(user_input.get(CONF_BASE_URL, ""), CONF_BASE_URL)
    if key := user_input.get(CONF_API_KEY, "").strip():
        data[CONF_API_KEY] = key
    return data


def relay_data(user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Read where a relay can be asked, if it can."""
    data: dict[str, Any] = {CONF_MODE: Mode.RELAY.value}
    if url := user_input.get(CONF_RELAY_URL, "").strip():
        data[CONF_RELAY_URL] = parse_url(url, CONF_RELAY_URL)
    if token := user_input.get(CONF_RELAY_TOKEN, "").strip():
        data[CONF_RELAY_TOKEN] = token
    return data


def check_complete(data: Mapping[str, Any]) -> None:
    """See that every address comes with its credential, and the other way round."""
    if data[CONF_MODE] == Mode.API_KEY:
        if CONF_API_KEY not in data:
            raise FlowError("api_key_required", CONF_API_KEY)
    elif CONF_RELAY_URL in data and CONF_RELAY_TOKEN not in data:
        raise FlowError("token_required", CONF_RELAY_TOKEN)
    elif CONF_RELAY_TOKEN in data and CONF_RELAY_URL not in data:
        raise FlowError("relay_url_required", CONF_RELAY_URL)


def reach(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an entry's data that says how it reaches Leap."""
    mode = data[CONF_MODE]
    keys = (CONF_MODE, *PLACE[mode], CREDENTIAL[mode])
    return {key: data[key] for key in keys if key in data}


def changed_data(entry: LeapConfigEntry, user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a reconfiguration; a credential left empty stays, as long as it goes to the same place."""
    mode = entry.data[CONF_MODE]
    said = relay_data(user_input) if mode == Mode.RELAY else account_data(user_input)
    credential = CREDENTIAL[mode]
    same_place = all(said.get(key) == entry.data.get(key) for key in PLACE[mode])
    if same_place and credential in entry.data:
        said = {credential: entry.data[credential], **said}
    check_complete(said)
    known = reach(entry.data)
    return {key: value for key, value in entry.data.items() if key not in known} | said


@callback
def check_unique(hass: HomeAssistant, entry: LeapConfigEntry, data: Mapping[str, Any]) -> None:
    """See that no other entry reaches Leap with the same key."""
    others = (other for other in hass.config_entries.async_entries(DOMAIN) if other is not entry)
    if data[CONF_MODE] == Mode.API_KEY and any(reach(other.data) == reach(data) for other in others):
        raise FlowError("already_configured")


def followed_by(entry: LeapConfigEntry) -> list[str]:
    """Return the meters of an entry."""
    return [each.data[CONF_METER_ID] for each in entry.get_subentries_of_type(SubentryType.METER)]


def new_webhook() -> dict[str, Any]:
    """Make up where an entry is posted to, and the secret that lets a post in."""
    return {CONF_WEBHOOK_ID: webhook.async_generate_id(), CONF_WEBHOOK_SECRET: new_secret()}


def new_secret() -> str:
    """Make up a secret."""
    return secrets.token_urlsafe(32)


def entry_title(data: Mapping[str, Any]) -> str:
    """Name an entry by where its dispatches come from."""
    if data[CONF_MODE] == Mode.RELAY:
        return "Leap relay"
    match data[CONF_ENVIRONMENT]:
        case Environment.CUSTOM:
            return f"Leap {URL(data[CONF_BASE_URL]).host}"
        case Environment.STAGING:
            return "Leap staging"
        case _:
            return "Leap"
