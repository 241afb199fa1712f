"""Water heaters: another mode or a lower target in an event, and both come back."""

from datetime import timedelta
import json
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.unit_system import METRIC_SYSTEM, US_CUSTOMARY_SYSTEM
import pytest

from custom_components.leap.curtailment.actuator import Actuator
from custom_components.leap.curtailment.status import LoadState, LoadStatus, Signal

from .conftest import ENDS, METER, ZOO, Restart, Wait, settle
from .devices import Device, heated, load_of, make_device, zoo_entities

AOSMITH = "water_heater.my_water_heater"
MATTER = "water_heater.water_heater"
COZYTOUCH = "water_heater.my_home_patio_water_heating"
EHS_OFF = "water_heater.heat_pump"
EHS = "water_heater.warmepumpe"
CURTAILED = LoadStatus(LoadState.CURTAILED)
OPTED_OUT = LoadStatus(LoadState.OPTED_OUT, "external_change")

SENT: list[tuple[str, str, dict[str, Any], tuple[str, dict[str, Any]]]] = [
    (AOSMITH, "F", {"event_mode": "eco"}, ("set_operation_mode", {"operation_mode": "eco"})),
    (AOSMITH, "F", {"event_temp": 45.0}, ("set_temperature", {"temperature": 113.0})),
    (AOSMITH, "F", {"event_temp": 45.1}, ("set_temperature", {"temperature": 114.0})),
    (AOSMITH, "F", {"event_temp": 20.0}, ("set_temperature", {"temperature": 95.0})),
    (MATTER, "C", {"event_mode": "off"}, ("set_operation_mode", {"operation_mode": "off"})),
    (MATTER, "C", {"event_temp": 30.0}, ("set_temperature", {"temperature": 40.0})),
    (MATTER, "C", {"event_temp": 45.0, "min_temp": 48.0}, ("set_temperature", {"temperature": 48.0})),
    (COZYTOUCH, "C", {"event_mode": "auto"}, ("set_operation_mode", {"operation_mode": "auto"})),
    (COZYTOUCH, "C", {"event_temp": 45.0}, ("set_temperature", {"temperature": 50.0})),
    (COZYTOUCH, "C", {"event_temp": 52.34}, ("set_temperature", {"temperature": 52.4})),
    (EHS, "C", {"event_mode": "eco"}, ("set_operation_mode", {"operation_mode": "eco"})),
    (EHS, "C", {"event_temp": 35.0}, ("set_temperature", {"temperature": 40.0})),
]

LEFT_ALONE: list[tuple[str, str, dict[str, Any], dict[str, Any], LoadStatus]] = [
    (EHS_OFF, "C", {"event_mode": "eco"}, {}, LoadStatus(LoadState.NOT_NEEDED, "off")),
    (EHS_OFF, "C", {"event_temp": 40.0}, {}, LoadStatus(LoadState.NOT_NEEDED, "off")),
    (EHS, "C", {"event_mode": "standard"}, {}, LoadStatus(LoadState.NOT_NEEDED, "same_mode")),
    (EHS, "C", {"event_mode": "vacation"}, {}, LoadStatus(LoadState.FAILED, "mode_not_offered")),
    (EHS, "C", {"event_temp": 40.0}, {"away_mode": "on"}, LoadStatus(LoadState.NOT_NEEDED, "away")),
    (EHS, "C", {"event_temp": 52.0}, {}, LoadStatus(LoadState.NOT_NEEDED, "no_room")),
    (EHS, "C", {"event_temp": 45.0, "min_temp": 60.0}, {}, LoadStatus(LoadState.NOT_NEEDED, "no_room")),
    (EHS, "C", {"event_temp": 45.0}, {"temperature": None}, LoadStatus(LoadState.NOT_NEEDED, "no_target")),
    (EHS, "C", {"event_temp": 45.0}, {"supported_features": 2}, LoadStatus(LoadState.NOT_NEEDED, "no_target")),
    (EHS, "C", {"event_mode": "off", "min_temp": 50.0}, {}, LoadStatus(LoadState.NOT_NEEDED, "comfort")),
    (MATTER, "C", {"event_mode": "auto"}, {}, LoadStatus(LoadState.FAILED, "mode_not_offered")),
    (COZYTOUCH, "C", {"event_mode": "off"}, {}, LoadStatus(LoadState.FAILED, "mode_not_offered")),
    (AOSMITH, "F", {"event_mode": "off"}, {}, LoadStatus(LoadState.FAILED, "mode_not_offered")),
    (AOSMITH, "C", {"event_temp": 45.0}, {}, LoadStatus(LoadState.FAILED, "mixed_units")),
]


