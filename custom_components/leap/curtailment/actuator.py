"""The only one who moves devices: writes down, commands, verifies, undoes. One per Home Assistant; needs no entry."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
import logging
from typing import Any, Final

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.const import EVENT_CORE_CONFIG_UPDATE, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.singleton import singleton
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..store import LeapStore, async_get_store
from .hold import Hold
from .load import Load
from .loads import ADAPTERS
from .status import IDLE, LoadStatus, Signal
from .undo import UNDO, UndoRecord

_LOGGER = logging.getLogger(__name__)

type Listener = Callable[[Signal, str, UndoRecord | None], None]


class Actuator:
    """Every physical entity that is held, by registry id, and who wants to know."""

    def __init__(self, hass: HomeAssistant, store: LeapStore) -> None:
        """Begin with nothing held."""
        self._hass = hass
        self._store = store
        self._holds: dict[str, Hold] = {}
        self._statuses: dict[str, LoadStatus] = {}
        self._listeners: list[Listener] = []
        self._adopted: set[str] = set()
        self._unheard: dict[str, tuple[Signal, UndoRecord]] = {}
        self._unit = hass.config.units.temperature_unit
        self._unsubscribe: list[CALLBACK_TYPE] = []

    async def async_load(self) -> None:
        """Read the records an earlier run left; they are taken up when Home Assistant has started."""
        for record in await self._store.async_load(UNDO):
            if record.kind in ADAPTERS and record.original and record.intended.keys() <= record.original.keys():
                hold = Hold(self._hass, self._store, self, record.registry_id, record)
                hold.mark_old(dt_util.utcnow())
                self._holds[record.registry_id] = hold
            else:
                _LOGGER.error("The undo record of %s is of no kind this version knows; it is kept", record.entity_id)
        self._unsubscribe = [
            async_at_started(self._hass, self._async_started),
            self._hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, self._config_updated),
            self._hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, self.async_shutdown),
            async_dispatcher_connect(self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._entry_changed),
        ]

    @property
    def records(self) -> tuple[UndoRecord, ...]:
        """Return every open record, but those too old to act on or put aside."""
        holds = (hold for hold in self._holds.values() if not hold.old and not hold.aside)
        return tuple(hold.record for hold in holds if hold.record is not None)

    def status(self, load_id: str) -> LoadStatus:
        """Return what a load is doing, as far as devices go."""
        return self._statuses.get(load_id, IDLE)

    def record(self, load_id: str) -> UndoRecord | None:
        """Return the open record of a load."""
        return next((record for record in self.records if record.load_id == load_id), None)

    async def async_curtail(self, load: Load, claim: str, ends: datetime) -> LoadStatus:
        """Hold a load for a claim until an instant; a physical entity serves one load."""
        hold = self._holds.setdefault(load.registry_id, Hold(self._hass, self._store, self, load.registry_id))
        await self._async_run(hold.async_curtail(load, claim, ends))
        return self.status(load.load_id)

    async def async_release(self, load_ids: Iterable[str], claims: Iterable[str] | None = None) -> None:
        """Take claims away from loads, or all of them; what nobody claims is put back."""
        wanted, taken = set(load_ids), None if claims is None else frozenset(claims)
        holds = [hold for hold in self._holds.values() if hold.load_id in wanted]
        await self._async_run(*(hold.async_release(taken) for hold in holds))
        for load_id in wanted:
            if taken is None and not any(hold.record for hold in self._of_load(load_id)):
                self.note(load_id, IDLE)

    async def async_release_all(self, load_ids: Iterable[str]) -> None:
        """Put loads back now, whoever claims them: they were removed or disabled, or their entry was."""
        await self.async_release(load_ids)

    async def async_orphan(self, load_ids: Iterable[str]) -> None:
        """Keep loads for a while without a controller; then put them back."""
        for load_id in set(load_ids):
            self._adopted.discard(load_id)
            for hold in self._of_load(load_id):
                hold.orphan()

    async def async_adopt(self, load_ids: Iterable[str]) -> None:
        """Leave loads to their controller, and tell it what nobody heard."""
        for load_id in set(load_ids):
            self._adopted.add(load_id)
            for hold in self._of_load(load_id):
                hold.adopt()
            signal, record = self._unheard.pop(load_id, (None, None))
            if signal is not None and record is not None and record.ends > dt_util.utcnow():
                self.tell(signal, load_id, record)

    async def async_restore_old(self, record_key: str) -> None:
        """Put a former value back that was too old to be put back without asking."""
        if (hold := self._holds.get(record_key)) is not None:
            await self._async_run(hold.async_restore_old())

    async def async_dismiss_old(self, record_key: str) -> None:
        """Forget a former value that was too old to be put back without asking."""
        if (hold := self._holds.get(record_key)) is not None:
            await self._async_run(hold.async_dismiss_old())

    @callback
    def add_listener(self, listener: Listener) -> CALLBACK_TYPE:
        """Tell a listener of every signal; return how to end that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def note(self, load_id: str, status: LoadStatus) -> None:
        """Take what a load is doing now."""
        if self._statuses.get(load_id, IDLE) != status:
            self._statuses[load_id] = status
            self._tell_all(Signal.STATUS, load_id, None)

    @callback
    def tell(self, signal: Signal, load_id: str, record: UndoRecord | None) -> None:
        """Tell the controllers; what a person did meanwhile is kept for one that comes back."""
        if load_id in self._adopted:
            self._tell_all(signal, load_id, record)
        elif record is not None:
            self._unheard[load_id] = (signal, record)

    @callback
    def async_shutdown(self, _: Event | None = None) -> None:
        """Stop waiting; what is held stays held and on disk."""
        for hold in self._holds.values():
            hold.async_shutdown()
        while self._unsubscribe:
            self._unsubscribe.pop()()

    @callback
    def _tell_all(self, signal: Signal, load_id: str, record: UndoRecord | None) -> None:
        """Call every listener."""
        for listener in tuple(self._listeners):
            listener(signal, load_id, record)

    def _of_load(self, load_id: str) -> list[Hold]:
        """Return what is held for a load."""
        return [hold for hold in self._holds.values() if hold.load_id == load_id]

    async def _async_run(self, *work: Coroutine[Any, Any, None]) -> None:
        """Do work to its end, whatever becomes of the caller."""
        tasks = [self._hass.async_create_background_task(each, "leap actuator") for each in work]
        if tasks:
            await asyncio.shield(asyncio.gather(*tasks))

    async def _async_started(self, _: HomeAssistant) -> None:
        """Take up what an earlier run left."""
        now = dt_util.utcnow()
        await self._async_run(
            *(hold.async_resume(now, adopted=hold.load_id in self._adopted) for hold in self._holds.values())
        )

    @callback
    def _config_updated(self, _: Event) -> None:
        """Remember the unit the present states are written in."""
        former, self._unit = self._unit, self._hass.config.units.temperature_unit
        if former != self._unit:
            for hold in self._holds.values():
                hold.units_changed(former)

    @callback
    def _entry_changed(self, change: ConfigEntryChange, entry: ConfigEntry) -> None:
        """Put the loads of a removed entry back, loaded or not."""
        if change is ConfigEntryChange.REMOVED and entry.domain == DOMAIN:
            self._hass.async_create_background_task(
                self.async_release_all(tuple(entry.subentries)), "leap release of a removed entry"
            )


DATA_ACTUATOR: Final[HassKey[Actuator]] = HassKey(f"{DOMAIN}_actuator")


@singleton(DATA_ACTUATOR, async_=True)
async def async_get_actuator(hass: HomeAssistant) -> Actuator:
    """Return Home Assistant's one actuator; StoreError if what devices were set to before can't be read."""
    actuator = Actuator(hass, await async_get_store(hass))
    await actuator.async_load()
    return actuator
