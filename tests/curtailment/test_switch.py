"""Switches and the like: off in an event, and on again only if they were on."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.leap.curtailment.actuator import DATA_ACTUATOR, Actuator
from custom_components.leap.curtailment.status import LoadState, LoadStatus, Signal
from custom_components.leap.curtailment.undo import UndoRecord

from .conftest import ENDS, METER, Restart, Wait, settle
from .devices import Device, load_of, make_device, zoo_entities

OPTED_OUT = LoadStatus(LoadState.OPTED_OUT, "external_change")


@pytest.fixture
def plug(home: HomeAssistant) -> Device:
    """Make a plug that is on."""
    return make_device(home, "switch", "on", device_class="outlet")


@pytest.fixture
async def held(actuator: Actuator, plug: Device, wait: Wait) -> Device:
    """Hold the plug, verified and settled."""
    await actuator.async_adopt(["load"])
    assert await actuator.async_curtail(load_of(plug), METER, ENDS) == LoadStatus(LoadState.CURTAILED)
    await wait(31)
    return plug


async def test_the_zoo_off_and_on_again(home: HomeAssistant, actuator: Actuator) -> None:
    """The socket of the zoo goes off and comes back."""
    socket = zoo_entities("switch_*.json")["switch.device"]
    plug = make_device(home, "switch", socket["state"], **socket["attributes"])
    status = await actuator.async_curtail(load_of(plug), METER, ENDS)
    assert (plug.calls, status) == ([("turn_off", {})], LoadStatus(LoadState.CURTAILED))
    await actuator.async_release(["load"])
    await settle(home)
    assert plug.calls[1:] == [("turn_on", {})]
    assert plug.shown == ("on", None)
    assert actuator.records == ()


@pytest.mark.parametrize(
    ("domain", "attributes", "given_back"),
    [
        ("light", {"brightness": 77, "color_mode": "color_temp"}, {"brightness": 77}),
        ("light", {"brightness": None}, {}),
        ("fan", {"percentage": 33, "percentage_step": 33.3}, {"percentage": 33}),
        ("fan", {"percentage": 66, "preset_mode": "auto"}, {"preset_mode": "auto"}),
        ("humidifier", {"humidity": 45, "mode": "auto"}, {}),
        ("input_boolean", {}, {}),
    ],
)
async def test_settings_come_back(
    home: HomeAssistant, actuator: Actuator, domain: str, attributes: dict[str, Any], given_back: dict[str, Any]
) -> None:
    """What turning on could lose is given back with it, the preset rather than its speed."""
    device = make_device(home, domain, "on", **attributes)
    await actuator.async_curtail(load_of(device), METER, ENDS)
    assert device.shown == ("off", None)
    await actuator.async_release(["load"])
    await settle(home)
    assert device.calls == [("turn_off", {}), ("turn_on", given_back)]
    assert actuator.records == ()


async def test_off_stays_off(home: HomeAssistant, actuator: Actuator, plug: Device) -> None:
    """What was off is not touched, and whoever turns it on during the event is in charge."""
    plug.write("off")
    load = load_of(plug)
    assert await actuator.async_curtail(load, METER, ENDS) == LoadStatus(LoadState.NOT_NEEDED, "off")
    plug.write("on")
    await settle(home)
    assert await actuator.async_curtail(load, METER, ENDS + timedelta(hours=1)) == OPTED_OUT
    assert (plug.calls, actuator.records) == ([], ())

    await actuator.async_release(["load"])
    assert plug.calls == []
    assert await actuator.async_curtail(load, METER, ENDS) == LoadStatus(LoadState.CURTAILED)


@pytest.mark.parametrize("context", [None, Context(user_id="someone")])
async def test_turned_on_during_the_event(
    home: HomeAssistant, actuator: Actuator, held: Device, context: Context | None
) -> None:
    """A hand at the device or in the app ends the hold and stays."""
    held.write("on", context=context)
    await settle(home)
    assert actuator.status("load") == OPTED_OUT
    held.write("off")
    await actuator.async_release(["load"])
    await settle(home)
    assert held.calls == [("turn_off", {})]
    assert held.shown == ("off", None)


async def test_dimmed_before_the_light_went_off(home: HomeAssistant, actuator: Actuator) -> None:
    """A person's brightness is kept; a light that fades out by our command is no person."""
    light = make_device(home, "light", "on", brightness=200)
    light.silent = True
    await actuator.async_curtail(load_of(light), METER, ENDS)
    light.write(brightness=120)
    await settle(home)
    assert actuator.status("load").state is LoadState.CURTAILING
    light.write(brightness=50, context=Context(user_id="someone"))
    await settle(home)
    assert actuator.status("load") == OPTED_OUT
    await actuator.async_release(["load"])
    assert light.calls == [("turn_off", {})]
    assert light.shown == ("on", 50)


