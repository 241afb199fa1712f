"""The door: who gets in, what is kept, and what the answer promises."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

from aiohttp import ClientError
from homeassistant.components.webhook import async_handle_webhook
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util.aiohttp import MockRequest
import msgspec
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.leap.const import DOMAIN, WEBHOOK_SECRET_HEADER
from custom_components.leap.coordinator import DispatchSignal
from custom_components.leap.home import EVENTS
from custom_components.leap.store import LeapStore, StoreError, async_get_store
from tests.builders import METER_ID, OTHER_METER_ID, WEBHOOK_ID, WEBHOOK_SECRET

from .conftest import NOW, SECRET, Post, body, dispatch, settle, slot, wire


async def on_disk(hass: HomeAssistant) -> list[str]:
    """Read the events that another process would find."""
    store = LeapStore(Path(hass.config.path(".storage")))
    await store.async_open()
    try:
        return sorted(row.event.event_id for row in await store.async_load(EVENTS))
    finally:
        await store.async_close()


async def test_a_push_is_on_disk_when_it_is_answered(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post, signals: list[Any]
) -> None:
    """A 200 stands for a row that another reader finds."""
    assert await post(body(slot())) == 200
    assert await on_disk(hass) == ["event-1"]
    assert signals == [(DispatchSignal.SCHEDULED, "event-1")]
    coordinator = loaded.runtime_data.coordinator
    assert coordinator.schedule(METER_ID).next(NOW).energy_kw == 3.5
    assert coordinator.last_notification == NOW


async def test_the_answer_does_not_wait_for_what_follows(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post
) -> None:
    """Listeners run after the door has answered, and one that fails does not change the answer."""
    order: list[str] = []
    coordinator = loaded.runtime_data.coordinator

    def listen() -> None:
        order.append("listener")
        raise RuntimeError("a listener of someone's")

    coordinator.async_add_listener(listen)
    receive = coordinator.async_receive

    async def watched(*args: Any) -> None:
        await receive(*args)
        order.append("kept")

    with patch.object(coordinator, "async_receive", watched):
        assert await post(body(slot())) == 200
    assert order == ["kept", "listener"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {WEBHOOK_SECRET_HEADER: "wrong"},
        {WEBHOOK_SECRET_HEADER: ""},
        {WEBHOOK_SECRET_HEADER: "gehéim-ü"},
        {WEBHOOK_SECRET_HEADER: f"{WEBHOOK_SECRET}\xa0"},
    ],
    ids=["missing", "wrong", "empty", "non-ascii", "nearly"],
)
async def test_without_the_secret_nothing_is_taken(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post, headers: dict[str, str]
) -> None:
    """A wrong or missing secret is refused before anything is read."""
    assert await post(body(slot()), headers) == 401
    assert await on_disk(hass) == []
    assert loaded.runtime_data.coordinator.last_notification is None


async def test_an_entry_without_a_secret_lets_nobody_in(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post
) -> None:
    """An empty secret is no secret."""
    data = {**loaded.data, "webhook_secret": ""}
    object.__setattr__(loaded, "data", data)
    assert await post(body(slot()), {WEBHOOK_SECRET_HEADER: ""}) == 401
    assert await post(body(slot())) == 401


async def test_header_names_have_no_case(loaded: MockConfigEntry, post: Post) -> None:
    """The secret is found however its header is spelled."""
    assert await post(body(slot()), {"X-Leap-Webhook-Secret": WEBHOOK_SECRET}) == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
async def test_other_methods_are_refused_without_naming_the_webhook(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Our own handler answers, so that Home Assistant does not log the id."""
    assert await post(body(slot()), method=method) == 405
    assert await on_disk(hass) == []
    told = [record for record in caplog.records if record.levelname != "DEBUG" and record.name != "aiohttp.access"]
    assert all(WEBHOOK_ID not in record.getMessage() for record in told)


@pytest.mark.parametrize(
    "payload",
    [b"", b"not json", b"[]", b"{}", b"null", b'{"meter_dispatches": 5}', b"\xff\xfe", b"[" * 100_000],
    ids=["empty", "text", "list", "object", "null", "shape", "encoding", "deep"],
)
async def test_what_is_no_notification_is_refused(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post, payload: bytes
) -> None:
    """Anything but a JSON object of a known shape is a 400 and changes nothing."""
    assert await post(payload) == 400
    assert await on_disk(hass) == []
    assert loaded.runtime_data.coordinator.last_notification is None


async def test_seventeen_megabytes_are_too_many(hass: HomeAssistant, loaded: MockConfigEntry, post: Post) -> None:
    """A body over 16 MiB is refused, announced or streamed."""
    padding = b" " * (17 * 1024 * 1024)
    assert await post(padding) == 413
    assert await on_disk(hass) == []


