"""Ways in which a device could be left curtailed, or be moved the wrong way, one by one."""

import asyncio
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.leap.curtailment.actuator import Actuator
from custom_components.leap.curtailment.controller import Controller
from custom_components.leap.curtailment.status import LoadState, LoadStatus
from custom_components.leap.curtailment.undo import UNDO, UndoRecord
from custom_components.leap.store import async_get_store
from tests.builders import build_entry, load_subentry

from .conftest import ENDS, METER, NOW, OTHER_METER, FakeClimate, MakeClimate, Restart, Wait, make_load, settle
from .test_controller import HOUR, A, B, FakeCoordinator, event

OPTED_OUT = LoadStatus(LoadState.OPTED_OUT, "external_change")
BOTH_WAYS = {
    "temperature": 21.0,
    "current_temperature": 20.5,
    "min_temp": 7,
    "max_temp": 35,
    "target_temp_step": 0.5,
    "hvac_modes": ["heat_cool", "off"],
}


async def on_disk(hass: HomeAssistant) -> list[UndoRecord]:
    """Return the records on disk."""
    return await (await async_get_store(hass)).async_load(UNDO)


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_held_device_keeps_its_direction(
    home: HomeAssistant, make_climate: MakeClimate, actuator: Actuator, restart: Restart, restarted: bool
) -> None:
    """With one target for both, the room lies on the other side of it once that is moved: what heated still heats."""
    climate = make_climate("heat_cool", hvac_action="heating", **BOTH_WAYS)
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    climate.write(hvac_action="cooling")
    if restarted:
        actuator = await restart()
    await actuator.async_curtail(make_load(climate), METER, ENDS + timedelta(hours=1))
    assert climate.targets == (19.0,)
    assert len(climate.calls) == 1
    await actuator.async_curtail(make_load(climate, "load", offset=3.0), METER, ENDS)
    assert climate.targets == (18.0,)
    await actuator.async_release(["load"])
    assert climate.targets == (21.0,)


async def test_two_loads_at_once_on_one_entity(home: HomeAssistant, actuator: Actuator, climate: FakeClimate) -> None:
    """The second is refused though the first has nothing on disk yet."""
    await asyncio.gather(
        actuator.async_curtail(make_load(climate, "first"), METER, ENDS),
        actuator.async_curtail(make_load(climate, "second", offset=4.0), METER, ENDS),
    )
    assert actuator.status("second") == LoadStatus(LoadState.FAILED, "in_use")
    assert actuator.status("first") == LoadStatus(LoadState.CURTAILED)
    assert climate.targets == (19.0,)
    await actuator.async_release(["second"])
    assert climate.targets == (19.0,)
    await actuator.async_release(["first"])
    assert climate.targets == (21.0,)


async def test_entry_gone_between_record_and_command(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait
) -> None:
    """A hold that opens while its entry leaves is put back after 120 s like any other."""
    await actuator.async_adopt(["load"])
    opening = home.async_create_task(actuator.async_curtail(make_load(climate), METER, ENDS))
    await asyncio.sleep(0)
    await actuator.async_orphan(["load"])
    await opening
    assert climate.targets == (19.0,)
    await wait(119)
    assert climate.targets == (19.0,)
    await wait(2)
    assert climate.targets == (21.0,)


async def test_nobody_else_is_claimed_for_after_a_disable(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate
) -> None:
    """An entry that is disabled between the claims of its two meters claims no more."""
    coordinator = FakeCoordinator()
    coordinator.events = [event("one", NOW, NOW + HOUR, A), event("two", NOW, NOW + HOUR, B)]
    entry = build_entry(subentries=[load_subentry(climate.registry_id, subentry_id="load", meter_ids=[A, B])])
    entry.add_to_hass(home)
    await home.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    controller = Controller(home, entry, coordinator, actuator)
    await controller.async_start()
    await controller.async_stop()
    await settle(home)
    assert climate.targets == (21.0,)
    assert await on_disk(home) == []


async def test_a_new_event_while_away_on_the_way_back(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait
) -> None:
    """A device that left after it was told to come back was changed by us, not by a person."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    climate.silent = True
    await actuator.async_release(["load"])
    climate.write("unavailable")
    await settle(home)
    await actuator.async_curtail(make_load(climate), OTHER_METER, ENDS)
    climate.silent = False
    climate.write("heat", temperature=21.0)
    await settle(home)
    assert climate.targets == (19.0,)
    assert actuator.status("load") == LoadStatus(LoadState.CURTAILED)
    await actuator.async_release(["load"])
    assert climate.targets == (21.0,)


async def test_device_with_a_grid_it_does_not_tell(
    home: HomeAssistant, make_climate: MakeClimate, actuator: Actuator, wait: Wait
) -> None:
    """A target rounded a little beyond what was asked is the device's doing."""
    climate = make_climate("heat", temperature=21.0, current_temperature=20.5)
    climate.behave = lambda _, data: {"temperature": round(data["temperature"] * 2) / 2}
    await actuator.async_curtail(make_load(climate, "load", offset=1.8), METER, ENDS)
    await wait(31)
    assert climate.targets == (19.0,)
    assert actuator.status("load") == LoadStatus(LoadState.CURTAILED)
    await actuator.async_release(["load"])
    assert climate.targets == (21.0,)


async def test_device_that_goes_the_rest_of_the_way_late(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait
) -> None:
    """What was asked for is ours, also after a part of it has been taken for all."""
    climate.behave = lambda _, data: {"temperature": 20.0}
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    climate.behave = None
    climate.write(temperature=19.0)
    await settle(home)
    assert actuator.status("load") == LoadStatus(LoadState.CURTAILED)
    await actuator.async_release(["load"])
    assert climate.targets == (21.0,)


