"""The guard: nothing a push loses is lost, whatever Leap answers."""

from datetime import timedelta
from typing import Any
from unittest.mock import MagicMock, patch

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.leap.api.errors import (
    LeapAuthError,
    LeapBadRequestError,
    LeapConnectionError,
    LeapPermissionError,
    LeapRateLimitError,
)
from custom_components.leap.api.models import Meter
from custom_components.leap.const import CONF_PUSH, PushMode
from custom_components.leap.coordinator import DispatchSignal
from custom_components.leap.store import StoreError, async_get_store
from tests.builders import METER_ID, OTHER_METER_ID, build_entry, meter_subentry

from .conftest import NOW, Post, body, dispatch, settle, slot

DAY = timedelta(days=1)


async def pass_time(hass: HomeAssistant, frozen: Any, seconds: float) -> None:
    """Let time pass."""
    frozen.tick(timedelta(seconds=seconds))
    async_fire_time_changed(hass)
    await settle(hass)


def events(entry: MockConfigEntry) -> list[str]:
    """List what the entry knows of the meter."""
    return [event.event_id for event in entry.runtime_data.coordinator.schedule(METER_ID).events]


async def test_searches_at_the_start_then_every_minute(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, frozen: Any
) -> None:
    """All meters in one search, over 31 days from 24 h ago."""
    client.search_meter_dispatches.assert_awaited_once_with(
        start=NOW - DAY, end=NOW + 30 * DAY, meter_ids=[METER_ID], event_ids=None
    )
    for count in (2, 3, 4):
        await pass_time(hass, frozen, 60)
        assert client.search_meter_dispatches.await_count == count
    assert loaded.runtime_data.coordinator.last_poll == NOW + timedelta(minutes=3)
    assert loaded.runtime_data.coordinator.last_good_poll == NOW + timedelta(minutes=3)


async def test_an_hour_without_push_loses_nothing(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, frozen: Any, signals: list[Any]
) -> None:
    """What Leap gave up pushing after 50 minutes is found within one."""
    found = []
    for minute in range(60):
        found.append(slot(f"event-{minute}"))
        client.search_meter_dispatches.return_value = [dispatch(*found)]
        await pass_time(hass, frozen, 60)
        assert (DispatchSignal.SCHEDULED, f"event-{minute}") in signals
    assert len(events(loaded)) == 60


async def test_an_event_of_an_outage_of_home_assistant_is_found_at_the_start(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, frozen: Any, signals: list[Any]
) -> None:
    """The window reaches back to the last good search, and what is told is told once."""
    await hass.config_entries.async_unload(loaded.entry_id)
    frozen.tick(3 * DAY)
    client.search_meter_dispatches.reset_mock()
    missed = slot("missed", start_time=NOW + 2 * DAY, end_time=NOW + 2 * DAY + timedelta(hours=1))
    running = slot(
        "running", start_time=NOW + 3 * DAY - timedelta(hours=1), end_time=NOW + 3 * DAY + timedelta(hours=1)
    )
    client.search_meter_dispatches.return_value = [dispatch(missed, running)]
    await hass.config_entries.async_setup(loaded.entry_id)
    await settle(hass)
    assert client.search_meter_dispatches.await_args.kwargs["start"] == NOW
    assert events(loaded) == ["missed", "running"]
    assert signals == [(DispatchSignal.SCHEDULED, "running"), (DispatchSignal.STARTED, "running")]


@pytest.mark.parametrize("error", [LeapAuthError("no", status=401), LeapPermissionError("no", status=403)])
async def test_refused_credentials_ask_once_and_go_on(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, frozen: Any, error: Exception
) -> None:
    """A reauth in progress does not end the searches."""
    client.search_meter_dispatches.side_effect = error
    with patch.object(type(loaded), "async_start_reauth") as reauth:
        for _ in range(3):
            await pass_time(hass, frozen, 60)
        assert reauth.call_count == 1
        assert client.search_meter_dispatches.await_count == 4
        client.search_meter_dispatches.side_effect = None
        await pass_time(hass, frozen, 60)
        client.search_meter_dispatches.side_effect = error
        await pass_time(hass, frozen, 60)
        assert reauth.call_count == 2


async def test_disabled_polling_stops_nothing(
    hass: HomeAssistant, entry: MockConfigEntry, client: MagicMock, frozen: Any
) -> None:
    """The guard is no polling of the user's choice."""
    hass.config_entries.async_update_entry(entry, pref_disable_polling=True)
    await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(hass, frozen, 60)
    assert client.search_meter_dispatches.await_count == 2


