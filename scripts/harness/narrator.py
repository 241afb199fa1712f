"""The timeline of a play, printed while it happens."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from . import observer
from .output import say
from .world import World

_WHO = 16
_SHOWN_STATES = {
    "scheduled": "shows that a dispatch is scheduled",
    "active": "shows that a dispatch is running",
    "idle": "shows that nothing is scheduled",
    "opted_out": "shows that the dispatch is opted out of",
    "recovering": "shows that the thermostat is being put back",
}


class Narrator:
    """Tells what Leap asked, what the devices did and what Home Assistant shows, each from its own source."""

    def __init__(self, world: World, seen: Path, states: Mapping[str, str], begun: datetime) -> None:
        """Remember the sources; `states` names the meter of each dispatch state entity."""
        self._world = world
        self._seen = seen
        self._states = states
        self._names = {load.device_id: load.name for load in world.loads}
        self._begun = begun
        self._log_told = 0
        self._seen_told = 0
        self._answered: set[int] = set()

    def tell(self, who: str, what: str, at: datetime | None = None) -> None:
        """Print one line of the timeline."""
        seconds = ((at or datetime.now(UTC)) - self._begun).total_seconds()
        minutes, rest = divmod(max(seconds, 0.0), 60)
        say(f"{int(minutes)}:{rest:04.1f}  {who:{_WHO}} {what}")

    async def watch(self) -> None:
        """Tell what is new, for ever."""
        while True:
            await self.catch_up()
            await asyncio.sleep(0.2)

    async def catch_up(self) -> None:
        """Tell what is new, in order."""
        try:
            log = await self._world.device_log()
            pushes = await self._world.control.pushes()
        except aiohttp.ClientError:
            return
        seen = observer.read(self._seen)
        told = [self._command(entry) for entry in log[self._log_told :]]
        told += [line for entry in seen[self._seen_told :] if (line := self._state(entry)) is not None]
        told += [self._answer(push) for push in pushes if push["attempts"] and push["number"] not in self._answered]
        self._log_told, self._seen_told = len(log), len(seen)
        for at, who, what in sorted(told):
            self.tell(who, what, at)

    def _command(self, entry: Mapping[str, Any]) -> tuple[datetime, str, str]:
        """Tell a command out of a device's own log."""
        changes = ", ".join(f"{entry['before'][name]} → {value}" for name, value in entry["set"].items())
        refused = f" (refused: {entry['refused']})" if "refused" in entry else ""
        what = f"the thermostat is set: {changes} °C{refused}"
        return datetime.fromisoformat(entry["at"]), self._names[entry["device"]], what

    def _answer(self, push: Mapping[str, Any]) -> tuple[datetime, str, str]:
        """Tell how the first try of a push was answered."""
        self._answered.add(push["number"])
        attempt = push["attempts"][0]
        at = datetime.fromisoformat(attempt["at"]) + timedelta(seconds=attempt["seconds"])
        if attempt["status"] is None:
            return at, "Leap", "gets no answer to the push, and will try again in a minute"
        return (
            at,
            "Home Assistant",
            f"answers the push with {attempt['status']} after {attempt['seconds'] * 1000:.0f} ms",
        )

    def _state(self, entry: Mapping[str, Any]) -> tuple[datetime, str, str] | None:
        """Tell a state that an observer saw in Home Assistant."""
        meter = self._states.get(entry.get("entity_id", ""))
        if meter is None or entry["state"] not in _SHOWN_STATES:
            return None
        return datetime.fromisoformat(entry["at"]), "Home Assistant", f"{_SHOWN_STATES[entry['state']]} for {meter}"
