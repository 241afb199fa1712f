"""What the home is told about its events, and whom a decision concerns: pure."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from .dispatch.decisions import Choice
from .dispatch.event import DispatchEvent, EventKey, Phase
from .dispatch.ledger import Change, ChangeKind
from .dispatch.schedule import Schedule


class DispatchSignal(StrEnum):
    """What happened to an event."""

    SCHEDULED = "scheduled"
    UPDATED = "updated"
    STARTED = "started"
    ENDED = "ended"
    CANCELLED = "cancelled"
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    TEST_RECEIVED = "test_received"


def news(change: Change, now: datetime) -> DispatchSignal | None:
    """Say what a change means to the home; what is over, or never was known, is no news."""
    event = change.entry.event
    previous = change.previous.event if change.previous else None
    open_now = not event.cancelled and event.end > now
    open_before = previous is not None and not previous.cancelled and previous.end > now
    match change.kind:
        case ChangeKind.ADDED | ChangeKind.REVIVED:
            return DispatchSignal.SCHEDULED if open_now else None
        case ChangeKind.UPDATED:
            return DispatchSignal.UPDATED if open_now or open_before else None
        case ChangeKind.CANCELLED:
            return DispatchSignal.CANCELLED if open_before else None


def running(schedules: Iterable[Schedule], now: datetime) -> dict[EventKey, DispatchEvent]:
    """Return the joined events that run now."""
    return {
        event.key: event
        for schedule in schedules
        for event in schedule.events
        if event.phase(now) is Phase.ACTIVE and schedule.choice(event) is Choice.JOIN
    }


def concerned(schedule: Schedule, choice: Choice, event_id: str | None, now: datetime) -> list[DispatchEvent]:
    """Return the events a decision is about: the named one, else all that run, else the next.

    Events that already are as decided don't count, so that opting out twice moves on to the next; an event that a load
    sits out is not yet joined as a whole.
    """
    still = [event for event in schedule.events if event.phase(now) in (Phase.ACTIVE, Phase.SCHEDULED)]
    if event_id is not None:
        return [event for event in still if event.event_id == event_id]
    if choice is Choice.JOIN:
        other = [event for event in still if schedule.choice(event) is not Choice.JOIN or not schedule.whole(event)]
    else:
        other = [event for event in still if schedule.choice(event) is Choice.JOIN]
    return [event for event in other if event.start <= now] or other[:1]
