"""What the home decided about an event; a decision outlives every update of the event."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .event import DispatchEvent, EventKey


class Choice(StrEnum):
    """What the home does about an event."""

    JOIN = "join"
    SKIP = "skip"
    OPTED_OUT = "opted_out"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """A person's word on one event; choice None leaves the event itself to the policy."""

    meter_id: str
    event_id: str
    choice: Choice | None = None
    loads_out: frozenset[str] = field(default_factory=frozenset)
    decided_at: datetime

    @property
    def key(self) -> EventKey:
        """Return the key of the event decided on."""
        return (self.meter_id, self.event_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What happens to events nobody decided about."""

    voluntary_default: Choice = Choice.JOIN
    communication_tests: bool = False


def choose(event: DispatchEvent, decision: Decision | None, policy: Policy) -> Choice:
    """Return what the home does about an event: its own word first, then the policy."""
    if decision is not None and decision.choice is not None:
        return decision.choice
    if event.local:
        return Choice.JOIN
    if event.communication_test and not policy.communication_tests:
        return Choice.SKIP
    return policy.voluntary_default if event.voluntary else Choice.JOIN
