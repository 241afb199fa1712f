"""Whether dispatches still arrive by push: pure bookkeeping, fed by the door and by the guard."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from .dispatch.event import EventKey

GRACE = timedelta(minutes=3)
HEARTBEAT = timedelta(minutes=15)


class Proof(StrEnum):
    """What shows that push works."""

    NONE = "none"
    REGISTRATION = "registration"
    FIRST_PUSH = "first_push"
    HEARTBEAT = "heartbeat"


class PushHealth:
    """One entry's push, as seen from what came in and what did not."""

    def __init__(self, proof: Proof, since: datetime) -> None:
        """Start without any news; `since` opens the first heartbeat's time."""
        self.proof = proof
        self.registered: bool | None = None
        self._since = since
        self._last_push: datetime | None = None
        self._failed = False
        self._awaited: dict[EventKey, datetime] = {}

    def note_push(self, keys: Iterable[EventKey], at: datetime) -> None:
        """Take in an authenticated push or test that was understood and kept."""
        self._last_push = at
        self._failed = False
        for key in keys:
            self._awaited.pop(key, None)

    def note_failed_test(self) -> None:
        """Take in that a test Leap sent did not reach us."""
        self._failed = True

    def note_found(self, keys: Iterable[EventKey], at: datetime) -> None:
        """Take in new events that the search showed before any push did."""
        for key in keys:
            self._awaited.setdefault(key, at + GRACE)

    def healthy(self, now: datetime) -> bool | None:
        """Tell whether push can be relied on; None while nothing is known."""
        if any(deadline <= now for deadline in self._awaited.values()):
            self._failed = True
            self._awaited.clear()
        match self.proof:
            case Proof.REGISTRATION:
                return False if self._failed else self.registered
            case Proof.FIRST_PUSH:
                return None if self._last_push is None else not self._failed
            case Proof.HEARTBEAT:
                return self._by_heartbeat(now)
            case Proof.NONE:
                return None

    def _by_heartbeat(self, now: datetime) -> bool | None:
        """Judge by the last push; the first one has a heartbeat's time to arrive."""
        if now - (self._last_push or self._since) > HEARTBEAT:
            return False
        return None if self._last_push is None else not self._failed
