"""Every event by meter and event id: how copies from push and search are merged."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from .event import DispatchEvent, EventKey, Source

RETENTION: Final = timedelta(days=31)
REVIVE_AFTER: Final = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """An event and how it is known.

    received_at is when a push arrived, or when the request of a search was sent.
    revive_read_at is the first search that called a cancelled event alive again.
    """

    event: DispatchEvent
    received_at: datetime
    first_seen: datetime
    first_source: Source
    revive_read_at: datetime | None = None


class ChangeKind(StrEnum):
    """What a merge did to an event."""

    ADDED = "added"
    UPDATED = "updated"
    CANCELLED = "cancelled"
    REVIVED = "revived"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One event before and after a merge."""

    kind: ChangeKind
    entry: Entry
    previous: Entry | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Merge:
    """What a merge did and what it asks for.

    entries must be on disk before the copies are acknowledged, a duplicate's acknowledgement included.
    confirm are keys to search for by event id soon.
    reread are keys for which the search reply was too old: search again.
    reviving are keys that take a second search, 60 s after the first, to come back.
    """

    changes: tuple[Change, ...] = ()
    entries: tuple[Entry, ...] = ()
    confirm: frozenset[EventKey] = frozenset()
    reread: frozenset[EventKey] = frozenset()
    reviving: frozenset[EventKey] = frozenset()


