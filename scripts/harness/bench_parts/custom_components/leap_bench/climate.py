"""Thermostats that do nothing but note when they are commanded."""

from typing import Any, override

from homeassistant.components.climate import ClimateEntity
from homeassistant.components.climate.const import ClimateEntityFeature, HVACMode
from homeassistant.const import ATTR_TEMPERATURE, UnitOfTemperature
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddEntitiesCallback
from homeassistant.helpers.typing import ConfigType, DiscoveryInfoType

from .stamps import DATA_STAMPS


async def async_setup_platform(
    hass: HomeAssistant,
    config: ConfigType,
    async_add_entities: AddEntitiesCallback,
    discovery_info: DiscoveryInfoType | None = None,
) -> None:
    """Add one for each of the two that are compared."""
    async_add_entities([StampedThermostat("ours"), StampedThermostat("yaml")])


class StampedThermostat(ClimateEntity):
    """Notes the instant of each command and shows its set-point at once."""

    _attr_should_poll = False
    _attr_temperature_unit = UnitOfTemperature.CELSIUS
    _attr_supported_features = ClimateEntityFeature.TARGET_TEMPERATURE
    _attr_hvac_mode = HVACMode.COOL
    _attr_current_temperature = 23.4
    _attr_target_temperature = 23.0
    _attr_target_temperature_step = 0.5

    def __init__(self, name: str) -> None:
        """Name it after who commands it."""
        self._attr_hvac_modes = [HVACMode.OFF, HVACMode.COOL]
        self._attr_unique_id = self._attr_name = f"bench_{name}"

    @override
    async def async_set_temperature(self, **kwargs: Any) -> None:
        """Note the instant, then show the set-point."""
        stamps = self.hass.data[DATA_STAMPS]
        stamps.now(self.entity_id)
        self._attr_target_temperature = kwargs[ATTR_TEMPERATURE]
        self.async_write_ha_state()
        await stamps.tell()
