"""What one entry knows, in memory and on disk: events, decisions and settings."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from .dispatch.decisions import Decision
from .dispatch.event import DispatchEvent, EventKey
from .dispatch.ledger import Change, Entry, Ledger, Merge
from .store import Drop, LeapStore, Put, Table

type SettingValue = str | bool | list[str] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One remembered value of one entry; the key begins with the entry's id."""

    key: str
    value: SettingValue


def row_key(key: EventKey) -> str:
    """Name the row of an event or of the decision about it."""
    return "/".join(key)


def setting_key(entry_id: str, name: str) -> str:
    """Name the row of an entry's setting."""
    return f"{entry_id}/{name}"


EVENTS: Table[Entry] = Table("events", Entry, lambda entry: row_key(entry.event.key))
DECISIONS: Table[Decision] = Table("decisions", Decision, lambda made: row_key(made.key))
SETTINGS: Table[Setting] = Table("settings", Setting, lambda setting: setting.key)


@dataclass(kw_only=True)
class _Unkept:
    """What memory holds and the disk does not yet."""

    entries: dict[EventKey, Entry] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)


class Home:
    """Ledger, decisions and settings of one entry, each change durable before it is answered for."""

    def __init__(self, store: LeapStore, entry_id: str) -> None:
        """Begin empty; `async_load` reads what the disk knows."""
        self.ledger = Ledger()
        self.decisions: dict[EventKey, Decision] = {}
        self._store = store
        self._entry_id = entry_id
        self._settings: dict[str, SettingValue] = {}
        self._unkept = _Unkept()
        self._writing = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def async_load(self, meter_ids: Collection[str]) -> None:
        """Read the rows of these meters and of this entry."""
        entries = await self._store.async_load(EVENTS)
        decisions = await self._store.async_load(DECISIONS)
        settings = await self._store.async_load(SETTINGS)
        self.ledger = Ledger(row for row in entries if row.event.meter_id in meter_ids)
        self.decisions = {row.key: row for row in decisions if row.meter_id in meter_ids}
        prefix = setting_key(self._entry_id, "")
        self._settings = {row.key.removeprefix(prefix): row.value for row in settings if row.key.startswith(prefix)}

    def merge_push(self, events: Iterable[DispatchEvent], *, received_at: datetime) -> Merge:
        """Take pushed events into memory; `async_keep` makes them durable."""
        return self._note(self.ledger.merge_push(events, received_at=received_at))

    def merge_search(
        self,
        events: Iterable[DispatchEvent],
        *,
        sent_at: datetime,
        received_at: datetime,
    ) -> Merge:
        """Take a search reply into memory; `async_keep` makes it durable."""
        return self._note(self.ledger.merge_search(events, sent_at=sent_at, received_at=received_at))

    def _note(self, merge: Merge) -> Merge:
        """Remember what has to reach the disk, over failed writes too."""
        self._unkept.entries.update({entry.event.key: entry for entry in merge.entries})
        self._unkept.changes.extend(merge.changes)
        return merge

    async def async_keep(self) -> list[Change]:
        """Write everything not yet on disk; return the changes that are now durable."""
        unkept = self._unkept
        entries = dict(unkept.entries)
        changes, unkept.changes = unkept.changes, []
        if not entries:
            return changes
        try:
            await self._async_write(*(Put(EVENTS, entry) for entry in entries.values()))
        except BaseException:
            unkept.changes[:0] = changes
            raise
        for key, entry in entries.items():
            if unkept.entries.get(key) is entry:
                del unkept.entries[key]
        return changes

    async def async_decide(self, decisions: Collection[Decision]) -> None:
        """Put decisions into force at once, then on disk."""
        self.decisions.update({made.key: made for made in decisions})
        await self._async_write(*(Put(DECISIONS, made) for made in decisions))

    def setting(self, name: str) -> SettingValue:
        """Read a remembered value; None if there is none."""
        return self._settings.get(name)

    async def async_set(self, name: str, value: SettingValue) -> None:
        """Remember a value, in force at once, then on disk."""
        self._settings[name] = value
        key = setting_key(self._entry_id, name)
        await self._async_write(Put(SETTINGS, Setting(key=key, value=value)))

    async def async_forget_switches(self, kept: Collection[str]) -> None:
        """Drop the switches of meters and loads that are no more; their names hold a slash."""
        gone = [name for name in self._settings if "/" in name and name not in kept]
        for name in gone:
            del self._settings[name]
        keys = [setting_key(self._entry_id, name) for name in gone]
        await self._async_write(*(Drop(SETTINGS, key) for key in keys))

    async def async_forget(self, meter_id: str) -> None:
        """Drop a meter's events and decisions."""
        await self._async_drop(self.ledger.forget(meter_id))

    async def async_expire(self, now: datetime) -> None:
        """Drop events, and the decisions about them, that are long over."""
        await self._async_drop(self.ledger.expire(now))

    async def _async_drop(self, keys: Collection[EventKey]) -> None:
        """Drop the rows of events that memory no longer holds."""
        for key in keys:
            self._unkept.entries.pop(key, None)
            self.decisions.pop(key, None)
        rows = [row_key(key) for key in keys]
        await self._async_write(
            *(Drop(EVENTS, row) for row in rows),
            *(Drop(DECISIONS, row) for row in rows),
        )

    async def _async_write(self, *changes: Put | Drop) -> None:
        """Write durably, and let `async_idle` know."""
        if not changes:
            return
        with self._busy():
            await self._store.async_write(*changes)

    @contextmanager
    def _busy(self) -> Iterator[None]:
        """Count a write that is under way."""
        self._writing += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._writing -= 1
            if not self._writing:
                self._idle.set()

    async def async_idle(self) -> None:
        """Wait until no write is under way, so that the next load sees all of them."""
        await self._idle.wait()


async def async_erase(store: LeapStore, entry_id: str, mine: Callable[[str], bool]) -> None:
    """Drop every row of a removed entry; `mine` tells its meters from others'."""
    events = await store.async_load(EVENTS)
    decisions = await store.async_load(DECISIONS)
    settings = await store.async_load(SETTINGS)
    drops = [
        *(Drop(EVENTS, EVENTS.key(row)) for row in events if mine(row.event.meter_id)),
        *(Drop(DECISIONS, DECISIONS.key(row)) for row in decisions if mine(row.meter_id)),
        *(Drop(SETTINGS, row.key) for row in settings if row.key.startswith(setting_key(entry_id, ""))),
    ]
    if drops:
        await store.async_write(*drops)
