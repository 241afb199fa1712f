"""How long each step of the event loop takes."""

import asyncio
from collections.abc import Callable
import re
from time import perf_counter, thread_time
from typing import Any, Final

from homeassistant.util.hass_dict import HassKey

WORTH_NOTING: Final = 0.0005
_LIBRARY: Final = re.compile(r"^.*(site-packages/|(?=custom_components/)|lib/python[^/]*/)")

type Step = tuple[float, float, str]
"""Seconds by the clock, seconds of this thread's own work, and what ran."""


def _describe(callback: Any) -> str:
    """Name what a handle runs: a task by its coroutine, anything else by itself."""
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        coroutine: Any = owner.get_coro()
        file = getattr(getattr(coroutine, "cr_code", None), "co_filename", "")
        module = _LIBRARY.sub("", file).removesuffix(".py").replace("/", ".")
        return f"{module}:{getattr(coroutine, '__qualname__', coroutine)}"
    return f"{getattr(callback, '__module__', '')}:{getattr(callback, '__qualname__', callback)}"


class LoopProbe:
    """Times every step while it is on: what a step keeps the loop from."""

    def __init__(self) -> None:
        """Begin switched off."""
        self._usual: Callable[[asyncio.Handle], None] | None = None
        self._steps: list[Step] = []

    def switch(self, on: bool) -> None:
        """Put the clock around every step, or take it away."""
        if on == (self._usual is not None):
            return
        if self._usual is not None:
            setattr(asyncio.Handle, "_run", self._usual)  # noqa: B010
            self._usual = None
            return
        usual: Callable[[asyncio.Handle], None] = getattr(asyncio.Handle, "_run")  # noqa: B009
        steps = self._steps

        def timed(handle: asyncio.Handle) -> None:
            callback = getattr(handle, "_callback", None)
            begun, worked = perf_counter(), thread_time()
            usual(handle)
            took = perf_counter() - begun
            if took >= WORTH_NOTING:
                steps.append((took, thread_time() - worked, _describe(callback)))

        self._usual = usual
        setattr(asyncio.Handle, "_run", timed)  # noqa: B010

    def take(self) -> list[Step]:
        """Return the steps worth noting since the last time."""
        taken = list(self._steps)
        self._steps.clear()
        return taken


DATA_PROBE: Final[HassKey[LoopProbe]] = HassKey("leap_bench_probe")
