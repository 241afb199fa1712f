"""Tests of the entities: what there is, and what it shows when."""

from datetime import timedelta
import json
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.json import json_dumps
import pytest
from syrupy.assertion import SnapshotAssertion

from custom_components.leap.api.errors import LeapConnectionError
from custom_components.leap.const import DOMAIN
from custom_components.leap.coordinator import signal_subentries
from custom_components.leap.curtailment.status import LoadState, LoadStatus, MeterState
from tests.builders import ENTRY_ID, LOAD_SUBENTRY_ID, METER_ID

from .conftest import NOW, PLATFORMS, Home, timeslot

START, END = NOW + timedelta(hours=1), NOW + timedelta(hours=2)


def state_of(hass: HomeAssistant, platform: Platform, unique_id: str) -> Any:
    """Return the state of one of our entities, found by its unique id."""
    entity_id = er.async_get(hass).async_get_entity_id(platform, DOMAIN, unique_id)
    assert entity_id is not None, unique_id
    state = hass.states.get(entity_id)
    assert state is not None, entity_id
    return state


def meter(hass: HomeAssistant, platform: Platform, key: str) -> Any:
    """Return the state of one of the meter's entities."""
    return state_of(hass, platform, f"{METER_ID}_{key}")


def described(hass: HomeAssistant, entity: er.RegistryEntry) -> dict[str, Any]:
    """Return what matters of an entity, in a form that is the same in every version of Home Assistant."""
    state = hass.states.get(entity.entity_id)
    assert state is not None
    return {
        "entity_id": entity.entity_id,
        "unique_id": entity.unique_id,
        "subentry": entity.config_subentry_id,
        "name": entity.original_name,
        "translation_key": entity.translation_key,
        "category": entity.entity_category and entity.entity_category.value,
        "state": state.state,
        "attributes": {str(key): json_value(value) for key, value in sorted(state.attributes.items())},
    }


def json_value(value: Any) -> Any:
    """Return a value as Home Assistant's API would."""
    return json.loads(json_dumps(value))


@pytest.mark.usefixtures("all_entities")
@pytest.mark.parametrize("platform", PLATFORMS)
async def test_platform(
    hass: HomeAssistant,
    entity_registry: er.EntityRegistry,
    home: Home,
    snapshot: SnapshotAssertion,
    platform: Platform,
) -> None:
    """Every entity of a platform, with an event ahead."""
    await home.start(platform)
    home.controller.meter_state.return_value = MeterState.SCHEDULED
    await home.push_event(timeslot())
    entities = er.async_entries_for_config_entry(entity_registry, ENTRY_ID)
    assert [described(hass, entity) for entity in sorted(entities, key=lambda each: each.unique_id)] == snapshot


async def test_disabled_by_default(hass: HomeAssistant, entity_registry: er.EntityRegistry, home: Home) -> None:
    """Only what few need is off at first."""
    await home.start()
    entities = er.async_entries_for_config_entry(entity_registry, ENTRY_ID)
    off = {entity.unique_id for entity in entities if entity.disabled_by}
    assert off == {f"{ENTRY_ID}_last_notification", f"{ENTRY_ID}_last_poll"}


async def test_devices(hass: HomeAssistant, device_registry: dr.DeviceRegistry, home: Home) -> None:
    """A load's device leads to its meter's, and that to the account's; each belongs to its subentry."""
    await home.start()
    account, meter_device, load = (
        device_registry.async_get_device_by_identifier((DOMAIN, key), ENTRY_ID)
        for key in (ENTRY_ID, METER_ID, LOAD_SUBENTRY_ID)
    )
    assert account
    assert meter_device
    assert load
    assert (account.name, account.via_device_id, account.config_subentry_id) == ("Leap", None, None)
    assert (meter_device.name, meter_device.model) == ("home-0042", "Utility meter")
    assert meter_device.via_device_id == account.id
    assert load.via_device_id == meter_device.id
    assert load.config_subentry_id == LOAD_SUBENTRY_ID
    assert (load.name, load.model) == ("Hallway", "Thermostat load")


# Unknown, unavailable and nothing scheduled

SHOWN = ("dispatch_start", "dispatch_end", "target_power", "nomination", "program", "priority", "compensation_cap")