def of_the_zoo(hass: HomeAssistant, entity_id: str, system: str = "C", **changes: Any) -> Device:
    """Make a water heater of the zoo in a home of metric or US units."""
    hass.config.units = METRIC_SYSTEM if system == "C" else US_CUSTOMARY_SYSTEM
    entity = zoo_entities("water_heater_*.json")[entity_id]
    return make_device(hass, "water_heater", entity["state"], **{**entity["attributes"], **changes})


@pytest.fixture
def heater(home: HomeAssistant) -> Device:
    """Make a water heater with modes and a target of 60 °C."""
    return of_the_zoo(home, COZYTOUCH)


def test_the_whole_zoo_is_in_the_tables() -> None:
    """A new file of the zoo needs an expectation."""
    files = list(ZOO.glob("water_heater_*.json"))
    entities = [each["entity_id"] for file in files for each in json.loads(file.read_text("utf-8"))["entities"]]
    assert sorted(entities) == sorted({row[0] for row in SENT} | {row[0] for row in LEFT_ALONE})


@pytest.mark.parametrize(("entity_id", "system", "limits", "sent"), SENT)
async def test_sent_and_comes_back(
    home: HomeAssistant,
    actuator: Actuator,
    entity_id: str,
    system: str,
    limits: dict[str, Any],
    sent: tuple[str, dict[str, Any]],
) -> None:
    """One command saves, and what was there before comes back to the digit."""
    heater = of_the_zoo(home, entity_id, system)
    before = home.states.get(heater.entity_id)
    assert await actuator.async_curtail(load_of(heater, **limits), METER, ENDS) == CURTAILED
    assert heater.calls == [sent]
    await actuator.async_release(["load"])
    await settle(home)
    after = home.states.get(heater.entity_id)
    assert before is not None
    assert after is not None
    assert (after.state, after.attributes) == (before.state, before.attributes)
    assert len(heater.calls) == 2
    assert actuator.records == ()


@pytest.mark.parametrize(("entity_id", "system", "limits", "changes", "status"), LEFT_ALONE)
async def test_left_alone(
    home: HomeAssistant,
    actuator: Actuator,
    entity_id: str,
    system: str,
    limits: dict[str, Any],
    changes: dict[str, Any],
    status: LoadStatus,
) -> None:
    """Nothing is sent and nothing is written down, with the reason said."""
    heater = of_the_zoo(home, entity_id, system, **changes)
    assert await actuator.async_curtail(load_of(heater, **limits), METER, ENDS) == status
    assert heater.calls == []
    assert actuator.records == ()


async def test_heater_without_modes(home: HomeAssistant, actuator: Actuator) -> None:
    """A heater that knows no modes has no state but unknown, and is lowered all the same."""
    heater = make_device(home, "water_heater", "unknown", temperature=60.0, supported_features=1)
    heater.write("unavailable")
    signals: list[Signal] = []
    actuator.add_listener(lambda signal, load_id, record: signals.append(signal))
    await actuator.async_adopt(["load"])
    load = load_of(heater, event_temp=50.0)
    assert (await actuator.async_curtail(load, METER, ENDS)).state is LoadState.UNAVAILABLE
    heater.write("unknown")
    await settle(home)
    assert Signal.RETURNED in signals
    assert await actuator.async_curtail(load, METER, ENDS) == CURTAILED
    assert heater.shown == ("unknown", 50.0)
    await actuator.async_release(["load"])
    assert heater.shown == ("unknown", 60.0)
    assert actuator.records == ()


