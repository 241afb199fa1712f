"""Every thermostat of the device zoo: what we send, or why nothing, and that it comes back."""

import json
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util.unit_system import METRIC_SYSTEM, US_CUSTOMARY_SYSTEM
import pytest

from custom_components.leap.curtailment.actuator import Actuator
from custom_components.leap.curtailment.status import LoadState

from .conftest import ENDS, METER, WIDE, ZOO, MakeClimate, make_load, settle, zoo

RANGE = ("target_temp_low", "target_temp_high")

SENT: list[tuple[str, int, str, dict[str, float]]] = [
    ("homee_heat_only", 0, "C", {"temperature": 18.0}),
    ("homee_heat_only", 1, "C", {"temperature": 22.0}),
    ("matter_eve_thermo", 0, "C", {"temperature": 15.0}),
    ("matter_eve_thermo", 1, "C", {"temperature": 15.5}),
    ("matter_heat_cool", 0, "C", {"target_temp_low": 18.0, "target_temp_high": 28.0}),
    ("nest_range", 0, "C", {"target_temp_low": 20.0, "target_temp_high": 30.0}),
    ("netatmo_valve", 1, "C", {"temperature": 20.0}),
    ("tado_air_conditioning", 0, "C", {"temperature": 19.0}),
    ("tado_baseboard", 0, "C", {"temperature": 19.0}),
    ("tuya_unavailable", 1, "C", {"temperature": 33.0}),
    ("zwave_ct100", 0, "C", {"temperature": 20.2}),
    ("zwave_danfoss", 0, "C", {"temperature": 23.0}),
    # the same shapes shown by a home in Fahrenheit: 2 K are 3.6 °F
    ("nest_range", 0, "F", {"target_temp_low": 69.0, "target_temp_high": 85.0}),
    ("matter_heat_cool", 0, "F", {"target_temp_low": 65.0, "target_temp_high": 82.0}),
    ("zwave_ct100", 0, "F", {"temperature": 69.0}),
    ("zwave_danfoss", 0, "F", {"temperature": 74.0}),
    ("homee_heat_only", 0, "F", {"temperature": 64.4}),
]

LEFT_ALONE: list[tuple[str, int, str, LoadState, str]] = [
    ("ecobee", 0, "F", LoadState.FAILED, "range_swapped"),
    ("ecobee", 0, "C", LoadState.FAILED, "range_swapped"),
    ("generic_thermostat", 0, "C", LoadState.NOT_NEEDED, "no_room"),
    ("hilo_thermostat", 0, "C", LoadState.UNAVAILABLE, "unavailable"),
    ("honeywell_tcc", 0, "C", LoadState.UNAVAILABLE, "unavailable"),
    ("matter_room_ac", 0, "C", LoadState.NOT_NEEDED, "off"),
    ("nest_off", 0, "C", LoadState.NOT_NEEDED, "off"),
    ("netatmo_valve", 0, "C", LoadState.NOT_NEEDED, "no_room"),
    ("sensibo_pure_fan_only", 0, "C", LoadState.NOT_NEEDED, "off"),
    ("sensibo_pure_fan_only", 1, "C", LoadState.NOT_NEEDED, "off"),
    ("smartthings_ac", 0, "C", LoadState.NOT_NEEDED, "off"),
    ("tuya_mini_split", 0, "C", LoadState.NOT_NEEDED, "off"),
    ("tuya_mini_split", 1, "C", LoadState.FAILED, "mixed_units"),
    ("tuya_mini_split", 1, "F", LoadState.FAILED, "mixed_units"),
    ("tuya_no_modes", 0, "C", LoadState.UNAVAILABLE, "unavailable"),
    ("tuya_no_modes", 1, "C", LoadState.NOT_NEEDED, "no_target"),
    ("tuya_unavailable", 0, "C", LoadState.UNAVAILABLE, "unavailable"),
]