async def test_nothing_scheduled(hass: HomeAssistant, home: Home) -> None:
    """Leap answers and asks for nothing: unknown, not unavailable."""
    await home.start()
    assert {meter(hass, Platform.SENSOR, key).state for key in SHOWN} == {STATE_UNKNOWN}
    assert meter(hass, Platform.SENSOR, "dispatch_state").state == "idle"
    assert meter(hass, Platform.BINARY_SENSOR, "dispatch_active").state == STATE_OFF
    assert meter(hass, Platform.CALENDAR, "dispatches").state == STATE_OFF
    assert "maximum" not in meter(hass, Platform.SENSOR, "target_power").attributes


async def test_leap_out_of_reach(hass: HomeAssistant, home: Home) -> None:
    """Nothing known and Leap away: unavailable, but what is the home's own stays usable."""
    home.client.search_meter_dispatches.side_effect = LeapConnectionError("no answer")
    await home.start()
    for key in (*SHOWN, "dispatch_state"):
        assert meter(hass, Platform.SENSOR, key).state == STATE_UNAVAILABLE
    assert meter(hass, Platform.BINARY_SENSOR, "dispatch_active").state == STATE_UNAVAILABLE
    assert meter(hass, Platform.CALENDAR, "dispatches").state == STATE_UNAVAILABLE
    assert meter(hass, Platform.SWITCH, "automatic_curtailment").state == STATE_ON
    assert meter(hass, Platform.BUTTON, "opt_out").state == STATE_UNKNOWN
    assert meter(hass, Platform.BINARY_SENSOR, "controlled").state == STATE_OFF
    assert state_of(hass, Platform.SENSOR, f"{LOAD_SUBENTRY_ID}_load_state").state == "idle"


async def test_known_event_while_leap_is_away(hass: HomeAssistant, home: Home) -> None:
    """A known event stays shown through an outage, and only once it is over is nothing known."""
    await home.start()
    await home.push_event(timeslot(energy_kw=None))
    home.client.search_meter_dispatches.side_effect = LeapConnectionError("no answer")

    await home.at(START - timedelta(seconds=1))
    assert home.coordinator.feed_ok(METER_ID) is False
    assert meter(hass, Platform.SENSOR, "dispatch_start").state == START.isoformat()
    assert meter(hass, Platform.BINARY_SENSOR, "dispatch_active").state == STATE_OFF
    target = meter(hass, Platform.SENSOR, "target_power")
    assert (target.state, target.attributes["maximum"]) == (STATE_UNKNOWN, True)

    await home.at(END)
    assert meter(hass, Platform.SENSOR, "dispatch_start").state == STATE_UNAVAILABLE
    assert meter(hass, Platform.BINARY_SENSOR, "dispatch_active").state == STATE_UNAVAILABLE


async def test_state_is_known_while_leap_is_away(hass: HomeAssistant, home: Home) -> None:
    """What the home itself does is known without Leap: only "nothing scheduled" is not."""
    home.client.search_meter_dispatches.side_effect = LeapConnectionError("no answer")
    await home.start()
    states = []
    for state in (MeterState.OPTED_OUT, MeterState.RECOVERING, MeterState.IDLE):
        home.controller.meter_state.return_value = state
        home.changed()
        await home.settle()
        states.append(meter(hass, Platform.SENSOR, "dispatch_state").state)
    assert states == ["opted_out", "recovering", STATE_UNAVAILABLE]


async def test_boundaries(hass: HomeAssistant, home: Home) -> None:
    """On with the event's first instant, off with its last, without a request to Leap in between."""
    await home.start()
    await home.push_event(timeslot(), timeslot("event-2", start_time=END, end_time=END + timedelta(minutes=30)))
    seen = []
    for moment in (START - timedelta(seconds=1), START, END - timedelta(seconds=1), END, END + timedelta(minutes=30)):
        await home.at(moment)
        active = meter(hass, Platform.BINARY_SENSOR, "dispatch_active").state
        seen.append((active, meter(hass, Platform.SENSOR, "dispatch_end").state))
    later = (END + timedelta(minutes=30)).isoformat()
    assert seen == [
        (STATE_OFF, END.isoformat()),
        (STATE_ON, END.isoformat()),
        (STATE_ON, END.isoformat()),
        (STATE_ON, later),
        (STATE_OFF, STATE_UNKNOWN),
    ]


async def test_words_leap_may_add(hass: HomeAssistant, home: Home) -> None:
    """Programs and caps nobody knows yet are shown as they are."""
    await home.start()
    await home.push_event(
        timeslot(programs=("NEW-PROGRAM", "ELRP"), performance_compensation_cap="up-to-the-moon", nomination_kw=None)
    )
    assert meter(hass, Platform.SENSOR, "program").state == "NEW-PROGRAM, ELRP"
    assert meter(hass, Platform.SENSOR, "compensation_cap").state == "up-to-the-moon"
    assert meter(hass, Platform.SENSOR, "nomination").state == STATE_UNKNOWN
    target = meter(hass, Platform.SENSOR, "target_power")
    assert (target.state, target.attributes["maximum"]) == ("3.5", False)


