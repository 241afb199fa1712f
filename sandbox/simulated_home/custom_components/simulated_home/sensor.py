"""Power sensors of the simulated home."""

from typing import override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity, SensorStateClass
from homeassistant.const import UnitOfPower
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import SimulatedHomeConfigEntry
from .entity import SimulatedHomeEntity

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: SimulatedHomeConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add a power sensor to every device that knows its power."""
    coordinator = entry.runtime_data
    async_add_entities(
        SimulatedPower(coordinator, device_id, "power")
        for device_id, device in coordinator.data.items()
        if "power_kw" in device["state"]
    )


class SimulatedPower(SimulatedHomeEntity, SensorEntity):
    """What the device draws."""

    _attr_device_class = SensorDeviceClass.POWER
    _attr_state_class = SensorStateClass.MEASUREMENT
    _attr_native_unit_of_measurement = UnitOfPower.KILO_WATT

    @property
    @override
    def native_value(self) -> float:
        """The device's power."""
        return float(self.device["state"]["power_kw"])
