"""The way back of one physical entity: each step judged, repeated, and told if it fails."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import Context, callback
from homeassistant.util import dt as dt_util

from .commands import async_ask_anew
from .held import AWAY, STEP, HeldEntity
from .loads import Verdict
from .notices import ISSUE_AWAY, ISSUE_FAILED, ISSUE_OLD
from .status import LoadState
from .undo import UndoRecord

MAX_SENDS: Final = 3
FIRST_WAIT: Final = 30.0
SETTLE_WAIT: Final = 5.0
"""Seconds a device gets to show what else a command brings back: a preset or a mode its target."""
LATE_WINDOW: Final = 600.0
"""Seconds in which a command that was never seen to land may still land."""
AWAY_WINDOW: Final = 1800.0
OLD: Final = timedelta(hours=24)
"""How long after its end a record is acted on without asking."""


class UndoingEntity(HeldEntity):
    """An entity that knows how to come back."""

    _old = False
    _aside = False
    _late = False
    _was_away = False
    _stuck = False

    @property
    def old(self) -> bool:
        """Return whether the record is too old to act on without a person's word."""
        return self._old

    @property
    def aside(self) -> bool:
        """Return whether another mode or preset is chosen, and the former value waits for that to end."""
        return self._aside

    def mark_old(self, now: datetime) -> None:
        """Leave a record alone that has been over for long: a backup was restored, or the home was dark for days."""
        self._old = self.record is not None and now - self.record.ends > OLD

    async def _begin_undo(self) -> None:
        """Start the way back of a record nobody claims."""
        self._timers.cancel()
        self._sends.clear()
        self._late = self._stuck = self._was_away = self._aside = False
        self._set(LoadState.RESTORING)
        self._watch()
        await self._undo_step()

    async def _undo_step(self) -> None:
        """Do what the present reading asks for."""
        record = self.record
        if record is None or record.claims or await self._is_gone(record):
            return
        verdict = self._verdict(record)
        if verdict is Verdict.AWAY:
            self._await_return()
        elif verdict is Verdict.ASIDE:
            self._put_aside()
        elif verdict is Verdict.OTHER or self._is_back(record, verdict):
            await self._close()
        elif verdict is Verdict.ORIGINAL:
            await self._linger(record)
        else:
            await self._send_back(record)

    async def _send_back(self, record: UndoRecord) -> None:
        """Send the next command of the way back, if it has not failed too often."""
        state = self._state()
        assert state is not None
        self._late = False
        units = self._units(state)
        given_up = {service for service, sends in self._sends.items() if sends >= MAX_SENDS}
        command = self.adapter.restore(record, state, units, given_up)
        if command is None:
            await self._fail(record, back=self.adapter.restored(record, state, units, final=True))
            return
        sends = self._sends[command.service]
        self._sends[command.service] += 1
        self._set(LoadState.RESTORING)
        await self._send(command)
        self._timers.start(STEP, FIRST_WAIT * 2**sends, self._async_undo_step)
        await self._look_undoing(record)

    async def _fail(self, record: UndoRecord, *, back: bool) -> None:
        """Give up; an entity that is back as far as its step goes needs no more."""
        if back:
            await self._close()
            return
        self._stuck = True
        self._notices.raise_issue(ISSUE_FAILED, self._placeholders(record))
        self._set(LoadState.FAILED, ISSUE_FAILED)

    async def _look_undoing(self, record: UndoRecord) -> None:
        """Judge a state on the way back; only a wait that is over sends again."""
        if await self._is_gone(record):
            return
        verdict = self._verdict(record)
        if self._aside:
            await self._look_aside(verdict)
        elif verdict is Verdict.AWAY:
            self._await_return()
        elif verdict is Verdict.ASIDE:
            self._put_aside()
        elif self._was_away:
            self._was_away = False
            self._timers.cancel(AWAY)
            self._notices.solve(ISSUE_AWAY)
            self._sends.clear()
            self._stuck = False
            await self._undo_step()
        elif verdict is Verdict.OTHER or self._is_back(record, verdict):
            await self._close()
        elif self._late and verdict is not Verdict.ORIGINAL:
            await self._undo_step()
        elif self._is_half_way(record) and not self._stuck:
            self._timers.start(STEP, SETTLE_WAIT, self._async_undo_step)

    @callback
    def _put_aside(self, state: LoadState = LoadState.IDLE, reason: str = "") -> None:
        """Leave the entity to another mode or preset; the record waits for the former one, and nothing is sent."""
        self._aside = True
        self._timers.cancel()
        self._notices.solve()
        self._set(state, reason)

    async def _look_aside(self, verdict: Verdict) -> None:
        """Go on when the former mode and preset are back; too late only with a person's word."""
        if verdict in (Verdict.ASIDE, Verdict.AWAY):
            return
        self._aside = False
        self.mark_old(dt_util.utcnow())
        if self._old:
            await self._look_old()
        else:
            await self._begin_undo()

    def _is_back(self, record: UndoRecord, verdict: Verdict) -> bool:
        """Return whether the entity is back: by itself to the hair, after a command to its step."""
        sent = bool(self._sends.total())
        if verdict is Verdict.ORIGINAL:
            return record.verified or sent
        state = self._state()
        return sent and state is not None and self.adapter.restored(record, state, self._units(state), final=False)

    def _is_half_way(self, record: UndoRecord) -> bool:
        """Return whether the last command has landed and another one is next."""
        state = self._state()
        if state is None or not self._sends:
            return False
        following = self.adapter.restore(record, state, self._units(state), ())
        return following is not None and following.service not in self._sends

    async def _linger(self, record: UndoRecord) -> None:
        """Wait for a command that was never seen to land; nothing is sent to an entity that reads the original."""
        if self._late:
            await self._close()
            return
        self._late = True
        self._timers.start(STEP, LATE_WINDOW, self._async_undo_step)
        await async_ask_anew(self._hass, record.entity_id, Context())

    def _await_return(self) -> None:
        """Wait for an entity that is away, and say so after a while."""
        self._was_away = True
        self._timers.cancel(STEP)
        self._set(LoadState.RESTORING, "unavailable")
        if not self._timers.running(AWAY):
            self._timers.start(AWAY, AWAY_WINDOW, self._async_away)

    async def _async_away(self) -> None:
        """Tell that the entity has been away too long; it is waited for all the same."""
        async with self._lock:
            if (record := self.record) is not None and not record.claims:
                self._notices.raise_issue(ISSUE_AWAY, self._placeholders(record))

    async def _is_gone(self, record: UndoRecord) -> bool:
        """Return whether the registry has the entity no more, after telling its former value."""
        if self.entity_id is not None:
            return False
        await self._bury(record)
        return True

    async def _bury(self, record: UndoRecord) -> None:
        """Leave the former value of a device that is gone with a person."""
        await self._notices.async_notify_gone(self._placeholders(record))
        await self._close()

    async def _async_undo_step(self) -> None:
        """Go on after a wait."""
        async with self._lock:
            await self._undo_step()

    async def _begin_old(self) -> None:
        """Offer the former value of a record too old to act on."""
        self._watch()
        await self._look_old()

    async def _look_old(self) -> None:
        """Keep the offer as long as the entity still reads what we set."""
        record = self.record
        if record is None or await self._is_gone(record):
            return
        verdict = self._verdict(record)
        if verdict in (Verdict.OTHER, Verdict.ORIGINAL):
            self._old = False
            await self._close()
        elif verdict not in (Verdict.AWAY, Verdict.ASIDE):
            self._notices.raise_issue(ISSUE_OLD, self._placeholders(record))
            self._set(LoadState.FAILED, ISSUE_OLD)

    async def async_restore_old(self) -> None:
        """Put the former value back on a person's word."""
        async with self._lock:
            if self.record is None or not self._old:
                return
            self._old = False
            self._notices.solve(ISSUE_OLD)
            await self._keep(replace(self.record, claims=frozenset()))
            await self._begin_undo()

    async def async_dismiss_old(self) -> None:
        """Leave the entity as it is on a person's word."""
        async with self._lock:
            if self.record is not None and self._old:
                self._old = False
                await self._close()
