"""When the guard asks, and for which span."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.leap.cadence import AHEAD, SPAN, back_off, batches, interval, window

from .conftest import NOW

DAY = timedelta(days=1)


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


@pytest.mark.parametrize(
    ("last_good", "earliest_open", "start"),
    [
        (None, None, NOW - DAY),
        (NOW - timedelta(minutes=1), None, NOW - DAY),
        (NOW - 3 * DAY, None, NOW - 3 * DAY),
        (NOW - timedelta(minutes=1), NOW - 2 * DAY, NOW - 2 * DAY),
        (NOW - 400 * DAY, None, NOW - 24 * DAY),
    ],
)
def test_window_reaches_back_to_what_may_be_missing(last_good: Any, earliest_open: Any, start: Any) -> None:
    """The earliest of 24 h ago, the last good search and the earliest open event, 31 days long."""
    assert window(NOW, last_good=last_good, earliest_open=earliest_open, ahead=SPAN) == (start, start + SPAN)


@pytest.mark.parametrize("ahead", AHEAD[1:])
def test_window_s_future_shrinks(ahead: timedelta) -> None:
    """A shorter look ahead moves the end alone."""
    assert window(NOW, last_good=None, earliest_open=None, ahead=ahead) == (NOW - DAY, NOW + ahead)


@pytest.mark.parametrize(
    ("healthy", "regions", "seconds"),
    [
        (True, ["NYISO", "ERCOT"], 300),
        (True, ["NYISO", "CAISO"], 60),
        (True, ["NYISO", "caiso"], 60),
        (True, ["NYISO", None], 60),
        (False, ["NYISO"], 60),
        (None, ["NYISO"], 60),
    ],
)
def test_interval(healthy: Any, regions: Any, seconds: float) -> None:
    """Five minutes only while push is healthy and no meter depends on search."""
    assert interval(push_healthy=healthy, regions=regions) == seconds


def test_back_off_doubles_up_to_a_quarter_of_an_hour() -> None:
    """What Leap asks for comes first, within reason."""
    waits = [60.0]
    for _ in range(6):
        waits.append(back_off(waits[-1], None))
    assert waits == [60, 120, 240, 480, 900, 900, 900]
    assert back_off(60, 200) == 200
    assert back_off(60, 1) == 60
    assert back_off(60, 86_400) == 3600


def test_batches_share_searches_within_31_days() -> None:
    """A day to each side, and never more than Leap takes."""
    hour = timedelta(hours=1)
    spans = {
        ("m", "a"): (NOW, NOW + hour),
        ("m", "b"): (NOW + 5 * DAY, NOW + 6 * DAY),
        ("m", "c"): (NOW + 40 * DAY, NOW + 40 * DAY + hour),
        ("m", "d"): (NOW + 90 * DAY, NOW + 190 * DAY),
    }
    found = batches(spans)
    assert found == [
        ((NOW - DAY, NOW + 7 * DAY), [("m", "a"), ("m", "b")]),
        ((NOW + 39 * DAY, NOW + 41 * DAY + hour), [("m", "c")]),
        ((NOW + 89 * DAY, NOW + 120 * DAY), [("m", "d")]),
    ]
