"""Nothing stays curtailed: each way an event can end, and each way a device can make that hard."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.leap.const import DOMAIN
from custom_components.leap.curtailment.actuator import Actuator
from custom_components.leap.curtailment.status import LoadState, LoadStatus, Signal
from custom_components.leap.curtailment.undo import UNDO, UndoRecord
from custom_components.leap.store import DATA_STORE, Drop, LeapStore, Put, StoreError, async_get_store

from .conftest import ENDS, METER, NOW, OTHER_METER, FakeClimate, MakeClimate, Restart, Wait, make_load, settle


def issues(hass: HomeAssistant) -> set[str]:
    """Return the keys of the open issues."""
    return {issue.translation_key or "" for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN}


async def on_disk(hass: HomeAssistant) -> list[UndoRecord]:
    """Return the records on disk."""
    return await (await async_get_store(hass)).async_load(UNDO)


async def put(hass: HomeAssistant, climate: FakeClimate, **changes: Any) -> UndoRecord:
    """Leave a record on disk as an earlier run would have."""
    record = UndoRecord(
        registry_id=climate.registry_id,
        entity_id=climate.entity_id,
        name="Hall",
        load_id="load",
        kind="thermostat",
        role="climate",
        original={"hvac_mode": "heat", "preset_mode": None, "temperature": 21.0},
        intended={"temperature": 19.0},
        expected={"hvac_mode": "heat", "preset_mode": None, "temperature": 19.0},
        verified=True,
        unit="°C",
        claims=frozenset({METER}),
        ends=ENDS,
        opened_at=NOW,
    )
    record = replace(record, **changes)
    await (await async_get_store(hass)).async_write(Put(UNDO, record))
    return record


@pytest.fixture
async def held(actuator: Actuator, climate: FakeClimate, wait: Wait) -> FakeClimate:
    """Hold the thermostat, verified and settled."""
    await actuator.async_adopt(["load"])
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    assert climate.targets == (19.0,)
    return climate


async def test_unavailable_at_the_end(home: HomeAssistant, actuator: Actuator, held: FakeClimate, wait: Wait) -> None:
    """A device that is away is undone when it returns; after 30 minutes an issue says so."""
    held.write("unavailable")
    await actuator.async_release(["load"])
    assert actuator.status("load") == LoadStatus(LoadState.RESTORING, "unavailable")
    await wait(1700)
    assert issues(home) == set()
    await wait(200)
    assert issues(home) == {"device_unavailable_restore"}
    await wait(7200)
    held.write("heat")
    await settle(home)
    assert held.targets == (21.0,)
    assert issues(home) == set()
    assert await on_disk(home) == []


async def test_away_in_the_middle_of_the_way_back(
    home: HomeAssistant, actuator: Actuator, held: FakeClimate, wait: Wait
) -> None:
    """A device that leaves between two tries starts afresh when it returns."""
    held.silent = True
    await actuator.async_release(["load"])
    held.write("unavailable")
    await wait(1)
    await wait(60)
    assert len(held.calls) == 2
    held.silent = False
    held.write("heat")
    await settle(home)
    assert held.targets == (21.0,)


async def test_returns_with_anothers_value(home: HomeAssistant, actuator: Actuator, held: FakeClimate) -> None:
    """What the device shows on its return and isn't ours stays."""
    held.write("unavailable")
    await actuator.async_release(["load"])
    held.write("heat", temperature=22.5)
    await settle(home)
    assert held.targets == (22.5,)
    assert await on_disk(home) == []


@pytest.mark.parametrize("how", ["removed", "removed_while_away", "removed_while_held"])
async def test_device_that_is_gone(home: HomeAssistant, actuator: Actuator, held: FakeClimate, how: str) -> None:
    """A device that is no more leaves a notification with its former value."""
    registry = er.async_get(home)
    if how == "removed_while_away":
        held.write("unavailable")
        await actuator.async_release(["load"])
    registry.async_remove(held.entity_id)
    home.states.async_remove(held.entity_id)
    if how == "removed":
        await actuator.async_release(["load"])
    await settle(home)
    (notice,) = home.data["persistent_notification"].values()
    assert "21.0 °C" in notice["message"]
    assert await on_disk(home) == []


