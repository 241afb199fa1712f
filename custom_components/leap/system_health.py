"""System health: whether Leap can be reached, and how many homes' meters hang on it."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback
from homeassistant.loader import async_get_integration
import msgspec

from .const import CONF_ENVIRONMENT, DOMAIN, Mode, SubentryType
from .flow_access import base_url, searchable


@callback
def async_register(hass: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Register what the page shows."""
    register.async_register_info(async_system_health_info)


async def async_system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return versions and counts, and try each address in use."""
    integration = await async_get_integration(hass, DOMAIN)
    entries = hass.config_entries.async_entries(DOMAIN, include_disabled=False)
    info: dict[str, Any] = {
        "version": str(integration.version),
        "msgspec_version": msgspec.__version__,
        "meters": sum(len(list(entry.get_subentries_of_type(SubentryType.METER))) for entry in entries),
        "loads": sum(len(list(entry.get_subentries_of_type(SubentryType.LOAD))) for entry in entries),
    }
    for entry in entries:
        if searchable(entry.data):
            place = entry.data.get(CONF_ENVIRONMENT, Mode.RELAY)
            info[f"can_reach_{place}"] = system_health.async_check_can_reach_url(hass, base_url(entry.data))
    return info
