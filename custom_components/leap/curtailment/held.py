"""One physical entity: how it reads, how it is commanded, and its record on disk."""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
import logging
from typing import Any, Final, Protocol

from homeassistant.const import ATTR_DOMAIN, EVENT_CALL_SERVICE
from homeassistant.core import (
    CALLBACK_TYPE,
    Context,
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_entity_registry_updated_event, async_track_state_change_event

from ..store import Drop, LeapStore, Put, StoreError
from .commands import Outcome, async_send
from .loads import ADAPTERS, Adapter, Command, Units, Verdict
from .notices import Notices
from .status import IDLE, LoadState, LoadStatus, Signal
from .timers import Timers
from .undo import UNDO, UndoRecord

_LOGGER = logging.getLogger(__name__)

DROP_AGAIN: Final = 60.0
CONTEXTS_KEPT: Final = 20

STEP: Final = "step"
AWAY: Final = "away"
DROP: Final = "drop"
DEADLINE: Final = "deadline"
ORPHAN: Final = "orphan"
LONGEST: Final = "longest"


class Owner(Protocol):
    """Who is told about an entity."""

    def note(self, load_id: str, status: LoadStatus) -> None:
        """Take what a load is doing now."""

    def tell(self, signal: Signal, load_id: str, record: UndoRecord | None) -> None:
        """Take what the controller of a load must know."""


class HeldEntity:
    """State, commands, waits and record of one physical entity; everything that changes them holds the lock."""

    def __init__(
        self, hass: HomeAssistant, store: LeapStore, owner: Owner, registry_id: str, record: UndoRecord | None = None
    ) -> None:
        """Begin with the record found on disk, or none."""
        self.registry_id = registry_id
        self.record = record
        self._hass = hass
        self._store = store
        self._owner = owner
        self._lock = asyncio.Lock()
        self._notices = Notices(hass, registry_id)
        self._timers = Timers(hass)
        self._load_id = record.load_id if record else ""
        self._sends: Counter[str] = Counter()
        self._unwatch: list[CALLBACK_TYPE] = []
        self._own_calls: deque[str] = deque(maxlen=CONTEXTS_KEPT)
        self._foreign_calls: deque[str] = deque(maxlen=CONTEXTS_KEPT)
        self._before_units: tuple[State, str] | None = None

    async def _look(self, *, foreign: bool) -> None:
        """Judge the entity after its state changed; called with the lock held."""
        raise NotImplementedError

    @property
    def load_id(self) -> str:
        """Return the load that holds, held or waits for the entity."""
        return self._load_id

    @property
    def adapter(self) -> Adapter:
        """Return the adapter of the record's kind."""
        assert self.record is not None
        return ADAPTERS[self.record.kind]

    @property
    def entity_id(self) -> str | None:
        """Return the present entity id; none if the registry has no such entity. A disabled one has no state."""
        entry = er.async_get(self._hass).entities.get_entry(self.registry_id)
        return None if entry is None else entry.entity_id

    def _state(self) -> State | None:
        """Return the entity's state."""
        entity_id = self.entity_id
        return self._hass.states.get(entity_id) if entity_id else None

    def _units(self, state: State) -> Units:
        """Return the units of a state and of commands: a state from before a change of units keeps its own."""
        send = self._hass.config.units.temperature_unit
        if self._before_units is not None and self._before_units[0] is state:
            return Units(read=self._before_units[1], send=send)
        self._before_units = None
        return Units(read=send, send=send)

    @callback
    def units_changed(self, former: str) -> None:
        """Remember that the present state was written in the former unit."""
        if (state := self._state()) is not None:
            self._before_units = (state, former)

    def _verdict(self, record: UndoRecord) -> Verdict:
        """Return whose values the entity shows."""
        state = self._state()
        return Verdict.AWAY if state is None else self.adapter.judge(record, state, self._units(state))

    def _placeholders(self, record: UndoRecord) -> dict[str, str]:
        """Return what notices say about the entity."""
        unit = self._hass.config.units.temperature_unit
        return {"name": record.name or record.entity_id, "value": ADAPTERS[record.kind].describe(record, unit)}

    @callback
    def _set(self, state: LoadState, reason: str = "") -> None:
        """Say what the load is doing."""
        self._owner.note(self._load_id, LoadStatus(state, reason))

    async def _send(self, command: Command) -> Outcome:
        """Send a command under a context of our own."""
        entity_id = self.entity_id
        if entity_id is None:
            return Outcome.REFUSED
        context = Context()
        self._own_calls.append(context.id)
        return await async_send(self._hass, entity_id, command, context)

    async def _keep(self, record: UndoRecord) -> bool:
        """Take a record over and write it; False if it is not on disk, which costs no more than an older record."""
        self.record = record
        try:
            await self._store.async_write(Put(UNDO, record))
        except StoreError as err:
            _LOGGER.warning("The undo record of %s was not updated on disk: %s", record.entity_id, err)
            return False
        return True

    async def _close(self, status: LoadStatus = IDLE) -> None:
        """Let go of the entity: no record, no waits, no notices."""
        self.record = None
        self._timers.cancel()
        self._stop_watching()
        self._notices.solve()
        self._set(status.state, status.reason)
        await self._async_drop()

    async def _async_drop(self) -> None:
        """Take the record from disk; as long as that fails, try again."""
        if self.record is not None:
            return
        try:
            await self._store.async_write(Drop(UNDO, self.registry_id))
        except StoreError as err:
            _LOGGER.warning("An undo record that is done with is still on disk: %s", err)
            self._timers.start(DROP, DROP_AGAIN, self._async_drop_again)

    async def _async_drop_again(self) -> None:
        """Try once more, but never while a new record is being written."""
        async with self._lock:
            await self._async_drop()

    @callback
    def _watch(self) -> None:
        """Follow the entity's state, its registry entry and the calls to its domain."""
        self._stop_watching()
        entity_id = self.entity_id
        if entity_id is None:
            return
        domain = entity_id.partition(".")[0]

        @callback
        def in_domain(data: Mapping[str, Any]) -> bool:
            return bool(data[ATTR_DOMAIN] == domain)

        self._unwatch = [
            async_track_state_change_event(self._hass, entity_id, self._state_changed),
            async_track_entity_registry_updated_event(self._hass, entity_id, self._registry_changed),
            self._hass.bus.async_listen(EVENT_CALL_SERVICE, self._service_called, event_filter=in_domain),
        ]

    @callback
    def _stop_watching(self) -> None:
        """Follow the entity no more."""
        while self._unwatch:
            self._unwatch.pop()()

    @callback
    def _service_called(self, event: Event[Any]) -> None:
        """Remember calls that are not ours: what they change is not ours either."""
        if event.context.id not in self._own_calls:
            self._foreign_calls.append(event.context.id)

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        """Judge the new state once it is our turn."""
        context = event.context
        foreign = context.id in self._foreign_calls or (
            context.user_id is not None and context.id not in self._own_calls
        )
        self._spawn(foreign=foreign)

    @callback
    def _registry_changed(self, event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        """Follow a renamed entity; judge one that is removed or disabled."""
        self._watch()
        self._spawn(foreign=False)

    @callback
    def _spawn(self, *, foreign: bool) -> None:
        """Look at the entity in a task of Home Assistant's."""
        self._hass.async_create_background_task(self._async_look(foreign), f"leap look {self.registry_id}")

    async def _async_look(self, foreign: bool) -> None:
        """Look at the entity."""
        async with self._lock:
            await self._look(foreign=foreign)

    @callback
    def async_shutdown(self) -> None:
        """Stop waiting; the record stays on disk."""
        self._timers.cancel()
        self._stop_watching()