async def test_without_a_state_for_long(home: HomeAssistant, actuator: Actuator, held: FakeClimate, wait: Wait) -> None:
    """An entity of the registry without any state is waited for, and after 30 minutes an issue says so."""
    home.states.async_remove(held.entity_id)
    await actuator.async_release(["load"])
    assert actuator.status("load").state is LoadState.RESTORING
    assert len(await on_disk(home)) == 1
    await wait(1801)
    assert issues(home) == {"device_unavailable_restore"}
    held.write("heat")
    await settle(home)
    assert held.targets == (21.0,)
    assert issues(home) == set()
    assert await on_disk(home) == []


async def test_renamed_while_held(home: HomeAssistant, actuator: Actuator, held: FakeClimate) -> None:
    """An entity is found by its registry id, whatever it is called."""
    calls: list[Any] = []
    er.async_get(home).async_update_entity(held.entity_id, new_entity_id="climate.parlour")
    await settle(home)
    home.states.async_set("climate.parlour", "heat", held.attributes)
    await settle(home)

    async def async_call(call: Any) -> None:
        calls.append(dict(call.data))

    home.services.async_register("climate", "set_temperature", async_call)
    await actuator.async_release(["load"])
    assert calls == [{"entity_id": "climate.parlour", "temperature": 21.0}]


async def test_restore_is_tried_three_times(
    home: HomeAssistant, actuator: Actuator, held: FakeClimate, wait: Wait
) -> None:
    """A device that won't go back is asked three times, ever slower, then a person is told; the record stays."""
    held.silent = True
    await actuator.async_release(["load"])
    waits = []
    for _ in range(30):
        before = len(held.calls)
        await wait(10)
        waits.append(len(held.calls) - before)
    assert sum(waits) == 2
    assert [index for index, sent in enumerate(waits) if sent] == [2, 8]
    assert issues(home) == {"restore_failed"}
    assert actuator.status("load") == LoadStatus(LoadState.FAILED, "restore_failed")
    assert len(await on_disk(home)) == 1
    held.write(temperature=21.0)
    await settle(home)
    assert issues(home) == set()
    assert await on_disk(home) == []


async def test_refused_restore_is_tried_again(
    home: HomeAssistant, actuator: Actuator, held: FakeClimate, wait: Wait
) -> None:
    """A device that refuses at first is put back by the next try."""
    held.refuse = True
    await actuator.async_release(["load"])
    held.refuse = False
    await wait(31)
    assert held.targets == (21.0,)
    assert await on_disk(home) == []


async def test_a_change_during_recovery_is_kept(
    home: HomeAssistant, actuator: Actuator, held: FakeClimate, wait: Wait
) -> None:
    """A person's value on the way back ends it without a command."""
    held.silent = True
    await actuator.async_release(["load"])
    held.write(temperature=24.0)
    await settle(home)
    await wait(300)
    assert len(held.calls) == 2
    assert held.targets == (24.0,)
    assert await on_disk(home) == []


async def test_device_rounds_the_original(
    home: HomeAssistant, make_climate: MakeClimate, actuator: Actuator, wait: Wait
) -> None:
    """A device that shows the original only to its step is back."""
    climate = make_climate("heat", temperature=20.2, target_temp_step=1)
    await actuator.async_curtail(make_load(climate, offset=2.0), METER, ENDS)
    climate.behave = lambda _, data: {"temperature": round(data["temperature"])}
    await actuator.async_release(["load"])
    await settle(home)
    assert climate.calls[-1] == ("set_temperature", {"temperature": 20.2})
    assert climate.targets == (20,)
    assert await on_disk(home) == []


async def test_device_cannot_show_a_tiny_way_back(
    home: HomeAssistant, make_climate: MakeClimate, actuator: Actuator, wait: Wait
) -> None:
    """Less than the device's step is no failure after the last try."""
    climate = make_climate("heat", temperature=20.1, target_temp_step=1)
    await actuator.async_curtail(make_load(climate, offset=1.0), METER, ENDS)
    assert climate.targets == (20.0,)
    climate.behave = lambda _, data: {"temperature": 20.0}
    await actuator.async_release(["load"])
    for delay in (31, 61, 121):
        await wait(delay)
    assert issues(home) == set()
    assert await on_disk(home) == []


