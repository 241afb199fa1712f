"""Events for tests, told apart by what a test cares about."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from custom_components.leap.dispatch.event import DispatchEvent, Origin, Source

T0 = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)
METER = "5b0c1f3e-7a52-4c0e-9d0b-2f6f0a7f1a01"


def at(minutes: float) -> datetime:
    """Return an instant so many minutes after the beginning."""
    return T0 + timedelta(minutes=minutes)


def event(event_id: str = "e1", start: float = 0, end: float = 60, **terms: Any) -> DispatchEvent:
    """Return an event; start and end are minutes after the beginning."""
    defaults: dict[str, Any] = {
        "meter_id": METER,
        "energy_kw": None,
        "nomination_kw": 2.0,
        "cap": "up-to-nomination",
        "priority": 1,
        "voluntary": False,
        "types": ("energy",),
        "programs": ("CAISO",),
        "communication_test": False,
        "cancelled": False,
        "origin": Origin.LEAP,
        "source": Source.PUSH,
    }
    return DispatchEvent(event_id=event_id, start=at(start), end=at(end), **defaults | terms)


def walk(next_change: Callable[[datetime], datetime | None], t: datetime) -> Iterator[datetime]:
    """Yield one told change after the other."""
    while (change := next_change(t)) is not None:
        yield change
        t = change


kilowatts = st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0, 2.0]))


@st.composite
def timetables(draw: st.DrawFn, most: int = 7) -> list[DispatchEvent]:
    """Return events of one meter that overlap, touch, tie and some of which take no time."""
    count = draw(st.integers(0, most))
    return [
        event(
            f"e{number}",
            start := draw(st.integers(0, 12)),
            start + draw(st.integers(-1, 8)),
            priority=draw(st.integers(1, 2)),
            voluntary=draw(st.booleans()),
            energy_kw=draw(kilowatts),
            origin=draw(st.sampled_from(Origin)),
        )
        for number in range(count)
    ]
