"""A curtailed entity under watch: its command verified, and its value left to whoever changes it."""

from dataclasses import replace
from typing import Final, override

from homeassistant.core import State

from .commands import Outcome
from .held import AWAY, STEP
from .load import Load
from .loads import ADAPTERS, Move, Nothing, Verdict
from .status import LoadState, LoadStatus, Signal
from .undo import UndoRecord
from .undoing import UndoingEntity

VERIFY_WINDOW: Final = 30.0
MAX_TRIES: Final = 3


class WatchedEntity(UndoingEntity):
    """An entity that is commanded and judged ever after."""

    _load: Load | None = None
    _verifying = False
    _tries = 0
    _unsent = False
    _waiting = False
    _taken_away = 0

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
        move = self.adapter.apply(record.original, state, self._load.limits, self._units(state), record.intended)
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
            if self._waiting and self._is_there():
                self._waiting = False
                self._stop_watching()
                self._owner.tell(Signal.RETURNED, self._load_id, None)
        elif self._old:
            await self._look_old()
        elif record.claims:
            await self._look_held(record, foreign)
        else:
            await self._look_undoing(record)

    def _is_there(self) -> bool:
        """Return whether the entity that was waited for is back."""
        state = self._state()
        return state is not None and self._load is not None and ADAPTERS[self._load.kind].present(state)

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
        elif verdict in (Verdict.OTHER, Verdict.ASIDE) or (not settling and self._is_foreign(record, verdict)):
            await self._external(record, verdict)
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
        if verdict in (Verdict.OTHER, Verdict.ASIDE):
            return True
        return record.verified and verdict in (Verdict.ORIGINAL, Verdict.MIXED)

    async def _external(self, record: UndoRecord, verdict: Verdict) -> None:
        """Leave the entity to whoever changed it; claims on their way when that was seen come too late."""
        self._verifying = False
        self._taken_away += 1
        self._owner.tell(Signal.EXTERNAL_CHANGE, record.load_id, record)
        left = LoadStatus(LoadState.OPTED_OUT, "external_change")
        if verdict is not Verdict.ASIDE:
            await self._close(left)
            return
        self._put_aside(left.state, left.reason)
        await self._keep(replace(record, claims=frozenset()))

    async def _leave(self, record: UndoRecord, claims: frozenset[str]) -> None:
        """Write the remaining claims; without any, undo."""
        rest = record.claims - claims
        if rest == record.claims:
            return
        await self._keep(replace(record, claims=rest))
        if not rest:
            self._verifying = False
            await self._begin_undo()


def _as_judged(record: UndoRecord, *, settling: bool, foreign: bool) -> UndoRecord:
    """Return the record to judge by: lenient while the command may still be settling, strict after another's call."""
    if settling:
        return replace(record, verified=False)
    if foreign and not record.verified:
        return replace(record, verified=True, expected=record.expected or record.intended)
    return record
