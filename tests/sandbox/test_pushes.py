"""Delivery: to whom, with what, how often."""

import asyncio
from typing import Any

from aiohttp.test_utils import TestServer
import msgspec.json
import pytest

from sandbox import delivery
from sandbox.client import ControlClient, ControlError
from sandbox.delivery import TRIES
from sandbox.seed import FIRST_METER, FIRST_REFERENCE, market_group
from sandbox.server import create_app
from sandbox.state import SandboxState

from .conftest import Clock, Leap, Receiver

SECRET = {"X-Leap-Webhook-Secret": "Planted Secret"}


@pytest.fixture
async def registered(control: ControlClient, receiver: Receiver) -> Receiver:
    """Register the receiver for both kinds."""
    for kind in ("meter", "group"):
        await control.set_webhook(receiver.url, kind, SECRET)
    return receiver


async def test_an_event_is_pushed_with_our_headers_in_lower_case(control: ControlClient, registered: Receiver) -> None:
    (event,) = await control.create(FIRST_METER, start_in=60, duration=600, energy_kw=2)
    (push,) = await control.wait_pushed()
    assert (push["state"], [attempt["status"] for attempt in push["attempts"]]) == ("delivered", [200])
    assert registered.bodies == [
        {
            "integration_test_notification": False,
            "communication_test": False,
            "meter_dispatches": [
                {
                    "meter_id": FIRST_METER,
                    "partner_reference": FIRST_REFERENCE,
                    "timeslots": [
                        {
                            "meter_event_id": event,
                            "start_time": "2026-09-08T00:01:00.000Z",
                            "end_time": "2026-09-08T00:11:00.000Z",
                            "cancelled": False,
                            "energy_kw": 2,
                            "performance_compensation_cap": "up-to-nomination",
                            "priority": 1,
                            "is_voluntary": False,
                            "dispatch_event_types": ["standard"],
                            "programs": ["CEC-DSGS"],
                        }
                    ],
                }
            ],
        }
    ]
    assert ("x-leap-webhook-secret", "Planted Secret") in registered.headers[0]


async def test_what_is_not_taken_is_pushed_again_each_minute(
    control: ControlClient, registered: Receiver, clock: Clock
) -> None:
    registered.statuses = [503, 302, 404, 204]
    await control.create(FIRST_METER)
    (push,) = await control.wait_pushed()
    assert push["state"] == "delivered"
    assert [attempt["status"] for attempt in push["attempts"]] == [503, 302, 404, 204]
    assert clock.pauses == [60.0] * 3


async def test_after_fifty_tries_a_push_is_lost(
    control: ControlClient, registered: Receiver, state: SandboxState, clock: Clock
) -> None:
    registered.statuses = [500]
    state.speed = 120.0
    await control.create(FIRST_METER)
    (push,) = await control.wait_pushed()
    assert (push["state"], len(push["attempts"]), len(registered.bodies)) == ("lost", TRIES, TRIES)
    assert clock.pauses == [0.5] * (TRIES - 1)


async def test_an_address_where_nobody_is(control: ControlClient, unused_tcp_port: int) -> None:
    await control.set_webhook(f"http://127.0.0.1:{unused_tcp_port}/")
    await control.create(FIRST_METER)
    (push,) = await control.wait_pushed()
    assert push["state"] == "lost"
    assert "ClientConnectorError" in push["attempts"][0]["error"]


async def test_an_outage_swallows_every_try(control: ControlClient, registered: Receiver, leap: Leap) -> None:
    await control.outage(True)
    (event,) = await control.create(FIRST_METER)
    (push,) = await control.wait_pushed()
    assert (push["state"], {attempt["error"] for attempt in push["attempts"]}) == ("lost", {"outage"})
    assert registered.bodies == []
    assert await leap.found() == [event]
    await control.outage(False)
    await control.push(event_ids=[event])
    await control.wait_pushed()
    assert len(registered.bodies) == 1


async def test_some_events_are_seen_by_search_alone(control: ControlClient, registered: Receiver, leap: Leap) -> None:
    (quiet,) = await control.create(FIRST_METER, deliver="none")
    (real_time,) = await control.create(FIRST_METER, dispatch_event_types=["5m"])
    assert await control.pushes() == []
    assert await leap.found(exclude_real_time_events=False) == [quiet, real_time]
    await control.cancel(real_time, deliver="push")
    await control.wait_pushed()
    assert len(registered.bodies) == 1