SWITCHED: list[tuple[str, int, str, dict[str, Any], dict[str, float] | str]] = [
    ("smartthings_ac", 0, "cool", {}, {"temperature": 27.0}),
    ("smartthings_ac", 0, "heat", {}, {"temperature": 23.0}),
    ("smartthings_ac", 0, "heat_cool", {}, "direction_unknown"),
    ("smartthings_ac", 0, "heat_cool", {"current_temperature": 27}, {"temperature": 27.0}),
    ("smartthings_ac", 0, "heat_cool", {"current_temperature": 22}, {"temperature": 23.0}),
    ("smartthings_ac", 0, "heat_cool", {"current_temperature": None}, "direction_unknown"),
    ("matter_room_ac", 0, "heat_cool", {"hvac_action": "cooling"}, {"temperature": 22.0}),
    ("matter_room_ac", 0, "heat_cool", {"hvac_action": "preheating"}, {"temperature": 18.0}),
    ("matter_room_ac", 0, "dry", {}, "dry"),
    ("matter_room_ac", 0, "fan_only", {}, "fan_only"),
    ("tuya_mini_split", 0, "cool", {}, "mixed_units"),
    ("honeywell_tcc", 0, "heat_cool", {}, "no_target"),
    ("honeywell_tcc", 0, "heat", {"temperature": 20.0}, "target_out_of_range"),
    ("nest_range", 0, "heat_cool", {"target_temp_low": None, "preset_mode": "eco"}, "no_target"),
    ("nest_range", 0, "cool", {"temperature": 24.0}, {"temperature": 26.0}),
    ("matter_heat_cool", 0, "heat_cool", {"supported_features": 385, "temperature": 20.0}, {"temperature": 18.0}),
    ("tado_air_conditioning", 0, "cool", {"hvac_modes": ["off", "cool"], "temperature": 30.5}, "no_room_to_31"),
]


def shown_in(entity: dict[str, Any], system: str) -> dict[str, Any]:
    """Return the attributes as a home shows them: °F are whole unless the device has tenths."""
    attributes = dict(entity["attributes"])
    if system == "C":
        return attributes
    for key in ("temperature", *RANGE, "current_temperature", "min_temp", "max_temp"):
        if isinstance(attributes.get(key), int | float):
            attributes[key] = round(attributes[key] * 9 / 5 + 32)
    return attributes


def use(hass: HomeAssistant, system: str) -> None:
    """Choose the home's units."""
    hass.config.units = METRIC_SYSTEM if system == "C" else US_CUSTOMARY_SYSTEM


def test_the_whole_zoo_is_in_the_tables() -> None:
    """A new file of the zoo needs an expectation."""
    expected = {(name, index) for name, index, *_ in [*SENT, *LEFT_ALONE]}
    assert expected == {
        (file.stem.removeprefix("climate_"), index)
        for file in ZOO.glob("climate_*.json")
        for index in range(len(json.loads(file.read_text(encoding="utf-8"))["entities"]))
    }


@pytest.mark.parametrize(("name", "index", "system", "sent"), SENT)
async def test_sent_and_comes_back(
    home: HomeAssistant,
    make_climate: MakeClimate,
    actuator: Actuator,
    name: str,
    index: int,
    system: str,
    sent: dict[str, float],
) -> None:
    """What is sent saves, and what was there before comes back to the digit."""
    use(home, system)
    entity = zoo(name, index)
    climate = make_climate(entity["state"], **shown_in(entity, system))
    before = home.states.get(climate.entity_id)
    load = make_load(climate, "load", **WIDE)

    status = await actuator.async_curtail(load, METER, ENDS)
    assert climate.calls == [("set_temperature", sent)]
    assert status.state is LoadState.CURTAILED

    await actuator.async_release([load.load_id])
    await settle(home)
    after = home.states.get(climate.entity_id)
    assert before is not None
    assert after is not None
    assert (after.state, after.attributes) == (before.state, before.attributes)
    assert actuator.records == ()
    assert len(climate.calls) == 2