async def test_unavailable_at_the_start(home: HomeAssistant, actuator: Actuator, plug: Device) -> None:
    """A device that is away is left alone until it is back."""
    plug.write("unavailable")
    signals: list[Signal] = []
    actuator.add_listener(lambda signal, load_id, record: signals.append(signal))
    await actuator.async_adopt(["load"])
    status = await actuator.async_curtail(load_of(plug), METER, ENDS)
    assert status == LoadStatus(LoadState.UNAVAILABLE, "unavailable")
    plug.write("on")
    await settle(home)
    assert Signal.RETURNED in signals


async def test_unavailable_at_the_end(home: HomeAssistant, actuator: Actuator, held: Device, wait: Wait) -> None:
    """A device that is away comes back on when it returns; after 30 minutes an issue tells what it was."""
    held.write("unavailable")
    await actuator.async_release(["load"])
    await wait(1900)
    (issue,) = ir.async_get(home).issues.values()
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["value"] == "on"
    held.write("off")
    await settle(home)
    assert held.shown == ("on", None)
    assert not ir.async_get(home).issues
    assert actuator.records == ()


async def test_restart_in_the_event(
    home: HomeAssistant, held: Device, restart: Restart, freezer: FrozenDateTimeFactory
) -> None:
    """What an earlier run turned off is on again after the event's end."""
    actuator = await restart()
    assert held.shown == ("off", None)
    status = await actuator.async_curtail(load_of(held), METER, ENDS)
    assert status == LoadStatus(LoadState.CURTAILED)
    freezer.move_to(ENDS + timedelta(seconds=1))
    actuator = await restart()
    assert held.calls == [("turn_off", {}), ("turn_on", {})]
    assert actuator.records == ()


async def test_restart_after_it_was_turned_on(
    home: HomeAssistant, held: Device, restart: Restart, freezer: FrozenDateTimeFactory
) -> None:
    """What somebody turned on while Home Assistant was away is theirs: nothing is sent."""
    home.data[DATA_ACTUATOR].async_shutdown()
    held.write("on")
    freezer.move_to(ENDS + timedelta(seconds=1))
    actuator = await restart()
    assert held.calls == [("turn_off", {})]
    assert actuator.records == ()


async def test_refuses_to_come_back(home: HomeAssistant, actuator: Actuator, held: Device, wait: Wait) -> None:
    """Three tries, then a person is told; turned on by hand it is done."""
    held.silent = True
    await actuator.async_release(["load"])
    for delay in (31, 61, 121):
        await wait(delay)
    assert [service for service, _ in held.calls] == ["turn_off", *["turn_on"] * 3]
    assert actuator.status("load") == LoadStatus(LoadState.FAILED, "restore_failed")
    held.write("on")
    await settle(home)
    assert actuator.records == ()


async def test_longest_time_off(home: HomeAssistant, actuator: Actuator, plug: Device, wait: Wait) -> None:
    """A freezer is on again after its time, and the controller hears of it."""
    heard: list[tuple[Signal, UndoRecord | None]] = []
    actuator.add_listener(
        lambda signal, load_id, record: heard.append((signal, record)) if signal is Signal.LONGEST else None
    )
    await actuator.async_adopt(["load"])
    await actuator.async_curtail(load_of(plug, max_off_minutes=20), METER, ENDS)
    await wait(19 * 60)
    assert plug.shown == ("off", None)
    await wait(61)
    assert plug.shown == ("on", None)
    assert [signal for signal, _ in heard] == [Signal.LONGEST]
    assert actuator.records == ()


async def test_longest_time_off_counts_over_a_restart(
    home: HomeAssistant, actuator: Actuator, plug: Device, wait: Wait, restart: Restart
) -> None:
    """Home Assistant's restart gives no new time, and a load that was changed meanwhile gets its own."""
    await actuator.async_curtail(load_of(plug), METER, ENDS)
    await wait(15 * 60)
    actuator = await restart()
    await actuator.async_adopt(["load"])
    await actuator.async_curtail(load_of(plug, max_off_minutes=20), METER, ENDS)
    await wait(4 * 60)
    assert plug.shown == ("off", None)
    await wait(61)
    assert plug.shown == ("on", None)


@pytest.mark.parametrize(
    ("domain", "attributes", "told"),
    [
        ("light", {"brightness": 128}, "on, 50%"),
        ("fan", {"percentage": 33}, "on, 33%"),
        ("fan", {"preset_mode": "sleep"}, "on, sleep"),
    ],
)
async def test_former_value_is_told(
    home: HomeAssistant, actuator: Actuator, wait: Wait, domain: str, attributes: dict[str, Any], told: str
) -> None:
    """A person reads what it was."""
    device = make_device(home, domain, "on", **attributes)
    await actuator.async_curtail(load_of(device), METER, ENDS)
    device.write("unavailable")
    await actuator.async_release(["load"])
    await wait(1900)
    (issue,) = ir.async_get(home).issues.values()
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["value"] == told