async def test_changes_are_pushed_under_the_same_id(control: ControlClient, registered: Receiver, leap: Leap) -> None:
    (event,) = await control.create(FIRST_METER, duration=600)
    await control.wait_pushed(await control.update(event, end_in=120, energy_kw=3.5, nomination_kw=4))
    await control.wait_pushed(await control.cancel(event))
    slots = [body["meter_dispatches"][0]["timeslots"][0] for body in registered.bodies]
    assert [slot["meter_event_id"] for slot in slots] == [event] * 3
    assert [slot["end_time"] for slot in slots[:2]] == ["2026-09-08T00:10:00.000Z", "2026-09-08T00:02:00.000Z"]
    assert [slot["cancelled"] for slot in slots] == [False, False, True]
    assert slots[2]["energy_kw"] == 3.5
    (known,) = await control.events()
    assert len(known["versions"]) == 3
    assert await leap.found() == [event]


async def test_stale_and_repeated_pushes(control: ControlClient, registered: Receiver) -> None:
    (event,) = await control.create(FIRST_METER, deliver="none", energy_kw=1)
    await control.update(event, deliver="none", energy_kw=2)
    await control.wait_pushed(await control.push(event_ids=[event], version=-2))
    await control.wait_pushed(await control.push(event_ids=[event], version=-9))
    numbers = await control.push(event_ids=[event], copies=3)
    assert len(numbers) == 3
    await control.wait_pushed(numbers)
    kws = [body["meter_dispatches"][0]["timeslots"][0]["energy_kw"] for body in registered.bodies]
    assert kws == [1, 1, 2, 2, 2]


async def test_any_body_can_be_pushed(control: ControlClient, registered: Receiver) -> None:
    await control.wait_pushed(await control.push(body={"what": "ever"}))
    await control.wait_pushed(await control.push(body="[1]", kind="group", copies=2))
    assert registered.bodies == [{"what": "ever"}, [1], [1]]
    await control.remove_webhook("group")
    with pytest.raises(ControlError, match="No webhook"):
        await control.push(body="x", kind="group")


async def test_other_homes_meters_surround_ours(control: ControlClient, registered: Receiver) -> None:
    await control.create(FIRST_METER, foreign=1999)
    await control.wait_pushed()
    ids = [dispatch["meter_id"] for dispatch in registered.bodies[0]["meter_dispatches"]]
    assert (len(ids), len(set(ids)), ids.index(FIRST_METER)) == (2000, 2000, 999)
    assert len(msgspec.json.encode(registered.bodies[0])) > 2_500_000


async def test_fields_are_sent_as_they_are(control: ControlClient, registered: Receiver, leap: Leap) -> None:
    (event,) = await control.create(FIRST_METER, fields={"start_time": "soon", "new": 1}, communication_test=True)
    await control.wait_pushed()
    (slot,) = registered.bodies[0]["meter_dispatches"][0]["timeslots"]
    assert (slot["start_time"], slot["new"]) == ("soon", 1)
    assert registered.bodies[0]["communication_test"] is True
    assert "communication_test" not in slot
    assert await leap.found() == [event]


async def test_an_answer_that_takes_too_long_is_none(
    control: ControlClient, registered: Receiver, state: SandboxState, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = asyncio.Event()

    async def sleep(_: float) -> None:
        over.set()

    state.sleep = sleep
    registered.patience = over
    assert delivery.TIMEOUT == 10.0
    monkeypatch.setattr(delivery, "TIMEOUT", 0.05)
    await control.create(FIRST_METER)
    (push,) = await control.wait_pushed()
    assert [attempt["status"] for attempt in push["attempts"]] == [None, 200]
    assert "TimeoutError" in push["attempts"][0]["error"]


async def test_a_group_event_goes_to_the_groups_address(control: ControlClient, registered: Receiver) -> None:
    await control.create([FIRST_METER], market_group_id=market_group("CAISO"), event_id="my-own-id")
    await control.wait_pushed()
    (dispatch,) = registered.bodies[0]["group_dispatches"]
    assert (dispatch["market_group_id"], dispatch["meter_ids"]) == (market_group("CAISO"), [FIRST_METER])
    assert dispatch["timeslots"][0]["market_group_event_id"] == "my-own-id"


async def test_without_an_address_nothing_is_pushed(control: ControlClient) -> None:
    await control.create(FIRST_METER)
    assert await control.pushes() == []


def slot_of_a_test(**changes: Any) -> dict[str, Any]:
    """Write a timeslot for an integration test."""
    return {
        "meter_event_id": "c1e7a2d4-0f35-4b7e-8a90-6d5c4b3a2101",
        "start_time": "2020-09-08T01:00:00Z",
        "end_time": "2020-09-08T03:00:00Z",
        "cancelled": False,
        "performance_compensation_cap": "grid-exports-allowed",
        "priority": 3,
        "is_voluntary": True,
        "dispatch_event_types": ["standard"],
        "programs": ["ELRP"],
    } | changes


async def test_an_integration_test_is_posted_once_and_told(leap: Leap, registered: Receiver) -> None:
    registered.statuses = [500]
    body = {"meter_dispatches": [{"meter_id": FIRST_METER, "timeslots": [slot_of_a_test()]}]}
    status, result = await leap.ask("POST", "/v2/dispatch/meter/webhook/integration_test", body)
    assert (status, result["http_status"]) == (200, 500)
    assert registered.bodies == [{"integration_test_notification": True, "communication_test": False, **body}]
    assert await leap.found() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"priority": 11},
        {"priority": None},
        {"energy_kw": 0},
        {"programs": ["NEW"]},
        {"programs": []},
        {"performance_compensation_cap": "none"},
        {"meter_event_id": "x"},
        {"end_time": "2020-09-08"},
        {"dispatch_event_types": ["standard", "standard"]},
    ],
)
async def test_an_integration_test_is_checked(leap: Leap, registered: Receiver, changes: dict[str, Any]) -> None:
    body = {"meter_dispatches": [{"meter_id": FIRST_METER, "timeslots": [slot_of_a_test(**changes)]}]}
    status, answer = await leap.ask("POST", "/v2/dispatch/meter/webhook/integration_test", body)
    assert (status, answer["code"]) == (400, "BAD_REQUEST")
    assert registered.bodies == []


