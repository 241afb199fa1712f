"""The entry's dispatches: what is known, what the home decided, and the instants that matter."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
import logging
from typing import TYPE_CHECKING, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .announce import DispatchSignal, news
from .api.client import LeapClient
from .api.models import Notification
from .boundaries import Boundaries
from .const import (
    CONF_MODE,
    CONF_PUSH,
    Mode,
    PushMode,
    SubentryType,
)
from .convert import to_events
from .dispatch.event import DispatchEvent, EventKey, Source
from .dispatch.ledger import Change
from .guard import Guard
from .health import Proof, PushHealth
from .home import row_key
from .household import Household, meter_subentries, signal_dispatch, signal_subentries
from .store import LeapStore, StoreError

if TYPE_CHECKING:
    from .curtailment.controller import Controller
    from .push import PushManager

__all__ = [
    "DispatchCoordinator",
    "DispatchSignal",
    "LeapConfigEntry",
    "LeapRuntimeData",
    "signal_dispatch",
    "signal_subentries",
]

_LOGGER = logging.getLogger(__name__)

FIRST_POLL = 10.0
STALE = timedelta(minutes=15)
BEGUN = "begun"

type LeapConfigEntry = ConfigEntry[LeapRuntimeData]


@dataclass
class LeapRuntimeData:
    """What a loaded entry runs on; `client` is None in relay mode without searches."""

    coordinator: DispatchCoordinator
    controller: Controller
    push: PushManager
    client: LeapClient | None


def _proof(entry: LeapConfigEntry, searching: bool) -> Proof:
    """Tell what shows this entry that push works."""
    if not searching:
        return Proof.HEARTBEAT
    if entry.data[CONF_MODE] == Mode.RELAY:
        return Proof.FIRST_PUSH
    return {
        PushMode.REGISTER: Proof.REGISTRATION,
        PushMode.MANUAL: Proof.FIRST_PUSH,
    }.get(entry.options.get(CONF_PUSH, PushMode.OFF), Proof.NONE)


class DispatchCoordinator(Household):
    """A household that hears of its dispatches: by push, by its guard, and by the clock."""

    config_entry: LeapConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: LeapConfigEntry,
        client: LeapClient | None,
        store: LeapStore,
    ) -> None:
        """Prepare; `async_load` and `async_start` bring it to life."""
        super().__init__(hass, entry, store)
        self.health = PushHealth(_proof(entry, client is not None), dt_util.utcnow())
        self.last_notification: datetime | None = None
        self.last_test: datetime | None = None
        self.guard: Guard | None = None
        if client is not None:
            self.guard = Guard(
                hass,
                entry,
                client,
                self.home,
                self.health,
                meters=self._meters_by_lower_id,
                taken=self.async_taken,
            )
        self._boundaries = Boundaries(
            hass,
            tell=self._tell,
            reached=self._refresh,
            begun_changed=self._keep_begun,
        )
        self._unsaid: list[Change] = []
        self._responders: list[CALLBACK_TYPE] = []
        self._started = False
        self._stopped = False
        self._malformed_logged = False
        self._unwritten_logged = False

    @property
    def last_poll(self) -> datetime | None:
        """Return when Leap was last asked."""
        return self.guard.last_poll if self.guard else None

    @property
    def last_good_poll(self) -> datetime | None:
        """Return when Leap last answered."""
        return self.guard.last_good if self.guard else None

    def feed_ok(self, meter_id: str) -> bool:
        """Tell whether what is shown of a meter can be trusted: Leap was heard of lately.

        A running event is known to run, whether Leap can be reached or not.
        """
        now = dt_util.utcnow()
        if self.schedule(meter_id).active(now):
            return True
        if self.guard is None:
            return self.health.healthy(now) is not False
        heard = [at for at in (self.guard.last_good, self.last_notification) if at]
        return bool(heard) and now - max(heard) < max(STALE, timedelta(seconds=self.guard.delay))

    async def async_load(self) -> bool:
        """Read what is on disk; True if Leap has ever been searched with success."""
        await self.home.async_load(self.meter_ids)
        self._rebuild()
        kept = self.home.setting(BEGUN)
        names = kept if isinstance(kept, list) else []
        now = dt_util.utcnow()
        entries = [entry for entry in self.home.ledger.entries() if entry.event.end > now]
        self._boundaries.restore([entry.event.key for entry in entries if row_key(entry.event.key) in names])
        return self.guard.restore() if self.guard else True

    async def async_first_search(self) -> None:
        """Ask Leap for the first time ever: raises what goes wrong."""
        if self.guard:
            await self.guard.async_search()

    async def async_first_poll(self) -> None:
        """Ask Leap at a start, in no hurry: a slow answer is taken in later, a failure is no obstacle."""
        if self.guard is None:
            return
        poll = self.config_entry.async_create_background_task(
            self.hass, self.guard.async_poll(), f"leap first search {self.config_entry.entry_id}"
        )
        await asyncio.wait([poll], timeout=FIRST_POLL)

    @callback
    def async_start(self) -> None:
        """Say what came in meanwhile, then keep time."""
        self._started = True
        self._boundaries.start(f"leap {self.name}")
        if self.guard:
            self.guard.start()
        unsaid, self._unsaid = self._unsaid, []
        self._act(unsaid)

    async def async_stop(self) -> None:
        """Stop all timers and wait until what was received is on disk."""
        self._stopped = True
        self._boundaries.stop()
        if self.guard:
            self.guard.stop()
        await self.home.async_idle()

    @override
    async def async_shutdown(self) -> None:
        """Stop with the entry."""
        await super().async_shutdown()
        await self.async_stop()

    async def async_receive(self, notification: Notification, received_at: datetime) -> None:
        """Keep a notification: on disk when this returns, else StoreError; act afterwards."""
        self.last_notification = received_at
        events = to_events(notification.meters, self._meters_by_lower_id(), Source.PUSH)
        if notification.integration_test:
            self._take_test(events, received_at)
            return
        merge = self.home.merge_push(events, received_at=received_at)
        previous = [change.previous.event for change in merge.changes if change.previous]
        if merge.changes:
            self._rebuild()
            self._respond()
        try:
            changes = await self.home.async_keep()
        except StoreError:
            self._later([])
            raise
        self.health.note_push([event.key for event in events], received_at)
        self._later(changes)
        self._follow_up(notification, merge.confirm, [*events, *previous])

    def _follow_up(
        self,
        notification: Notification,
        confirm: Collection[EventKey],
        copies: Iterable[DispatchEvent],
    ) -> None:
        """Have the guard look at what a push leaves open."""
        if notification.malformed and not self._malformed_logged:
            self._malformed_logged = True
            _LOGGER.warning(
                "A push held %s unreadable timeslots; Leap is searched for them",
                notification.malformed,
            )
        if self.guard is None:
            return
        self.guard.confirm(confirm, copies)
        if notification.malformed or notification.group_meter_ids:
            self.guard.request()

    def _take_test(self, events: Iterable[DispatchEvent], received_at: datetime) -> None:
        """Show that an integration test arrived; nothing else comes of it."""
        self.last_test = received_at
        self.health.note_push((), received_at)
        for event in events:
            self._send(DispatchSignal.TEST_RECEIVED, event, None)
        self._later([])

    async def async_taken(self) -> None:
        """Keep and act on what a search brought; a failed write is made good by the next."""
        try:
            changes = await self.home.async_keep()
        except StoreError as err:
            changes = []
            if not self._unwritten_logged:
                _LOGGER.warning("Dispatches could not be written to disk: %s", err)
            self._unwritten_logged = True
        else:
            self._unwritten_logged = False
        self._act(changes)

    async def async_apply_changes(self) -> None:
        """Follow the entry's subentries and options as they are now."""
        before = self._subentries
        self._subentries = meter_subentries(self.config_entry)
        self.health.proof = _proof(self.config_entry, self.guard is not None)
        gone = before.keys() - self._subentries.keys()
        loads = self.config_entry.get_subentries_of_type(SubentryType.LOAD)
        try:
            for meter_id in gone:
                await self.home.async_forget(meter_id)
            await self.home.async_forget_switches(
                {f"automatic/{meter_id}" for meter_id in self._subentries}
                | {f"load_enabled/{load.subentry_id}" for load in loads}
            )
        except StoreError as err:
            _LOGGER.debug("Rows of removed meters stay on disk: %s", err)
        if self.guard and self._subentries.keys() - before.keys():
            self.guard.request()
        self._act([])

    @callback
    def _later(self, changes: list[Change]) -> None:
        """Act once the answer is out."""
        self.hass.loop.call_soon(self._act, changes)

    @override
    @callback
    def _act(self, changes: list[Change]) -> None:
        """Resolve anew, tell the news, and let everyone look."""
        if self._stopped:
            return
        self._rebuild()
        if not self._started:
            self._unsaid.extend(changes)
            return
        self._respond()
        now = dt_util.utcnow()
        for change in changes:
            if signal := news(change, now):
                self._tell(signal, change.entry.event)
        self._look()

    @callback
    def async_add_responder(self, responder: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Have the loads answer before anything is shown; in a push, so that their records share the event's commit."""
        self._responders.append(responder)
        return lambda: self._responders.remove(responder)

    @callback
    def _respond(self) -> None:
        """Let the loads answer what holds now."""
        if self._started and not self._stopped:
            for responder in tuple(self._responders):
                responder()

    @callback
    def _refresh(self) -> None:
        """Answer a boundary, then show it."""
        self._respond()
        self._look()

    @callback
    def _look(self) -> None:
        """Look at the clock: tell starts and ends, re-arm, update listeners."""
        self._boundaries.evaluate(list(self._schedules.values()))
        self.async_update_listeners()

    @callback
    def _keep_begun(self, keys: Collection[EventKey]) -> None:
        """Remember over a restart which starts have been told."""
        self.config_entry.async_create_background_task(
            self.hass,
            self._async_keep_begun(sorted(row_key(key) for key in keys)),
            f"leap begun {self.config_entry.entry_id}",
        )

    async def _async_keep_begun(self, rows: list[str]) -> None:
        """Write the starts told; a failure costs a second telling after a restart, no more."""
        try:
            await self.home.async_set(BEGUN, rows)
        except StoreError as err:
            _LOGGER.debug("The starts told were not stored: %s", err)
