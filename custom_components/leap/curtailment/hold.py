"""What Leap holds of one physical entity: opened once, joined by further claims, left when the last one goes."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from homeassistant.util import dt as dt_util

from ..const import CONF_MAX_OFF_MINUTES
from ..store import Put, StoreError
from .held import DEADLINE, LONGEST, ORPHAN
from .load import Load
from .loads import ADAPTERS, Nothing, Verdict
from .status import LoadState, LoadStatus, Signal
from .undo import UNDO, UndoRecord, Values
from .watched import WatchedEntity

GRACE: Final = 120.0
"""Seconds an entry has to come back after a reload, and to end what has an end."""


class Hold(WatchedEntity):
    """An entity that can be claimed and let go."""

    _orphaned = False

    _idle: Values | None = None
    """What the entity showed when there was nothing to do: whoever changes that before it is let go is in charge."""

    async def async_curtail(self, load: Load, claim: str, ends: datetime) -> None:
        """Hold the entity for a claim until an instant."""
        taken_away = self._taken_away
        async with self._lock:
            if self.record is not None and self.record.claims and self.record.load_id != load.load_id:
                self._owner.note(load.load_id, LoadStatus(LoadState.FAILED, "in_use"))
                return
            self._orphaned = self._orphaned and self._load_id == load.load_id
            self._load, self._load_id = load, load.load_id
            if taken_away != self._taken_away:
                return
            self._waiting = False
            if self.record is None:
                await self._open(load, claim, ends)
            elif self._old:
                self._set(LoadState.FAILED, "old_undo")
            else:
                await self._join(self.record, load, claim, ends)

    async def _open(self, load: Load, claim: str, ends: datetime) -> None:
        """Write the original down, then command."""
        state = self._state()
        if state is None:
            self._set_nothing(Nothing(reason="unavailable" if self.entity_id else "entity_gone", refused=True))
            return
        adapter, units = ADAPTERS[load.kind], self._units(state)
        original = adapter.snapshot(state, units)
        move = adapter.apply(original, state, load.limits, units)
        if isinstance(move, Nothing):
            self._set_nothing(move, original)
            return
        if self._idle not in (None, original):
            self._set(LoadState.OPTED_OUT, "external_change")
            return
        self._idle = None
        record = UndoRecord(
            registry_id=self.registry_id,
            entity_id=state.entity_id,
            name=state.name,
            load_id=load.load_id,
            kind=load.kind,
            role=adapter.role,
            original=dict(original),
            intended=move.intended,
            unit=units.read,
            claims=frozenset({claim}),
            ends=ends,
            opened_at=dt_util.utcnow(),
        )
        if adapter.crossed(record, state, load.limits, units):
            self._set(LoadState.NOT_NEEDED, "comfort")
            self._owner.tell(Signal.COMFORT, load.load_id, record)
            return
        try:
            await self._store.async_write(Put(UNDO, record))
        except StoreError as err:
            self._set(LoadState.FAILED, err.translation_key or "store_write_failed")
            return
        self.record = record
        self._arm_deadline(record)
        self._arm_longest(record, load)
        await self._command(move)

    async def _join(self, record: UndoRecord, load: Load, claim: str, ends: datetime) -> None:
        """Add a claim to what is held already; the original is never read again."""
        undoing = not record.claims
        verdict, state = self._verdict(record), self._state()
        self._arm_longest(record, load)
        kept = replace(record, load_id=load.load_id, claims=record.claims | {claim}, ends=ends)
        if state is None or verdict is Verdict.AWAY:
            record = replace(record, verified=record.verified and not undoing)
            await self._take(replace(kept, verified=record.verified), record)
            self._watch()
            self._unsent, self._tries = not record.verified, 0
            self._set(LoadState.UNAVAILABLE, "unavailable")
            return
        if self._is_foreign(record, verdict) and not undoing:
            await self._external(record, verdict)
            return
        if verdict in (Verdict.OTHER, Verdict.ASIDE):
            await self._reopen(verdict, load, claim, ends)
            return
        move = self.adapter.apply(record.original, state, load.limits, self._units(state), record.intended)
        if isinstance(move, Nothing):
            await self._leave(record, record.claims)
            self._set_nothing(move)
            return
        again = undoing or not record.verified or move.intended != record.intended
        if again:
            kept = replace(kept, intended=move.intended, verified=False)
        written = await self._take(kept, record)
        if not again:
            self._watch()
            await self._look(foreign=False)
        elif written or move.intended == record.intended:
            await self._command(move)
        else:
            self.record = replace(record, claims=kept.claims, ends=ends)
            self._set(LoadState.FAILED, "store_write_failed")

    async def _reopen(self, verdict: Verdict, load: Load, claim: str, ends: datetime) -> None:
        """Begin anew with what a person chose; as long as that gives nothing, a record put aside is kept."""
        if verdict is Verdict.ASIDE and (state := self._state()) is not None:
            units = self._units(state)
            shown = self.adapter.snapshot(state, units)
            move = self.adapter.apply(shown, state, load.limits, units)
            if isinstance(move, Nothing):
                self._put_aside()
                self._set_nothing(move, shown)
                return
        await self._close()
        await self._open(load, claim, ends)

    async def _take(self, kept: UndoRecord, record: UndoRecord) -> bool:
        """Write a changed record; an unchanged one is on disk already."""
        self._arm_deadline(kept)
        return kept == record or await self._keep(kept)

    def _set_nothing(self, nothing: Nothing, shown: Values | None = None) -> None:
        """Say why the entity is left alone."""
        if nothing.reason == "unavailable":
            self._waiting = True
            self._watch()
            self._set(LoadState.UNAVAILABLE, nothing.reason)
        else:
            self._idle = self._idle or (None if nothing.refused else shown)
            self._set(LoadState.FAILED if nothing.refused else LoadState.NOT_NEEDED, nothing.reason)

    async def async_release(self, claims: Iterable[str] | None) -> None:
        """Take claims away, or all of them; the last one that goes begins the way back."""
        async with self._lock:
            if self.record is None:
                self._load, self._waiting, self._idle = None, False, None
                self._stop_watching()
                if self._load_id:
                    self._set(LoadState.IDLE)
            elif self._aside:
                self._idle = None
                self._set(LoadState.IDLE)
            elif not self._old and self.record.claims:
                await self._leave(self.record, self.record.claims if claims is None else frozenset(claims))

    async def async_resume(self, now: datetime, *, adopted: bool) -> None:
        """Take up a record found at start: too old, over, or waiting for its entry."""
        async with self._lock:
            record = self.record
            if record is None:
                return
            if self._old:
                await self._begin_old()
            elif not record.claims:
                await self._begin_undo()
            elif record.ends <= now:
                await self._leave(record, record.claims)
            else:
                self._arm_deadline(record)
                self._watch()
                if not adopted:
                    self.orphan()
                await self._look(foreign=False)

    def orphan(self) -> None:
        """Undo by itself if nobody comes back for it; what is opened right now too."""
        self._orphaned = True
        if self.record is not None and self.record.claims:
            self._timers.start(ORPHAN, GRACE, self._async_give_up)

    def adopt(self) -> None:
        """Leave the entity to its controller again."""
        self._orphaned = False
        self._timers.cancel(ORPHAN)

    def _arm_deadline(self, record: UndoRecord) -> None:
        """Make sure that a hold ends, whatever becomes of its controller."""
        self._timers.cancel(ORPHAN)
        self._timers.start(DEADLINE, (record.ends - dt_util.utcnow()).total_seconds() + GRACE, self._async_give_up)
        if self._orphaned:
            self._timers.start(ORPHAN, GRACE, self._async_give_up)

    def _arm_longest(self, record: UndoRecord, load: Load) -> None:
        """Make sure that what may be off for a while only comes back after it."""
        self._timers.cancel(LONGEST)
        if (minutes := load.limits.get(CONF_MAX_OFF_MINUTES)) is not None:
            over = record.opened_at + timedelta(minutes=float(minutes))
            self._timers.start(LONGEST, (over - dt_util.utcnow()).total_seconds(), self._async_long_enough)

    async def _async_long_enough(self) -> None:
        """Give the entity back for the rest of the event."""
        async with self._lock:
            if (record := self.record) is not None and record.claims:
                self._owner.tell(Signal.LONGEST, record.load_id, record)
                await self._leave(record, record.claims)

    async def _async_give_up(self) -> None:
        """Undo what nobody ended."""
        await self.async_release(None)