async def test_the_relay_serves_each_home_its_own(
    control: ControlClient, receiver: Receiver, leap: Leap, state: SandboxState
) -> None:
    other = list(state.meters)[1]
    await control.relay("house", token="its-token", meter_ids=[FIRST_METER], webhook_url=receiver.url, secret="s")
    ours, theirs = await control.create([FIRST_METER, other], duration=7200)
    (push,) = await control.wait_pushed()
    assert push["kind"] == "relay/house"
    assert [dispatch["meter_id"] for dispatch in receiver.bodies[0]["meter_dispatches"]] == [FIRST_METER]
    assert ("x-leap-webhook-secret", "s") in receiver.headers[0]
    path, window = (
        "/relay/house/v2/dispatch/meter/search",
        {
            "start_date": "2026-09-07T00:00:00Z",
            "end_date": "2026-09-10T00:00:00Z",
            "meter_ids": [FIRST_METER, other],
        },
    )
    status, body = await leap.ask("POST", path, window, key="its-token")
    assert (status, [found["meter_id"] for found in body["results"]]) == (200, [FIRST_METER])
    assert ours in str(body)
    assert theirs not in str(body)
    for key, address in (("wrong", path), (None, path), ("its-token", path.replace("house", "castle"))):
        assert (await leap.ask("POST", address, window, key=key))[0] == 401


async def test_the_relay_tries_until_the_event_is_over(control: ControlClient, receiver: Receiver) -> None:
    receiver.statuses = [503]
    await control.relay("house", token="t", meter_ids=[FIRST_METER], webhook_url=receiver.url, secret="s")
    await control.create(FIRST_METER, duration=2 * 3600)
    (push,) = await control.wait_pushed()
    assert (push["state"], len(push["attempts"])) == ("lost", 121)


async def test_the_relay_shows_that_it_is_there(control: ControlClient, receiver: Receiver) -> None:
    await control.relay("house", token="t", meter_ids=[FIRST_METER], webhook_url=receiver.url)
    await control.wait_pushed(await control.heartbeat("house"))
    assert receiver.bodies[0]["meter_dispatches"] == []
    with pytest.raises(ControlError):
        await control.heartbeat("castle")
    await control.relay("house", token="t", meter_ids=[FIRST_METER])
    with pytest.raises(ControlError, match="webhook_url"):
        await control.heartbeat("house")


async def test_heartbeats_come_each_quarter_of_an_hour(receiver: Receiver) -> None:
    import asyncio

    pauses: asyncio.Queue[float] = asyncio.Queue()
    gate = asyncio.Semaphore(0)

    async def sleep(seconds: float) -> None:
        pauses.put_nowait(seconds)
        await gate.acquire()

    state = SandboxState(meters=1, speed=3.0, sleep=sleep)
    state.heartbeats = True
    async with TestServer(create_app(state)) as server, ControlClient(str(server.make_url(""))) as control:
        await control.relay("house", token="t", meter_ids=[FIRST_METER], webhook_url=receiver.url)
        await control.relay("silent", token="t", meter_ids=[FIRST_METER])
        for _ in range(2):
            assert await pauses.get() == 300.0
            gate.release()
        await pauses.get()
        await control.wait_pushed()
        assert len(receiver.bodies) == 2
