"""Overlapping events of one meter resolved to one instruction at any instant."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import pairwise
from math import inf
from typing import NamedTuple

from .event import DispatchEvent

type Rank = tuple[bool, int, bool, float, datetime, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A stretch of time under one event; served are the events its kW covers meanwhile."""

    start: datetime
    end: datetime
    event: DispatchEvent
    energy_kw: float | None
    served: tuple[str, ...]


def rank(event: DispatchEvent) -> Rank:
    """Return what orders overlapping events: the smallest gives the instruction."""
    asked = inf if event.energy_kw is None else event.energy_kw
    return (
        event.local,
        event.priority,
        event.voluntary,
        -asked,
        event.start,
        event.event_id,
    )


def covers(winner: DispatchEvent, other: DispatchEvent) -> bool:
    """Return whether the winner asks at least as much as the other; None is the maximum."""
    if winner.energy_kw is None:
        return True
    return other.energy_kw is not None and winner.energy_kw >= other.energy_kw


class Piece(NamedTuple):
    """A stretch of time and the event that gives the instruction in it."""

    start: datetime
    end: datetime
    event: DispatchEvent


class Timeline:
    """The instruction at any instant, out of one meter's joined events."""

    def __init__(self, events: Iterable[DispatchEvent]) -> None:
        """Resolve the events once; every question after that is a bisection."""
        events = sorted((e for e in events if e.takes_time), key=lambda e: (e.start, rank(e)))
        self.segments: tuple[Segment, ...] = tuple(_segments(events))
        self._starts = [segment.start for segment in self.segments]
        self._boundaries = sorted(
            {segment.start for segment in self.segments} | {segment.end for segment in self.segments}
        )
        self._chains = _chains(events)
        self._chain_starts = [chain[0].start for chain in self._chains]
        self._chain_ends = [max(event.end for event in chain) for chain in self._chains]

    def at(self, t: datetime) -> Segment | None:
        """Return the segment that holds an instant."""
        index = bisect_right(self._starts, t) - 1
        if index < 0 or t >= self.segments[index].end:
            return None
        return self.segments[index]

    def next_change(self, after: datetime) -> datetime | None:
        """Return the first boundary of a segment later than an instant."""
        index = bisect_right(self._boundaries, after)
        return self._boundaries[index] if index < len(self._boundaries) else None

    def chain(self, t: datetime) -> tuple[DispatchEvent, ...]:
        """Return the unbroken chain of adjacent or overlapping events around an instant."""
        index = bisect_right(self._chain_starts, t) - 1
        if index < 0 or t >= self._chain_ends[index]:
            return ()
        return self._chains[index]


def _chains(events: list[DispatchEvent]) -> list[tuple[DispatchEvent, ...]]:
    """Split events sorted by start wherever nothing runs between them."""
    chains: list[list[DispatchEvent]] = []
    end: datetime | None = None
    for event in events:
        if end is None or event.start > end:
            chains.append([])
            end = event.end
        chains[-1].append(event)
        end = max(end, event.end)
    return [tuple(chain) for chain in chains]


def _winners(events: list[DispatchEvent]) -> Iterable[Piece]:
    """Yield who gives the instruction, in unbroken stretches, out of events sorted by start."""
    boundaries = sorted({e.start for e in events} | {e.end for e in events})
    running: list[tuple[Rank, int]] = []
    upcoming = 0
    held: Piece | None = None
    for start, end in pairwise(boundaries):
        while upcoming < len(events) and events[upcoming].start <= start:
            heappush(running, (rank(events[upcoming]), upcoming))
            upcoming += 1
        while running and events[running[0][1]].end <= start:
            heappop(running)
        winner = events[running[0][1]] if running else None
        if held is not None and held.event is winner:
            held = held._replace(end=end)
            continue
        if held is not None:
            yield held
        held = Piece(start, end, winner) if winner is not None else None
    if held is not None:
        yield held


def _segments(events: list[DispatchEvent]) -> Iterable[Segment]:
    """Yield the segments with the events that count as served in each."""
    starts = [event.start for event in events]
    longest = max((event.end - event.start for event in events), default=timedelta())
    for start, end, winner in _winners(events):
        near = events[bisect_left(starts, start - longest) : bisect_left(starts, end)]
        served = sorted(
            event.event_id
            for event in near
            if event.end > start and rank(event) > rank(winner) and covers(winner, event)
        )
        yield Segment(
            start=start,
            end=end,
            event=winner,
            energy_kw=winner.energy_kw,
            served=tuple(served),
        )
