"""HTTP client of the simulated home's server."""

from typing import Any

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=5)


class SimulatedHomeError(Exception):
    """The device refused, or the home cannot be reached."""


class SimulatedHomeClient:
    """Read devices and send them commands."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Remember where the home is."""
        self._session = session
        self._url = url.rstrip("/")

    async def devices(self) -> dict[str, dict[str, Any]]:
        """Return every device by its id."""
        devices = await self._request("GET", "/devices")
        return {device["id"]: device for device in devices}

    async def command(self, device_id: str, values: dict[str, Any]) -> dict[str, Any]:
        """Set values of a device and return what it shows afterwards."""
        body = {"set": values, "by": "home_assistant"}
        device: dict[str, Any] = await self._request("POST", f"/devices/{device_id}/commands", json=body)
        return device

    async def _request(self, method: str, path: str, **kwargs: Any) -> Any:
        """Send one request."""
        try:
            async with self._session.request(method, self._url + path, timeout=_TIMEOUT, **kwargs) as response:
                body = await response.json()
        except (aiohttp.ClientError, TimeoutError) as err:
            raise SimulatedHomeError(f"the simulated home cannot be reached: {err}") from err
        if response.status >= 400:
            raise SimulatedHomeError(body["error"])
        return body
