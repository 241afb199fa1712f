"""What the home is told and decides, and the instants that matter."""

from datetime import timedelta
from types import MappingProxyType
from typing import Any
from unittest.mock import MagicMock, patch

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.dispatcher import async_dispatcher_connect
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.leap.api.errors import LeapConnectionError
from custom_components.leap.const import CONF_COMMUNICATION_TEST, CONF_METER_ID, CONF_VOLUNTARY_DEFAULT, Mode
from custom_components.leap.coordinator import DispatchSignal, signal_subentries
from custom_components.leap.dispatch.decisions import Choice
from custom_components.leap.store import StoreError, async_get_store
from tests.builders import LOAD_SUBENTRY_ID, METER_ID, METER_SUBENTRY_ID, OTHER_METER_ID, build_entry

from .conftest import NOW, Post, body, dispatch, is_healthy, settle, slot

HOUR = timedelta(hours=1)


async def go_to(hass: HomeAssistant, frozen: Any, moment: Any) -> None:
    """Let time pass until a moment."""
    frozen.move_to(moment)
    async_fire_time_changed(hass, moment)
    await settle(hass)


@pytest.fixture
def coordinator(loaded: MockConfigEntry) -> Any:
    """Return the loaded entry's coordinator."""
    return loaded.runtime_data.coordinator


async def test_start_and_end_are_told_to_the_second_without_a_search(
    hass: HomeAssistant, coordinator: Any, client: MagicMock, post: Post, frozen: Any, signals: list[Any]
) -> None:
    """By a timer, once each."""
    await post(body(slot(start_time=NOW + timedelta(seconds=10), end_time=NOW + timedelta(seconds=30))))
    seen: list[int] = []
    coordinator.async_add_listener(lambda: seen.append(len(signals)))
    client.search_meter_dispatches.reset_mock()
    await go_to(hass, frozen, NOW + timedelta(seconds=9))
    assert len(signals) == 1
    await go_to(hass, frozen, NOW + timedelta(seconds=10))
    assert signals[1:] == [(DispatchSignal.STARTED, "event-1")]
    assert seen == [2]
    await go_to(hass, frozen, NOW + timedelta(seconds=30))
    assert signals[2:] == [(DispatchSignal.ENDED, "event-1")]
    client.search_meter_dispatches.assert_not_awaited()


async def test_a_restart_mid_event_tells_no_second_start(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post, frozen: Any, signals: list[Any]
) -> None:
    """What ended meanwhile is not told at all; what began meanwhile is."""
    await post(
        body(
            slot("long", end_time=NOW + 9 * HOUR),
            slot("short"),
            slot("later", start_time=NOW + 3 * HOUR, end_time=NOW + 9 * HOUR),
        )
    )
    await go_to(hass, frozen, NOW + HOUR)
    assert {kind for kind, _ in signals} == {"scheduled", "started"}
    signals.clear()
    await hass.config_entries.async_unload(loaded.entry_id)
    frozen.move_to(NOW + 4 * HOUR)
    await hass.config_entries.async_setup(loaded.entry_id)
    await settle(hass)
    assert signals == [(DispatchSignal.STARTED, "later")]
    await go_to(hass, frozen, NOW + 9 * HOUR)
    assert sorted(signals[1:]) == [(DispatchSignal.ENDED, "later"), (DispatchSignal.ENDED, "long")]


async def test_a_clock_that_jumps_is_noticed_within_a_minute(
    hass: HomeAssistant, coordinator: Any, post: Post, frozen: Any, signals: list[Any]
) -> None:
    """Timers run on another clock; an event the jump passed over is not told as running."""
    await post(body(slot("passed"), slot("running", end_time=NOW + 9 * HOUR)))
    frozen.move_to(NOW + 5 * HOUR)
    coordinator._boundaries._fire(NOW)
    assert signals[2:] == [(DispatchSignal.STARTED, "running")]
    await go_to(hass, frozen, NOW + 9 * HOUR)
    assert signals[3:] == [(DispatchSignal.ENDED, "running")]


async def test_updates_and_cancellations_are_told(coordinator: Any, post: Post, signals: list[Any]) -> None:
    """What is over, or never was known, is no news."""
    past = {"start_time": NOW - 2 * HOUR, "end_time": NOW - HOUR}
    await post(body(slot()))
    await post(body(slot(energy_kw=1.0)))
    await post(body(slot(cancelled=True)))
    await post(body(slot("past", **past)))
    await post(body(slot("past", energy_kw=1.0, **past)))
    await post(body(slot("past", cancelled=True, **past)))
    await post(body(slot("unknown", cancelled=True)))
    assert signals == [
        (DispatchSignal.SCHEDULED, "event-1"),
        (DispatchSignal.UPDATED, "event-1"),
        (DispatchSignal.CANCELLED, "event-1"),
    ]


