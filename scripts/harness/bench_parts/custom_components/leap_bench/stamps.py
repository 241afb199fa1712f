"""When which device was commanded, by a clock that all processes of the machine share."""

import asyncio
from time import monotonic
from typing import Final

from homeassistant.util.hass_dict import HassKey


class Stamps:
    """Instants of the commands each entity got."""

    def __init__(self) -> None:
        """Begin with none."""
        self._stamps: dict[str, list[float]] = {}
        self._more = asyncio.Condition()

    def now(self, name: str) -> None:
        """Note that an entity is being commanded."""
        self._stamps.setdefault(name, []).append(monotonic())

    async def tell(self) -> None:
        """Wake up whoever waits for a command."""
        async with self._more:
            self._more.notify_all()

    async def wait(self, name: str, count: int, within: float) -> list[float]:
        """Return an entity's stamps as soon as there are so many, or as many as there are in time."""
        try:
            async with asyncio.timeout(within), self._more:
                await self._more.wait_for(lambda: len(self._stamps.get(name, ())) >= count)
        except TimeoutError:
            pass
        return self._stamps.get(name, [])


DATA_STAMPS: Final[HassKey[Stamps]] = HassKey("leap_bench_stamps")
