"""Tests of what the entities say about events, and of what a person can do with them."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.leap.api.models import IntegrationTestResult
from custom_components.leap.const import DOMAIN, Mode
from custom_components.leap.dispatch.decisions import Choice
from custom_components.leap.store import StoreError, async_get_store
from tests.builders import ENTRY_ID, LOAD_SUBENTRY_ID, METER_ID, build_entry, meter_subentry

from .conftest import NOW, Home, timeslot
from .test_entities import END, START, meter, state_of


def entity_id(hass: HomeAssistant, platform: Platform, unique_id: str) -> str:
    """Return the entity id behind a unique id."""
    return str(state_of(hass, platform, unique_id).entity_id)


async def press(hass: HomeAssistant, unique_id: str) -> None:
    """Press a button."""
    target = {"entity_id": entity_id(hass, Platform.BUTTON, unique_id)}
    await hass.services.async_call("button", "press", target, blocking=True)


async def turn(hass: HomeAssistant, unique_id: str, state: str) -> None:
    """Turn a switch."""
    target = {"entity_id": entity_id(hass, Platform.SWITCH, unique_id)}
    await hass.services.async_call("switch", f"turn_{state}", target, blocking=True)


async def calendar(hass: HomeAssistant, start: Any, end: Any) -> list[dict[str, Any]]:
    """Read the calendar by its action."""
    calendar_id = entity_id(hass, Platform.CALENDAR, f"{METER_ID}_dispatches")
    reply: Any = await hass.services.async_call(
        "calendar",
        "get_events",
        {"entity_id": calendar_id, "start_date_time": start.isoformat(), "end_date_time": end.isoformat()},
        blocking=True,
        return_response=True,
    )
    return list(reply[calendar_id]["events"])


# Event


async def test_life_of_an_event(hass: HomeAssistant, home: Home) -> None:
    """Each thing that happens is told once, with the whole event under the contract's names."""
    await home.start()
    kinds: list[str] = []

    def kind() -> str:
        state = meter(hass, Platform.EVENT, "dispatch")
        return STATE_UNKNOWN if state.state == STATE_UNKNOWN else str(state.attributes["event_type"])

    kinds.append(kind())
    await home.push_event(timeslot())
    kinds.append(kind())
    told = meter(hass, Platform.EVENT, "dispatch").attributes
    assert {key: value for key, value in told.items() if key not in ("event_types", "friendly_name")} == {
        "event_type": "scheduled",
        "event_id": "event-1",
        "meter_id": METER_ID,
        "start": START.isoformat(),
        "end": END.isoformat(),
        "energy_kw": 3.5,
        "nomination_kw": 4.5,
        "cap": "up-to-site-load",
        "priority": 3,
        "voluntary": False,
        "types": ["standard"],
        "programs": ["ELRP"],
        "communication_test": False,
        "cancelled": False,
        "origin": "leap",
        "source": "push",
        "decision": "join",
    }
    home.freezer.tick(1)
    await home.push_event(timeslot(energy_kw=2.0))
    kinds.append(kind())
    await home.at(START)
    kinds.append(kind())
    await press(hass, f"{METER_ID}_opt_out")
    kinds.append(kind())
    home.freezer.tick(1)
    await press(hass, f"{METER_ID}_opt_in")
    kinds.append(kind())
    home.freezer.tick(1)
    await home.push_event(timeslot(energy_kw=2.0, cancelled=True))
    kinds.append(kind())
    assert [kinds[0], *kinds[1:3], *kinds[4:]] == [
        STATE_UNKNOWN,
        "scheduled",
        "updated",
        "opted_out",
        "opted_in",
        "cancelled",
    ]
    assert kinds[3] == "started"


async def test_end_of_an_event(hass: HomeAssistant, home: Home) -> None:
    """The end is told when it comes."""
    await home.start()
    await home.push_event(timeslot())
    await home.at(START)
    await home.at(END)
    state = meter(hass, Platform.EVENT, "dispatch")
    assert (state.attributes["event_type"], state.attributes["event_id"]) == ("ended", "event-1")


async def test_events_of_other_meters(hass: HomeAssistant, home: Home) -> None:
    """A meter's entity is silent about another's events."""
    home.entry = build_entry(
        subentries=[meter_subentry(), meter_subentry("other", subentry_id="01LEAPOTHER000000000000000")]
    )
    await home.start(Platform.EVENT)
    await home.push_event(timeslot(), meter_id="other")
    assert meter(hass, Platform.EVENT, "dispatch").state == STATE_UNKNOWN
    assert state_of(hass, Platform.EVENT, "other_dispatch").attributes["event_id"] == "event-1"