async def test_a_cancel_midway_is_a_cancel_not_an_end(
    hass: HomeAssistant, coordinator: Any, post: Post, frozen: Any, signals: list[Any]
) -> None:
    """An end moved into the past is an end."""
    await post(body(slot("a"), slot("b", end_time=NOW + 3 * HOUR)))
    await go_to(hass, frozen, NOW + HOUR + timedelta(minutes=10))
    signals.clear()
    await post(body(slot("a", cancelled=True), slot("b", end_time=NOW + HOUR + timedelta(minutes=5))))
    assert sorted(signals) == [
        (DispatchSignal.CANCELLED, "a"),
        (DispatchSignal.ENDED, "b"),
        (DispatchSignal.UPDATED, "b"),
    ]


async def test_opting_out_and_in_again(
    hass: HomeAssistant, coordinator: Any, post: Post, frozen: Any, signals: list[Any]
) -> None:
    """All that run, else the next; a start is told once however often one changes one's mind."""
    await post(body(slot("a"), slot("b"), slot("c", start_time=NOW + 5 * HOUR, end_time=NOW + 6 * HOUR)))
    await go_to(hass, frozen, NOW + HOUR)
    signals.clear()
    assert (await coordinator.async_decide(METER_ID, Choice.OPTED_OUT)).event_id == "a"
    assert coordinator.schedule(METER_ID).active(NOW + HOUR) is None
    assert (await coordinator.async_decide(METER_ID, Choice.OPTED_OUT)).event_id == "c"
    assert (await coordinator.async_decide(METER_ID, Choice.JOIN)).event_id == "a"
    assert (await coordinator.async_decide(METER_ID, Choice.JOIN, "c")).event_id == "c"
    assert [kind for kind, _ in signals] == ["opted_out"] * 3 + ["opted_in"] * 3
    assert coordinator.schedule(METER_ID).active(NOW + HOUR).event.event_id == "a"


async def test_there_must_be_something_to_decide(coordinator: Any, post: Post) -> None:
    """Nothing scheduled, an unknown event, an unknown meter."""
    for meter_id, event_id in ((METER_ID, None), (METER_ID, "nope"), (OTHER_METER_ID, None)):
        with pytest.raises(ServiceValidationError) as raised:
            await coordinator.async_decide(meter_id, Choice.OPTED_OUT, event_id)
        assert raised.value.translation_key == "no_dispatch"


async def test_a_decision_outlives_updates_and_restarts(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post
) -> None:
    """Of the event and of Home Assistant."""
    await post(body(slot()))
    await loaded.runtime_data.coordinator.async_decide(METER_ID, Choice.OPTED_OUT)
    await post(body(slot(energy_kw=1.0)))
    await hass.config_entries.async_reload(loaded.entry_id)
    schedule = loaded.runtime_data.coordinator.schedule(METER_ID)
    assert schedule.choice(schedule.events[0]) is Choice.OPTED_OUT


async def test_the_user_s_word_holds_though_the_disk_is_full(hass: HomeAssistant, coordinator: Any, post: Post) -> None:
    """It is said that it could not be stored."""
    await post(body(slot()))
    with (
        patch.object(await async_get_store(hass), "async_write", side_effect=StoreError("full")),
        pytest.raises(StoreError),
    ):
        await coordinator.async_decide(METER_ID, Choice.OPTED_OUT)
    assert coordinator.schedule(METER_ID).next(NOW) is None


async def test_one_load_sits_out_the_chain_that_runs(
    hass: HomeAssistant, coordinator: Any, post: Post, frozen: Any
) -> None:
    """Adjacent events included; opting in again takes it back; without an event there is nothing to do."""
    await coordinator.async_opt_out_load(METER_ID, LOAD_SUBENTRY_ID)
    assert coordinator.home.decisions == {}
    await post(body(slot("a"), slot("b", start_time=NOW + 2 * HOUR, end_time=NOW + 3 * HOUR)))
    await go_to(hass, frozen, NOW + HOUR)
    schedule = coordinator.schedule
    await coordinator.async_opt_out_load(METER_ID, LOAD_SUBENTRY_ID)
    assert schedule(METER_ID).load_out(LOAD_SUBENTRY_ID, NOW + HOUR)
    assert schedule(METER_ID).load_out(LOAD_SUBENTRY_ID, NOW + 2 * HOUR)
    await coordinator.async_opt_in_load(METER_ID, LOAD_SUBENTRY_ID)
    assert not schedule(METER_ID).load_out(LOAD_SUBENTRY_ID, NOW + HOUR)
    await coordinator.async_opt_out_load(METER_ID, LOAD_SUBENTRY_ID)
    await coordinator.async_decide(METER_ID, Choice.OPTED_OUT)
    await coordinator.async_decide(METER_ID, Choice.JOIN)
    assert not any(made.loads_out for made in coordinator.home.decisions.values())


