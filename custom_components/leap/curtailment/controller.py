"""Clock and schedules to loads: one per entry, the latest wish of every load wins."""

from datetime import datetime
import logging
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..const import SubentryType
from ..store import StoreError
from .actuator import Actuator
from .load import Load, read_load
from .plan import Reason
from .status import LoadState, LoadStatus, MeterState, Signal
from .timers import Timers
from .undo import UndoRecord
from .wishes import Coordinator, Wish, chain_end, make_wishes

__all__ = ["Controller", "LoadState", "LoadStatus", "MeterState"]

_LOGGER = logging.getLogger(__name__)

REFUSED_AGAIN: Final = 60.0
MAX_REFUSALS: Final = 3


class Controller:
    """What the entry wants of its loads, and what they are doing."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, coordinator: Coordinator, actuator: Actuator) -> None:
        """Begin with no load; `async_start` reads them."""
        self._hass = hass
        self._entry = entry
        self._coordinator = coordinator
        self._actuator = actuator
        self._loads: dict[str, Load] = {}
        self._wishes: dict[str, Wish] = {}
        self._driving: set[str] = set()
        self._again: set[str] = set()
        self._resting: dict[str, datetime] = {}
        self._rest_reasons: dict[str, str] = {}
        self._by_hand: set[str] = set()
        self._refusals: dict[str, int] = {}
        self._timers = Timers(hass)
        self._listeners: list[CALLBACK_TYPE] = []
        self._update_pending = False
        self._stopped = False
        self._unsubscribe: list[CALLBACK_TYPE] = []

    async def async_start(self) -> None:
        """Take the entry's loads over and act from now on."""
        self._read_loads()
        self._unsubscribe = [
            self._actuator.add_listener(self._heard),
            self._coordinator.async_add_responder(self._evaluate),
        ]
        await self._actuator.async_adopt(self._loads)
        self._evaluate()
        self._update_soon()

    async def async_stop(self) -> None:
        """Act no more; what is held is left to the actuator, which puts it back unless the entry returns soon."""
        self._stopped = True
        while self._unsubscribe:
            self._unsubscribe.pop()()
        self._timers.cancel()
        if self._entry.disabled_by:
            await self._actuator.async_release_all(self._loads)
        else:
            await self._actuator.async_orphan(self._loads)

    async def async_apply_changes(self) -> None:
        """Follow the entry's subentries as they are now: a removed or replaced load is put back."""
        before = self._loads
        self._read_loads()
        gone = {
            load_id
            for load_id, load in before.items()
            if load_id not in self._loads or self._loads[load_id].registry_id != load.registry_id
        }
        for load_id in gone:
            self._wishes.pop(load_id, None)
            self._forget_rest(load_id)
            self._drive(load_id)
        await self._actuator.async_release_all(gone)
        await self._actuator.async_adopt(self._loads.keys() - before.keys())
        self._evaluate()
        self._update_soon()

    def load_state(self, load_id: str) -> LoadStatus:
        """Return what a load is doing, and why."""
        status, wish = self._actuator.status(load_id), self._wishes.get(load_id)
        if self._actuator.record(load_id) is not None or wish is None or status.state is LoadState.FAILED:
            return status
        if wish.reason is Reason.DISABLED or not self._coordinator.load_enabled(load_id):
            return LoadStatus(LoadState.DISABLED)
        if load_id in self._resting and (reason := self._rest_reasons.get(load_id)):
            return LoadStatus(LoadState.NOT_NEEDED, reason)
        if wish.reason is Reason.OPTED_OUT:
            return LoadStatus(LoadState.OPTED_OUT, Signal.EXTERNAL_CHANGE if load_id in self._by_hand else "")
        if wish.reason is Reason.TARGET_MET:
            return LoadStatus(LoadState.NOT_NEEDED, wish.reason)
        return status if wish.claims else LoadStatus(LoadState.IDLE)

    def meter_state(self, meter_id: str, at: datetime) -> MeterState:
        """Return what a meter is doing: the contract's dispatch_state."""
        schedule = self._coordinator.schedule(meter_id)
        if schedule.active(at) is not None:
            return MeterState.ACTIVE
        if schedule.opted_out(at) is not None:
            return MeterState.OPTED_OUT
        if any(
            self._actuator.record(load.load_id) is not None
            for load in self._loads.values()
            if meter_id in load.meter_ids
        ):
            return MeterState.RECOVERING
        return MeterState.SCHEDULED if schedule.next(at) is not None else MeterState.IDLE

    def controlled(self, unique_id: str) -> bool:
        """Return whether a load, or any load behind a meter, is held or on its way back."""
        return any(
            self._actuator.record(load.load_id) is not None
            for load in self._loads.values()
            if unique_id == load.load_id or unique_id in load.meter_ids
        )

    @callback
    def add_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call a listener after every change of what loads do; return how to end that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _read_loads(self) -> None:
        """Read the load subentries."""
        subentries = self._entry.get_subentries_of_type(SubentryType.LOAD)
        loads = [load for subentry in subentries if (load := read_load(subentry)) is not None]
        self._loads = {load.load_id: load for load in loads}

    @callback
    def _evaluate(self) -> None:
        """Compare what is wished now with what was wished before."""
        now = dt_util.utcnow()
        for load_id in [load_id for load_id, until in self._resting.items() if until <= now]:
            self._forget_rest(load_id)
        wishes = make_wishes(self._coordinator, self._loads.values(), self._resting, now)
        changed = [load_id for load_id, wish in wishes.items() if wish != self._wishes.get(load_id)]
        self._wishes = wishes
        self._by_hand &= {load_id for load_id, wish in wishes.items() if wish.reason is Reason.OPTED_OUT}
        for load_id in changed:
            self._refusals.pop(load_id, None)
            self._timers.cancel(load_id)
            self._drive(load_id)

    @callback
    def _drive(self, load_id: str) -> None:
        """Bring one load to its wish, one task at a time."""
        if load_id in self._driving:
            self._again.add(load_id)
            return
        self._driving.add(load_id)
        self._entry.async_create_background_task(self._hass, self._async_drive(load_id), f"leap drive {load_id}")

    async def _async_drive(self, load_id: str) -> None:
        """Carry out the latest wish, and the one that came meanwhile."""
        try:
            while True:
                self._again.discard(load_id)
                if (wish := self._wishes.get(load_id)) is not None:
                    await self._async_carry_out(wish)
                else:
                    await self._actuator.async_release_all([load_id])
                if load_id not in self._again or self._stopped:
                    return
        finally:
            self._driving.discard(load_id)

    async def _async_carry_out(self, wish: Wish) -> None:
        """Claim for the meters that want the load, release for those that don't."""
        load_id = wish.load.load_id
        if wish.ends is not None:
            for claim in sorted(wish.claims):
                if self._stopped:
                    return
                await self._actuator.async_curtail(wish.load, claim, wish.ends)
        record = self._actuator.record(load_id)
        if not wish.claims:
            await self._actuator.async_release([load_id])
        elif record is not None and (surplus := record.claims - wish.claims):
            await self._actuator.async_release([load_id], surplus)

    @callback
    def _heard(self, signal: Signal, load_id: str, record: UndoRecord | None) -> None:
        """Take what the actuator tells about one of our loads."""
        if load_id not in self._loads:
            return
        if signal is Signal.EXTERNAL_CHANGE and record is not None:
            self._rest(load_id, record, "")
            self._by_hand.add(load_id)
            self._evaluate()
            self._entry.async_create_background_task(
                self._hass, self._async_opt_out(load_id, record), f"leap opt out {load_id}"
            )
        elif signal in (Signal.COMFORT, Signal.LONGEST) and record is not None:
            self._rest(load_id, record, signal)
            self._evaluate()
        elif signal is Signal.RETURNED:
            self._drive(load_id)
        elif self._actuator.status(load_id) == LoadStatus(LoadState.FAILED, "refused"):
            self._try_refused_again(load_id)
        self._update_soon()

    @callback
    def _rest(self, load_id: str, record: UndoRecord, reason: str) -> None:
        """Leave a load alone for the rest of the chain."""
        now = dt_util.utcnow()
        ends = [end for claim in record.claims if (end := chain_end(self._coordinator, claim, now)) is not None]
        self._resting[load_id] = max([record.ends, *ends])
        self._rest_reasons[load_id] = reason

    def _forget_rest(self, load_id: str) -> None:
        """Let a load take part again."""
        self._resting.pop(load_id, None)
        self._rest_reasons.pop(load_id, None)

    async def _async_opt_out(self, load_id: str, record: UndoRecord) -> None:
        """Put a person's change into the decisions; until that is done the load rests by our own memory."""
        try:
            for meter_id in sorted(record.claims & self._coordinator.meter_ids):
                await self._coordinator.async_opt_out_load(meter_id, load_id)
        except StoreError as err:
            _LOGGER.warning("That a load was changed by hand is not on disk: %s", err)
        self._forget_rest(load_id)
        self._evaluate()
        self._update_soon()

    @callback
    def _try_refused_again(self, load_id: str) -> None:
        """Ask a device again that refused, a few times."""
        refusals = self._refusals[load_id] = self._refusals.get(load_id, 0) + 1
        if refusals < MAX_REFUSALS:

            async def async_drive() -> None:
                self._drive(load_id)

            self._timers.start(load_id, REFUSED_AGAIN * refusals, async_drive)

    @callback
    def _update_soon(self) -> None:
        """Call every listener, once and after what is under way: a command goes before its picture."""
        if not self._update_pending:
            self._update_pending = True
            self._hass.loop.call_soon(self._update_listeners)

    @callback
    def _update_listeners(self) -> None:
        """Call every listener."""
        self._update_pending = False
        for listener in tuple(self._listeners):
            listener()