@pytest.mark.parametrize(("name", "index", "system", "state", "reason"), LEFT_ALONE)
async def test_left_alone(
    home: HomeAssistant,
    make_climate: MakeClimate,
    actuator: Actuator,
    name: str,
    index: int,
    system: str,
    state: LoadState,
    reason: str,
) -> None:
    """Nothing is sent and nothing is written down, with the reason said."""
    use(home, system)
    entity = zoo(name, index)
    climate = make_climate(entity["state"] or "unknown", **entity["attributes"])
    status = await actuator.async_curtail(make_load(climate, "load", **WIDE), METER, ENDS)
    assert (status.state, status.reason) == (state, reason)
    assert climate.calls == []
    assert actuator.records == ()


@pytest.mark.parametrize(("name", "index", "state", "attributes", "expected"), SWITCHED)
async def test_in_other_modes(
    make_climate: MakeClimate,
    actuator: Actuator,
    name: str,
    index: int,
    state: str,
    attributes: dict[str, Any],
    expected: dict[str, float] | str,
) -> None:
    """The shapes of the zoo in modes they offer, one target or a range."""
    climate = make_climate(state, **{**zoo(name, index)["attributes"], **attributes})
    limits = dict(WIDE)
    if expected == "no_room_to_31":
        limits["offset"], expected = 5.0, {"temperature": 31.0}
    status = await actuator.async_curtail(make_load(climate, "load", **limits), METER, ENDS)
    if isinstance(expected, str):
        assert (climate.calls, status.reason) == ([], expected)
    else:
        assert climate.calls == [("set_temperature", expected)]
        assert status.state is LoadState.CURTAILED


@pytest.mark.parametrize(
    ("state", "targets", "limits", "sent"),
    [
        ("heat", {"temperature": 20.0}, {"min_temp": 18.3}, {"temperature": 18.5}),
        ("heat", {"temperature": 18.0}, {"min_temp": 18.3}, None),
        ("heat", {"temperature": 17.0}, {"min_temp": 18.0}, None),
        ("cool", {"temperature": 24.0}, {"max_temp": 25.2}, {"temperature": 25.0}),
        ("cool", {"temperature": 26.0}, {"max_temp": 25.0}, None),
        (
            "heat_cool",
            {"target_temp_low": 18.0, "target_temp_high": 24.0},
            {"min_temp": 18.0, "max_temp": 28.0},
            {"target_temp_low": 18.0, "target_temp_high": 26.0},
        ),
        ("heat_cool", {"target_temp_low": 18.0, "target_temp_high": 24.0}, {"min_temp": 18.0, "max_temp": 24.0}, None),
    ],
)
async def test_comfort_limits(
    make_climate: MakeClimate,
    actuator: Actuator,
    state: str,
    targets: dict[str, float],
    limits: dict[str, float],
    sent: dict[str, float] | None,
) -> None:
    """A target stops inside the home's limits, and one beyond them is never moved back."""
    climate = make_climate(state, target_temp_step=0.5, **targets)
    await actuator.async_curtail(make_load(climate, "load", offset=2.0, **limits), METER, ENDS)
    assert climate.calls == ([] if sent is None else [("set_temperature", sent)])


async def test_preset_that_decides_the_target(
    home: HomeAssistant, make_climate: MakeClimate, actuator: Actuator
) -> None:
    """A device that leaves its preset for a target gets the preset back, and with it the target."""
    entity = zoo("netatmo_valve", 1)
    climate = make_climate(entity["state"], **entity["attributes"])
    climate.behave = lambda service, data: (
        {**data, "preset_mode": None} if service == "set_temperature" else {**data, "temperature": 22}
    )
    load = make_load(climate)
    await actuator.async_curtail(load, METER, ENDS)
    assert climate.attributes["preset_mode"] is None
    await actuator.async_release([load.load_id])
    await settle(home)
    assert climate.calls[1:] == [("set_preset_mode", {"preset_mode": "schedule"})]
    assert climate.targets == (22,)
    assert actuator.records == ()