async def test_range_half_way_back(home: HomeAssistant, make_climate: MakeClimate, actuator: Actuator) -> None:
    """A device that writes low and high one by one is not taken for a person."""
    climate = make_climate("heat_cool", target_temp_low=20.0, target_temp_high=26.0, target_temp_step=0.5)
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    climate.silent = True
    await actuator.async_release(["load"])
    climate.write(target_temp_low=20.0)
    await settle(home)
    assert len(await on_disk(home)) == 1
    climate.write(target_temp_high=26.0)
    await settle(home)
    assert await on_disk(home) == []


async def test_preset_with_a_slow_target(
    home: HomeAssistant, make_climate: MakeClimate, actuator: Actuator, wait: Wait
) -> None:
    """A preset gets some seconds to show its target; one that doesn't bring it gets the target after it."""
    climate = make_climate("heat", temperature=21.0, preset_mode="home", preset_modes=["home", "hold"])
    climate.behave = lambda service, data: {**data, "preset_mode": data.get("preset_mode", "hold")}
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    climate.behave = lambda _, data: data
    await actuator.async_release(["load"])
    assert climate.calls[1:] == [("set_preset_mode", {"preset_mode": "home"})]
    await wait(6)
    assert climate.calls[2:] == [("set_temperature", {"temperature": 21.0})]
    assert climate.targets == (21.0,)
    assert await on_disk(home) == []


async def test_preset_that_moved_on_keeps_its_target(
    home: HomeAssistant, make_climate: MakeClimate, actuator: Actuator
) -> None:
    """The target of a schedule that moved on meanwhile is the schedule's."""
    climate = make_climate(
        "auto", temperature=21.0, hvac_modes=["auto", "heat"], preset_mode="schedule", preset_modes=["schedule", "away"]
    )
    climate.behave = lambda service, data: (
        {**data, "preset_mode": None} if service == "set_temperature" else {**data, "temperature": 17.0}
    )
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await actuator.async_release(["load"])
    await settle(home)
    assert climate.targets == (17.0,)
    assert len(climate.calls) == 2
    assert await on_disk(home) == []


async def test_preset_that_is_refused_still_gives_the_target_back(
    home: HomeAssistant, make_climate: MakeClimate, actuator: Actuator, wait: Wait
) -> None:
    """Three refusals of the preset don't keep the target from coming back."""
    climate = make_climate("heat", temperature=21.0, preset_mode="home", preset_modes=["home", "hold"])
    climate.behave = lambda service, data: {**data, "preset_mode": "hold"} if service == "set_temperature" else None
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await actuator.async_release(["load"])
    for delay in (31, 61, 121):
        await wait(delay)
    assert [service for service, _ in climate.calls[1:]] == ["set_preset_mode"] * 3 + ["set_temperature"]
    assert climate.targets == (21.0,)
    assert await on_disk(home) == []


async def test_release_before_the_echo(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait
) -> None:
    """A command that lands after its event was cancelled is undone when it lands."""
    climate.silent = True
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await actuator.async_release(["load"])
    assert actuator.status("load").state is LoadState.RESTORING
    climate.silent = False
    await wait(90)
    climate.write(temperature=19.0)
    await settle(home)
    assert climate.targets == (21.0,)
    assert await on_disk(home) == []


async def test_command_that_never_landed(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait
) -> None:
    """A device that never showed the command is asked for its state, waited for, and sent nothing."""
    asked: list[str] = []

    async def async_update(call: Any) -> None:
        asked.append(call.data["entity_id"])

    home.services.async_register("homeassistant", "update_entity", async_update)
    climate.silent = True
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await actuator.async_release(["load"])
    await wait(1)
    assert asked == [climate.entity_id]
    climate.write(current_temperature=20.0)
    await settle(home)
    await wait(601)
    assert len(climate.calls) == 1
    assert await on_disk(home) == []