async def test_opting_in_brings_back_the_loads_that_sat_out(
    hass: HomeAssistant, coordinator: Any, post: Post, frozen: Any, signals: list[Any]
) -> None:
    """Over the whole chain, what is over included; an event that comes later is not touched, and once is enough."""
    later = slot("c", start_time=NOW + 5 * HOUR, end_time=NOW + 6 * HOUR)
    await post(body(slot("a"), slot("b", start_time=NOW + 2 * HOUR, end_time=NOW + 3 * HOUR), later))
    await go_to(hass, frozen, NOW + HOUR)
    await coordinator.async_opt_out_load(METER_ID, LOAD_SUBENTRY_ID)
    await go_to(hass, frozen, NOW + 2 * HOUR)
    assert coordinator.schedule(METER_ID).load_out(LOAD_SUBENTRY_ID, NOW + 2 * HOUR)
    assert (await coordinator.async_decide(METER_ID, Choice.JOIN)).event_id == "b"
    assert not coordinator.schedule(METER_ID).load_out(LOAD_SUBENTRY_ID, NOW + 2 * HOUR)
    assert signals[-1] == (DispatchSignal.OPTED_IN, "b")
    assert {made.event_id for made in coordinator.home.decisions.values()} == {"a", "b"}
    with pytest.raises(ServiceValidationError):
        await coordinator.async_decide(METER_ID, Choice.JOIN)


