"""One dispatch event of one meter and its phase at an instant."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

type EventKey = tuple[str, str]


class Origin(StrEnum):
    """Who asked for the event."""

    LEAP = "leap"
    MANUAL = "manual"
    REHEARSAL = "rehearsal"


class Source(StrEnum):
    """How a copy of the event came here."""

    PUSH = "push"
    POLL = "poll"
    LOCAL = "local"


class Phase(StrEnum):
    """Where an instant lies in the life of an event."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    ENDED = "ended"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class DispatchEvent:
    """What Leap asks of one meter from start up to, not including, end."""

    event_id: str
    meter_id: str
    start: datetime
    end: datetime
    energy_kw: float | None
    nomination_kw: float | None
    cap: str
    priority: int
    voluntary: bool
    types: tuple[str, ...]
    programs: tuple[str, ...]
    communication_test: bool
    cancelled: bool
    origin: Origin
    source: Source

    @property
    def key(self) -> EventKey:
        """Return what the event is kept by."""
        return (self.meter_id, self.event_id)

    @property
    def local(self) -> bool:
        """Return whether the home asked this of itself."""
        return self.origin is not Origin.LEAP

    @property
    def takes_time(self) -> bool:
        """Return whether there is an instant at which the event runs."""
        return self.start < self.end

    def phase(self, at: datetime) -> Phase:
        """Return the phase at an instant; the start belongs to the event, the end does not."""
        if self.cancelled:
            return Phase.CANCELLED
        if at >= self.end:
            return Phase.ENDED
        return Phase.ACTIVE if at >= self.start else Phase.SCHEDULED

    def same_terms(self, other: DispatchEvent) -> bool:
        """Return whether two copies ask the same, however they came."""
        return self == replace(other, source=self.source)

    def as_dict(self) -> dict[str, Any]:
        """Return the event under the names of the public contract, ready for JSON."""
        return {
            "event_id": self.event_id,
            "meter_id": self.meter_id,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "energy_kw": self.energy_kw,
            "nomination_kw": self.nomination_kw,
            "cap": self.cap,
            "priority": self.priority,
            "voluntary": self.voluntary,
            "types": list(self.types),
            "programs": list(self.programs),
            "communication_test": self.communication_test,
            "cancelled": self.cancelled,
            "origin": self.origin.value,
            "source": self.source.value,
        }