@pytest.mark.parametrize("restarted", [False, True])
async def test_turned_off_and_on_again(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait, restart: Restart, restarted: bool
) -> None:
    """Off stays off, and the target we left in it goes back when it is turned on."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    climate.write("off", context=Context(user_id="someone"))
    await settle(home)
    assert actuator.status("load") == OPTED_OUT
    assert actuator.records == ()
    if restarted:
        actuator = await restart()
    await wait(7200)
    assert len(climate.calls) == 1
    climate.write("heat")
    await settle(home)
    assert climate.targets == (21.0,)
    assert await on_disk(home) == []


async def test_turned_off_and_on_at_another_target(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait
) -> None:
    """A target chosen when it is turned on is a person's."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    climate.write("off")
    await settle(home)
    climate.write("heat", temperature=18.0)
    await settle(home)
    assert climate.targets == (18.0,)
    assert await on_disk(home) == []


async def test_off_when_the_next_event_starts(
    home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait
) -> None:
    """A device that is off has nothing to give, and keeps its former target for the day it is turned on."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    climate.write("off")
    await settle(home)
    await wait(3600)
    await actuator.async_curtail(make_load(climate), METER, ENDS + timedelta(hours=2))
    assert actuator.status("load") == LoadStatus(LoadState.NOT_NEEDED, "off")
    await actuator.async_release(["load"])
    climate.write("heat")
    await settle(home)
    assert climate.targets == (21.0,)


async def test_turned_on_days_later(home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait) -> None:
    """More than a day after its event nothing is put back without asking."""
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    climate.write("off")
    await settle(home)
    await wait(3 * 86400)
    climate.write("heat")
    await settle(home)
    assert climate.targets == (19.0,)
    assert actuator.status("load") == LoadStatus(LoadState.FAILED, "old_undo")
    await actuator.async_restore_old(climate.registry_id)
    assert climate.targets == (21.0,)


async def test_another_preset_for_a_while(
    home: HomeAssistant, make_climate: MakeClimate, actuator: Actuator, wait: Wait
) -> None:
    """A preset is a person's choice; what we set goes back when the device returns to it from there."""
    climate = make_climate(
        "heat", temperature=21.0, target_temp_step=0.5, preset_mode="none", preset_modes=["none", "away"]
    )
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    climate.write(preset_mode="away", temperature=16.0)
    await settle(home)
    assert actuator.status("load") == OPTED_OUT
    climate.write(preset_mode="none", temperature=19.0)
    await settle(home)
    assert climate.targets == (21.0,)
    assert await on_disk(home) == []


async def test_disabled_for_a_while(home: HomeAssistant, actuator: Actuator, climate: FakeClimate, wait: Wait) -> None:
    """A disabled entity is away, not gone: it is put back when it is enabled."""
    registry = er.async_get(home)
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    registry.async_update_entity(climate.entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    home.states.async_remove(climate.entity_id)
    await settle(home)
    await actuator.async_release(["load"])
    await wait(1801)
    assert len(await on_disk(home)) == 1
    registry.async_update_entity(climate.entity_id, disabled_by=None)
    climate.write("heat")
    await settle(home)
    assert climate.targets == (21.0,)
    assert await on_disk(home) == []


async def test_device_that_starts_piece_by_piece(
    home: HomeAssistant, make_climate: MakeClimate, actuator: Actuator, wait: Wait
) -> None:
    """Mode first, then preset and target, or no number at all: nobody changed anything."""
    climate = make_climate("heat", temperature=21.0, target_temp_step=0.5, preset_mode="home", preset_modes=["home"])
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await wait(31)
    climate.write(preset_mode=None, temperature=None)
    await settle(home)
    climate.write(temperature=float("nan"))
    await settle(home)
    assert len(actuator.records) == 1
    climate.write(preset_mode="home", temperature=19.0)
    await settle(home)
    assert actuator.status("load") == LoadStatus(LoadState.CURTAILED)
    await actuator.async_release(["load"])
    assert climate.targets == (21.0,)


@pytest.mark.parametrize(
    ("at_start", "later"),
    [({"state": "off"}, {"state": "heat"}), ({"temperature": 16.0}, {"temperature": 21.0})],
    ids=["off", "at its limit"],
)
async def test_nothing_to_do_at_the_start(
    home: HomeAssistant,
    actuator: Actuator,
    climate: FakeClimate,
    at_start: dict[str, Any],
    later: dict[str, Any],
) -> None:
    """Whoever turns it on or up during the event is in charge until it is let go; other limits of ours are not them."""
    climate.write(**at_start)
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    assert actuator.status("load").state is LoadState.NOT_NEEDED
    climate.write(**later)
    await actuator.async_curtail(make_load(climate), METER, ENDS + HOUR)
    assert actuator.status("load") == OPTED_OUT
    await actuator.async_release(["load"])
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    assert climate.targets == (19.0,)
    await actuator.async_release(["load"])
    assert climate.targets == (21.0,)


async def test_other_limits_make_room(home: HomeAssistant, actuator: Actuator, climate: FakeClimate) -> None:
    """A load whose limits are widened mid-event takes part from then on."""
    climate.write(temperature=16.0)
    await actuator.async_curtail(make_load(climate), METER, ENDS)
    await actuator.async_curtail(make_load(climate, "load", offset=2.0, min_temp=12.0), METER, ENDS)
    assert climate.targets == (14.0,)
    await actuator.async_release(["load"])
    assert climate.targets == (16.0,)