class _Draft:
    """A merge under way."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.changes: dict[EventKey, Change] = {}
        self.entries: dict[EventKey, Entry] = {}
        self.confirm: set[EventKey] = set()
        self.reread: set[EventKey] = set()
        self.reviving: set[EventKey] = set()

    def tell(self, change: Change) -> None:
        """Note a change, as one with an earlier change of the same event."""
        key = change.entry.event.key
        if (earlier := self.changes.get(key)) is not None:
            kind = earlier.kind if earlier.kind in (ChangeKind.ADDED, ChangeKind.REVIVED) else change.kind
            change = Change(kind=kind, entry=change.entry, previous=earlier.previous)
        self.changes[key] = change

    def finish(self) -> Merge:
        """Return the merge."""
        return Merge(
            changes=tuple(self.changes.values()),
            entries=tuple(self.entries.values()),
            confirm=frozenset(self.confirm),
            reread=frozenset(self.reread),
            reviving=frozenset(self.reviving),
        )


class Ledger:
    """Every event ever told of and not yet expired, cancelled ones as tombstones."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """Take over entries, as a rule those on disk."""
        self._meters: dict[str, dict[str, Entry]] = {}
        for entry in entries:
            self._put(entry)

    def merge_push(self, events: Iterable[DispatchEvent], *, received_at: datetime) -> Merge:
        """Merge pushed copies; a change to a known event holds at once and asks for a search."""
        draft = _Draft()
        for event in events:
            known = self.get(event.key)
            if known is None:
                self._add(draft, event, received_at, received_at)
            else:
                self._push_known(draft, known, event, received_at)
        return draft.finish()

    def merge_search(self, events: Iterable[DispatchEvent], *, sent_at: datetime, received_at: datetime) -> Merge:
        """Merge the reply to a search, which wins over copies received before it was sent."""
        draft = _Draft()
        for event in events:
            known = self.get(event.key)
            if known is None:
                self._add(draft, event, sent_at, received_at)
            else:
                self._search_known(draft, known, event, sent_at)
        return draft.finish()

    def get(self, key: EventKey) -> Entry | None:
        """Return the entry of a key."""
        meter_id, event_id = key
        return self._meters.get(meter_id, {}).get(event_id)

    def events(self, meter_id: str) -> tuple[DispatchEvent, ...]:
        """Return the events of a meter by start, tombstones among them."""
        events = (entry.event for entry in self._meters.get(meter_id, {}).values())
        return tuple(sorted(events, key=lambda event: (event.start, event.event_id)))

    def entries(self) -> tuple[Entry, ...]:
        """Return every entry, by key."""
        found = (entry for meter in self._meters.values() for entry in meter.values())
        return tuple(sorted(found, key=lambda entry: entry.event.key))

    def forget(self, meter_id: str) -> tuple[EventKey, ...]:
        """Drop a meter that is no longer followed and return the keys dropped."""
        return tuple((meter_id, event_id) for event_id in self._meters.pop(meter_id, {}))

    def expire(self, now: datetime) -> tuple[EventKey, ...]:
        """Drop what ended more than 31 days ago and return the keys dropped."""
        keys = tuple(entry.event.key for entry in self.entries() if entry.event.end + RETENTION < now)
        for key in keys:
            self._drop(key)
        return keys

    def earliest_open(self, now: datetime) -> datetime | None:
        """Return the earliest start among events that are neither cancelled nor over."""
        return min(
            (
                entry.event.start
                for meter in self._meters.values()
                for entry in meter.values()
                if not entry.event.cancelled and entry.event.end > now
            ),
            default=None,
        )

    def _put(self, entry: Entry) -> None:
        event = entry.event
        self._meters.setdefault(event.meter_id, {})[event.event_id] = entry

    def _drop(self, key: EventKey) -> None:
        meter_id, event_id = key
        del self._meters[meter_id][event_id]
        if not self._meters[meter_id]:
            del self._meters[meter_id]

    def _add(self, draft: _Draft, event: DispatchEvent, received_at: datetime, seen_at: datetime) -> None:
        """Keep an event told of for the first time, be it cancelled already."""
        entry = Entry(event=event, received_at=received_at, first_seen=seen_at, first_source=event.source)
        self._change(draft, ChangeKind.ADDED, entry, None)

    def _change(self, draft: _Draft, kind: ChangeKind | None, entry: Entry, previous: Entry | None) -> None:
        """Keep an entry, to be written; kind None is a change nobody needs to hear of."""
        self._put(entry)
        draft.entries[entry.event.key] = entry
        if kind is not None:
            draft.tell(Change(kind=kind, entry=entry, previous=previous))

    def _push_known(self, draft: _Draft, known: Entry, event: DispatchEvent, received_at: datetime) -> None:
        """Merge a pushed copy of a known event: all but a revival holds at once."""
        known = self._keep_test(draft, known, event)
        event = _with_test(event, known)
        if known.event.cancelled and not event.cancelled:
            draft.confirm.add(event.key)
            return
        fresh = self._refresh(draft, known, received_at)
        if not known.event.same_terms(event):
            draft.confirm.add(event.key)
            self._change(draft, _kind(known.event, event), replace(fresh, event=event), known)

    def _search_known(self, draft: _Draft, known: Entry, event: DispatchEvent, sent_at: datetime) -> None:
        """Merge a searched copy of a known event, if the search was sent after the last copy."""
        known = self._keep_test(draft, known, event)
        event = _with_test(event, known)
        if known.event.cancelled and not event.cancelled:
            self._search_revives(draft, known, event, sent_at)
            return
        fresh = self._refresh(draft, known, sent_at)
        if known.event.same_terms(event):
            return
        if sent_at <= known.received_at:
            draft.reread.add(event.key)
        else:
            self._change(draft, _kind(known.event, event), replace(fresh, event=event), known)

    def _refresh(self, draft: _Draft, known: Entry, at: datetime) -> Entry:
        """Note, in memory alone, when a copy last came; a copy that does not revive ends a revival."""
        fresh = replace(known, received_at=max(known.received_at, at), revive_read_at=None)
        if known.revive_read_at is not None:
            self._change(draft, None, fresh, known)
        else:
            self._put(fresh)
        return fresh

    def _search_revives(self, draft: _Draft, known: Entry, event: DispatchEvent, sent_at: datetime) -> None:
        """Take note of a search that calls a cancelled event alive; the second one revives it."""
        if sent_at <= known.received_at:
            draft.reread.add(event.key)
        elif known.revive_read_at is None:
            draft.reviving.add(event.key)
            self._change(draft, None, replace(known, revive_read_at=sent_at), known)
        elif sent_at - known.revive_read_at < REVIVE_AFTER:
            draft.reviving.add(event.key)
        else:
            alive = replace(known, event=event, received_at=sent_at, revive_read_at=None)
            self._change(draft, ChangeKind.REVIVED, alive, known)

    def _keep_test(self, draft: _Draft, known: Entry, event: DispatchEvent) -> Entry:
        """Return the known entry, a communication test from now on if the copy says so."""
        if known.event.communication_test or not event.communication_test:
            return known
        marked = replace(known, event=replace(known.event, communication_test=True))
        kind = None if known.event.cancelled else ChangeKind.UPDATED
        self._change(draft, kind, marked, known)
        return marked


def _with_test(event: DispatchEvent, known: Entry) -> DispatchEvent:
    """Return a copy that is a communication test if any copy ever was."""
    return replace(event, communication_test=known.event.communication_test)


def _kind(known: DispatchEvent, event: DispatchEvent) -> ChangeKind | None:
    """Return what a change of terms means; a tombstone that changes means nothing to anyone."""
    if known.cancelled:
        return None
    return ChangeKind.CANCELLED if event.cancelled else ChangeKind.UPDATED
