"""One instruction at any instant, against a reference that asks every event anew."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import inf
import random
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.leap.dispatch.event import DispatchEvent, Origin
from custom_components.leap.dispatch.timeline import Segment, Timeline

from .builders import at, event, timetables, walk

HALVES = [at(half / 2) for half in range(-3, 46)]


def beats(one: DispatchEvent, other: DispatchEvent) -> bool:
    """Return whether one event ranks above another, in the words of the design."""
    local = (one.origin is not Origin.LEAP, other.origin is not Origin.LEAP)
    if local[0] != local[1]:
        return not local[0]
    if one.priority != other.priority:
        return one.priority < other.priority
    if one.voluntary != other.voluntary:
        return not one.voluntary
    kilowatts = [inf if e.energy_kw is None else e.energy_kw for e in (one, other)]
    if kilowatts[0] != kilowatts[1]:
        return kilowatts[0] > kilowatts[1]
    if one.start != other.start:
        return one.start < other.start
    return one.event_id < other.event_id


def reference(events: list[DispatchEvent], t: datetime) -> tuple[DispatchEvent | None, set[str]]:
    """Return the winner at an instant and the running events it covers."""
    running = [e for e in events if e.start <= t < e.end]
    for winner in running:
        if all(winner is e or beats(winner, e) for e in running):
            served = {
                e.event_id
                for e in running
                if e is not winner
                and (winner.energy_kw is None or (e.energy_kw is not None and e.energy_kw <= winner.energy_kw))
            }
            return winner, served
    return None, set()


@given(timetables(), st.randoms())
def test_equals_the_reference_at_every_instant_and_boundary(
    events: list[DispatchEvent], shuffler: random.Random
) -> None:
    shuffled = list(events)
    shuffler.shuffle(shuffled)
    timeline = Timeline(shuffled)
    running_until = {e.event_id: (e.start, e.end) for e in events}
    for t in HALVES:
        winner, served = reference(events, t)
        segment = timeline.at(t)
        assert (segment.event if segment else None) == winner
        if segment is None:
            continue
        assert winner is not None
        assert segment.energy_kw == winner.energy_kw
        now = {e for e in segment.served if running_until[e][0] <= t < running_until[e][1]}
        assert now == served


@given(timetables())
def test_segments_are_sorted_apart_and_as_long_as_can_be(events: list[DispatchEvent]) -> None:
    segments = Timeline(events).segments
    assert all(segment.start < segment.end for segment in segments)
    for one, other in pairwise(segments):
        assert one.end <= other.start
        assert one.event != other.event or one.end < other.start
    for segment in segments:
        assert all(
            any(e.event_id == s and e.start < segment.end and e.end > segment.start for e in events)
            for s in segment.served
        )


@given(timetables())
def test_next_change_walks_every_boundary_of_the_segments(events: list[DispatchEvent]) -> None:
    timeline = Timeline(events)
    boundaries = sorted({s.start for s in timeline.segments} | {s.end for s in timeline.segments})
    assert list(walk(timeline.next_change, at(-10))) == boundaries


@given(timetables())
def test_chain_is_what_can_be_reached_without_a_gap(events: list[DispatchEvent]) -> None:
    timeline = Timeline(events)
    real = [e for e in events if e.start < e.end]
    for t in HALVES:
        chain = {e.event_id for e in real if e.start <= t < e.end}
        while True:
            ends = [(e.start, e.end) for e in real if e.event_id in chain]
            more = {e.event_id for e in real if any(e.start <= end and e.end >= start for start, end in ends)}
            if more <= chain:
                break
            chain |= more
        found = timeline.chain(t)
        assert {e.event_id for e in found} == chain
        assert [e.start for e in found] == sorted(e.start for e in found)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"priority": 1}, {"priority": 2, "energy_kw": None}),
        ({"priority": 5, "voluntary": True}, {"origin": Origin.MANUAL}),
        ({"priority": 5}, {"origin": Origin.REHEARSAL}),
        ({"voluntary": False, "energy_kw": 0.5}, {"voluntary": True}),
        ({"energy_kw": None}, {"energy_kw": 100.0}),
        ({"energy_kw": 2.0}, {"energy_kw": 1.9}),
        ({"start": 0}, {"start": 1}),
        ({"event_id": "a"}, {"event_id": "b"}),
    ],
)
def test_rank(first: dict[str, Any], second: dict[str, Any]) -> None:
    terms: dict[str, Any] = {"start": 1, "end": 10}
    winner = event(**terms | {"event_id": "w"} | first)
    loser = event(**terms | {"event_id": "x"} | second)
    for events in ([winner, loser], [loser, winner]):
        segment = Timeline(events).at(at(5))
        assert segment is not None
        assert segment.event == winner


def test_a_winner_interrupts_and_the_other_goes_on() -> None:
    low = event("low", 0, 60, priority=2, energy_kw=1.0)
    high = event("high", 20, 40, priority=1, energy_kw=1.0)
    assert Timeline([low, high]).segments == (
        Segment(start=at(0), end=at(20), event=low, energy_kw=1.0, served=()),
        Segment(start=at(20), end=at(40), event=high, energy_kw=1.0, served=("low",)),
        Segment(start=at(40), end=at(60), event=low, energy_kw=1.0, served=()),
    )


def test_one_segment_although_others_begin_and_end_under_it() -> None:
    high = event("high", 0, 60, energy_kw=2.0)
    under = [
        event("c", 10, 20, priority=2, energy_kw=2.0),
        event("b", 30, 90, priority=2, energy_kw=1.0),
        event("more", 10, 20, priority=2, energy_kw=2.1),
        event("maximum", 10, 20, priority=2),
    ]
    segments = Timeline([high, *under]).segments
    assert [(s.start, s.end, s.event.event_id) for s in segments] == [
        (at(0), at(60), "high"),
        (at(60), at(90), "b"),
    ]
    assert segments[0].served == ("b", "c")
    assert segments[1].served == ()


def test_adjacent_events_are_two_segments_and_one_chain() -> None:
    one, two, later = event("one", 0, 30), event("two", 30, 60), event("later", 61, 90)
    timeline = Timeline([later, two, one])
    assert [(s.start, s.end) for s in timeline.segments] == [(at(0), at(30)), (at(30), at(60)), (at(61), at(90))]
    assert timeline.at(at(30)) == timeline.segments[1]
    assert timeline.chain(at(0)) == timeline.chain(at(59)) == (one, two)
    assert timeline.chain(at(60)) == ()
    assert timeline.chain(at(61)) == (later,)


def test_nothing_asked() -> None:
    timeline = Timeline([event(start=5, end=5), event("e2", 9, 3)])
    assert timeline.segments == ()
    assert timeline.at(at(5)) is None
    assert timeline.next_change(at(0)) is None
    assert timeline.chain(at(5)) == ()


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    zone = ZoneInfo("America/Los_Angeles")
    first = datetime(2026, 11, 1, 1, 30, tzinfo=zone, fold=0).astimezone(UTC)
    second = datetime(2026, 11, 1, 1, 30, tzinfo=zone, fold=1).astimezone(UTC)
    segment = Timeline([replace(event(), start=first, end=second)]).at(first + timedelta(minutes=59))
    assert segment is not None
    assert segment.end - segment.start == timedelta(hours=1)


def test_a_long_event_deep_under_short_ones_is_still_served() -> None:
    base = event("base", 0, 1000, priority=9, energy_kw=1.0)
    short = [event(f"s{n}", n * 10, n * 10 + 5, energy_kw=1.0) for n in range(100)]
    random.Random(1).shuffle(short)
    segments = Timeline([*short, base]).segments
    assert len(segments) == 200
    assert {s.served for s in segments if s.event.event_id != "base"} == {("base",)}