async def test_integration_test(hass: HomeAssistant, home: Home) -> None:
    """A test is told, and nothing else comes of it."""
    await home.start()
    await home.push_event(timeslot("test"), test=True)
    state = meter(hass, Platform.EVENT, "dispatch")
    assert (state.attributes["event_type"], state.attributes["decision"]) == ("test_received", None)
    assert meter(hass, Platform.SENSOR, "dispatch_start").state == STATE_UNKNOWN
    assert await calendar(hass, NOW, END) == []


async def test_what_is_known_at_start_is_no_news(hass: HomeAssistant, home: Home) -> None:
    """After a reload nothing that was told is told again."""
    await home.start()
    await home.push_event(timeslot())
    told = meter(hass, Platform.EVENT, "dispatch").state
    home.freezer.tick(10)
    assert await hass.config_entries.async_reload(ENTRY_ID)
    await home.settle()
    assert meter(hass, Platform.SENSOR, "dispatch_start").state == START.isoformat()
    state = meter(hass, Platform.EVENT, "dispatch")
    assert (state.state, state.attributes["event_type"]) == (told, "scheduled")


# Calendar


async def test_calendar(hass: HomeAssistant, home: Home) -> None:
    """Joined, skipped and left events are shown, cancelled ones are not; a span gets what overlaps it."""
    await home.start()
    hour = timedelta(hours=1)
    await home.push_event(
        timeslot(),
        timeslot("next", start_time=END, end_time=END + hour, energy_kw=None, programs=("CCA", "ELRP")),
        timeslot("test", start_time=END + hour, end_time=END + 2 * hour, communication_test=True),
        timeslot("gone", cancelled=True),
    )
    await home.coordinator.async_decide(METER_ID, Choice.OPTED_OUT, "event-1")
    shown = await calendar(hass, NOW, NOW + timedelta(days=1))
    assert [event["summary"] for event in shown] == [
        "ELRP · 3.5 kW · opted out",
        "CCA/ELRP · maximum",
        "ELRP · 3.5 kW · skipped",
    ]
    assert [event["summary"] for event in await calendar(hass, START, END)] == ["ELRP · 3.5 kW · opted out"]
    assert await calendar(hass, NOW, START) == []

    (entity,) = hass.data["calendar"].entities
    upcoming = await entity.async_get_events(hass, END, END + hour)
    assert [(event.uid, event.start, event.description) for event in upcoming] == [("next", END, "Commitment")]


async def test_calendar_shows_the_joined_of_two(hass: HomeAssistant, home: Home) -> None:
    """The calendar is on while anything runs, and names the event that gives the instruction."""
    await home.start()
    await home.push_event(
        timeslot("skipped", communication_test=True, start_time=START - timedelta(minutes=30)),
        timeslot("joined", programs=("CCA",)),
    )
    await home.at(START - timedelta(minutes=30))
    state = meter(hass, Platform.CALENDAR, "dispatches")
    assert (state.state, state.attributes["message"]) == (STATE_ON, "ELRP · 3.5 kW · skipped")
    await home.at(START)
    state = meter(hass, Platform.CALENDAR, "dispatches")
    assert (state.state, state.attributes["message"]) == (STATE_ON, "CCA · 3.5 kW")
    await home.at(END)
    assert meter(hass, Platform.CALENDAR, "dispatches").state == STATE_OFF