async def test_mode_that_is_not_known_yet(home: HomeAssistant, actuator: Actuator) -> None:
    """A heater with modes is waited for until it tells its own, at the start and at the end."""
    heater = of_the_zoo(home, EHS)
    heater.write("unknown")
    load = load_of(heater, event_mode="off")
    assert (await actuator.async_curtail(load, METER, ENDS)).state is LoadState.UNAVAILABLE
    heater.write("standard")
    await actuator.async_curtail(load, METER, ENDS)
    heater.write("unknown")
    await actuator.async_release(["load"])
    assert actuator.status("load") == LoadStatus(LoadState.RESTORING, "unavailable")
    heater.write("off")
    await settle(home)
    assert heater.shown == ("standard", 52)


async def test_target_that_came_with_the_mode(
    home: HomeAssistant, actuator: Actuator, heater: Device, wait: Wait
) -> None:
    """A device that keeps the target of the event's mode gets its own after the mode."""
    heater.behave = lambda service, data: (
        ("auto", {"temperature": 52.0}) if data.get("operation_mode") == "auto" else heated(service, data)
    )
    await actuator.async_curtail(load_of(heater, event_mode="auto"), METER, ENDS)
    await wait(31)
    assert heater.shown == ("auto", 52.0)
    await actuator.async_release(["load"])
    assert heater.shown == ("manual", 52.0)
    await wait(6)
    assert [service for service, _ in heater.calls] == ["set_operation_mode"] * 2 + ["set_temperature"]
    assert heater.shown == ("manual", 60.0)
    assert actuator.records == ()


async def test_target_a_person_chose_in_the_events_mode(
    home: HomeAssistant, actuator: Actuator, heater: Device, wait: Wait
) -> None:
    """The mode comes back, the target that somebody chose meanwhile stays."""
    await actuator.async_curtail(load_of(heater, event_mode="auto"), METER, ENDS)
    await wait(31)
    heater.write(temperature=55.0)
    await settle(home)
    assert actuator.status("load") == CURTAILED
    await actuator.async_release(["load"])
    await wait(6)
    assert heater.shown == ("manual", 55.0)
    assert len(heater.calls) == 2


async def test_mode_that_the_target_took_along(home: HomeAssistant, actuator: Actuator, wait: Wait) -> None:
    """A device that leaves its mode for a target gets the mode first, and with it perhaps the target."""
    heater = of_the_zoo(home, COZYTOUCH)
    heater.write("auto", operation_mode="auto")
    heater.behave = lambda service, data: (
        ("manual", {**data, "operation_mode": "manual"})
        if service == "set_temperature"
        else ("auto", {**data, "temperature": 60.0})
    )
    await actuator.async_curtail(load_of(heater, event_temp=52.0), METER, ENDS)
    await wait(31)
    assert heater.shown == ("manual", 52.0)
    assert actuator.status("load") == CURTAILED
    await actuator.async_release(["load"])
    await settle(home)
    assert heater.calls[1:] == [("set_operation_mode", {"operation_mode": "auto"})]
    assert heater.shown == ("auto", 60.0)
    assert actuator.records == ()


async def test_mode_comes_back_when_the_target_already_has(
    home: HomeAssistant, actuator: Actuator, heater: Device, wait: Wait
) -> None:
    """A target set back by the device leaves the mode to be put back."""
    heater.behave = lambda service, data: (
        ("performance", data) if service == "set_temperature" else heated(service, data)
    )
    await actuator.async_curtail(load_of(heater, event_temp=52.0), METER, ENDS)
    await wait(31)
    heater.silent = True
    await actuator.async_release(["load"])
    heater.write(temperature=60.0)
    heater.silent = False
    await wait(31)
    assert heater.shown == ("manual", 60.0)
    assert actuator.records == ()


