"""Named timers that end with Home Assistant."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later


class Timers:
    """At most one timer of each name."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with none."""
        self._hass = hass
        self._running: dict[str, CALLBACK_TYPE] = {}

    @callback
    def start(self, name: str, delay: float, action: Callable[[], Awaitable[None]]) -> None:
        """Run an action once after a delay, instead of a former one of that name."""
        self.cancel(name)

        async def async_fire(_: datetime) -> None:
            self._running.pop(name, None)
            await action()

        job = HassJob(async_fire, f"leap {name}", cancel_on_shutdown=True)
        self._running[name] = async_call_later(self._hass, max(delay, 0), job)

    def running(self, name: str) -> bool:
        """Return whether a timer runs."""
        return name in self._running

    @callback
    def cancel(self, *names: str) -> None:
        """Stop timers, or all of them."""
        for name in names or tuple(self._running):
            if cancel := self._running.pop(name, None):
                cancel()