async def test_patience_on_429(hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, frozen: Any) -> None:
    """As long as Leap asks for, else twice as long each time; requests do not break it."""
    search = client.search_meter_dispatches
    search.side_effect = LeapRateLimitError("slow down", retry_after=200)
    await pass_time(hass, frozen, 60)
    assert search.await_count == 2
    loaded.runtime_data.coordinator.guard.request()
    await pass_time(hass, frozen, 190)
    assert search.await_count == 2
    search.side_effect = LeapRateLimitError("slow down")
    await pass_time(hass, frozen, 10)
    assert search.await_count == 3
    await pass_time(hass, frozen, 390)
    assert search.await_count == 3
    search.side_effect = None
    await pass_time(hass, frozen, 10)
    assert search.await_count == 4
    await pass_time(hass, frozen, 60)
    assert search.await_count == 5


async def test_an_unloaded_entry_asks_no_more(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post, frozen: Any
) -> None:
    """Neither in its turn, nor out of turn, nor to confirm."""
    await post(body(slot()))
    await post(body(slot(energy_kw=1.0)))
    guard = loaded.runtime_data.coordinator.guard
    guard.request()
    asked = client.search_meter_dispatches.await_count
    await hass.config_entries.async_unload(loaded.entry_id)
    guard.request()
    for seconds in (10, 60, 300):
        await pass_time(hass, frozen, seconds)
    assert client.search_meter_dispatches.await_count == asked


async def test_a_confirmation_has_patience_on_429_too(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post, frozen: Any
) -> None:
    """What a push leaves open is asked when Leap answers again."""
    await post(body(slot()))
    search = client.search_meter_dispatches
    search.side_effect = LeapRateLimitError("slow down", retry_after=200)
    await pass_time(hass, frozen, 60)
    asked = search.await_count
    await post(body(slot(energy_kw=1.0)))
    await pass_time(hass, frozen, 10)
    assert search.await_count == asked
    search.side_effect = None
    await pass_time(hass, frozen, 190)
    await pass_time(hass, frozen, 5)
    assert [call.kwargs["event_ids"] for call in search.await_args_list[asked:]] == [None, ["event-1"]]


async def test_the_future_shrinks_on_400_and_stays_shrunk_for_a_day(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, frozen: Any
) -> None:
    """Leap does not say how far a window may look ahead."""
    search = client.search_meter_dispatches
    search.reset_mock()

    async def limited(*, start: Any, end: Any, **_: Any) -> list[Any]:
        if end - (NOW + timedelta(seconds=60)) > 2 * DAY:
            raise LeapBadRequestError("too far", status=400)
        return []

    search.side_effect = limited
    await pass_time(hass, frozen, 60)
    assert search.await_count == 3
    assert loaded.runtime_data.coordinator.last_good_poll == NOW + timedelta(seconds=60)
    search.side_effect = None
    await pass_time(hass, frozen, 60)
    assert search.await_count == 4
    assert search.await_args.kwargs["end"] == NOW + timedelta(seconds=120) + 2 * DAY
    await pass_time(hass, frozen, DAY.total_seconds() - 120)
    assert search.await_args.kwargs["end"] == NOW + 3 * DAY
    await pass_time(hass, frozen, 60)
    assert search.await_args.kwargs["end"] > NOW + 30 * DAY


