"""What Leap holds of one physical entity: opened once, joined by further claims, left when the last one goes."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, override

from homeassistant.core import State
from homeassistant.util import dt as dt_util

from ..store import Put, StoreError
from .commands import Outcome
from .held import AWAY, DEADLINE, ORPHAN, STEP
from .load import Load
from .loads import ADAPTERS, Move, Nothing, Verdict
from .status import LoadState, LoadStatus, Signal
from .undo import UNDO, UndoRecord
from .undoing import UndoingEntity

VERIFY_WINDOW: Final = 30.0
MAX_TRIES: Final = 3
GRACE: Final = 120.0
"""Seconds an entry has to come back after a reload, and to end what has an end."""
OLD: Final = timedelta(hours=24)


class Hold(UndoingEntity):
    """An entity that can be curtailed, watched and let go."""

    _load: Load | None = None
    _verifying = False
    _tries = 0
    _unsent = False
    _waiting = False
    _taken_away = 0

    async def async_curtail(self, load: Load, claim: str, ends: datetime) -> None:
        """Hold the entity for a claim until an instant."""
        taken_away = self._taken_away
        async with self._lock:
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
            self._set_nothing(move)
            return
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
        await self._command(move)

    async def _join(self, record: UndoRecord, load: Load, claim: str, ends: datetime) -> None:
        """Add a claim to what is held already; the original is never read again."""
        undoing = not record.claims
        verdict, state = self._verdict(record), self._state()
        kept = replace(record, claims=record.claims | {claim}, ends=ends)
        if state is None or verdict is Verdict.AWAY:
            await self._take(kept, record)
            self._watch()
            self._unsent, self._tries = not record.verified, 0
            self._set(LoadState.UNAVAILABLE, "unavailable")
            return
        if self._is_foreign(record, verdict) and not undoing:
            await self._external(record)
            return
        if verdict is Verdict.OTHER:
            await self._close()
            await self._open(load, claim, ends)
            return
        move = self.adapter.apply(record.original, state, load.limits, self._units(state))
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

    async def _take(self, kept: UndoRecord, record: UndoRecord) -> bool:
        """Write a changed record; an unchanged one is on disk already."""
        self._arm_deadline(kept)
        return kept == record or await self._keep(kept)

    def _set_nothing(self, nothing: Nothing) -> None:
        """Say why the entity is left alone."""
        if nothing.reason == "unavailable":
            self._waiting = True
            self._watch()
            self._set(LoadState.UNAVAILABLE, nothing.reason)
        else:
            self._set(LoadState.FAILED if nothing.refused else LoadState.NOT_NEEDED, nothing.reason)

    async def _command(self, move: Move) -> None:
        """Send what curtails and wait for the entity to show it."""
        self._timers.cancel(STEP, AWAY)
        self._tries, self._verifying, self._unsent = 0, True, False
        self._late = self._stuck = self._was_away = False
        self._notices.solve()
        self._set(LoadState.CURTAILING)
        self._watch()
        await self._try(move)

    async def _try(self, move: Move) -> None:
        """Send once; a refusal that left the entity alone ends the matter."""
        self._tries += 1
        outcome = await self._send(move.command)
        record = self.record
        assert record is not None
        if outcome is Outcome.REFUSED and self._verdict(record) is Verdict.ORIGINAL:
            self._verifying = False
            await self._close(LoadStatus(LoadState.FAILED, "refused"))
            return
        self._timers.start(STEP, VERIFY_WINDOW, self._async_verify_over)
        await self._look(foreign=False)

    async def _async_verify_over(self) -> None:
        """Believe what the entity shows now, or send again if it shows nothing of it."""
        async with self._lock:
            record, state = self.record, self._state()
            self._verifying = False
            if record is None or not record.claims:
                return
            unseen = not record.verified and self._verdict(record) is Verdict.ORIGINAL
            if not (unseen and state and await self._send_again(record, state)):
                await self._look(foreign=False)

    async def _send_again(self, record: UndoRecord, state: State) -> bool:
        """Repeat a command that the entity shows nothing of, a few times."""
        if self._load is None or self._tries >= MAX_TRIES:
            return False
        move = self.adapter.apply(record.original, state, self._load.limits, self._units(state))
        if isinstance(move, Nothing) or move.intended != record.intended:
            return False
        self._verifying, self._unsent = True, False
        await self._try(move)
        return True

    @override
    async def _look(self, *, foreign: bool) -> None:
        """Judge the entity in whatever phase it is."""
        record = self.record
        if record is None:
            if self._waiting and (state := self._state()) is not None and _is_there(state):
                self._waiting = False
                self._stop_watching()
                self._owner.tell(Signal.RETURNED, self._load_id, None)
        elif self._old:
            await self._look_old()
        elif record.claims:
            await self._look_held(record, foreign)
        else:
            await self._look_undoing(record)

    async def _look_held(self, record: UndoRecord, foreign: bool) -> None:
        """Judge a curtailed entity: ours, on the way, or a person's."""
        state = self._state()
        if self.entity_id is None:
            await self._leave(record, record.claims)
            return
        settling = self._verifying and not foreign
        verdict = self._verdict(_as_judged(record, settling=settling, foreign=foreign))
        if state is None or verdict is Verdict.AWAY:
            self._unsent = not record.verified
            self._set(LoadState.UNAVAILABLE, "unavailable")
        elif verdict is Verdict.OTHER or (not settling and self._is_foreign(record, verdict)):
            await self._external(record)
        elif verdict is Verdict.ORIGINAL:
            if record.verified:
                await self._keep(replace(record, verified=False))
            if self._unsent and await self._send_again(record, state):
                return
            if self._verifying:
                self._set(LoadState.CURTAILING)
            else:
                self._set(LoadState.FAILED, "not_confirmed")
        else:
            await self._confirm(record, state)

    async def _confirm(self, record: UndoRecord, state: State) -> None:
        """Expect from now on what the entity shows, once it shows the command."""
        if self._verifying or not record.verified:
            shown = self.adapter.verify(record, state, self._units(state), final=not self._verifying)
            if shown is None:
                return
            if shown != record.expected or not record.verified:
                record = replace(record, expected=shown, verified=True)
                await self._keep(record)
        self._set(LoadState.CURTAILED)
        limits = self._load.limits if self._load else {}
        if self.adapter.crossed(record, state, limits, self._units(state)):
            self._owner.tell(Signal.COMFORT, record.load_id, record)
            await self._leave(record, record.claims)

    def _is_foreign(self, record: UndoRecord, verdict: Verdict) -> bool:
        """Return whether a verified value has been changed by something else."""
        return verdict is Verdict.OTHER or (record.verified and verdict in (Verdict.ORIGINAL, Verdict.MIXED))

    async def _external(self, record: UndoRecord) -> None:
        """Leave the entity to whoever changed it; claims on their way when that was seen come too late."""
        self._verifying = False
        self._taken_away += 1
        self._owner.tell(Signal.EXTERNAL_CHANGE, record.load_id, record)
        await self._close(LoadStatus(LoadState.OPTED_OUT, "external_change"))

    async def async_release(self, claims: Iterable[str] | None) -> None:
        """Take claims away, or all of them; the last one that goes begins the way back."""
        async with self._lock:
            if self.record is None:
                self._load, self._waiting = None, False
                self._stop_watching()
                if self._load_id:
                    self._set(LoadState.IDLE)
            elif not self._old and self.record.claims:
                await self._leave(self.record, self.record.claims if claims is None else frozenset(claims))

    async def _leave(self, record: UndoRecord, claims: frozenset[str]) -> None:
        """Write the remaining claims; without any, undo."""
        rest = record.claims - claims
        if rest == record.claims:
            return
        await self._keep(replace(record, claims=rest))
        if not rest:
            self._verifying = False
            await self._begin_undo()

    def mark_old(self, now: datetime) -> None:
        """Leave a record alone that has been over for long: a backup was restored, or the home was dark for days."""
        self._old = self.record is not None and now - self.record.ends > OLD

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
        """Undo by itself if nobody comes back for it."""
        if self.record is not None and self.record.claims:
            self._timers.start(ORPHAN, GRACE, self._async_give_up)

    def adopt(self) -> None:
        """Leave the entity to its controller again."""
        self._timers.cancel(ORPHAN)

    def _arm_deadline(self, record: UndoRecord) -> None:
        """Make sure that a hold ends, whatever becomes of its controller."""
        self._timers.cancel(ORPHAN)
        self._timers.start(DEADLINE, (record.ends - dt_util.utcnow()).total_seconds() + GRACE, self._async_give_up)

    async def _async_give_up(self) -> None:
        """Undo what nobody ended."""
        await self.async_release(None)


def _is_there(state: State) -> bool:
    """Return whether an entity is back."""
    return state.state not in ("unavailable", "unknown")


def _as_judged(record: UndoRecord, *, settling: bool, foreign: bool) -> UndoRecord:
    """Return the record to judge by: lenient while the command may still be settling, strict after another's call."""
    if settling:
        return replace(record, verified=False)
    if foreign and not record.verified:
        return replace(record, verified=True, expected=record.expected or record.intended)
    return record
