"""The simulated home: a stand-in for the makers' integrations, for the demo and for tests."""

from homeassistant.config_entries import SOURCE_IMPORT
from homeassistant.const import CONF_URL, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .const import DOMAIN
from .coordinator import SimulatedHomeConfigEntry, SimulatedHomeCoordinator

PLATFORMS = [Platform.CLIMATE, Platform.SENSOR, Platform.SWITCH, Platform.WATER_HEATER]

CONFIG_SCHEMA = vol.Schema(
    {vol.Optional(DOMAIN): vol.Schema({vol.Required(CONF_URL): cv.string})},
    extra=vol.ALLOW_EXTRA,
)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Make the entry out of the YAML configuration, once."""
    if (home := config.get(DOMAIN)) is not None:
        hass.async_create_task(
            hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_IMPORT}, data=home)
        )
    return True


async def async_setup_entry(hass: HomeAssistant, entry: SimulatedHomeConfigEntry) -> bool:
    """Connect to the simulated home."""
    entry.runtime_data = coordinator = SimulatedHomeCoordinator(hass, entry)
    await coordinator.async_config_entry_first_refresh()
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: SimulatedHomeConfigEntry) -> bool:
    """Disconnect."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
