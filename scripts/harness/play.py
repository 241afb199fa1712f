"""The demo's play: seven dispatches on two meters, told in seconds from its beginning."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .narrator import Narrator
from .verdict import Asked, Load, Outage
from .world import World


@dataclass
class Play:
    """What has been asked so far, and when Home Assistant was away."""

    world: World
    narrator: Narrator
    begun: datetime
    asked: list[Asked] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)

    def at(self, seconds: float) -> datetime:
        """Return an instant of the play."""
        return self.begun + timedelta(seconds=seconds)

    async def until(self, seconds: float) -> None:
        """Wait for an instant of the play."""
        await asyncio.sleep(max((self.at(seconds) - datetime.now(UTC)).total_seconds(), 0))
        self.world.check()

    async def ask(self, title: str, load: Load, start: float, end: float, *, push: bool = True) -> int:
        """Have Leap make a dispatch; return its number."""
        now = datetime.now(UTC)
        start_time, end_time = (self.at(seconds) for seconds in (start, end))
        times = {"start_time": _wire(start_time), "end_time": _wire(end_time)}
        event_id = await self._create(load, push=push, **times)
        told_by = "push" if push else "search"
        self.asked.append(
            Asked(
                title=title,
                event_id=event_id,
                meter_id=load.meter_id,
                told_by=told_by,
                created=now,
                start=start_time,
                end=end_time,
            )
        )
        how = "pushes a dispatch" if push else "has a dispatch whose push gets lost,"
        self._leap(f"{how} for {load.name}: {_clock(self, start_time)} to {_clock(self, end_time)}  [{title}]")
        return len(self.asked) - 1

    async def shorten(self, number: int, end: float) -> None:
        """Have Leap update the end of a dispatch."""
        end_time = self.at(end)
        known = self.asked[number]
        await self.world.control.update(known.event_id, end_time=_wire(end_time))
        self.asked[number] = replace(known, updated_at=datetime.now(UTC), updated_end=end_time)
        self._leap(f"updates it: it now ends at {_clock(self, end_time)}  [{known.title}]")

    async def cancel(self, number: int) -> None:
        """Have Leap cancel a dispatch."""
        known = self.asked[number]
        await self.world.control.cancel(known.event_id)
        self.asked[number] = replace(known, cancelled_at=datetime.now(UTC))
        self._leap(f"cancels it  [{known.title}]")

    async def cut_the_power(self) -> datetime:
        """Kill Home Assistant without a word."""
        began = datetime.now(UTC)
        await self.world.home_assistant.kill()
        self.narrator.tell("Power", "is cut: Home Assistant is killed (kill -9)")
        return began

    async def bring_back(self, began: datetime) -> None:
        """Start Home Assistant again."""
        self.narrator.tell("Power", "is back: Home Assistant starts again")
        await self.world.home_assistant.start()
        await self.world.client.wait_until_running()
        self.outages.append(Outage(began=began, ended=datetime.now(UTC)))
        self.narrator.tell("Home Assistant", "is up again")

    async def _create(self, load: Load, *, push: bool, **times: Any) -> str:
        return (await self.world.control.create(load.meter_id, deliver="push" if push else "none", **times))[0]

    def _leap(self, what: str) -> None:
        self.narrator.tell("Leap", what)


async def perform(play: Play) -> None:
    """Play all seven."""
    here, there = play.world.loads
    await play.until(0)
    await play.ask("2 search alone", there, 68, 80, push=False)
    await play.until(1)
    await play.ask("1 by push", here, 4, 14)
    await play.until(16)
    updated = await play.ask("3 updated midway", here, 18, 44)
    await play.until(24)
    await play.shorten(updated, 30)
    await play.until(33)
    cancelled = await play.ask("4 cancelled midway", here, 35, 60)
    await play.until(42)
    await play.cancel(cancelled)
    await play.until(45)
    play.narrator.tell(
        "",
        "(a pause until Home Assistant searches Leap, as it does every minute, and finds the dispatch whose push got lost)",
    )
    await play.until(70)
    await play.ask("5 ends in the outage", here, 82, 93)
    await play.ask("6 outlasts the outage", there, 84, 122)
    await play.until(88)
    began = await play.cut_the_power()
    await play.ask("7 sent in the outage", here, 113, 121)
    await play.until(94)
    await play.bring_back(began)
    await play.until(124)
    await settle(play)


async def settle(play: Play, within: float = 15) -> None:
    """Give the last thermostat a moment to come back."""
    originals = {load.device_id: load.original for load in play.world.loads}
    for _ in range(round(within / 0.2)):
        if await play.world.set_points() == originals:
            return
        await asyncio.sleep(0.2)


def _clock(play: Play, at: datetime) -> str:
    minutes, seconds = divmod(round((at - play.begun).total_seconds()), 60)
    return f"{minutes}:{seconds:02}"


def _wire(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
