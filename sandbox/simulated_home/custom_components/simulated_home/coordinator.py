"""Reads all devices of the simulated home each second."""

import logging
from typing import Any, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .client import SimulatedHomeClient, SimulatedHomeError
from .const import DOMAIN, SCAN_INTERVAL

_LOGGER = logging.getLogger(__name__)

type Devices = dict[str, dict[str, Any]]
type SimulatedHomeConfigEntry = ConfigEntry[SimulatedHomeCoordinator]


class SimulatedHomeCoordinator(DataUpdateCoordinator[Devices]):
    """Keeps what every device shows."""

    config_entry: SimulatedHomeConfigEntry

    def __init__(self, hass: HomeAssistant, entry: SimulatedHomeConfigEntry) -> None:
        """Prepare the client."""
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=DOMAIN,
            update_interval=SCAN_INTERVAL,
            always_update=False,
        )
        self._client = SimulatedHomeClient(async_get_clientsession(hass), entry.data[CONF_URL])

    @override
    async def _async_update_data(self) -> Devices:
        """Read every device."""
        try:
            return await self._client.devices()
        except SimulatedHomeError as err:
            raise UpdateFailed(str(err)) from err

    async def async_command(self, device_id: str, values: dict[str, Any]) -> None:
        """Command a device and show at once what it made of it."""
        device = await self._client.command(device_id, values)
        self.async_set_updated_data({**self.data, device_id: device})
