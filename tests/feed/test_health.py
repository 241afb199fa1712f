"""Whether push can be relied on."""

from datetime import timedelta

import pytest

from custom_components.leap.health import Proof, PushHealth

from .conftest import NOW

KEY = ("meter", "event")
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def own_folder() -> None:
    """Pure functions need no folder."""


@pytest.fixture(autouse=True)
def frozen() -> None:
    """Nor a clock."""


@pytest.fixture(autouse=True)
def actuator() -> None:
    """Nor an actuator."""


@pytest.fixture(autouse=True)
def controller() -> None:
    """Nor a controller."""


def test_registered_push_is_healthy_as_long_as_the_url_is_ours() -> None:
    """Unknown before Leap was asked."""
    health = PushHealth(Proof.REGISTRATION, NOW)
    assert health.healthy(NOW) is None
    health.registered = True
    assert health.healthy(NOW) is True
    health.registered = False
    assert health.healthy(NOW) is False


def test_manual_push_is_unknown_until_the_first_one() -> None:
    """Nobody but the user knows what stands at Leap."""
    health = PushHealth(Proof.FIRST_PUSH, NOW)
    assert health.healthy(NOW + timedelta(days=1)) is None
    health.note_push((), NOW)
    assert health.healthy(NOW + timedelta(days=30)) is True


def test_an_event_that_only_the_search_brings_makes_push_unhealthy() -> None:
    """Three minutes after the search has shown it; the next good push mends it."""
    health = PushHealth(Proof.REGISTRATION, NOW)
    health.registered = True
    health.note_found([KEY], NOW)
    assert health.healthy(NOW + 2 * MINUTE) is True
    assert health.healthy(NOW + 3 * MINUTE) is False
    assert health.healthy(NOW + 9 * MINUTE) is False
    health.note_push((), NOW + 10 * MINUTE)
    assert health.healthy(NOW + 10 * MINUTE) is True


def test_a_push_within_three_minutes_is_in_time() -> None:
    """The search was just quicker."""
    health = PushHealth(Proof.REGISTRATION, NOW)
    health.registered = True
    health.note_found([KEY], NOW)
    health.note_push([KEY], NOW + MINUTE)
    assert health.healthy(NOW + 5 * MINUTE) is True


def test_a_failed_test_makes_push_unhealthy() -> None:
    """Until something does arrive."""
    health = PushHealth(Proof.REGISTRATION, NOW)
    health.registered = True
    health.note_failed_test()
    assert health.healthy(NOW) is False
    health.note_push((), NOW)
    assert health.healthy(NOW) is True


def test_a_relay_s_heartbeat_must_come_every_quarter_of_an_hour() -> None:
    """The first one has that long too."""
    health = PushHealth(Proof.HEARTBEAT, NOW)
    assert health.healthy(NOW + 15 * MINUTE) is None
    assert health.healthy(NOW + 16 * MINUTE) is False
    health.note_push((), NOW + 17 * MINUTE)
    assert health.healthy(NOW + 32 * MINUTE) is True
    assert health.healthy(NOW + 33 * MINUTE) is False


def test_no_push_has_no_health() -> None:
    """Nothing is expected, so nothing is missing."""
    health = PushHealth(Proof.NONE, NOW)
    health.note_push((), NOW)
    assert health.healthy(NOW) is None
