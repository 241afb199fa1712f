"""One meter's events, decisions and policy, resolved."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime

from .decisions import Choice, Decision, Policy, choose
from .event import DispatchEvent
from .timeline import Segment, Timeline, rank


class Schedule:
    """What one meter does and when; built anew whenever events, decisions or policy change."""

    def __init__(
        self,
        events: Iterable[DispatchEvent],
        decisions: Iterable[Decision],
        policy: Policy,
    ) -> None:
        """Resolve everything once; every question after that is a bisection."""
        self.events = tuple(sorted(events, key=lambda event: (event.start, rank(event))))
        self._decisions = {decision.key: decision for decision in decisions}
        self._policy = policy
        live = [event for event in self.events if not event.cancelled and event.takes_time]
        self._joined = [event for event in live if self.choice(event) is Choice.JOIN]
        self._joined_starts = [event.start for event in self._joined]
        self.timeline = Timeline(self._joined)
        self._declined = Timeline(event for event in live if self._was_declined(event))
        self._boundaries = sorted({event.start for event in live} | {event.end for event in live})

    def choice(self, event: DispatchEvent) -> Choice:
        """Return what the home does about an event."""
        return choose(event, self._decisions.get(event.key), self._policy)

    def active(self, t: datetime) -> Segment | None:
        """Return the instruction at an instant."""
        return self.timeline.at(t)

    def next(self, t: datetime) -> DispatchEvent | None:
        """Return the first joined event that starts after an instant."""
        index = bisect_right(self._joined_starts, t)
        return self._joined[index] if index < len(self._joined) else None

    def current_or_next(self, t: datetime) -> DispatchEvent | None:
        """Return the event that gives the instruction at an instant, else the next one."""
        segment = self.active(t)
        return segment.event if segment is not None else self.next(t)

    def opted_out(self, t: datetime) -> DispatchEvent | None:
        """Return the event the home would be answering at an instant, had it not opted out."""
        segment = self._declined.at(t)
        return segment.event if segment is not None else None

    def load_out(self, load_id: str, t: datetime) -> bool:
        """Return whether a load sits out the unbroken chain of events around an instant."""
        return any(
            load_id in decision.loads_out
            for event in self.timeline.chain(t)
            if (decision := self._decisions.get(event.key)) is not None
        )

    def whole(self, event: DispatchEvent) -> bool:
        """Return whether no load sits an event out."""
        decision = self._decisions.get(event.key)
        return decision is None or not decision.loads_out

    def next_change(self, after: datetime) -> datetime | None:
        """Return the first start or end of any event, joined or not, later than an instant."""
        index = bisect_right(self._boundaries, after)
        return self._boundaries[index] if index < len(self._boundaries) else None

    def _was_declined(self, event: DispatchEvent) -> bool:
        """Return whether the home opted out of an event it would have joined."""
        return self.choice(event) is Choice.OPTED_OUT and choose(event, None, self._policy) is Choice.JOIN
