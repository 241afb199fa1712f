"""The simulated home: a device's truth, whoever asks."""

from typing import Any

import pytest

from sandbox.simulated_home.devices import DeviceError
from sandbox.simulated_home.server import Home

LIVING_ROOM = {"id": "living_room", "name": "Living room", "kind": "thermostat"}


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(clock: Clock) -> Home:
    home = Home(clock=clock)
    home.add(LIVING_ROOM)
    return home


def test_a_command_changes_the_device_and_is_logged(home: Home) -> None:
    device = home.command("living_room", {"target_temperature": 24.74}, "home_assistant")
    assert device.state["target_temperature"] == 24.5
    assert [(line["by"], line["set"], line["before"]) for line in home.log] == [
        ("home_assistant", {"target_temperature": 24.74}, {"target_temperature": 23.0})
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"target_temperature": 90.0},
        {"target_temperature": "warm"},
        {"target_temperature": 25.0, "hvac_mode": "dry"},
        {"colour": "blue"},
    ],
)
def test_a_refused_command_changes_nothing_and_is_logged(home: Home, values: dict[str, Any]) -> None:
    with pytest.raises(DeviceError):
        home.command("living_room", values, "home_assistant")
    assert home.get("living_room").state["target_temperature"] == 23.0
    assert home.log[-1]["refused"]


@pytest.mark.parametrize(
    ("kind", "off", "refused"),
    [
        ("water_heater", {"operation_mode": "off"}, {"operation_mode": "boost"}),
        ("switch", {"on": False}, {"on": "off"}),
    ],
)
def test_other_kinds_draw_power_until_they_are_off(
    home: Home, clock: Clock, kind: str, off: dict[str, Any], refused: dict[str, Any]
) -> None:
    home.add({"id": "one", "name": "One", "kind": kind})
    clock.now = 60
    assert home.get("one").state["power_kw"] > 0
    with pytest.raises(DeviceError):
        home.command("one", refused, "home_assistant")
    assert home.command("one", off, "home_assistant").state["power_kw"] == 0


def test_water_is_heated_to_its_target_and_cools_when_off(home: Home, clock: Clock) -> None:
    home.add({"id": "tank", "name": "Tank", "kind": "water_heater"})
    clock.now = 600
    heated = home.get("tank").state["water_temperature"]
    assert heated > 52
    home.command("tank", {"operation_mode": "off"}, "home_assistant")
    clock.now = 7200
    assert home.get("tank").state["water_temperature"] < heated


def test_a_device_that_is_away_takes_no_command(home: Home) -> None:
    home.get("living_room").away = True
    with pytest.raises(DeviceError):
        home.command("living_room", {"target_temperature": 25.0}, "home_assistant")
    assert home.get("living_room").state["target_temperature"] == 23.0


def test_a_raised_set_point_stops_the_cooling_and_the_room_warms(home: Home, clock: Clock) -> None:
    assert home.get("living_room").state["room_temperature"] == pytest.approx(23.4)
    clock.now = 60
    cooling = home.get("living_room").state
    assert cooling["power_kw"] == 3.0
    assert cooling["room_temperature"] < 23.4
    cooled = cooling["room_temperature"]
    assert home.command("living_room", {"target_temperature": 26.0}, "home_assistant").state["power_kw"] == 0
    clock.now = 660
    assert home.get("living_room").state["room_temperature"] > cooled
