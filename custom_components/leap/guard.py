"""The guard: asks Leap by search for whatever a push may have lost."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from . import cadence
from .api.client import LeapClient
from .api.errors import (
    LeapAuthError,
    LeapBadRequestError,
    LeapError,
    LeapPermissionError,
    LeapRateLimitError,
)
from .cadence import Span
from .convert import to_events
from .dispatch.event import DispatchEvent, EventKey, Source
from .dispatch.ledger import ChangeKind, Merge
from .health import PushHealth
from .home import Home
from .regions import Regions
from .store import StoreError

_LOGGER = logging.getLogger(__name__)

REQUEST_DELAY = 2.0
CONFIRM_DELAY = 5.0
REREADS = 3
KEPT_EVERY = timedelta(hours=1)
WIDER_AFTER = timedelta(days=1)
RETRIED_BY_LEAP = timedelta(minutes=45)
REAL_TIME = "5m"
LAST_GOOD = "last_good_search"


class Guard:
    """One entry's searches, on a timer of its own that nothing but unloading stops."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        client: LeapClient,
        home: Home,
        health: PushHealth,
        *,
        meters: Callable[[], Mapping[str, str]],
        taken: Callable[[], Awaitable[None]],
    ) -> None:
        """Prepare; `meters` maps lower-case ids to followed ones, `taken` acts on merges."""
        self.last_poll: datetime | None = None
        self.last_good: datetime | None = None
        self.error: LeapError | None = None
        self._hass = hass
        self._entry = entry
        self._client = client
        self._home = home
        self._health = health
        self._meters = meters
        self._taken = taken
        self._regions = Regions(client)
        self._lock = asyncio.Lock()
        self._timer: CALLBACK_TYPE | None = None
        self._confirm_timer: CALLBACK_TYPE | None = None
        self._confirm: dict[EventKey, Span] = {}
        self._delay = cadence.BRISK
        self._ahead = 0
        self._shrunk: datetime | None = None
        self._searched: Collection[str] = ()
        self._last_here: datetime | None = None
        self._requested = False
        self._reauth_asked = False
        self._malformed_logged = False
        self._stopped = False

    @property
    def delay(self) -> float:
        """Return the seconds between searches at the present pace."""
        return self._delay

    def restore(self) -> bool:
        """Read what an earlier run knew; True if a search has ever been good."""
        if isinstance(kept := self._home.setting(LAST_GOOD), str):
            self.last_good = dt_util.parse_datetime(kept)
        return self.last_good is not None

    @callback
    def start(self) -> None:
        """Begin the cadence; the first search may already have run."""
        if self._timer is None:
            self._arm()

    @callback
    def stop(self) -> None:
        """End it for good."""
        self._stopped = True
        for cancel in (self._timer, self._confirm_timer):
            if cancel is not None:
                cancel()
        self._timer = self._confirm_timer = None

    @callback
    def request(self) -> None:
        """Search soon, out of turn; one such search serves all who ask, and none breaks a 429's wait."""
        if self._stopped or self._requested or isinstance(self.error, LeapRateLimitError):
            return
        self._requested = True
        if self._timer is not None:
            self._timer()
        self._timer = async_call_later(self._hass, REQUEST_DELAY, HassJob(self._tick, cancel_on_shutdown=True))

    @callback
    def confirm(self, keys: Collection[EventKey], copies: Iterable[DispatchEvent]) -> None:
        """Search for these events by id soon, or after a 429's wait, over the union of the times of all their copies."""
        for copy in copies:
            if copy.key in keys:
                start, end = self._confirm.get(copy.key, (copy.start, copy.end))
                self._confirm[copy.key] = min(start, copy.start), max(end, copy.end)
        if not isinstance(self.error, LeapRateLimitError):
            self._arm_confirm()

    async def async_search(self) -> None:
        """Run one regular search; raises what the client raises."""
        async with self._lock:
            meters = self._meters()
            if not meters:
                return
            self.last_poll = sent_at = dt_util.utcnow()
            merge = await self._async_read_window(sent_at)
            self._note_found(merge, sent_at)
            await self._async_reread(merge)
            self._searched = frozenset(meters.values())
            self.last_good = self._last_here = sent_at
            self._recovered()
            await self._async_settle(sent_at)

    async def async_poll(self) -> None:
        """Run one regular search and set the pace of the next; failures are kept, not raised."""
        try:
            await self.async_search()
        except LeapRateLimitError as err:
            self._delay = cadence.back_off(self._delay, err.retry_after)
            self._failed(err)
        except LeapError as err:
            self._delay = cadence.BRISK
            self._failed(err)
        else:
            self._delay = cadence.interval(
                push_healthy=self._health.healthy(dt_util.utcnow()),
                regions=[self._regions.of(each) for each in self._meters().values()],
            )
        await self._taken()

    @callback
    def _arm(self) -> None:
        """Set the timer of the next regular search."""
        if not self._stopped:
            self._timer = async_call_later(self._hass, self._delay, HassJob(self._tick, cancel_on_shutdown=True))

    @callback
    def _arm_confirm(self) -> None:
        """Set the timer of the search by event id, if there is anything to ask."""
        if self._confirm and self._confirm_timer is None and not self._stopped:
            job = HassJob(self._tick_confirm, cancel_on_shutdown=True)
            self._confirm_timer = async_call_later(self._hass, CONFIRM_DELAY, job)

    @callback
    def _tick(self, _now: datetime) -> None:
        """Search in the background, then set the timer anew."""
        self._timer = None
        self._requested = False
        self._entry.async_create_background_task(self._hass, self._async_turn(), f"leap search {self._entry.entry_id}")

    async def _async_turn(self) -> None:
        """Take one turn; whatever happens in it, the next one comes."""
        try:
            await self.async_poll()
            if self._health.healthy(dt_util.utcnow()):
                await self._regions.async_learn(self._meters().values())
        finally:
            if self._timer is None:
                self._arm()

    @callback
    def _tick_confirm(self, _now: datetime) -> None:
        """Search by event id in the background."""
        self._confirm_timer = None
        self._entry.async_create_background_task(
            self._hass, self._async_confirm(), f"leap confirm {self._entry.entry_id}"
        )

    async def _async_confirm(self) -> None:
        """Read changed events again; the regular search makes up for a failure."""
        async with self._lock:
            spans, self._confirm = self._confirm, {}
            try:
                for span, keys in cadence.batches(spans):
                    merge = await self._async_read(span, keys)
                    await self._async_reread(merge)
            except LeapError as err:
                _LOGGER.debug("Confirming %s changed events failed: %s", len(spans), err)
        await self._taken()

    async def _async_read_window(self, now: datetime) -> Merge:
        """Read the regular span; on a 400 its future end shrinks, and stays shrunk for a day."""
        if self._shrunk is not None and abs(now - self._shrunk) >= WIDER_AFTER:
            self._ahead, self._shrunk = 0, None
        while True:
            span = cadence.window(
                now,
                last_good=self.last_good,
                earliest_open=self._home.ledger.earliest_open(now),
                ahead=cadence.AHEAD[self._ahead],
            )
            try:
                return await self._async_read(span)
            except LeapBadRequestError:
                self._ahead, self._shrunk = (self._ahead + 1) % len(cadence.AHEAD), now
                if not self._ahead:
                    raise

    async def _async_reread(self, merge: Merge) -> None:
        """Read again what changed while the reply was on its way."""
        for _ in range(REREADS):
            spans = {
                key: (entry.event.start, entry.event.end)
                for key in merge.reread
                if (entry := self._home.ledger.get(key)) is not None
            }
            if not spans:
                return
            for span, keys in cadence.batches(spans):
                merge = await self._async_read(span, keys)

    async def _async_read(self, span: Span, keys: Collection[EventKey] | None = None) -> Merge:
        """Search once and merge the reply."""
        meters = self._meters()
        sent_at = dt_util.utcnow()
        found = await self._client.search_meter_dispatches(
            start=span[0],
            end=span[1],
            meter_ids=sorted({key[0] for key in keys} if keys else meters.values()),
            event_ids=sorted({key[1] for key in keys}) if keys else None,
        )
        self._log_malformed(sum(dispatch.malformed for dispatch in found))
        merge = self._home.merge_search(
            to_events(found, self._meters(), Source.POLL),
            sent_at=sent_at,
            received_at=dt_util.utcnow(),
        )
        await self._taken()
        return merge

    def _note_found(self, merge: Merge, now: datetime) -> None:
        """Tell push's health which events it should bring too, where that can be expected."""
        if self._last_here is None or now - self._last_here > RETRIED_BY_LEAP:
            return
        found = (change.entry for change in merge.changes if change.kind is ChangeKind.ADDED)
        self._health.note_found(
            [
                entry.event.key
                for entry in found
                if entry.event.meter_id in self._searched
                and entry.event.end > now
                and not entry.event.cancelled
                and REAL_TIME not in entry.event.types
            ],
            now,
        )

    async def _async_settle(self, now: datetime) -> None:
        """Remember a good search, hourly at most, and drop what is long over."""
        kept = self._home.setting(LAST_GOOD)
        known = dt_util.parse_datetime(kept) if isinstance(kept, str) else None
        try:
            await self._home.async_expire(now)
            if known is None or abs(now - known) >= KEPT_EVERY:
                await self._home.async_set(LAST_GOOD, now.isoformat())
        except StoreError as err:
            _LOGGER.debug("The time of the last search was not stored: %s", err)

    def _failed(self, err: LeapError) -> None:
        """Keep a failure, say it once, and ask for new credentials if they are refused."""
        if self.error is None:
            _LOGGER.info("Leap can't be searched for dispatches: %s", err)
        self.error = err
        refused = isinstance(err, LeapAuthError | LeapPermissionError)
        if refused and not self._reauth_asked:
            self._reauth_asked = True
            self._entry.async_start_reauth(self._hass)

    def _recovered(self) -> None:
        """Say once that searches work again."""
        if self.error is not None:
            _LOGGER.info("Leap can be searched for dispatches again")
        self.error = None
        self._reauth_asked = False
        self._arm_confirm()

    def _log_malformed(self, count: int) -> None:
        """Say once that a reply held unreadable timeslots."""
        if count and not self._malformed_logged:
            self._malformed_logged = True
            _LOGGER.warning("Leap's search answered with %s unreadable timeslots", count)
