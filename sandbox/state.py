"""What the sandbox knows: one account, its keys, meters, events, addresses and relays."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from msgspec import Struct, field
import msgspec.json

from .checks import InvalidError, read_moment
from .faults import Fault
from .seed import build_meters
from .words import REAL_TIME

FULL_KEY = "sandbox-key"
PERMISSIONS = ("meters", "dispatch", "webhook")
KINDS = ("meter", "group")
LOG_SIZE = 20_000


class Key(Struct):
    """An API key and what it may do."""

    permissions: list[str]
    revoked: bool = False


class Webhook(Struct):
    """The one address of the account for a kind of dispatches."""

    url: str
    headers: list[dict[str, str]] = []


class Home(Struct):
    """A home served by the relay: what it may ask, and where its pushes go."""

    token: str
    meter_ids: list[str]
    webhook_url: str | None = None
    secret: str | None = None


class Event(Struct):
    """An event of a meter or a market group, with all versions of its timeslot; the last one counts."""

    event_id: str
    kind: str
    owner: str
    meter_ids: list[str]
    versions: list[dict[str, Any]]
    communication_test: bool = False

    @property
    def slot(self) -> dict[str, Any]:
        """Return the timeslot as it is now."""
        return self.versions[-1]

    def slot_as_sent(self, version: int = -1) -> dict[str, Any]:
        """Return a version of the timeslot with its id."""
        name = "meter_event_id" if self.kind == "meter" else "market_group_event_id"
        return {name: self.event_id, **self.versions[version]}

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Tell whether the event is in a window; one whose times make no sense is in every window."""
        try:
            own = read_moment(self.slot.get("start_time"), "start"), read_moment(self.slot.get("end_time"), "end")
        except InvalidError:
            return True
        return own[0] < end and own[1] > start

    def has_type(self, name: str) -> bool:
        """Tell whether the event is of a type."""
        return name in (self.slot.get("dispatch_event_types") or ())

    @property
    def real_time(self) -> bool:
        """Tell whether Leap would announce the event in searches alone."""
        return self.has_type(REAL_TIME)


class _Saved(Struct):
    """What outlives a restart of the sandbox."""

    events: list[Event] = []
    keys: dict[str, Key] = {}
    webhooks: dict[str, Webhook] = {}
    homes: dict[str, Home] = {}
    added: list[dict[str, Any]] = []


class Request(Struct):
    """A request the sandbox got, and its answer's status; no status means that the answer was dropped."""

    number: int
    at: datetime
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str
    status: int | None = None


class Attempt(Struct):
    """One try to deliver a push."""

    at: datetime
    seconds: float = 0.0
    status: int | None = None
    error: str | None = None


class Delivery(Struct, kw_only=True):
    """A push and what became of it: pending, delivered or lost."""

    number: int
    kind: str
    url: str
    headers: dict[str, str]
    body: str
    created: datetime
    state: str = "pending"
    attempts: list[Attempt] = field(default_factory=list)


class SandboxState:
    """One account of a make-believe Leap; times and pauses can be given by a test."""

    def __init__(
        self,
        *,
        meters: int = 1200,
        state_dir: Path | None = None,
        speed: float = 1.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Build the demo account, and take up what an earlier run left in `state_dir`."""
        self.meters = build_meters(meters)
        self.speed = speed
        self.clock = clock
        self.sleep = sleep
        self.heartbeats = False
        self.dispatch_page_size = 500
        self.outage = False
        self.faults: list[Fault] = []
        self.requests: deque[Request] = deque(maxlen=LOG_SIZE)
        self.deliveries: deque[Delivery] = deque(maxlen=LOG_SIZE)
        self._numbers = 0
        self._pages: dict[str, tuple[str, int]] = {}
        self._file = None if state_dir is None else state_dir / "account.json"
        self._reset()
        if self._file is not None and self._file.exists():
            self._take_up(msgspec.json.decode(self._file.read_bytes(), type=_Saved))

    def _reset(self) -> None:
        """Set everything but the meters to the beginning."""
        self.events: dict[str, Event] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.homes: dict[str, Home] = {}
        self.keys = {
            FULL_KEY: Key(list(PERMISSIONS)),
            "sandbox-key-meters-only": Key(["meters"]),
            "sandbox-key-no-webhook": Key(["meters", "dispatch"]),
            "sandbox-key-dispatch-only": Key(["dispatch"]),
            "sandbox-key-revoked": Key(list(PERMISSIONS), revoked=True),
        }

    def reset(self) -> None:
        """Forget events, addresses, relays, faults and logs."""
        self._reset()
        self.outage = False
        self.faults.clear()
        self.requests.clear()
        self.deliveries.clear()
        self.save()

    def _take_up(self, saved: _Saved) -> None:
        """Go on where an earlier run ended."""
        self.events = {event.event_id: event for event in saved.events}
        self.keys |= saved.keys
        self.webhooks = saved.webhooks
        self.homes = saved.homes
        self.meters |= {meter["meter_id"]: meter for meter in saved.added}

    def save(self) -> None:
        """Keep what outlives a restart, where a folder was given."""
        if self._file is None:
            return
        saved = _Saved(
            events=list(self.events.values()),
            keys=self.keys,
            webhooks=self.webhooks,
            homes=self.homes,
            added=[meter for meter in self.meters.values() if meter.get("added")],
        )
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(saved))
        part.replace(self._file)

    def number(self) -> int:
        """Number requests and pushes in one line."""
        self._numbers += 1
        return self._numbers

    def page[T](self, items: list[T], token: str | None, size: int, search: str) -> tuple[list[T], str | None]:
        """Cut a page out of a search's results; a token belongs to the search it was given for."""
        offset = 0
        if token is not None:
            known, offset = self._pages.get(token, (None, 0))
            if known != search:
                raise InvalidError("page_token is unknown or belongs to another search")
        following = offset + size
        if following >= len(items):
            return items[offset:], None
        fresh = str(uuid4())
        self._pages[fresh] = (search, following)
        return items[offset:following], fresh

    def references(self, meter_ids: Iterable[str]) -> list[str]:
        """Name what the partner calls these meters."""
        found = (self.meters.get(meter_id, {}).get("partner_reference") for meter_id in meter_ids)
        return [reference for reference in found if reference]