async def test_calendar_can_start_an_automation(hass: HomeAssistant, home: Home) -> None:
    """Some time before a known event starts, by Home Assistant's own trigger."""
    await home.start()
    await home.push_event(timeslot())
    calls = async_mock_service(hass, "test", "called")
    automation = {
        "triggers": {
            "trigger": "calendar.event_started",
            "target": {"entity_id": entity_id(hass, Platform.CALENDAR, f"{METER_ID}_dispatches")},
            "options": {"offset": {"minutes": 10}, "offset_type": "before"},
        },
        "actions": {"action": "test.called", "data": {"summary": "{{ trigger.calendar_event.summary }}"}},
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await home.settle()
    summaries = []
    for minutes in (-20, -11, -10, 0):
        await home.at(START + timedelta(minutes=minutes))
        summaries.append([call.data["summary"] for call in calls])
    await hass.services.async_call("automation", "turn_off", {"entity_id": "all"}, blocking=True)
    assert summaries == [[], [], ["ELRP · 3.5 kW"], ["ELRP · 3.5 kW"]]


# Switches and buttons


@pytest.mark.parametrize("owner", [f"{METER_ID}_automatic_curtailment", f"{LOAD_SUBENTRY_ID}_load_enabled"])
async def test_switches(hass: HomeAssistant, home: Home, owner: str) -> None:
    """A switch is on at first, is remembered over a reload, and can be turned back."""
    await home.start()
    assert state_of(hass, Platform.SWITCH, owner).state == STATE_ON
    await turn(hass, owner, "off")
    assert state_of(hass, Platform.SWITCH, owner).state == STATE_OFF
    known = (home.coordinator.automatic(METER_ID), home.coordinator.load_enabled(LOAD_SUBENTRY_ID))
    assert known == (owner.endswith("enabled"), owner.endswith("curtailment"))

    assert await hass.config_entries.async_reload(ENTRY_ID)
    await home.settle()
    assert state_of(hass, Platform.SWITCH, owner).state == STATE_OFF
    await turn(hass, owner, "on")
    assert state_of(hass, Platform.SWITCH, owner).state == STATE_ON


async def test_opt_out_and_in(hass: HomeAssistant, home: Home) -> None:
    """The buttons decide about the running event, else the next; without one they say so."""
    await home.start()
    with pytest.raises(ServiceValidationError) as caught:
        await press(hass, f"{METER_ID}_opt_out")
    assert caught.value.translation_key == "no_dispatch"

    await home.push_event(timeslot())
    await press(hass, f"{METER_ID}_opt_out")
    assert meter(hass, Platform.SENSOR, "dispatch_start").state == STATE_UNKNOWN
    await home.at(START)
    assert meter(hass, Platform.BINARY_SENSOR, "dispatch_active").state == STATE_OFF
    await press(hass, f"{METER_ID}_opt_in")
    assert meter(hass, Platform.BINARY_SENSOR, "dispatch_active").state == STATE_ON


async def test_rehearsal(hass: HomeAssistant, home: Home) -> None:
    """Ten minutes of an event of the home's own; Leap's goes first, opting out ends it, and one at a time is enough."""
    await home.start()
    await press(hass, f"{METER_ID}_rehearse")
    await home.settle()
    told = meter(hass, Platform.EVENT, "dispatch").attributes
    assert (told["event_type"], told["origin"], told["source"]) == ("started", "rehearsal", "local")
    assert told["event_id"].startswith("local:")
    assert meter(hass, Platform.BINARY_SENSOR, "dispatch_active").state == STATE_ON
    assert meter(hass, Platform.CALENDAR, "dispatches").attributes["message"] == "Rehearsal · maximum"
    with pytest.raises(ServiceValidationError) as caught:
        await press(hass, f"{METER_ID}_rehearse")
    assert caught.value.translation_key == "dispatch_running"

    await home.push_event(timeslot(start_time=NOW, end_time=NOW + timedelta(minutes=5)))
    assert meter(hass, Platform.SENSOR, "target_power").state == "3.5"
    await home.at(NOW + timedelta(minutes=5))
    assert meter(hass, Platform.SENSOR, "target_power").attributes["maximum"] is True
    await home.at(NOW + timedelta(minutes=10))
    assert meter(hass, Platform.BINARY_SENSOR, "dispatch_active").state == STATE_OFF

    await press(hass, f"{METER_ID}_rehearse")
    await press(hass, f"{METER_ID}_opt_out")
    assert meter(hass, Platform.BINARY_SENSOR, "dispatch_active").state == STATE_OFF


async def test_rehearsal_survives_a_full_disk(hass: HomeAssistant, home: Home) -> None:
    """It runs, and that it could not be stored is said."""
    await home.start()
    with (
        patch.object(await async_get_store(hass), "async_write", side_effect=StoreError("full")),
        pytest.raises(StoreError),
    ):
        await press(hass, f"{METER_ID}_rehearse")
    assert meter(hass, Platform.BINARY_SENSOR, "dispatch_active").state == STATE_ON


@pytest.mark.parametrize(("status", "delivered"), [(200, True), (404, False), (None, False)])
async def test_send_test(hass: HomeAssistant, home: Home, status: int | None, delivered: bool) -> None:
    """A test that did not arrive is an error that says what to look at."""
    await home.start(Platform.BUTTON)
    home.push.async_send_test.return_value = IntegrationTestResult(sent_time=NOW, http_status=status)
    if delivered:
        await press(hass, f"{ENTRY_ID}_send_test_dispatch")
    else:
        with pytest.raises(HomeAssistantError) as caught:
            await press(hass, f"{ENTRY_ID}_send_test_dispatch")
        assert caught.value.translation_key == "test_not_delivered"
    home.push.async_send_test.assert_awaited_once_with()


async def test_relay_has_nothing_to_ask_leap_for(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, home: Home
) -> None:
    """A relay that only pushes has neither a test button nor a last poll."""
    home.entry = build_entry(mode=Mode.RELAY)
    await home.start()
    keys = {each.unique_id for each in er.async_entries_for_config_entry(entity_registry, ENTRY_ID)}
    assert f"{ENTRY_ID}_last_notification" in keys
    assert not {f"{ENTRY_ID}_send_test_dispatch", f"{ENTRY_ID}_last_poll"} & keys
    assert DOMAIN in hass.config.components