async def test_a_streamed_body_is_counted(
    hass: HomeAssistant, loaded: MockConfigEntry, hass_client_no_auth: Any
) -> None:
    """Without a length, the limit holds while reading."""
    http = await hass_client_no_auth()

    async def chunks() -> Any:
        for _ in range(17):
            yield b" " * (1024 * 1024)

    try:
        async with http.post(f"/api/webhook/{WEBHOOK_ID}", data=chunks(), headers=SECRET) as reply:
            assert reply.status == 413
    except ClientError:
        pass
    assert loaded.runtime_data.coordinator.last_notification is None


async def test_other_homes_meters_are_skipped(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    """5 MB of other people's meters leave no trace; ours among them is found."""
    foreign = {"meter_id": OTHER_METER_ID, "timeslots": [wire(slot("foreign-event"))]}
    crowd = {"meter_dispatches": [foreign] * (5_000_000 // len(msgspec.json.encode(foreign)))}
    assert len(msgspec.json.encode(crowd)) > 4_900_000
    assert await post(crowd) == 200
    assert await on_disk(hass) == []
    crowd["meter_dispatches"].append({"meter_id": METER_ID.upper(), "timeslots": [wire(slot())]})
    assert await post(crowd) == 200
    assert await on_disk(hass) == ["event-1"]
    assert OTHER_METER_ID not in caplog.text
    assert "foreign-event" not in caplog.text


async def test_a_malformed_slot_costs_only_itself(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post, frozen: Any, caplog: Any
) -> None:
    """The good slots are kept, the bad one is said once and searched for."""
    mixed = body(slot("good-1"), slot("good-2"))
    mixed["meter_dispatches"][0]["timeslots"].insert(1, {"meter_event_id": "bad", "start_time": "yesterday"})
    client.search_meter_dispatches.reset_mock()
    for _ in range(5):
        assert await post(mixed) == 200
    assert await on_disk(hass) == ["good-1", "good-2"]
    assert sum("unreadable" in record.getMessage() for record in caplog.records) == 1
    assert client.search_meter_dispatches.await_count == 0
    frozen.tick(3)
    from pytest_homeassistant_custom_component.common import async_fire_time_changed

    async_fire_time_changed(hass)
    await settle(hass)
    assert client.search_meter_dispatches.await_count == 1


async def test_a_group_that_names_our_meter_only_has_it_searched(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post, frozen: Any
) -> None:
    """A group's kW are not the home's."""
    group = {"market_group_id": "group", "meter_ids": [METER_ID], "timeslots": [wire(slot("group-event"))]}
    client.search_meter_dispatches.reset_mock()
    client.search_meter_dispatches.return_value = [dispatch(slot("own-event"))]
    assert await post({"group_dispatches": [group]}) == 200
    assert await on_disk(hass) == []
    await pass_time(hass, frozen, 3)
    assert client.search_meter_dispatches.await_count == 1
    assert await on_disk(hass) == ["own-event"]


async def pass_time(hass: HomeAssistant, frozen: Any, seconds: float) -> None:
    """Let time pass."""
    from pytest_homeassistant_custom_component.common import async_fire_time_changed

    frozen.tick(timedelta(seconds=seconds))
    async_fire_time_changed(hass)
    await settle(hass)


async def test_an_integration_test_never_enters_the_ledger(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post, signals: list[Any]
) -> None:
    """It is shown, and that is all."""
    assert await post(body(slot("test-event"), integration_test_notification=True)) == 200
    assert await on_disk(hass) == []
    coordinator = loaded.runtime_data.coordinator
    assert coordinator.schedule(METER_ID).events == ()
    assert coordinator.last_test == NOW
    assert signals == [(DispatchSignal.TEST_RECEIVED, "test-event")]


async def test_a_test_with_unknown_meters_is_a_test_all_the_same(
    loaded: MockConfigEntry, post: Post, signals: list[Any]
) -> None:
    """The tester's ids are whatever was typed."""
    assert await post(body(slot(), meter_id=OTHER_METER_ID, integration_test_notification=True)) == 200
    assert loaded.runtime_data.coordinator.last_test == NOW
    assert signals == []


async def test_a_full_disk_is_a_503_until_it_is_not(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post, signals: list[Any]
) -> None:
    """What could not be written is written by the retry, though it tells nothing new; then it is told."""
    store = await async_get_store(hass)
    with patch.object(store, "async_write", side_effect=StoreError("No space left on device")):
        assert await post(body(slot())) == 503
        assert await post(body(slot())) == 503
    assert await on_disk(hass) == []
    assert signals == []
    assert await post(body(slot())) == 200
    assert await on_disk(hass) == ["event-1"]
    assert signals == [(DispatchSignal.SCHEDULED, "event-1")]


async def test_a_dropped_answer_makes_a_harmless_duplicate(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post, signals: list[Any]
) -> None:
    """50 copies are one event, told once."""
    for _ in range(50):
        assert await post(body(slot())) == 200
    assert await on_disk(hass) == ["event-1"]
    assert signals == [(DispatchSignal.SCHEDULED, "event-1")]


async def test_pushes_while_reloading_are_turned_away_and_taken_by_the_retry(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post
) -> None:
    """The id is known all the time, and a 503 has Leap try again."""
    answers: list[int] = []

    async def searching(**_: Any) -> list[Any]:
        answers.append(await post(body(slot())))
        return []

    await hass.config_entries.async_unload(loaded.entry_id)
    assert await post(body(slot())) == 503
    client.search_meter_dispatches.side_effect = searching
    with patch.object(hass, "async_block_till_done"):
        assert await hass.config_entries.async_setup(loaded.entry_id)
    client.search_meter_dispatches.side_effect = None
    assert answers == [503]
    assert await on_disk(hass) == []
    assert await post(body(slot())) == 200
    assert await on_disk(hass) == ["event-1"]


async def test_a_reload_waits_for_what_is_being_written(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post
) -> None:
    """A push that is answered with 200 during an unload is known after the load."""
    room, write = asyncio.Event(), LeapStore.async_write

    async def slowly(store: LeapStore, *changes: Any) -> None:
        await room.wait()
        await write(store, *changes)

    with patch.object(LeapStore, "async_write", slowly):
        answer = hass.async_create_task(handle(hass, msgspec.json.encode(body(slot())), rest=False))
        reload = hass.async_create_task(hass.config_entries.async_reload(loaded.entry_id))
        for _ in range(20):
            await hass.async_add_executor_job(int)
        assert not answer.done()
        assert not reload.done()
        room.set()
        assert await answer == 200
        await reload
    assert [event.event_id for event in loaded.runtime_data.coordinator.schedule(METER_ID).events] == ["event-1"]


async def test_entries_that_never_loaded_answer_503(
    hass: HomeAssistant, entry: MockConfigEntry, client: MagicMock, hass_client_no_auth: Any
) -> None:
    """From the component's set-up on, disabled entries included."""
    object.__setattr__(entry, "disabled_by", ConfigEntryDisabler.USER)
    assert await async_setup_component(hass, DOMAIN, {})
    assert entry.state is ConfigEntryState.NOT_LOADED
    http = await hass_client_no_auth()
    async with http.post(f"/api/webhook/{WEBHOOK_ID}", json=body(slot()), headers=SECRET) as reply:
        assert reply.status == 503
    async with http.post(f"/api/webhook/{WEBHOOK_ID}", json=body(slot())) as reply:
        assert reply.status == 401


async def handle(
    hass: HomeAssistant, content: bytes, headers: dict[str, str] | None = None, *, rest: bool = True
) -> int:
    """Hand in a request as a cloud hook does."""
    request = MockRequest(content, "cloud", "POST", headers=SECRET if headers is None else headers)
    reply = await async_handle_webhook(hass, WEBHOOK_ID, request)
    if rest:
        await settle(hass)
    return reply.status


async def test_a_cloud_hook_s_request_is_as_good(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    """Its request object knows less than a real one."""
    assert await handle(hass, msgspec.json.encode(body(slot()))) == 200
    assert await on_disk(hass) == ["event-1"]
    assert await handle(hass, b" " * (17 * 1024 * 1024)) == 413
    assert await handle(hass, b"{}", {WEBHOOK_SECRET_HEADER: "\ud800"}) == 401


async def test_while_home_assistant_stops_nothing_is_promised(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    """A cloud hook's request comes past Home Assistant's own 503."""
    hass.set_state(CoreState.stopping)
    assert await handle(hass, msgspec.json.encode(body(slot()))) == 503
    hass.set_state(CoreState.running)
    assert await on_disk(hass) == []


async def test_an_unload_while_the_body_arrives_is_a_503(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    """What was open at the first byte may be closed at the last."""

    class Slow:
        async def read(self) -> bytes:
            assert await hass.config_entries.async_unload(loaded.entry_id)
            return msgspec.json.encode(body(slot()))

    request = MockRequest(b"", "cloud", "POST", headers=SECRET)
    with patch.object(MockRequest, "content", Slow()):
        reply = await async_handle_webhook(hass, WEBHOOK_ID, request)
    assert reply.status == 503
    assert await on_disk(hass) == []


async def test_an_unexpected_error_is_a_500_and_logged_once_without_the_payload(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    """Home Assistant would have answered 200."""
    coordinator = loaded.runtime_data.coordinator
    with patch.object(coordinator, "async_receive", side_effect=RuntimeError("planted payload")):
        assert await post(body(slot())) == 500
        assert await post(body(slot())) == 500
    assert sum("could not be handled (RuntimeError)" in record.getMessage() for record in caplog.records) == 1
    assert "planted payload" not in caplog.text
    assert WEBHOOK_SECRET not in caplog.text
