"""What all entities of the simulated home share."""

from typing import Any, override

from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN
from .coordinator import SimulatedHomeCoordinator


class SimulatedHomeEntity(CoordinatorEntity[SimulatedHomeCoordinator]):
    """An entity of one device."""

    _attr_has_entity_name = True

    def __init__(self, coordinator: SimulatedHomeCoordinator, device_id: str, key: str) -> None:
        """Name the entity after its device."""
        super().__init__(coordinator)
        self.device_id = device_id
        self._attr_unique_id = f"{device_id}_{key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, device_id)},
            name=coordinator.data[device_id]["name"],
            manufacturer="Simulated",
            model=coordinator.data[device_id]["kind"].replace("_", " ").capitalize(),
        )

    @property
    def device(self) -> dict[str, Any]:
        """What the device's server said last."""
        return self.coordinator.data.get(self.device_id, {})

    @property
    @override
    def available(self) -> bool:
        """A device that is away is not available."""
        return super().available and bool(self.device) and not self.device["away"]

    async def async_set(self, **values: Any) -> None:
        """Command the device."""
        await self.coordinator.async_command(self.device_id, values)
