"""One meter's events, decisions and policy, resolved."""

from hypothesis import given

from custom_components.leap.dispatch.decisions import Choice, Decision, Policy
from custom_components.leap.dispatch.event import DispatchEvent
from custom_components.leap.dispatch.schedule import Schedule

from .builders import METER, at, event, timetables, walk


def decided(event_id: str, choice: Choice | None = None, loads_out: frozenset[str] = frozenset()) -> Decision:
    """Return a decision about an event."""
    return Decision(meter_id=METER, event_id=event_id, choice=choice, loads_out=loads_out, decided_at=at(0))


def test_only_joined_events_that_take_time_give_an_instruction() -> None:
    events = [
        event("joined", 0, 10),
        event("skipped", 20, 30, voluntary=True),
        event("out", 40, 50),
        event("cancelled", 60, 70, cancelled=True),
        event("test", 80, 90, communication_test=True),
        event("nothing", 100, 100),
    ]
    schedule = Schedule(reversed(events), [decided("out", Choice.OPTED_OUT)], Policy(voluntary_default=Choice.SKIP))
    assert schedule.events == tuple(events)
    assert [s.event.event_id for s in schedule.timeline.segments] == ["joined"]
    assert [schedule.choice(e) for e in events[:3]] == [Choice.JOIN, Choice.SKIP, Choice.OPTED_OUT]
    active = schedule.active(at(0))
    assert active is not None
    assert active.event == events[0]
    assert schedule.active(at(10)) is None


def test_next_is_the_first_joined_event_that_starts_later() -> None:
    first, second = event("first", 10, 20), event("second", 20, 30)
    schedule = Schedule([second, first, event("no", 5, 6, voluntary=True)], [], Policy(voluntary_default=Choice.SKIP))
    assert schedule.next(at(0)) == first
    assert schedule.next(at(10)) == second
    assert schedule.next(at(20)) is None
    assert schedule.current_or_next(at(0)) == first
    assert schedule.current_or_next(at(19)) == first
    assert schedule.current_or_next(at(20)) == second
    assert schedule.current_or_next(at(30)) is None


def test_of_events_that_start_together_the_one_that_will_give_the_instruction_is_next() -> None:
    schedule = Schedule([event("a", 10, 20, priority=2), event("b", 10, 20, priority=1)], [], Policy())
    upcoming = schedule.next(at(0))
    assert upcoming is not None
    assert upcoming.event_id == "b"


def test_opted_out_is_told_while_the_event_runs_and_would_have_been_joined() -> None:
    out, skipped = event("out", 10, 20), event("skipped", 10, 30, voluntary=True)
    cancelled = event("gone", 10, 40, cancelled=True)
    decisions = [decided(e.event_id, Choice.OPTED_OUT) for e in (out, skipped, cancelled)]
    schedule = Schedule([out, skipped, cancelled], decisions, Policy(voluntary_default=Choice.SKIP))
    assert schedule.opted_out(at(9)) is None
    assert schedule.opted_out(at(10)) == out
    assert schedule.opted_out(at(19)) == out
    assert schedule.opted_out(at(20)) is None


def test_a_load_sits_out_the_whole_chain_and_no_more() -> None:
    events = [event("a", 0, 10), event("b", 10, 20), event("c", 15, 30), event("later", 31, 40)]
    schedule = Schedule(events, [decided("b", loads_out=frozenset({"hall"})), decided("c")], Policy())
    assert [schedule.load_out("hall", at(t)) for t in (0, 15, 29, 30, 35)] == [True, True, True, False, False]
    assert not schedule.load_out("attic", at(15))


def test_an_event_opted_out_of_breaks_the_chain() -> None:
    events = [event("a", 0, 10), event("b", 10, 20), event("c", 20, 30)]
    decisions = [decided("a", loads_out=frozenset({"hall"})), decided("b", Choice.OPTED_OUT)]
    schedule = Schedule(events, decisions, Policy())
    assert [schedule.load_out("hall", at(t)) for t in (5, 15, 25)] == [True, False, False]


def test_next_change_tells_starts_and_ends_of_all_but_cancelled_events() -> None:
    events = [
        event("joined", 10, 30),
        event("skipped", 20, 40, voluntary=True),
        event("cancelled", 15, 25, cancelled=True),
        event("nothing", 35, 35),
    ]
    schedule = Schedule(events, [], Policy(voluntary_default=Choice.SKIP))
    assert list(walk(schedule.next_change, at(0))) == [at(10), at(20), at(30), at(40)]


@given(timetables())
def test_instructions_change_at_told_boundaries_alone(events: list[DispatchEvent]) -> None:
    schedule = Schedule(events, [], Policy(voluntary_default=Choice.SKIP))
    changes = set(walk(schedule.next_change, at(-10)))
    for segment in schedule.timeline.segments:
        assert {segment.start, segment.end} <= changes