@pytest.mark.parametrize(
    ("limits", "changed"),
    [
        ({"event_mode": "auto"}, {"state": "performance"}),
        ({"event_mode": "auto"}, {"state": "manual"}),
        ({"event_temp": 52.0}, {"temperature": 60.0}),
        ({"event_temp": 52.0}, {"temperature": 65.0}),
        ({"event_temp": 52.0}, {"state": "performance"}),
    ],
)
@pytest.mark.parametrize("context", [None, Context(user_id="someone")])
async def test_changed_during_the_event(
    home: HomeAssistant,
    actuator: Actuator,
    heater: Device,
    wait: Wait,
    limits: dict[str, Any],
    changed: dict[str, Any],
    context: Context | None,
) -> None:
    """Another mode or target is somebody's and stays."""
    await actuator.async_curtail(load_of(heater, **limits), METER, ENDS)
    await wait(31)
    heater.write(context=context, **changed)
    await settle(home)
    shown = heater.shown
    assert actuator.status("load") == OPTED_OUT
    await actuator.async_release(["load"])
    await settle(home)
    assert heater.shown == shown
    assert len(heater.calls) == 1


async def test_turned_off_before_the_target_was_seen(home: HomeAssistant, actuator: Actuator, heater: Device) -> None:
    """Off is a person's, whoever it is and whenever."""
    heater.silent = True
    await actuator.async_curtail(load_of(heater, event_temp=52.0), METER, ENDS)
    heater.write("off")
    await settle(home)
    assert actuator.status("load") == OPTED_OUT


async def test_turned_off_and_on_again(home: HomeAssistant, actuator: Actuator, heater: Device, wait: Wait) -> None:
    """Off stays off; the target that was left in it goes back when it is turned on."""
    mode, target = heater.shown
    await actuator.async_curtail(load_of(heater, event_temp=52.0), METER, ENDS)
    await wait(31)
    heater.write("off")
    await settle(home)
    await actuator.async_release(["load"])
    assert (heater.shown[0], len(heater.calls)) == ("off", 1)
    heater.write(mode)
    await settle(home)
    assert heater.shown == (mode, target)
    assert len(heater.calls) == 2


async def test_cold_water_releases_the_heater(home: HomeAssistant, actuator: Actuator, wait: Wait) -> None:
    """Water below the home's limit gives the heater back."""
    heater = of_the_zoo(home, MATTER)
    await actuator.async_curtail(load_of(heater, event_mode="off", min_temp=45.0), METER, ENDS)
    heater.write(current_temperature=45.5)
    await wait(31)
    assert heater.shown == ("off", 65)
    heater.write(current_temperature=44.5)
    await settle(home)
    assert heater.shown == ("eco", 65)
    assert actuator.records == ()


async def test_clamping_and_slow_heater(home: HomeAssistant, actuator: Actuator, heater: Device, wait: Wait) -> None:
    """A device that goes part of the way, step by step, is believed at the end of the window."""
    heater.silent = True
    await actuator.async_curtail(load_of(heater, event_temp=52.0), METER, ENDS)
    heater.write(temperature=57.0)
    await settle(home)
    assert actuator.status("load").state is LoadState.CURTAILING
    await wait(31)
    assert actuator.status("load") == CURTAILED
    heater.silent = False
    await actuator.async_release(["load"])
    assert heater.shown == ("manual", 60.0)


async def test_target_hidden_for_a_while(home: HomeAssistant, actuator: Actuator, heater: Device, wait: Wait) -> None:
    """A heater that shows no target is away, not changed."""
    await actuator.async_curtail(load_of(heater, event_temp=52.0), METER, ENDS)
    await wait(31)
    heater.write(temperature=None)
    await settle(home)
    assert actuator.status("load") == LoadStatus(LoadState.UNAVAILABLE, "unavailable")
    heater.write(temperature=52.0)
    await settle(home)
    assert actuator.status("load") == CURTAILED


