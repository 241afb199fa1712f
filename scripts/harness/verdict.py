"""What was asked, what should have happened and what did: pure, so that it can be tested."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

START_TOLERANCE = timedelta(seconds=3)
END_TOLERANCE = timedelta(seconds=5)
_EARLY = timedelta(seconds=0.5)
_CLOSE = 0.01


@dataclass(frozen=True, kw_only=True)
class Load:
    """A thermostat and what a dispatch should make of it."""

    name: str
    device_id: str
    entity_id: str
    meter_id: str
    original: float
    curtailed: float


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A dispatch as Leap sent it, with what became of it."""

    title: str
    event_id: str
    meter_id: str
    told_by: str
    created: datetime
    start: datetime
    end: datetime
    updated_at: datetime | None = None
    updated_end: datetime | None = None
    cancelled_at: datetime | None = None

    @property
    def until(self) -> datetime:
        """When the dispatch is over, with update and cancellation."""
        end = self.updated_end or self.end
        return end if self.cancelled_at is None else min(end, self.cancelled_at)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A set-point command out of the device's own log."""

    at: datetime
    device_id: str
    temperature: float
    refused: bool


@dataclass(frozen=True, kw_only=True)
class Outage:
    """Home Assistant was not there."""

    began: datetime
    ended: datetime

    def delays(self, at: datetime) -> datetime:
        """Return when something due at an instant can happen."""
        return self.ended if self.began <= at < self.ended else at


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One dispatch and one load: planned and observed."""

    asked: Asked
    load: Load
    curtail_due: datetime
    restore_due: datetime
    curtailed_at: datetime | None
    restored_at: datetime | None
    problems: tuple[str, ...]


def commands_of(log: Sequence[Mapping[str, Any]]) -> list[Command]:
    """Read the set-point commands out of the simulated home's log."""
    return [
        Command(
            at=datetime.fromisoformat(entry["at"]),
            device_id=entry["device"],
            temperature=entry["set"]["target_temperature"],
            refused="refused" in entry,
        )
        for entry in log
        if "target_temperature" in entry["set"]
    ]


def judge(asked: Asked, load: Load, commands: Sequence[Command], outages: Sequence[Outage]) -> Outcome:
    """Compare one dispatch with what the device was told."""
    begin, end = max(asked.start, asked.created), asked.until
    curtail_due, restore_due = begin, end
    for outage in outages:
        curtail_due, restore_due = outage.delays(curtail_due), outage.delays(restore_due)
    ours = [command for command in commands if command.device_id == load.device_id and not command.refused]
    window = [command for command in ours if command.at >= begin - timedelta(seconds=2)]
    curtailed = next((c.at for c in window if _same(c.temperature, load.curtailed)), None)
    restored = next(
        (c.at for c in window if curtailed and c.at > curtailed and _same(c.temperature, load.original)), None
    )
    problems = _problems("curtailed", curtailed, begin, curtail_due + START_TOLERANCE)
    problems += _problems("restored", restored, end, restore_due + END_TOLERANCE)
    return Outcome(
        asked=asked,
        load=load,
        curtail_due=curtail_due,
        restore_due=restore_due,
        curtailed_at=curtailed,
        restored_at=restored,
        problems=tuple(problems),
    )


def _same(one: float, other: float) -> bool:
    return abs(one - other) < _CLOSE


def _problems(what: str, at: datetime | None, earliest: datetime, latest: datetime) -> list[str]:
    """Say what is wrong with an instant."""
    if at is None:
        return [f"never {what}"]
    if at < earliest - _EARLY:
        return [f"{what} {(earliest - at).total_seconds():.1f} s too early"]
    return [f"{what} {(at - latest).total_seconds():.1f} s too late"] if at > latest else []


def left_behind(loads: Sequence[Load], truth: Mapping[str, float]) -> list[str]:
    """Name every load whose set-point is not what it was in the beginning."""
    return [
        f"{load.name} was left at {truth[load.device_id]} °C instead of {load.original} °C"
        for load in loads
        if not _same(truth[load.device_id], load.original)
    ]


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return asked, planned and observed of one dispatch and load."""
    asked, load = outcome.asked, outcome.load
    return {
        "title": asked.title,
        "event_id": asked.event_id,
        "meter_id": asked.meter_id,
        "load": load.name,
        "entity_id": load.entity_id,
        "asked": {
            "told_by": asked.told_by,
            "created": _iso(asked.created),
            "start": _iso(asked.start),
            "end": _iso(asked.end),
            "updated_at": _iso(asked.updated_at),
            "updated_end": _iso(asked.updated_end),
            "cancelled_at": _iso(asked.cancelled_at),
        },
        "planned": {
            "from": _iso(outcome.curtail_due),
            "until": _iso(outcome.restore_due),
            "set_point": load.curtailed,
            "original": load.original,
        },
        "observed": {
            "curtailed_at": _iso(outcome.curtailed_at),
            "restored_at": _iso(outcome.restored_at),
        },
        "problems": list(outcome.problems),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
