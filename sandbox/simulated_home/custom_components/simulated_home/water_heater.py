"""Water heaters of the simulated home."""

from typing import Any, override

from homeassistant.components.water_heater import WaterHeaterEntity, WaterHeaterEntityFeature
from homeassistant.const import ATTR_TEMPERATURE, UnitOfTemperature
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import SimulatedHomeConfigEntry, SimulatedHomeCoordinator
from .entity import SimulatedHomeEntity

PARALLEL_UPDATES = 1


async def async_setup_entry(
    hass: HomeAssistant,
    entry: SimulatedHomeConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add every water heater."""
    coordinator = entry.runtime_data
    async_add_entities(
        SimulatedWaterHeater(coordinator, device_id, "water_heater")
        for device_id, device in coordinator.data.items()
        if device["kind"] == "water_heater"
    )


class SimulatedWaterHeater(SimulatedHomeEntity, WaterHeaterEntity):
    """A water heater; mode and target live in the device."""

    _attr_name = None
    _attr_temperature_unit = UnitOfTemperature.CELSIUS
    _attr_supported_features = WaterHeaterEntityFeature.TARGET_TEMPERATURE | WaterHeaterEntityFeature.OPERATION_MODE

    def __init__(self, coordinator: SimulatedHomeCoordinator, device_id: str, key: str) -> None:
        """Take over what the device never changes."""
        super().__init__(coordinator, device_id, key)
        state = self.device["state"]
        self._attr_operation_list = list(state["operation_modes"])
        self._attr_min_temp = float(state["min_temperature"])
        self._attr_max_temp = float(state["max_temperature"])
        self._attr_target_temperature_step = float(state["temperature_step"])

    @property
    @override
    def current_operation(self) -> str:
        """The mode the device is in."""
        return str(self.device["state"]["operation_mode"])

    @property
    @override
    def current_temperature(self) -> float:
        """The water's temperature."""
        return round(float(self.device["state"]["water_temperature"]), 1)

    @property
    @override
    def target_temperature(self) -> float:
        """The device's target."""
        return float(self.device["state"]["target_temperature"])

    @override
    async def async_set_temperature(self, **kwargs: Any) -> None:
        """Set the target."""
        await self.async_set(target_temperature=kwargs[ATTR_TEMPERATURE])

    @override
    async def async_set_operation_mode(self, operation_mode: str) -> None:
        """Choose a mode."""
        await self.async_set(operation_mode=operation_mode)