@pytest.mark.parametrize(
    ("limits", "shown"), [({"event_mode": "auto"}, ("auto", 60.0)), ({"event_temp": 52.0}, ("manual", 52.0))]
)
async def test_restart_and_unavailable_at_the_end(
    home: HomeAssistant,
    actuator: Actuator,
    heater: Device,
    wait: Wait,
    restart: Restart,
    freezer: FrozenDateTimeFactory,
    limits: dict[str, Any],
    shown: tuple[str, float],
) -> None:
    """After a power cut and an absence the heater is as before, and its former value was told."""
    await actuator.async_curtail(load_of(heater, **limits), METER, ENDS)
    await wait(31)
    actuator = await restart()
    assert await actuator.async_curtail(load_of(heater, **limits), METER, ENDS) == CURTAILED
    assert heater.shown == shown
    heater.write("unavailable")
    await settle(home)
    freezer.move_to(ENDS + timedelta(seconds=1))
    actuator = await restart()
    await wait(1900)
    (issue,) = ir.async_get(home).issues.values()
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["value"] == "manual, 60.0 °C"
    heater.write()
    await settle(home)
    assert heater.shown == ("manual", 60.0)
    assert len(heater.calls) == 2
    assert actuator.records == ()


async def test_units_changed_in_the_event(home: HomeAssistant, actuator: Actuator, heater: Device, wait: Wait) -> None:
    """A home that changes to °F gets its target back."""
    await actuator.async_curtail(load_of(heater, event_temp=52.0), METER, ENDS)
    await wait(31)
    await home.config.async_update(unit_system="us_customary")
    heater.write(temperature=126, current_temperature=140, min_temp=122, max_temp=158)
    await settle(home)
    assert actuator.status("load") == CURTAILED
    await actuator.async_release(["load"])
    await settle(home)
    assert heater.calls[-1] == ("set_temperature", {"temperature": 140.0})
    assert actuator.records == ()


async def test_device_rounds_the_original(home: HomeAssistant, actuator: Actuator, heater: Device, wait: Wait) -> None:
    """A device that shows the original only to its step is back."""
    heater.write(temperature=60.2, target_temp_step=1)
    heater.behave = lambda service, data: (None, {"temperature": round(data["temperature"])})
    await actuator.async_curtail(load_of(heater, event_temp=52.0), METER, ENDS)
    await wait(31)
    await actuator.async_release(["load"])
    await settle(home)
    assert heater.calls == [("set_temperature", {"temperature": 52.0}), ("set_temperature", {"temperature": 60.2})]
    assert heater.shown == ("manual", 60)
    assert actuator.records == ()


async def test_device_cannot_show_a_tiny_way_back(
    home: HomeAssistant, actuator: Actuator, heater: Device, wait: Wait
) -> None:
    """Less than the device's step is no failure after the last try."""
    heater.write(temperature=60.2, target_temp_step=1)
    heater.behave = lambda service, data: (None, {"temperature": round(data["temperature"])})
    await actuator.async_curtail(load_of(heater, event_temp=59.5), METER, ENDS)
    assert heater.shown == ("manual", 60)
    await actuator.async_release(["load"])
    for delay in (31, 61, 121):
        await wait(delay)
    assert not ir.async_get(home).issues
    assert actuator.records == ()


async def test_command_that_is_not_seen(home: HomeAssistant, actuator: Actuator, heater: Device, wait: Wait) -> None:
    """A heater that shows nothing of the command is asked again, told, and sent nothing at the end."""
    heater.silent = True
    await actuator.async_curtail(load_of(heater, event_temp=52.0), METER, ENDS)
    for _ in range(4):
        await wait(31)
    assert len(heater.calls) == 3
    assert actuator.status("load") == LoadStatus(LoadState.FAILED, "not_confirmed")
    await actuator.async_release(["load"])
    await wait(601)
    assert len(heater.calls) == 3
    assert actuator.records == ()


async def test_refuses_its_mode(home: HomeAssistant, actuator: Actuator, heater: Device, wait: Wait) -> None:
    """Three refusals of the former mode are told to a person."""
    await actuator.async_curtail(load_of(heater, event_mode="auto"), METER, ENDS)
    heater.refuse = True
    await actuator.async_release(["load"])
    for delay in (31, 61, 121):
        await wait(delay)
    assert len(heater.calls) == 4
    assert {issue.translation_key for issue in ir.async_get(home).issues.values()} == {"restore_failed"}
    heater.write("manual")
    await settle(home)
    assert actuator.records == ()
