"""Thermostats of the simulated home."""

from typing import Any, override

from homeassistant.components.climate import ClimateEntity
from homeassistant.components.climate.const import ATTR_HVAC_MODE, ClimateEntityFeature, HVACAction, HVACMode
from homeassistant.const import ATTR_TEMPERATURE, UnitOfTemperature
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import SimulatedHomeConfigEntry
from .entity import SimulatedHomeEntity

PARALLEL_UPDATES = 1


async def async_setup_entry(
    hass: HomeAssistant,
    entry: SimulatedHomeConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add every thermostat."""
    coordinator = entry.runtime_data
    async_add_entities(
        SimulatedThermostat(coordinator, device_id, "thermostat")
        for device_id, device in coordinator.data.items()
        if device["kind"] == "thermostat"
    )


class SimulatedThermostat(SimulatedHomeEntity, ClimateEntity):
    """A thermostat; its set-point lives in the device."""

    _attr_name = None
    _attr_temperature_unit = UnitOfTemperature.CELSIUS
    _attr_supported_features = (
        ClimateEntityFeature.TARGET_TEMPERATURE | ClimateEntityFeature.TURN_ON | ClimateEntityFeature.TURN_OFF
    )

    @property
    @override
    def hvac_modes(self) -> list[HVACMode]:
        """The modes the device has."""
        return [HVACMode(mode) for mode in self.device["state"]["hvac_modes"]]

    @property
    @override
    def hvac_mode(self) -> HVACMode:
        """The mode the device is in."""
        return HVACMode(self.device["state"]["hvac_mode"])

    @property
    @override
    def hvac_action(self) -> HVACAction:
        """What the device is doing."""
        if self.hvac_mode is HVACMode.OFF:
            return HVACAction.OFF
        if not self.device["state"]["power_kw"]:
            return HVACAction.IDLE
        return HVACAction.COOLING if self.hvac_mode is HVACMode.COOL else HVACAction.HEATING

    @property
    @override
    def current_temperature(self) -> float:
        """The room's temperature."""
        return round(float(self.device["state"]["room_temperature"]), 1)

    @property
    @override
    def target_temperature(self) -> float:
        """The device's set-point."""
        return float(self.device["state"]["target_temperature"])

    @property
    @override
    def target_temperature_step(self) -> float:
        """The device's step."""
        return float(self.device["state"]["temperature_step"])

    @property
    @override
    def min_temp(self) -> float:
        """The lowest set-point the device takes."""
        return float(self.device["state"]["min_temperature"])

    @property
    @override
    def max_temp(self) -> float:
        """The highest set-point the device takes."""
        return float(self.device["state"]["max_temperature"])

    @override
    async def async_set_temperature(self, **kwargs: Any) -> None:
        """Set the set-point, and the mode where one is given."""
        values = {"target_temperature": kwargs[ATTR_TEMPERATURE]}
        if (mode := kwargs.get(ATTR_HVAC_MODE)) is not None:
            values["hvac_mode"] = mode
        await self.async_set(**values)

    @override
    async def async_set_hvac_mode(self, hvac_mode: HVACMode) -> None:
        """Set the mode."""
        await self.async_set(hvac_mode=hvac_mode)