async def test_a_new_event_during_recovery(
    home: HomeAssistant, actuator: Actuator, held: FakeClimate, wait: Wait
) -> None:
    """A new claim takes the open record over, with the first original."""
    held.silent = True
    await actuator.async_release(["load"])
    held.silent = False
    await actuator.async_curtail(make_load(held), OTHER_METER, ENDS)
    assert actuator.status("load").state is LoadState.CURTAILED
    (record,) = await on_disk(home)
    assert (record.claims, record.original["temperature"]) == (frozenset({OTHER_METER}), 21.0)
    await wait(300)
    assert held.targets == (19.0,)
    await actuator.async_release(["load"])
    assert held.targets == (21.0,)


async def test_a_new_event_after_a_persons_change_during_recovery(
    actuator: Actuator, held: FakeClimate, home: HomeAssistant
) -> None:
    """What a person set during recovery is the new original."""
    held.silent = True
    await actuator.async_release(["load"])
    held.silent = False
    held.attributes["temperature"] = 23.0
    home.states.async_set(held.entity_id, "heat", dict(held.attributes))
    await actuator.async_curtail(make_load(held), METER, ENDS)
    assert held.targets == (21.0,)
    await actuator.async_release(["load"])
    await settle(home)
    assert held.targets == (23.0,)


async def test_a_new_load_on_a_device_on_its_way_back(
    home: HomeAssistant, actuator: Actuator, held: FakeClimate
) -> None:
    """A load that was removed and added anew takes over what is not back yet."""
    held.silent = True
    await actuator.async_release(["load"])
    held.silent = False
    status = await actuator.async_curtail(make_load(held, "anew"), METER, ENDS)
    assert status.state is LoadState.CURTAILED
    assert [record.load_id for record in await on_disk(home)] == ["anew"]
    await actuator.async_release(["anew"])
    await settle(home)
    assert held.targets == (21.0,)


async def test_gone_in_the_middle_of_the_way_back(home: HomeAssistant, actuator: Actuator, held: FakeClimate) -> None:
    """A device that is removed before it is back leaves its former value."""
    held.silent = True
    await actuator.async_release(["load"])
    er.async_get(home).async_remove(held.entity_id)
    await settle(home)
    (notice,) = home.data["persistent_notification"].values()
    assert "21.0 °C" in notice["message"]
    assert await on_disk(home) == []


