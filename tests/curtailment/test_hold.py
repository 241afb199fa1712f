"""Curtailing one entity: written down first, verified, watched, and left to whoever changes it."""

import asyncio
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.helpers import entity_registry as er
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.leap.curtailment.actuator import Actuator
from custom_components.leap.curtailment.status import LoadState, LoadStatus, Signal
from custom_components.leap.curtailment.undo import UNDO, UndoRecord
from custom_components.leap.store import Drop, LeapStore, Put, StoreError, Table, async_get_store

from .conftest import ENDS, METER, OTHER_METER, FakeClimate, MakeClimate, Wait, make_load, settle

CURTAILED = LoadStatus(LoadState.CURTAILED)
OPTED_OUT = LoadStatus(LoadState.OPTED_OUT, "external_change")


@pytest.fixture
def heard(actuator: Actuator) -> list[tuple[Signal, str]]:
    """Collect what the actuator tells, but the statuses."""
    signals: list[tuple[Signal, str]] = []

    def listener(signal: Signal, load_id: str, record: UndoRecord | None) -> None:
        if signal is not Signal.STATUS:
            signals.append((signal, load_id))

    actuator.add_listener(listener)
    return signals


async def on_disk(hass: HomeAssistant) -> list[UndoRecord]:
    """Return the records on disk."""
    return await (await async_get_store(hass)).async_load(UNDO)


async def test_written_down_before_the_command(home: HomeAssistant, actuator: Actuator, climate: FakeClimate) -> None:
    """When the command reaches the device, its original is on disk."""
    seen: list[dict[str, Any]] = []
    real = climate.async_call

    async def async_call(call: Any) -> None:
        seen.extend(record.original for record in await on_disk(home))
        await real(call)

    with patch.object(climate, "async_call", async_call):
        assert await actuator.async_curtail(make_load(climate), METER, ENDS) == CURTAILED
    assert seen == [{"hvac_mode": "heat", "preset_mode": None, "temperature": 21.0}]
    (record,) = await on_disk(home)
    assert record.verified
    assert record.expected == {"hvac_mode": "heat", "preset_mode": None, "temperature": 19.0}
    assert (record.claims, record.ends, record.entity_id) == (frozenset({METER}), ENDS, climate.entity_id)