async def test_switches_survive_a_reload(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    """On until said otherwise."""
    coordinator = loaded.runtime_data.coordinator
    heard: list[bool] = []
    coordinator.async_add_listener(lambda: heard.append(coordinator.automatic(METER_ID)))
    assert coordinator.automatic(METER_ID)
    assert coordinator.load_enabled(LOAD_SUBENTRY_ID)
    await coordinator.async_set_automatic(METER_ID, False)
    await coordinator.async_set_load_enabled(LOAD_SUBENTRY_ID, False)
    assert heard == [False, False]
    await hass.config_entries.async_reload(loaded.entry_id)
    coordinator = loaded.runtime_data.coordinator
    assert not coordinator.automatic(METER_ID)
    assert not coordinator.load_enabled(LOAD_SUBENTRY_ID)


async def test_the_feed_is_trusted_while_leap_was_heard_lately(
    hass: HomeAssistant, coordinator: Any, client: MagicMock, post: Post, frozen: Any
) -> None:
    """A quarter of an hour; a running event is known to run whatever Leap says."""
    assert coordinator.feed_ok(METER_ID)
    client.search_meter_dispatches.side_effect = LeapConnectionError("gone")
    await go_to(hass, frozen, NOW + timedelta(minutes=14))
    assert coordinator.feed_ok(METER_ID)
    heard: list[bool] = []
    coordinator.async_add_listener(lambda: heard.append(coordinator.feed_ok(METER_ID)))
    await go_to(hass, frozen, NOW + timedelta(minutes=16))
    assert heard[-1] is False
    await post(body(slot()))
    assert coordinator.feed_ok(METER_ID)
    await go_to(hass, frozen, NOW + HOUR + timedelta(minutes=30))
    assert coordinator.feed_ok(METER_ID)
    await go_to(hass, frozen, NOW + 2 * HOUR)
    assert not coordinator.feed_ok(METER_ID)


async def test_a_relay_without_searches_lives_by_its_heartbeat(hass: HomeAssistant, post: Post, frozen: Any) -> None:
    """No client, no guard; an empty list every quarter of an hour keeps it healthy."""
    entry = build_entry(mode=Mode.RELAY)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    runtime: Any = entry.runtime_data
    assert runtime.client is None
    assert runtime.coordinator.last_poll is None
    assert runtime.coordinator.last_good_poll is None
    assert is_healthy(entry) is None
    assert await post({"meter_dispatches": []}) == 200
    assert is_healthy(entry) is True
    mixed = body(slot())
    mixed["meter_dispatches"][0]["timeslots"].append({})
    assert await post(mixed) == 200
    await go_to(hass, frozen, NOW + timedelta(minutes=16))
    assert is_healthy(entry) is False
    assert not runtime.coordinator.feed_ok(METER_ID)


def meter(meter_id: str, subentry_id: str) -> ConfigSubentry:
    """Build a followed meter as the subentry flow adds it."""
    return ConfigSubentry(
        data=MappingProxyType({CONF_METER_ID: meter_id}),
        subentry_id=subentry_id,
        subentry_type="meter",
        title="another",
        unique_id=meter_id,
    )


async def test_meters_come_and_go_live(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    client: MagicMock,
    controller: MagicMock,
    post: Post,
    frozen: Any,
) -> None:
    """A new one is searched for, a removed one is forgotten on disk, nothing is reloaded."""
    coordinator = loaded.runtime_data.coordinator
    told: list[None] = []
    async_dispatcher_connect(hass, signal_subentries(loaded.entry_id), lambda: told.append(None))
    hass.config_entries.async_add_subentry(loaded, meter(OTHER_METER_ID, "other"))
    await settle(hass)
    assert coordinator.meter_ids == {METER_ID, OTHER_METER_ID}
    client.search_meter_dispatches.return_value = [dispatch(slot("theirs"), meter_id=OTHER_METER_ID)]
    await go_to(hass, frozen, NOW + timedelta(seconds=2))
    assert client.search_meter_dispatches.await_args.kwargs["meter_ids"] == [METER_ID, OTHER_METER_ID]
    assert len(coordinator.schedule(OTHER_METER_ID).events) == 1
    await coordinator.async_set_automatic(OTHER_METER_ID, False)
    await coordinator.async_decide(OTHER_METER_ID, Choice.OPTED_OUT)
    client.search_meter_dispatches.return_value = []
    hass.config_entries.async_remove_subentry(loaded, "other")
    await settle(hass)
    assert coordinator.schedule(OTHER_METER_ID).events == ()
    hass.config_entries.async_add_subentry(loaded, meter(OTHER_METER_ID, "other"))
    await settle(hass)
    assert coordinator.automatic(OTHER_METER_ID)
    await hass.config_entries.async_reload(loaded.entry_id)
    assert loaded.runtime_data.coordinator.schedule(OTHER_METER_ID).events == ()
    assert loaded.runtime_data.coordinator.home.decisions == {}
    assert len(told) == 3
    assert controller.async_apply_changes.await_count == 3


async def test_a_meter_is_let_go_though_its_rows_stay(hass: HomeAssistant, loaded: MockConfigEntry, post: Post) -> None:
    """A full disk does not keep a meter."""
    await post(body(slot()))
    with patch.object(await async_get_store(hass), "async_write", side_effect=StoreError("full")):
        hass.config_entries.async_remove_subentry(loaded, METER_SUBENTRY_ID)
        await settle(hass)
    assert loaded.runtime_data.coordinator.meter_ids == frozenset()
    assert await post(body(slot())) == 200


async def test_policies_apply_live(hass: HomeAssistant, loaded: MockConfigEntry, post: Post) -> None:
    """The meter's voluntary default and the entry's word on communication tests."""
    coordinator = loaded.runtime_data.coordinator
    await post(body(slot("voluntary", is_voluntary=True)))
    await post(body(slot("drill"), communication_test=True))

    def choices() -> dict[str, Choice]:
        schedule = coordinator.schedule(METER_ID)
        return {event.event_id: schedule.choice(event) for event in schedule.events}

    assert choices() == {"voluntary": Choice.JOIN, "drill": Choice.SKIP}
    subentry = loaded.subentries[METER_SUBENTRY_ID]
    data = {**subentry.data, CONF_VOLUNTARY_DEFAULT: "skip"}
    hass.config_entries.async_update_subentry(loaded, subentry, data=data)
    hass.config_entries.async_update_entry(loaded, options={**loaded.options, CONF_COMMUNICATION_TEST: "respond"})
    await settle(hass)
    assert choices() == {"voluntary": Choice.SKIP, "drill": Choice.JOIN}
    assert loaded.runtime_data.coordinator is coordinator


async def test_the_times_told_are_not_worth_a_failure(
    hass: HomeAssistant, coordinator: Any, post: Post, frozen: Any, signals: list[Any]
) -> None:
    """A full disk at the start of an event keeps nobody from hearing of it."""
    await post(body(slot()))
    with patch.object(await async_get_store(hass), "async_write", side_effect=StoreError("full")):
        await go_to(hass, frozen, NOW + HOUR)
    assert signals[-1] == (DispatchSignal.STARTED, "event-1")