async def test_a_400_for_another_reason_is_a_failure(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, frozen: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Then the next turn begins with the full window again; failure and recovery are said once."""
    search = client.search_meter_dispatches
    search.side_effect = LeapBadRequestError("a bad id", status=400)
    await pass_time(hass, frozen, 60)
    await pass_time(hass, frozen, 60)
    assert search.await_count == 11
    search.side_effect = None
    await pass_time(hass, frozen, 60)
    assert search.await_args.kwargs["end"] - search.await_args.kwargs["start"] == timedelta(days=31)
    assert caplog.text.count("can't be searched") == 1
    assert caplog.text.count("can be searched for dispatches again") == 1


async def test_a_search_from_before_a_cancelling_push_revives_nothing(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post, frozen: Any, signals: list[Any]
) -> None:
    """The reply is older than the push, so it is read again at once."""
    assert await post(body(slot())) == 200
    answers: list[int] = []

    async def overtaken(**_: Any) -> list[Any]:
        if not answers:
            frozen.tick(1)
            coordinator = loaded.runtime_data.coordinator
            from homeassistant.util import dt as dt_util
            import msgspec

            from custom_components.leap.api.models import decode_notification

            cancelling = msgspec.json.encode(body(slot(cancelled=True)))
            await coordinator.async_receive(decode_notification(cancelling, [METER_ID]), dt_util.utcnow())
            answers.append(200)
            frozen.tick(1)
            return [dispatch(slot())]
        return [dispatch(slot(cancelled=True))]

    client.search_meter_dispatches.side_effect = overtaken
    client.search_meter_dispatches.reset_mock()
    await pass_time(hass, frozen, 60)
    assert answers == [200]
    assert client.search_meter_dispatches.await_count == 2
    assert client.search_meter_dispatches.await_args.kwargs["event_ids"] == ["event-1"]
    assert [event.cancelled for event in loaded.runtime_data.coordinator.schedule(METER_ID).events] == [True]
    assert signals == [(DispatchSignal.SCHEDULED, "event-1"), (DispatchSignal.CANCELLED, "event-1")]


async def test_rereading_ends(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post, frozen: Any
) -> None:
    """Replies that stay too old are not asked for for ever."""
    assert await post(body(slot(energy_kw=1))) == 200
    client.search_meter_dispatches.reset_mock()
    client.search_meter_dispatches.return_value = [dispatch(slot(energy_kw=2))]
    with patch("custom_components.leap.guard.dt_util.utcnow", return_value=NOW - timedelta(hours=1)):
        await loaded.runtime_data.coordinator.guard.async_poll()
    assert client.search_meter_dispatches.await_count == 4
    assert loaded.runtime_data.coordinator.schedule(METER_ID).events[0].energy_kw == 1


async def test_a_changing_push_is_confirmed_by_event_id(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post, frozen: Any
) -> None:
    """Over the union of old and new times, a day to each side; then the search is the truth."""
    moved = slot(start_time=NOW + timedelta(hours=5), end_time=NOW + timedelta(hours=6))
    assert await post(body(slot())) == 200
    assert await post(body(moved)) == 200
    client.search_meter_dispatches.reset_mock()
    client.search_meter_dispatches.return_value = [dispatch(slot(energy_kw=9.0))]
    await pass_time(hass, frozen, 5)
    client.search_meter_dispatches.assert_awaited_once_with(
        start=NOW + timedelta(hours=1) - DAY,
        end=NOW + timedelta(hours=6) + DAY,
        meter_ids=[METER_ID],
        event_ids=["event-1"],
    )
    assert loaded.runtime_data.coordinator.schedule(METER_ID).events[0].energy_kw == 9.0


async def test_a_failed_confirmation_is_left_to_the_next_search(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post, frozen: Any
) -> None:
    """The push holds meanwhile."""
    await post(body(slot()))
    await post(body(slot(energy_kw=1.0)))
    client.search_meter_dispatches.side_effect = LeapConnectionError("gone")
    await pass_time(hass, frozen, 5)
    assert loaded.runtime_data.coordinator.schedule(METER_ID).events[0].energy_kw == 1.0
    client.search_meter_dispatches.side_effect = None
    client.search_meter_dispatches.return_value = [dispatch(slot(energy_kw=2.0))]
    await pass_time(hass, frozen, 60)
    assert loaded.runtime_data.coordinator.schedule(METER_ID).events[0].energy_kw == 2.0


async def test_a_cancelled_event_takes_two_searches_to_come_back(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post, frozen: Any, signals: list[Any]
) -> None:
    """At least a minute apart."""
    await post(body(slot()))
    await post(body(slot(cancelled=True)))
    client.search_meter_dispatches.return_value = [dispatch(slot())]
    await pass_time(hass, frozen, 5)
    assert loaded.runtime_data.coordinator.schedule(METER_ID).events[0].cancelled
    await pass_time(hass, frozen, 120)
    assert not loaded.runtime_data.coordinator.schedule(METER_ID).events[0].cancelled
    assert [kind for kind, _ in signals] == ["scheduled", "cancelled", "scheduled"]


async def test_what_a_full_disk_refused_is_written_by_the_next_search(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, frozen: Any, signals: list[Any], caplog: Any
) -> None:
    """Memory carries it meanwhile."""
    store = await async_get_store(hass)
    client.search_meter_dispatches.return_value = [dispatch(slot())]
    with patch.object(store, "async_write", side_effect=StoreError("No space left on device")):
        await pass_time(hass, frozen, 60)
        await pass_time(hass, frozen, 60)
    assert events(loaded) == ["event-1"]
    assert signals == []
    assert caplog.text.count("could not be written to disk") == 1
    await pass_time(hass, frozen, 60)
    assert signals == [(DispatchSignal.SCHEDULED, "event-1")]
    await hass.config_entries.async_reload(loaded.entry_id)
    assert events(loaded) == ["event-1"]


async def test_an_empty_search_cancels_nothing(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post, frozen: Any
) -> None:
    """Absence says nothing."""
    await post(body(slot()))
    await pass_time(hass, frozen, 60)
    assert not loaded.runtime_data.coordinator.schedule(METER_ID).events[0].cancelled


async def test_malformed_slots_of_a_search_are_said_once(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, frozen: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """And cost only themselves."""
    client.search_meter_dispatches.return_value = [dispatch(slot(), malformed=2)]
    for _ in range(3):
        await pass_time(hass, frozen, 60)
    assert caplog.text.count("unreadable timeslots") == 1
    assert events(loaded) == ["event-1"]


async def test_old_events_go_with_their_decisions(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post, frozen: Any
) -> None:
    """31 days after their end, on disk too."""
    await post(body(slot()))
    coordinator = loaded.runtime_data.coordinator
    await coordinator.async_decide(METER_ID, "opted_out")
    await pass_time(hass, frozen, 32 * 86400)
    assert events(loaded) == []
    assert coordinator.home.decisions == {}
    await hass.config_entries.async_reload(loaded.entry_id)
    assert events(loaded) == []
    assert loaded.runtime_data.coordinator.home.decisions == {}


async def test_nothing_is_searched_without_meters(hass: HomeAssistant, client: MagicMock, frozen: Any) -> None:
    """A search without ids would read the whole account."""
    entry = build_entry(subentries=[])
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(hass, frozen, 60)
    client.search_meter_dispatches.assert_not_awaited()


def registered(client: MagicMock) -> MockConfigEntry:
    """Build an entry whose push is registered with Leap."""
    return build_entry(
        options={CONF_PUSH: PushMode.REGISTER},
        subentries=[meter_subentry(), meter_subentry(OTHER_METER_ID, subentry_id="other")],
    )


@pytest.mark.parametrize(("region", "searches"), [("NYISO", 1), ("CAISO", 5), (None, 5)])
async def test_the_pace_is_calm_only_where_push_brings_everything(
    hass: HomeAssistant, client: MagicMock, frozen: Any, region: str | None, searches: int
) -> None:
    """Healthy push and regions without search-only events: every five minutes."""
    await hass.config.async_update(external_url="https://home.example.com")
    client.search_meters.return_value = [
        Meter(meter_id=METER_ID.upper(), meter_type="UTILITY_METER", transmission_region="ERCOT"),
        Meter(meter_id=OTHER_METER_ID, meter_type="UTILITY_METER", transmission_region=region),
    ]
    entry = registered(client)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    assert entry.runtime_data.push.healthy is True
    await pass_time(hass, frozen, 60)
    await pass_time(hass, frozen, 60)
    client.search_meter_dispatches.reset_mock()
    for _ in range(5):
        await pass_time(hass, frozen, 60)
    assert client.search_meter_dispatches.await_count == searches
    assert client.search_meters.await_count == 1


async def test_unknown_regions_are_asked_for_once(hass: HomeAssistant, client: MagicMock, frozen: Any) -> None:
    """A key that may not read meters keeps the brisk pace, without asking on."""
    await hass.config.async_update(external_url="https://home.example.com")
    client.search_meters.side_effect = LeapPermissionError("no", status=403)
    entry = registered(client)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    for _ in range(4):
        await pass_time(hass, frozen, 60)
    assert client.search_meters.await_count == 1
    assert client.search_meter_dispatches.await_count == 5


async def test_an_event_that_only_the_search_brings_quickens_the_pace(
    hass: HomeAssistant, client: MagicMock, frozen: Any
) -> None:
    """Three minutes are given to the push; real-time events are never expected from it."""
    await hass.config.async_update(external_url="https://home.example.com")
    entry = registered(client)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    push = entry.runtime_data.push
    client.search_meter_dispatches.return_value = [dispatch(slot("rt", dispatch_event_types=("5m",)))]
    for _ in range(5):
        await pass_time(hass, frozen, 60)
    assert push.healthy is True
    client.search_meter_dispatches.return_value = [dispatch(slot("lost"))]
    await pass_time(hass, frozen, 60)
    assert push.healthy is True
    for _ in range(3):
        await pass_time(hass, frozen, 60)
    assert push.healthy is False


async def test_the_first_search_of_a_start_says_nothing_about_push(
    hass: HomeAssistant, client: MagicMock, frozen: Any
) -> None:
    """Nobody was here to take the push."""
    await hass.config.async_update(external_url="https://home.example.com")
    entry = registered(client)
    entry.add_to_hass(hass)
    client.search_meter_dispatches.return_value = [dispatch(slot())]
    await hass.config_entries.async_setup(entry.entry_id)
    for _ in range(5):
        await pass_time(hass, frozen, 60)
    assert entry.runtime_data.push.healthy is True


async def test_a_reauth_flow_in_progress_does_not_stop_the_guard(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, frozen: Any
) -> None:
    """The real flow, if the component has one by now."""
    client.search_meter_dispatches.side_effect = LeapAuthError("no", status=401)
    await pass_time(hass, frozen, 60)
    flows = hass.config_entries.flow.async_progress()
    assert [flow["context"]["source"] for flow in flows] == [SOURCE_REAUTH]
    client.search_meter_dispatches.side_effect = None
    client.search_meter_dispatches.return_value = [dispatch(slot())]
    await pass_time(hass, frozen, 60)
    assert events(loaded) == ["event-1"]
