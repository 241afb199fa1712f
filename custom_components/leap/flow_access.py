"""What the flows ask of Leap before anything is stored."""

from collections.abc import Awaitable, Collection, Mapping
from datetime import timedelta
import ipaddress
import logging
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util
from yarl import URL

from .api.auth import ApiKeyAuth
from .api.client import PRODUCTION_URL, STAGING_URL, LeapClient
from .api.errors import LeapAuthError, LeapConnectionError, LeapError, LeapPermissionError, LeapRateLimitError
from .api.models import Meter, MeterSearch
from .const import (
    CONF_API_KEY,
    CONF_BASE_URL,
    CONF_ENVIRONMENT,
    CONF_MODE,
    CONF_RELAY_TOKEN,
    CONF_RELAY_URL,
    Environment,
    Mode,
)

_LOGGER = logging.getLogger(__name__)

MAX_LISTED = 500
PROBE = timedelta(hours=1)


class FlowError(Exception):
    """Something to tell beside a field of the form; the user can try again."""

    def __init__(self, key: str, field: str = "base") -> None:
        """Keep the translation key and where it is shown."""
        super().__init__(key)
        self.key = key
        self.field = field


def parse_url(text: str, field: str) -> str:
    """Return a base URL without its trailing slash; plain http only to this very machine."""
    try:
        url = URL(text.strip())
    except ValueError as err:
        raise FlowError("invalid_url", field) from err
    secure = url.scheme == "https" or (url.scheme == "http" and _is_here(url.host))
    if not secure or not url.host or url.user or url.password or url.query_string or url.fragment:
        raise FlowError("invalid_url", field)
    return str(url).rstrip("/")


def _is_here(host: str | None) -> bool:
    """Tell whether a host is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def searchable(data: Mapping[str, Any]) -> bool:
    """Tell whether there is anything to ask; a relay may only push."""
    return data[CONF_MODE] != Mode.RELAY or CONF_RELAY_URL in data


def base_url(data: Mapping[str, Any]) -> str:
    """Return where a searchable entry asks."""
    if data[CONF_MODE] == Mode.RELAY:
        return str(data[CONF_RELAY_URL])
    match data[CONF_ENVIRONMENT]:
        case Environment.CUSTOM:
            return str(data[CONF_BASE_URL])
        case Environment.STAGING:
            return STAGING_URL
        case _:
            return PRODUCTION_URL


def create_client(hass: HomeAssistant, data: Mapping[str, Any]) -> LeapClient | None:
    """Build the client that an entry's data describe; None for a relay that only pushes."""
    return searching_client(hass, data) if searchable(data) else None


def searching_client(hass: HomeAssistant, data: Mapping[str, Any]) -> LeapClient:
    """Build the client of an entry that is known to be searchable."""
    credential = data[CONF_RELAY_TOKEN] if data[CONF_MODE] == Mode.RELAY else data[CONF_API_KEY]
    return LeapClient(async_get_clientsession(hass), ApiKeyAuth(credential), base_url(data))


async def async_try(hass: HomeAssistant, data: Mapping[str, Any], meter_ids: Collection[str]) -> None:
    """Try an entry's data on everything the integration needs; raise FlowError if anything is refused."""
    if not searchable(data):
        return
    client = searching_client(hass, data)
    if data[CONF_MODE] == Mode.API_KEY:
        meter_ids = await _async_see_meters(client, meter_ids)
    now = dt_util.utcnow()
    await async_ask(client.search_meter_dispatches(start=now, end=now + PROBE, meter_ids=list(meter_ids)))


async def _async_see_meters(client: LeapClient, followed: Collection[str]) -> list[str]:
    """Return one meter the key can see, or none; of those already followed it must see one."""
    search = MeterSearch(meter_ids=tuple(followed)) if followed else MeterSearch()
    meters = await async_ask(client.search_meters(search, limit=1))
    if followed and not meters:
        raise FlowError("account_mismatch")
    return [meter.meter_id for meter in meters]


async def async_list_meters(client: LeapClient, tag: str, reference: str) -> list[Meter]:
    """Read the first meters that carry the tag and the partner reference, where they are given."""
    search = MeterSearch(
        tags=(tag,) if tag else None,
        partner_references=(reference,) if reference else None,
        exclude_archived=True,
    )
    return await async_ask(client.search_meters(search, limit=MAX_LISTED))


async def async_ask[T](call: Awaitable[T]) -> T:
    """Await a call to Leap; what goes wrong becomes a word for the form."""
    try:
        return await call
    except LeapAuthError as err:
        raise FlowError("invalid_auth") from err
    except LeapPermissionError as err:
        raise FlowError("permission") from err
    except LeapRateLimitError as err:
        raise FlowError("rate_limited") from err
    except LeapConnectionError as err:
        raise FlowError("cannot_connect") from err
    except LeapError as err:
        _LOGGER.debug("Leap answered %s while being tried: %s", err.status, err.message)
        raise FlowError("unexpected_answer") from err
    except Exception as err:
        _LOGGER.exception("Unexpected error while trying Leap's API")
        raise FlowError("unknown") from err
