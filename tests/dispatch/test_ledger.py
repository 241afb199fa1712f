"""Copies of events from push and search, merged."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
import random
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.leap.dispatch.event import DispatchEvent, Source
from custom_components.leap.dispatch.ledger import Change, ChangeKind, Entry, Ledger, Merge

from .builders import METER, at, event

type Arrival = tuple[bool, DispatchEvent, int]

KEY = (METER, "e1")
SECOND = timedelta(seconds=1)
PUSHED = event()
SEARCHED = event(source=Source.POLL)
CANCELLED = event(cancelled=True)
FOUND_CANCELLED = replace(CANCELLED, source=Source.POLL)
NOTHING = Merge()


def push(ledger: Ledger, *events: DispatchEvent, received_at: datetime) -> Merge:
    """Push events."""
    return ledger.merge_push(events, received_at=received_at)


def search(ledger: Ledger, *events: DispatchEvent, sent_at: datetime) -> Merge:
    """Read events by a search answered half a minute after it was sent."""
    return ledger.merge_search(events, sent_at=sent_at, received_at=sent_at + timedelta(seconds=30))


def held(ledger: Ledger) -> DispatchEvent:
    """Return the event of the tests."""
    entry = ledger.get(KEY)
    assert entry is not None
    return entry.event


def kinds(merge: Merge) -> list[ChangeKind]:
    """Return what a merge did."""
    return [change.kind for change in merge.changes]


def pushed(asked: DispatchEvent = PUSHED, minute: float = 0, **known: Any) -> Entry:
    """Return the entry of an event pushed once."""
    defaults: dict[str, Any] = {
        "received_at": at(minute),
        "first_seen": at(minute),
        "first_source": asked.source,
    }
    return Entry(event=asked, **defaults | known)


def test_the_first_copy_is_added() -> None:
    ledger = Ledger()
    merge = push(ledger, PUSHED, received_at=at(0))
    assert merge == Merge(changes=(Change(kind=ChangeKind.ADDED, entry=pushed()),), entries=(pushed(),))
    assert ledger.entries() == (pushed(),)


def test_a_search_counts_from_when_it_was_sent_and_is_seen_when_it_is_answered() -> None:
    ledger = Ledger()
    merge = search(ledger, SEARCHED, sent_at=at(0))
    entry = pushed(SEARCHED, first_seen=at(0.5))
    assert merge == Merge(changes=(Change(kind=ChangeKind.ADDED, entry=entry),), entries=(entry,))


def test_an_unknown_cancelled_event_is_kept_as_a_tombstone() -> None:
    for by_push in (True, False):
        ledger = Ledger()
        merge = arrive(ledger, by_push, CANCELLED, 0)
        assert kinds(merge) == [ChangeKind.ADDED]
        assert held(ledger).cancelled
        assert merge.entries == ledger.entries()
        push(ledger, PUSHED, received_at=at(1))
        assert held(ledger).cancelled


@pytest.mark.parametrize("copy", [PUSHED, SEARCHED])
def test_the_same_terms_change_nothing_and_need_no_disk(copy: DispatchEvent) -> None:
    ledger = Ledger([pushed()])
    assert push(ledger, copy, received_at=at(1)) == NOTHING
    assert search(ledger, copy, sent_at=at(2)) == NOTHING
    assert held(ledger) == PUSHED


def test_a_push_that_changes_holds_at_once_and_is_confirmed() -> None:
    ledger = Ledger([pushed()])
    longer = event(end=90)
    merge = push(ledger, longer, received_at=at(1))
    entry = pushed(longer, received_at=at(1))
    assert merge == Merge(
        changes=(Change(kind=ChangeKind.UPDATED, entry=entry, previous=pushed()),),
        entries=(entry,),
        confirm=frozenset({KEY}),
    )
    assert ledger.entries() == (entry,)


def test_a_push_cancels_at_once_and_is_confirmed() -> None:
    ledger = Ledger([pushed()])
    merge = push(ledger, CANCELLED, received_at=at(1))
    assert kinds(merge) == [ChangeKind.CANCELLED]
    assert merge.changes[0].previous == pushed()
    assert merge.entries == (pushed(CANCELLED, received_at=at(1)),)
    assert merge.confirm == {KEY}


def test_a_push_does_not_revive_but_asks_for_a_search() -> None:
    ledger = Ledger([pushed(CANCELLED)])
    assert push(ledger, event(end=90), received_at=at(1)) == Merge(confirm=frozenset({KEY}))
    assert ledger.entries() == (pushed(CANCELLED),)


def test_a_late_push_never_turns_the_clock_back() -> None:
    ledger = Ledger([pushed(minute=5)])
    push(ledger, event(end=90), received_at=at(4))
    assert ledger.entries() == (pushed(event(end=90), minute=5),)


@pytest.mark.parametrize(
    ("found", "kind"), [(replace(SEARCHED, energy_kw=1.0), ChangeKind.UPDATED), (FOUND_CANCELLED, ChangeKind.CANCELLED)]
)
def test_a_search_sent_after_the_last_copy_wins(found: DispatchEvent, kind: ChangeKind) -> None:
    ledger = Ledger([pushed()])
    merge = search(ledger, found, sent_at=at(0) + SECOND)
    entry = pushed(found, received_at=at(0) + SECOND, first_source=Source.PUSH)
    assert merge == Merge(changes=(Change(kind=kind, entry=entry, previous=pushed()),), entries=(entry,))


@pytest.mark.parametrize("early", [timedelta(0), SECOND])
@pytest.mark.parametrize("found", [replace(SEARCHED, energy_kw=1.0), FOUND_CANCELLED])
def test_a_search_not_sent_after_the_last_copy_is_read_again(early: timedelta, found: DispatchEvent) -> None:
    ledger = Ledger([pushed()])
    assert search(ledger, found, sent_at=at(0) - early) == Merge(reread=frozenset({KEY}))
    assert ledger.entries() == (pushed(),)


def test_a_search_sent_before_and_answered_after_a_cancelling_push_revives_nothing() -> None:
    ledger = Ledger([pushed()])
    push(ledger, CANCELLED, received_at=at(10))
    for sent_at in (at(9), at(10)):
        merge = ledger.merge_search([SEARCHED], sent_at=sent_at, received_at=at(12))
        assert merge == Merge(reread=frozenset({KEY}))
    assert ledger.entries() == (pushed(CANCELLED, received_at=at(10)),)


def test_a_duplicate_makes_the_copy_younger_than_a_search_under_way() -> None:
    ledger = Ledger([pushed()])
    push(ledger, PUSHED, received_at=at(10))
    assert search(ledger, FOUND_CANCELLED, sent_at=at(9)).reread == {KEY}
    search(ledger, SEARCHED, sent_at=at(20))
    assert search(ledger, FOUND_CANCELLED, sent_at=at(19)).reread == {KEY}
    assert kinds(search(ledger, FOUND_CANCELLED, sent_at=at(20) + SECOND)) == [ChangeKind.CANCELLED]


def test_reviving_takes_two_searches_a_minute_apart() -> None:
    ledger = Ledger([pushed(CANCELLED)])
    first = search(ledger, SEARCHED, sent_at=at(1))
    waiting = pushed(CANCELLED, revive_read_at=at(1))
    assert first == Merge(entries=(waiting,), reviving=frozenset({KEY}))
    second = search(ledger, SEARCHED, sent_at=at(2) - SECOND)
    assert second == Merge(reviving=frozenset({KEY}))
    assert ledger.entries() == (waiting,)
    third = search(ledger, SEARCHED, sent_at=at(2))
    alive = pushed(SEARCHED, received_at=at(2), first_source=Source.PUSH)
    assert third == Merge(
        changes=(Change(kind=ChangeKind.REVIVED, entry=alive, previous=waiting),),
        entries=(alive,),
    )
    assert ledger.entries() == (alive,)


def test_the_first_of_the_two_is_remembered_over_a_restart() -> None:
    ledger = Ledger([pushed(CANCELLED)])
    restarted = Ledger(search(ledger, SEARCHED, sent_at=at(1)).entries)
    assert kinds(search(restarted, SEARCHED, sent_at=at(3))) == [ChangeKind.REVIVED]


@pytest.mark.parametrize(
    "cancel",
    [
        lambda ledger: search(ledger, FOUND_CANCELLED, sent_at=at(2)),
        lambda ledger: search(ledger, FOUND_CANCELLED, sent_at=at(-1)),
        lambda ledger: push(ledger, CANCELLED, received_at=at(2)),
        lambda ledger: push(ledger, event(cancelled=True, end=61), received_at=at(2)),
        lambda ledger: search(ledger, replace(FOUND_CANCELLED, end=at(61)), sent_at=at(-1)),
    ],
)
def test_a_copy_that_says_cancelled_in_between_starts_it_over(cancel: Callable[[Ledger], Merge]) -> None:
    ledger = Ledger([pushed(CANCELLED)])
    search(ledger, SEARCHED, sent_at=at(1))
    merge = cancel(ledger)
    assert merge.changes == ()
    assert [entry.revive_read_at for entry in merge.entries] == [None]
    assert search(ledger, SEARCHED, sent_at=at(3)).changes == ()
    assert held(ledger).cancelled
    assert kinds(search(ledger, SEARCHED, sent_at=at(4))) == [ChangeKind.REVIVED]


def test_new_terms_of_a_tombstone_are_kept_and_no_news() -> None:
    ledger = Ledger([pushed(CANCELLED)])
    merge = push(ledger, event(cancelled=True, end=90), received_at=at(1))
    assert merge.changes == ()
    assert merge.entries == ledger.entries()
    assert held(ledger).end == at(90)


def test_a_communication_test_stays_one() -> None:
    ledger = Ledger()
    push(ledger, event(communication_test=True), received_at=at(0))
    assert push(ledger, event(), received_at=at(1)) == NOTHING
    assert search(ledger, SEARCHED, sent_at=at(2)) == NOTHING
    push(ledger, event(end=90), received_at=at(3))
    assert held(ledger).communication_test
    search(ledger, replace(SEARCHED, end=at(30)), sent_at=at(4))
    assert held(ledger).communication_test
    assert held(ledger).end == at(30)


def test_an_event_becomes_a_communication_test_by_any_copy() -> None:
    test = event(communication_test=True)
    ledger = Ledger([pushed()])
    assert kinds(push(ledger, test, received_at=at(1))) == [ChangeKind.UPDATED]

    late = Ledger([pushed(minute=5)])
    merge = search(late, replace(test, source=Source.POLL, end=at(90)), sent_at=at(1))
    assert merge == Merge(
        changes=(Change(kind=ChangeKind.UPDATED, entry=pushed(test, minute=5), previous=pushed(minute=5)),),
        entries=(pushed(test, minute=5),),
        reread=frozenset({KEY}),
    )

    tombstone = Ledger([pushed(CANCELLED)])
    merge = push(tombstone, test, received_at=at(1))
    assert merge.changes == ()
    assert merge.entries == (pushed(replace(CANCELLED, communication_test=True)),)
    assert tombstone.entries() == merge.entries


def test_two_steps_in_one_merge_are_one_change() -> None:
    ledger = Ledger([pushed()])
    merge = push(ledger, event(end=90, communication_test=True), received_at=at(1))
    assert [(c.kind, c.previous, c.entry.event.end) for c in merge.changes] == [
        (ChangeKind.UPDATED, pushed(), at(90)),
    ]
    assert len(merge.entries) == 1

    merge = push(ledger, event("e2"), event("e2", cancelled=True), received_at=at(1))
    assert [(c.kind, c.previous, c.entry.event.cancelled) for c in merge.changes] == [
        (ChangeKind.ADDED, None, True),
    ]
    assert [entry.event.cancelled for entry in merge.entries] == [True]

    merge = push(ledger, event(end=80), CANCELLED, received_at=at(2))
    assert kinds(merge) == [ChangeKind.CANCELLED]
    assert merge.changes[0].previous is not None
    assert merge.changes[0].previous.event.end == at(90)


def test_reviving_under_new_terms_is_one_change() -> None:
    ledger = Ledger([pushed(CANCELLED)])
    search(ledger, SEARCHED, sent_at=at(1))
    merge = search(ledger, replace(SEARCHED, communication_test=True, end=at(90)), sent_at=at(2))
    assert kinds(merge) == [ChangeKind.REVIVED]
    assert (held(ledger).communication_test, held(ledger).end) == (True, at(90))


def test_two_copies_at_odds_in_one_reply_are_read_again() -> None:
    ledger = Ledger()
    merge = search(ledger, SEARCHED, FOUND_CANCELLED, sent_at=at(0))
    assert kinds(merge) == [ChangeKind.ADDED]
    assert merge.reread == {KEY}
    assert not held(ledger).cancelled


def test_a_search_deletes_nothing() -> None:
    ledger = Ledger([pushed(), pushed(event("e2"))])
    assert search(ledger, sent_at=at(5)) == NOTHING
    assert len(ledger.entries()) == 2


def test_events_of_a_meter_come_by_start_then_id_with_tombstones() -> None:
    events = [event("b", 5), event("a", 5), event("c", 1, cancelled=True), event("x", meter_id="other")]
    ledger = Ledger(pushed(e) for e in events)
    assert [e.event_id for e in ledger.events(METER)] == ["c", "a", "b"]
    assert ledger.events("unknown") == ()
    assert [e.event.event_id for e in ledger.entries()] == ["a", "b", "c", "x"]
    assert ledger.get(("other", "x")) == pushed(events[3])
    assert ledger.get(("other", "a")) is None
    assert ledger.get(("unknown", "a")) is None


def test_forget_drops_one_meter() -> None:
    ledger = Ledger([pushed(), pushed(event("e2")), pushed(event("x", meter_id="other"))])
    assert set(ledger.forget(METER)) == {KEY, (METER, "e2")}
    assert [entry.event.event_id for entry in ledger.entries()] == ["x"]
    assert ledger.forget(METER) == ()


def test_expire_drops_what_ended_more_than_31_days_ago() -> None:
    kept = pushed(event("kept", 1, 60))
    ledger = Ledger([pushed(), pushed(event("gone", cancelled=True, end=59)), kept, pushed(event("x", meter_id="o"))])
    assert ledger.expire(at(60) + timedelta(days=31)) == ((METER, "gone"),)
    assert set(ledger.expire(at(60) + timedelta(days=31) + SECOND)) == {KEY, (METER, "kept"), ("o", "x")}
    assert ledger.entries() == ()
    push(ledger, PUSHED, received_at=at(0))
    assert ledger.entries() == (pushed(),)


def test_earliest_open_is_neither_cancelled_nor_over() -> None:
    ledger = Ledger(
        pushed(e)
        for e in (
            event("over", 0, 10),
            event("cancelled", 1, 60, cancelled=True),
            event("running", 5, 60),
            event("other", 20, 30, meter_id="other"),
        )
    )
    assert ledger.earliest_open(at(10)) == at(5)
    assert ledger.earliest_open(at(9)) == at(0)
    assert ledger.earliest_open(at(60)) is None
    assert Ledger().earliest_open(at(0)) is None


# What holds for whatever comes, in whatever order.

copies = st.builds(
    event,
    event_id=st.sampled_from(["a", "b", "c"]),
    end=st.sampled_from([60, 90]),
    cancelled=st.booleans(),
    communication_test=st.booleans(),
)
arrivals = st.lists(st.tuples(st.booleans(), copies, st.integers(0, 6)), max_size=14)
batches = st.lists(copies, max_size=3, unique_by=lambda copy: copy.key)


def arrive(ledger: Ledger, by_push: bool, copy: DispatchEvent, minute: float) -> Merge:
    """Let a copy come, by push at or by a search sent at a minute."""
    if by_push:
        return push(ledger, copy, received_at=at(minute))
    return search(ledger, replace(copy, source=Source.POLL), sent_at=at(minute))


@given(arrivals, batches, st.booleans(), st.integers(0, 6))
def test_merging_is_idempotent(before: list[Arrival], batch: list[DispatchEvent], by_push: bool, minute: int) -> None:
    ledger = Ledger()
    for arrival in before:
        arrive(ledger, *arrival)

    def merge() -> Merge:
        if by_push:
            return push(ledger, *batch, received_at=at(minute))
        return search(ledger, *batch, sent_at=at(minute))

    merge()
    once = ledger.entries()
    again = merge()
    assert (again.changes, again.entries) == ((), ())
    assert ledger.entries() == once


@given(arrivals, st.randoms())
def test_the_order_of_distinct_events_never_matters(come: list[Arrival], shuffler: random.Random) -> None:
    ledger = Ledger()
    for arrival in come:
        arrive(ledger, *arrival)
    waiting = {event_id: [a for a in come if a[1].event_id == event_id] for event_id in "abc"}
    shuffled = Ledger()
    while any(waiting.values()):
        arrive(shuffled, *waiting[shuffler.choice([e for e in "abc" if waiting[e]])].pop(0))
    assert shuffled.entries() == ledger.entries()


@given(arrivals, arrivals)
def test_a_cancelled_event_never_comes_back_by_stale_copies(before: list[Arrival], after: list[Arrival]) -> None:
    ledger = Ledger()
    for arrival in before:
        arrive(ledger, *arrival)
    push(ledger, event("a", cancelled=True), received_at=at(10))
    for by_push, copy, minute in after:
        merge = arrive(ledger, by_push, copy, minute + 20 if by_push else minute)
        assert ("a", ChangeKind.REVIVED) not in [(each.entry.event.event_id, each.kind) for each in merge.changes]
        assert ledger.events(METER)[0].event_id != "a" or ledger.events(METER)[0].cancelled
    tombstone = ledger.get((METER, "a"))
    assert tombstone is not None
    assert tombstone.event.cancelled


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 400)), max_size=10, unique_by=lambda read: read[1]))
def test_a_revival_is_two_searches_apart_with_no_cancellation_between(reads: list[tuple[bool, int]]) -> None:
    ledger = Ledger([pushed(CANCELLED, minute=-1)])
    first: int | None = None
    for alive, sent in sorted(reads, key=lambda read: read[1]):
        merge = search(ledger, SEARCHED if alive else FOUND_CANCELLED, sent_at=at(0) + sent * SECOND)
        if not alive:
            first = None
        elif first is None:
            first = sent
        if not held(ledger).cancelled:
            assert kinds(merge) == [ChangeKind.REVIVED]
            assert first is not None
            assert sent - first >= 60
            return
        assert first is None or sent - first < 60


@given(arrivals)
def test_what_the_first_copy_left_and_a_test_flag_stay(come: list[Arrival]) -> None:
    ledger = Ledger()
    first: dict[str, tuple[Source, datetime]] = {}
    tests: set[str] = set()
    for by_push, copy, minute in come:
        arrive(ledger, by_push, copy, minute)
        seen = (Source.PUSH, at(minute)) if by_push else (Source.POLL, at(minute + 0.5))
        first.setdefault(copy.event_id, seen)
        tests |= {copy.event_id} if copy.communication_test else set()
        for entry in ledger.entries():
            assert (entry.first_source, entry.first_seen) == first[entry.event.event_id]
            assert entry.event.communication_test == (entry.event.event_id in tests)


@given(arrivals)
def test_entries_on_disk_and_in_memory_say_the_same(come: list[Arrival]) -> None:
    ledger = Ledger()
    disk: dict[tuple[str, str], Entry] = {}
    for arrival in come:
        merge = arrive(ledger, *arrival)
        disk.update({entry.event.key: entry for entry in merge.entries})
        assert all(change.entry == disk[change.entry.event.key] for change in merge.changes)
    told = [(entry.event, entry.revive_read_at, entry.first_seen) for entry in Ledger(disk.values()).entries()]
    assert told == [(entry.event, entry.revive_read_at, entry.first_seen) for entry in ledger.entries()]