# Controller and push


async def test_controller_speaks(hass: HomeAssistant, home: Home) -> None:
    """What the controller does is shown at once, with its reason."""
    await home.start()
    home.controller.load_state.return_value = LoadStatus(LoadState.NOT_NEEDED, "no_room")
    home.controller.meter_state.return_value = MeterState.RECOVERING
    home.controller.controlled.side_effect = lambda owner: owner == METER_ID
    home.changed()
    await home.settle()
    load = state_of(hass, Platform.SENSOR, f"{LOAD_SUBENTRY_ID}_load_state")
    assert (load.state, load.attributes["reason"]) == ("not_needed", "no_room")
    assert meter(hass, Platform.SENSOR, "dispatch_state").state == "recovering"
    assert meter(hass, Platform.BINARY_SENSOR, "controlled").state == STATE_ON
    assert state_of(hass, Platform.BINARY_SENSOR, f"{LOAD_SUBENTRY_ID}_controlled").state == STATE_OFF

    home.controller.load_state.return_value = LoadStatus(LoadState.UNAVAILABLE)
    home.changed()
    await home.settle()
    load = state_of(hass, Platform.SENSOR, f"{LOAD_SUBENTRY_ID}_load_state")
    assert (load.state, load.attributes["reason"]) == ("device_unavailable", None)


@pytest.mark.parametrize(("healthy", "state"), [(None, STATE_UNKNOWN), (True, STATE_ON), (False, STATE_OFF)])
async def test_push_health(hass: HomeAssistant, home: Home, healthy: bool | None, state: str) -> None:
    """Push is unknown until something tells."""
    await home.start()
    home.push.healthy = healthy
    home.changed()
    await home.settle()
    assert state_of(hass, Platform.BINARY_SENSOR, f"{ENTRY_ID}_push_healthy").state == state


@pytest.mark.usefixtures("all_entities")
async def test_when_leap_was_heard_of(hass: HomeAssistant, home: Home) -> None:
    """Last poll and last notification are moments, unknown until there was one."""
    await home.start()
    assert state_of(hass, Platform.SENSOR, f"{ENTRY_ID}_last_poll").state == NOW.isoformat()
    assert state_of(hass, Platform.SENSOR, f"{ENTRY_ID}_last_notification").state == STATE_UNKNOWN
    await home.push_event(timeslot())
    assert state_of(hass, Platform.SENSOR, f"{ENTRY_ID}_last_notification").state == NOW.isoformat()


# Meters and loads that come and go


async def test_subentries_join_and_leave(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, device_registry: dr.DeviceRegistry, home: Home
) -> None:
    """A new meter brings its entities without a reload, a renamed load its name, a removed one takes them away."""
    await home.start()
    new = ConfigSubentry(
        data=MappingProxyType({"meter_id": "new-meter", "meter_type": "DEVICE"}),
        subentry_type="meter",
        title="battery",
        unique_id="new-meter",
    )
    hass.config_entries.async_add_subentry(home.entry, new)
    load = home.entry.subentries[LOAD_SUBENTRY_ID]
    hass.config_entries.async_update_subentry(home.entry, load, title="Landing")
    before = len(er.async_entries_for_config_entry(entity_registry, ENTRY_ID))
    for _ in range(2):
        await home.coordinator.async_apply_changes()
        async_dispatcher_send(hass, signal_subentries(ENTRY_ID))
        await home.settle()
    after = er.async_entries_for_config_entry(entity_registry, ENTRY_ID)
    added = {entity.unique_id for entity in after if entity.config_subentry_id == new.subentry_id}
    assert len(after) == before + len(added)
    assert len(added) == len([each for each in after if each.unique_id.startswith(METER_ID)])
    assert state_of(hass, Platform.SENSOR, "new-meter_dispatch_state").state == "idle"
    device = device_registry.async_get_device_by_identifier((DOMAIN, LOAD_SUBENTRY_ID), ENTRY_ID)
    assert device
    assert device.name == "Landing"

    hass.config_entries.async_remove_subentry(home.entry, new.subentry_id)
    await home.settle()
    assert len(er.async_entries_for_config_entry(entity_registry, ENTRY_ID)) == before
    assert device_registry.async_get_device_by_identifier((DOMAIN, "new-meter"), ENTRY_ID) is None