async def test_record_that_cannot_be_dropped(
    home: HomeAssistant, actuator: Actuator, held: FakeClimate, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk doesn't keep a device from coming back; the record goes when there is room."""

    async def async_write(self: LeapStore, *changes: Put | Drop) -> None:
        raise StoreError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(LeapStore, "async_write", async_write)
        await actuator.async_release(["load"])
        await settle(home)
        assert held.targets == (21.0,)
    assert len(await on_disk(home)) == 1
    await wait(61)
    assert await on_disk(home) == []


async def test_nobody_ends_it(home: HomeAssistant, actuator: Actuator, held: FakeClimate, wait: Wait) -> None:
    """Two minutes after its end a hold goes, whatever became of its controller."""
    await wait(3600 - 31)
    assert held.targets == (19.0,)
    await wait(125)
    assert held.targets == (21.0,)


async def test_reload_is_no_end(actuator: Actuator, held: FakeClimate, wait: Wait) -> None:
    """An entry that is back within 120 s finds its loads as they were; after that they are put back."""
    await actuator.async_orphan(["load"])
    await wait(100)
    await actuator.async_adopt(["load"])
    await wait(100)
    assert held.targets == (19.0,)
    await actuator.async_orphan(["load"])
    await wait(121)
    assert held.targets == (21.0,)


async def test_a_change_during_a_reload_is_told_afterwards(
    home: HomeAssistant, actuator: Actuator, held: FakeClimate
) -> None:
    """A person's change while the entry is away reaches the controller that comes back."""
    signals: list[Signal] = []
    actuator.add_listener(lambda signal, *_: signals.append(signal))
    await actuator.async_orphan(["load"])
    held.write(temperature=23.0)
    await settle(home)
    assert Signal.EXTERNAL_CHANGE not in signals
    await actuator.async_adopt(["load"])
    assert signals[-1] is Signal.EXTERNAL_CHANGE


async def test_entry_removed(home: HomeAssistant, actuator: Actuator, held: FakeClimate) -> None:
    """An entry that is removed gives its loads back, loaded or not."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        subentries_data=[
            {"subentry_id": "load", "subentry_type": "load", "title": "Hall", "unique_id": None, "data": {}}
        ],
        disabled_by=ConfigEntryDisabler.USER,
    )
    entry.add_to_hass(home)
    await home.config_entries.async_remove(entry.entry_id)
    await settle(home)
    assert held.targets == (21.0,)


async def test_stop_leaves_the_device_and_the_record(home: HomeAssistant, held: FakeClimate) -> None:
    """Home Assistant's stop is no end."""
    home.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await settle(home)
    held.write(temperature=25.0)
    await settle(home)
    assert len(held.calls) == 1
    assert len(await on_disk(home)) == 1


# At start


@pytest.mark.parametrize(
    ("value", "changes", "after", "commands"),
    [
        pytest.param(19.0, {}, 19.0, 0, id="still held"),
        pytest.param(19.0, {"claims": frozenset()}, 21.0, 1, id="power cut on the way back"),
        pytest.param(19.0, {"ends": NOW - timedelta(minutes=1)}, 21.0, 1, id="over"),
        pytest.param(23.0, {"ends": NOW - timedelta(minutes=1)}, 23.0, 0, id="over and changed"),
        pytest.param(21.0, {"ends": NOW - timedelta(minutes=1)}, 21.0, 0, id="over and back"),
        pytest.param(19.0, {"expected": None, "verified": False, "ends": NOW}, 21.0, 1, id="cut before verify"),
        pytest.param(20.0, {"expected": None, "verified": False, "ends": NOW}, 21.0, 1, id="cut on the way there"),
        pytest.param(21.0, {"expected": None, "verified": False, "ends": NOW}, 21.0, 0, id="cut before the command"),
        pytest.param(24.0, {"expected": None, "verified": False, "ends": NOW}, 24.0, 0, id="cut, then changed"),
    ],
)
async def test_at_start(
    home: HomeAssistant,
    climate: FakeClimate,
    restart: Restart,
    value: float,
    changes: dict[str, Any],
    after: float,
    commands: int,
) -> None:
    """After a power cut a device is put back only if it still reads what we set."""
    await put(home, climate, **changes)
    climate.write(temperature=value)
    await restart()
    await settle(home)
    assert climate.targets == (after,)
    assert len(climate.calls) == commands


async def test_nobody_comes_back_after_start(
    home: HomeAssistant, climate: FakeClimate, restart: Restart, wait: Wait
) -> None:
    """A running event whose entry doesn't come back within 120 s is undone by itself; one that does is not."""
    await put(home, climate)
    climate.write(temperature=19.0)
    actuator = await restart()
    await wait(100)
    await actuator.async_adopt(["load"])
    await wait(100)
    assert climate.targets == (19.0,)
    await restart()
    await wait(119)
    assert climate.targets == (19.0,)
    await wait(2)
    assert climate.targets == (21.0,)


async def test_event_goes_on_after_a_restart(
    home: HomeAssistant, climate: FakeClimate, restart: Restart, wait: Wait
) -> None:
    """A controller that comes back takes the record over: no second original, no second command."""
    await put(home, climate)
    climate.write(temperature=19.0)
    actuator = await restart()
    await actuator.async_adopt(["load"])
    assert (await actuator.async_curtail(make_load(climate), METER, ENDS)).state is LoadState.CURTAILED
    assert climate.calls == []
    await wait(200)
    await actuator.async_release(["load"])
    assert climate.targets == (21.0,)


async def test_changed_during_a_restart(home: HomeAssistant, climate: FakeClimate, restart: Restart) -> None:
    """A value that was changed while Home Assistant was down is a person's."""
    await put(home, climate)
    climate.write(temperature=22.0)
    home.set_state(CoreState.starting)
    actuator = await restart()
    await actuator.async_adopt(["load"])
    status = await actuator.async_curtail(make_load(climate), METER, ENDS)
    assert status == LoadStatus(LoadState.OPTED_OUT, "external_change")
    assert climate.calls == []


async def test_command_lost_in_a_power_cut_is_sent_on_return(
    home: HomeAssistant, climate: FakeClimate, restart: Restart
) -> None:
    """A record without its command, on a device that is away at start, gets the command when both are back."""
    await put(home, climate, expected=None, verified=False)
    climate.write("unavailable")
    actuator = await restart()
    await actuator.async_adopt(["load"])
    status = await actuator.async_curtail(make_load(climate), METER, ENDS)
    assert status.state is LoadState.UNAVAILABLE
    climate.write("heat")
    await settle(home)
    assert climate.targets == (19.0,)
    assert actuator.status("load").state is LoadState.CURTAILED


@pytest.mark.parametrize("choice", ["restore", "dismiss"])
async def test_backup_from_mid_event_a_month_later(
    home: HomeAssistant, climate: FakeClimate, restart: Restart, freezer: FrozenDateTimeFactory, choice: str
) -> None:
    """An old record is not acted on, not by its controller either: an issue offers the former value."""
    await put(home, climate)
    climate.write(temperature=19.0)
    freezer.tick(timedelta(days=30))
    actuator = await restart()
    load = make_load(climate)
    assert issues(home) == {"old_undo"}
    issue = ir.async_get(home).async_get_issue(DOMAIN, f"old_undo_{climate.registry_id}")
    assert issue is not None
    assert issue.is_fixable
    assert issue.data == {"registry_id": climate.registry_id, "name": "Hall", "value": "21.0 °C"}
    await actuator.async_release(["load"])
    status = await actuator.async_curtail(load, METER, NOW + timedelta(days=31))
    assert status == LoadStatus(LoadState.FAILED, "old_undo")
    await actuator.async_release(["load"])
    assert actuator.status("load") == LoadStatus(LoadState.FAILED, "old_undo")
    assert actuator.records == ()
    assert climate.calls == []
    if choice == "restore":
        await actuator.async_restore_old(climate.registry_id)
        assert climate.targets == (21.0,)
    else:
        await actuator.async_dismiss_old(climate.registry_id)
        assert climate.targets == (19.0,)
    assert issues(home) == set()
    assert await on_disk(home) == []
    await actuator.async_restore_old(climate.registry_id)
    await actuator.async_restore_old("unknown")
    await actuator.async_dismiss_old("unknown")
    assert len(climate.calls) == (choice == "restore")


async def test_old_record_of_a_device_changed_since(
    home: HomeAssistant, climate: FakeClimate, restart: Restart, freezer: FrozenDateTimeFactory
) -> None:
    """An old record is judged when its device is there; another value closes it without a word."""
    await put(home, climate)
    climate.write("unavailable", temperature=22.0)
    freezer.tick(timedelta(days=30))
    await restart()
    assert issues(home) == set()
    assert len(await on_disk(home)) == 1
    climate.write("heat")
    await settle(home)
    assert await on_disk(home) == []


async def test_waits_for_home_assistants_start(home: HomeAssistant, climate: FakeClimate, restart: Restart) -> None:
    """Nothing is judged while other integrations are still being set up."""
    await put(home, climate, ends=NOW - timedelta(hours=1))
    climate.write(temperature=19.0)
    home.set_state(CoreState.starting)
    await restart()
    assert climate.calls == []
    home.set_state(CoreState.running)
    home.bus.async_fire("homeassistant_started")
    await settle(home)
    assert climate.targets == (21.0,)


async def test_corrupt_database(home: HomeAssistant, climate: FakeClimate, restart: Restart, tmp_path: Path) -> None:
    """The store's previous generation is enough to put a device back."""
    await put(home, climate, ends=NOW)
    climate.write(temperature=19.0)
    await home.data.pop(DATA_STORE).async_close()
    for file in (tmp_path / ".storage").glob("leap.db*"):
        file.write_bytes(b"not a database" * 100)
    await restart_from(home, restart)
    assert climate.targets == (21.0,)


async def restart_from(hass: HomeAssistant, restart: Callable[[], Any]) -> None:
    """Start again where there is no store to close."""
    await async_get_store(hass)
    await restart()
    await settle(hass)


async def test_record_of_a_later_version_is_kept(home: HomeAssistant, climate: FakeClimate, restart: Restart) -> None:
    """A kind this version doesn't know is left on disk."""
    await put(home, climate, kind="battery")
    actuator = await restart()
    assert actuator.records == ()
    assert len(await on_disk(home)) == 1
