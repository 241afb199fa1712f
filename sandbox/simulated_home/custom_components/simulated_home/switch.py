"""Switches of the simulated home."""

from typing import Any, override

from homeassistant.components.switch import SwitchDeviceClass, SwitchEntity
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
    """Add every switch."""
    coordinator = entry.runtime_data
    async_add_entities(
        SimulatedSwitch(coordinator, device_id, "switch")
        for device_id, device in coordinator.data.items()
        if device["kind"] == "switch"
    )


class SimulatedSwitch(SimulatedHomeEntity, SwitchEntity):
    """A plug with a load."""

    _attr_name = None
    _attr_device_class = SwitchDeviceClass.OUTLET

    @property
    @override
    def is_on(self) -> bool:
        """Whether the device is on."""
        return bool(self.device["state"]["on"])

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Turn the device on."""
        await self.async_set(on=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Turn the device off."""
        await self.async_set(on=False)