async def test_no_command_without_a_record(
    actuator: Actuator, climate: FakeClimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that takes no record takes no curtailment."""

    async def async_write(self: LeapStore, *changes: Put | Drop) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(LeapStore, "async_write", async_write)
    status = await actuator.async_curtail(make_load(climate), METER, ENDS)
    assert status == LoadStatus(LoadState.FAILED, "store_write_failed")
    assert climate.calls == []
    assert actuator.records == ()


async def test_second_claim_takes_no_second_original(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate
) -> None:
    """Two meters hold one device by one record; it comes back when the last lets go."""
    load = make_load(climate)
    await actuator.async_curtail(load, METER, ENDS)
    await actuator.async_curtail(load, OTHER_METER, ENDS + timedelta(hours=1))
    (record,) = await on_disk(home)
    assert record.claims == {METER, OTHER_METER}
    assert record.ends == ENDS + timedelta(hours=1)
    assert record.original["temperature"] == 21.0
    assert len(climate.calls) == 1

    await actuator.async_release([load.load_id], {METER})
    assert climate.targets == (19.0,)
    assert (await on_disk(home))[0].claims == {OTHER_METER}
    await actuator.async_release([load.load_id], {METER})
    assert climate.targets == (19.0,)
    await actuator.async_release([load.load_id], {OTHER_METER})
    await settle(home)
    assert climate.targets == (21.0,)
    assert await on_disk(home) == []


async def test_other_offset_gives_a_new_target_from_the_same_original(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate
) -> None:
    """Limits that change while held move the device, not its original."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await actuator.async_curtail(make_load(climate, offset=3.0), METER, ENDS)
    assert climate.targets == (18.0,)
    await actuator.async_curtail(make_load(climate, offset=1.0), METER, ENDS)
    assert climate.targets == (20.0,)
    (record,) = await on_disk(home)
    assert record.verified
    assert record.original["temperature"] == 21.0

    status = await actuator.async_curtail(make_load(climate, offset=1.0, min_temp=22.0), METER, ENDS)
    assert status == LoadStatus(LoadState.NOT_NEEDED, "no_room")
    await settle(home)
    assert climate.targets == (21.0,)


async def test_new_target_that_is_not_on_disk_is_not_sent(
    actuator: Actuator, climate: FakeClimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A re-target needs its record on disk like any command."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)

    async def async_write(self: LeapStore, *changes: Put | Drop) -> None:
        raise StoreError("disk full")

    with monkeypatch.context() as full:
        full.setattr(LeapStore, "async_write", async_write)
        status = await actuator.async_curtail(make_load(climate, offset=3.0), METER, ENDS)
    assert status == LoadStatus(LoadState.FAILED, "store_write_failed")
    assert climate.targets == (19.0,)
    await actuator.async_release(["load"])
    assert climate.targets == (21.0,)


async def test_a_second_load_on_one_entity_is_refused(actuator: Actuator, climate: FakeClimate) -> None:
    """A physical entity serves one load."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    status = await actuator.async_curtail(make_load(climate, "other", offset=4.0), METER, ENDS)
    assert status == LoadStatus(LoadState.FAILED, "in_use")
    assert climate.targets == (19.0,)
    await actuator.async_release(["other"])
    assert actuator.status("other").state is LoadState.IDLE
    assert climate.targets == (19.0,)


async def test_refusing_device(home: HomeAssistant, actuator: Actuator, climate: FakeClimate) -> None:
    """A device that refuses is left alone, without a record."""
    climate.refuse = True
    status = await actuator.async_curtail(make_load(climate), METER, ENDS)
    assert status == LoadStatus(LoadState.FAILED, "refused")
    assert await on_disk(home) == []


async def test_slow_echo_is_verified_when_it_comes(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait
) -> None:
    """A device may show the new target later, even after the window."""
    climate.silent = True
    load = make_load(climate)
    assert (await actuator.async_curtail(load, METER, ENDS)).state is LoadState.CURTAILING
    await wait(20)
    climate.write(temperature=19.0)
    await settle(home)
    assert actuator.status("load") == CURTAILED
    assert (await on_disk(home))[0].verified


async def test_lying_device_is_asked_again_then_told(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait
) -> None:
    """A device that accepts and does nothing is asked three times; a very late echo still counts."""
    climate.silent = True
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    for _ in range(4):
        await wait(31)
    assert len(climate.calls) == 3
    assert actuator.status("load") == LoadStatus(LoadState.FAILED, "not_confirmed")
    climate.write(temperature=19.0)
    await settle(home)
    assert actuator.status("load") == CURTAILED


async def test_clamping_device_is_believed(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait
) -> None:
    """A device that goes part of the way is expected where it is, and comes back from there."""
    climate.behave = lambda _, data: {"temperature": max(data["temperature"], 20.0)}
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    assert actuator.status("load") == CURTAILED
    assert (await on_disk(home))[0].expected == {"hvac_mode": "heat", "preset_mode": None, "temperature": 20.0}
    await actuator.async_release(["load"])
    assert climate.targets == (21.0,)


async def test_echo_that_snaps_back_is_no_person(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait, heard: list[tuple[Signal, str]]
) -> None:
    """Within the window a device may show the new target, its old one, and settle in between."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    climate.write(temperature=21.0)
    await settle(home)
    assert actuator.status("load").state is LoadState.CURTAILING
    climate.write(temperature=19.5)
    await settle(home)
    await wait(31)
    assert actuator.status("load") == CURTAILED
    assert heard == []
    await actuator.async_release(["load"])
    assert climate.targets == (21.0,)


@pytest.mark.parametrize("value", [19.5, 20.0, 21.0, 25.0, 17.0])
@pytest.mark.parametrize("after", [0, 60])
async def test_a_persons_change_stays(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait, value: float, after: float
) -> None:
    """A change by a call that isn't ours ends the hold at once, whatever the value, and is kept."""
    await actuator.async_adopt(["load"])
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    if after:
        await wait(after)
    await home.services.async_call(
        "climate", "set_temperature", {"entity_id": climate.entity_id, "temperature": value}, blocking=True
    )
    await settle(home)
    assert actuator.status("load") == OPTED_OUT
    assert await on_disk(home) == []
    await actuator.async_release(["load"])
    await wait(60)
    assert climate.targets == (value,)


@pytest.mark.parametrize(
    "change",
    [{"temperature": 19.5}, {"temperature": 21.0}, {"temperature": 23.0}, {"temperature": None, "preset_mode": "eco"}],
)
async def test_a_change_at_the_device_stays(
    home: HomeAssistant,
    actuator: Actuator,
    climate: FakeClimate,
    wait: Wait,
    heard: list[tuple[Signal, str]],
    change: dict[str, Any],
) -> None:
    """After the window any other value is someone's, by a step or more; the controller hears of it."""
    await actuator.async_adopt(["load"])
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    climate.write(**change)
    await settle(home)
    assert heard == [(Signal.EXTERNAL_CHANGE, "load")]
    assert actuator.records == ()
    assert len(climate.calls) == 1


async def test_a_change_of_mode_is_a_persons(home: HomeAssistant, actuator: Actuator, climate: FakeClimate) -> None:
    """Off is off, even within the window and with a user's context."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    climate.write("off", context=Context(user_id="someone"))
    await settle(home)
    assert actuator.status("load") == OPTED_OUT
    await actuator.async_release(["load"])
    assert len(climate.calls) == 1


async def test_a_users_command_before_ours_is_seen(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate
) -> None:
    """A person's value before the device showed ours is a person's; their touching something else is not."""
    climate.silent = True
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    climate.write(fan_mode="on", context=Context(user_id="someone"))
    await settle(home)
    assert actuator.status("load").state is LoadState.CURTAILING
    climate.write(temperature=20.0, context=Context(user_id="someone"))
    await settle(home)
    assert actuator.status("load") == OPTED_OUT


async def test_other_news_of_the_device_mean_nothing(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait
) -> None:
    """Room temperature, action, a preset of its own, and being away with the value kept are no changes."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    climate.write(current_temperature=20.1, hvac_action="idle", preset_mode="hold")
    await settle(home)
    climate.write("unavailable")
    await settle(home)
    assert actuator.status("load") == LoadStatus(LoadState.UNAVAILABLE, "unavailable")
    climate.write("heat")
    await settle(home)
    assert actuator.status("load") == CURTAILED


async def test_back_from_away_with_another_value(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait
) -> None:
    """A device that comes back with another value was changed meanwhile."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    climate.write("unavailable")
    await settle(home)
    climate.write("heat", temperature=23.0)
    await settle(home)
    assert actuator.status("load") == OPTED_OUT
    assert climate.targets == (23.0,)


async def test_lost_command_is_sent_again_on_return(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate
) -> None:
    """A device that went away before it showed the command gets it again."""
    climate.silent = True
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    climate.write("unavailable")
    await settle(home)
    climate.silent = False
    climate.write("heat")
    await settle(home)
    assert climate.targets == (19.0,)
    assert actuator.status("load") == CURTAILED


async def test_unavailable_at_the_start(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, heard: list[tuple[Signal, str]]
) -> None:
    """A device that is away is not commanded; its return is told, once."""
    await actuator.async_adopt(["load"])
    climate.write("unavailable")
    status = await actuator.async_curtail(make_load(climate), METER, ENDS)
    assert status == LoadStatus(LoadState.UNAVAILABLE, "unavailable")
    climate.write("heat")
    await settle(home)
    climate.write(current_temperature=20.2)
    await settle(home)
    assert heard == [(Signal.RETURNED, "load")]
    assert climate.calls == []


async def test_unknown_entity(actuator: Actuator, climate: FakeClimate) -> None:
    """An entity the registry doesn't have can't be held."""
    er.async_get(climate.hass).async_remove(climate.entity_id)
    status = await actuator.async_curtail(make_load(climate), METER, ENDS)
    assert status == LoadStatus(LoadState.FAILED, "entity_gone")


@pytest.mark.parametrize(
    ("state", "room"),
    [("heat", 15.5), ("cool", 28.5)],
)
async def test_comfort_releases_the_load(
    home: HomeAssistant,
    make_climate: MakeClimate,
    actuator: Actuator,
    wait: Wait,
    heard: list[tuple[Signal, str]],
    state: str,
    room: float,
) -> None:
    """A room beyond its limit in the direction we push gets its target back; a limit on the other side doesn't matter."""
    await actuator.async_adopt(["load"])
    climate = make_climate(state, temperature=22.0, current_temperature=22.0, target_temp_step=0.5)
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    climate.write(current_temperature=44.0 - room)
    await settle(home)
    assert heard == []
    climate.write(current_temperature=room)
    await settle(home)
    assert heard == [(Signal.COMFORT, "load")]
    assert climate.targets == (22.0,)
    status = await actuator.async_curtail(make_load(climate), METER, ENDS)
    assert status == LoadStatus(LoadState.NOT_NEEDED, "comfort")
    assert len(climate.calls) == 2


async def test_units_changed_while_held(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait
) -> None:
    """A home that changes to °F in an event gets its °C target back, before and after the device shows the new unit."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    await home.config.async_update(unit_system="us_customary")
    await settle(home)
    assert home.config.units is US_CUSTOMARY_SYSTEM
    assert actuator.records
    climate.write(temperature=66, current_temperature=69, min_temp=45, max_temp=95, target_temp_step=1)
    await settle(home)
    assert actuator.status("load") == CURTAILED
    await actuator.async_release(["load"])
    await settle(home)
    assert climate.calls[-1] == ("set_temperature", {"temperature": 69.8})
    assert actuator.records == ()


async def test_units_changed_and_nothing_shown_since(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate
) -> None:
    """A state written in the former unit is read in it."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await home.config.async_update(unit_system="us_customary")
    await settle(home)
    await actuator.async_release(["load"])
    assert climate.calls[-1] == ("set_temperature", {"temperature": 69.8})


async def test_no_answer_to_a_command(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, freezer: FrozenDateTimeFactory
) -> None:
    """A call that never returns may still land: the record stays and what the device shows counts."""
    called, hang = asyncio.Event(), asyncio.Event()
    real = climate.async_call

    async def async_call(call: ServiceCall) -> None:
        await real(call)
        called.set()
        await hang.wait()

    with patch.object(climate, "async_call", async_call):
        curtail = home.async_create_task(actuator.async_curtail(make_load(climate), METER, ENDS))
        await called.wait()
        freezer.tick(31)
        async_fire_time_changed(home)
        assert await curtail == CURTAILED
    hang.set()
    await actuator.async_release(["load"])
    await settle(home)
    assert climate.targets == (21.0,)


def test_records_of_other_versions_can_be_read() -> None:
    """Fields that came or went don't keep a record from being read."""
    table: Table[UndoRecord] = UNDO
    record = table.decode(b'{"registry_id": "abc", "original": {"temperature": 20}, "from_later": [1], "version": 9}')
    assert (record.registry_id, record.original, record.claims) == ("abc", {"temperature": 20.0}, frozenset())
