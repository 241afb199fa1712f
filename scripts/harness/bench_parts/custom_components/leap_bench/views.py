"""What the bench asks of the Home Assistant it measures."""

from pathlib import Path
from time import perf_counter
from typing import Any

from aiohttp import web
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.util.hass_dict import HassKey

from custom_components.leap.store import LeapStore, Put, Table

from .probe import DATA_PROBE
from .stamps import DATA_STAMPS

DATA_STORE: HassKey[LeapStore] = HassKey("leap_bench_store")


class StampsView(HomeAssistantView):
    """Answers as soon as an entity has been commanded so often."""

    url = "/api/leap_bench/stamps/{entity_id}/{count}"
    name = "api:leap_bench:stamps"

    async def get(self, request: web.Request, entity_id: str, count: str) -> web.Response:
        """Return the entity's stamps."""
        stamps = request.app[KEY_HASS].data[DATA_STAMPS]
        return self.json(await stamps.wait(entity_id, int(count), 5))


class ProbeView(HomeAssistantView):
    """Switches the clock around the loop's steps, and reads it."""

    url = "/api/leap_bench/probe"
    name = "api:leap_bench:probe"

    async def get(self, request: web.Request) -> web.Response:
        """Return the steps since the last time."""
        return self.json(request.app[KEY_HASS].data[DATA_PROBE].take())

    async def post(self, request: web.Request) -> web.Response:
        """Switch it on or off."""
        probe = request.app[KEY_HASS].data[DATA_PROBE]
        probe.switch((await request.json())["on"])
        return self.json(probe.take())


class WriteView(HomeAssistantView):
    """Makes one durable write of a given size with the integration's own store."""

    url = "/api/leap_bench/write"
    name = "api:leap_bench:write"

    async def post(self, request: web.Request) -> web.Response:
        """Return how long it took, in seconds."""
        store = await _async_store(request.app[KEY_HASS])
        asked = await request.json()
        row: dict[str, Any] = {"key": asked["key"], "filling": "x" * asked["bytes"]}
        begun = perf_counter()
        await store.async_write(Put(Table("events", dict, key=lambda item: item["key"]), row))
        return self.json(perf_counter() - begun)


async def _async_store(hass: HomeAssistant) -> LeapStore:
    """Return a store of the bench's own, on the same disk."""
    if (store := hass.data.get(DATA_STORE)) is None:
        folder = Path(hass.config.path("leap_bench"))
        await hass.async_add_executor_job(folder.mkdir)
        store = hass.data[DATA_STORE] = LeapStore(folder)
        await store.async_open()
    return store
