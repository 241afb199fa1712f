"""What the home does about an event."""

import pytest

from custom_components.leap.dispatch.decisions import Choice, Decision, Policy, choose
from custom_components.leap.dispatch.event import DispatchEvent, Origin

from .builders import METER, at, event

COMMITTED = event()
VOLUNTARY = event(voluntary=True)
TEST = event(communication_test=True)
VOLUNTARY_TEST = event(communication_test=True, voluntary=True)
LOCAL = event(origin=Origin.MANUAL, voluntary=True)

DEFAULT = Policy()
SKIPPING = Policy(voluntary_default=Choice.SKIP)
RESPONDING = Policy(communication_tests=True)


def decided(choice: Choice | None) -> Decision:
    """Return a decision about the event."""
    return Decision(meter_id=METER, event_id="e1", choice=choice, decided_at=at(0))


@pytest.mark.parametrize(
    ("asked", "policy", "choice"),
    [
        (COMMITTED, DEFAULT, Choice.JOIN),
        (COMMITTED, SKIPPING, Choice.JOIN),
        (VOLUNTARY, DEFAULT, Choice.JOIN),
        (VOLUNTARY, SKIPPING, Choice.SKIP),
        (TEST, DEFAULT, Choice.SKIP),
        (TEST, RESPONDING, Choice.JOIN),
        (VOLUNTARY_TEST, DEFAULT, Choice.SKIP),
        (VOLUNTARY_TEST, RESPONDING, Choice.JOIN),
        (VOLUNTARY_TEST, Policy(voluntary_default=Choice.SKIP, communication_tests=True), Choice.SKIP),
        (LOCAL, SKIPPING, Choice.JOIN),
    ],
)
def test_policy_where_nobody_decided(asked: DispatchEvent, policy: Policy, choice: Choice) -> None:
    assert choose(asked, None, policy) is choice
    assert choose(asked, decided(None), policy) is choice


@pytest.mark.parametrize("asked", [COMMITTED, VOLUNTARY, TEST, LOCAL])
@pytest.mark.parametrize("choice", list(Choice))
def test_the_homes_own_word_comes_first(asked: DispatchEvent, choice: Choice) -> None:
    assert choose(asked, decided(choice), SKIPPING) is choice


def test_a_decision_names_its_event_and_leaves_loads_in() -> None:
    assert decided(None).key == event().key
    assert decided(None).loads_out == frozenset()
