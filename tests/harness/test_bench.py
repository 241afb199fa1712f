"""The bench's arithmetic."""

import json

import pytest

from scripts.harness.bench import LargePush, is_ours, ratios
from scripts.harness.statistics import Summary, summarize


def summary(median_ms: float, p99_ms: float) -> Summary:
    """Return a summary."""
    return Summary(median_ms=median_ms, p99_ms=p99_ms, samples=1)


def test_median_and_p99() -> None:
    assert summarize([number / 1000 for number in range(1, 101)]) == Summary(median_ms=50.5, p99_ms=99.0, samples=100)
    assert summarize([0.003]) == Summary(median_ms=3.0, p99_ms=3.0, samples=1)


def test_ours_is_held_against_the_automation_and_one_write() -> None:
    push = {"ours": summary(6, 40), "yaml_automation": summary(3, 15), "durable_write": summary(1, 5)}
    large = {"ours": summary(20, 30), "yaml_automation": summary(80, 60)}
    assert ratios(push, large) == {
        "push_to_setpoint_ratio": 1.5,
        "push_to_setpoint_ratio_p99": 2.0,
        "large_push_ack_ratio": 0.25,
        "large_push_ack_ratio_p99": 0.5,
    }


def test_a_large_push_holds_two_meters_of_ours_that_change_each_time() -> None:
    large = LargePush(["mine-1", "mine-2"])
    first, second = json.loads(large.body(1)), json.loads(large.body(2))
    assert len(first["meter_dispatches"]) == 2000
    assert 2.8e6 < len(large.body(1)) < 3.0e6
    asked = [
        [each["timeslots"][0]["energy_kw"] for each in push["meter_dispatches"] if each["meter_id"].startswith("mine")]
        for push in (first, second)
    ]
    assert asked == [[1.01, 1.01], [1.02, 1.02]]


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("aiohttp.web_protocol:RequestHandler._handle_request", True),
        ("custom_components.leap.coordinator:DispatchCoordinator._act", True),
        ("custom_components.leap_bench.climate:StampedThermostat", False),
        ("homeassistant.components.recorder.core:Recorder", False),
    ],
)
def test_whose_step_it_is(name: str, ours: bool) -> None:
    assert is_ours(name) is ours
