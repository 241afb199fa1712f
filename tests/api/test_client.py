"""Every endpoint in use, against the sandbox where it can play the part, else against a script."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
import logging
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
import msgspec
import pytest

from custom_components.leap.api import client as client_module
from custom_components.leap.api.auth import ApiKeyAuth
from custom_components.leap.api.client import PRODUCTION_URL, STAGING_URL, LeapClient
from custom_components.leap.api.errors import (
    LeapBadRequestError,
    LeapNotFoundError,
    LeapPermissionError,
    LeapResponseError,
)
from custom_components.leap.api.models import (
    CommunicationTest,
    GroupDispatch,
    Header,
    Meter,
    MeterDispatch,
    MeterSearch,
    Timeslot,
    Webhook,
    WebhookKind,
    decode_notification,
)
from sandbox.events import create_events, update_event
from sandbox.seed import FIRST_METER, FIRST_REFERENCE, PLANTED, market_group
from sandbox.state import SandboxState

from .scripted import Script, answer

START = datetime(2026, 9, 8, tzinfo=UTC)
END = START + timedelta(days=31)
SLOT = {
    "meter_event_id": "e",
    "start_time": "2026-09-08T01:00:00Z",
    "end_time": "2026-09-08T03:00:00Z",
    "cancelled": False,
    "performance_compensation_cap": "x",
    "priority": 1,
    "is_voluntary": False,
    "dispatch_event_types": ["standard"],
    "programs": ["CCA"],
}
TIMESLOT = Timeslot(
    event_id="c1e7a2d4-0f35-4b7e-8a90-6d5c4b3a2101",
    start_time=START,
    end_time=START + timedelta(hours=1),
    cancelled=False,
    energy_kw=2.5,
    nomination_kw=None,
    performance_compensation_cap="up-to-site-load",
    priority=2,
    is_voluntary=False,
    dispatch_event_types=("day-ahead",),
    programs=("CCA",),
    communication_test=False,
)


def event(state: SandboxState, *meter_ids: str, **fields: Any) -> list[str]:
    """Make events within the window."""
    times = {"start_time": "2026-09-08T01:00:00Z", "end_time": "2026-09-08T03:00:00Z"}
    return [made.event_id for made in create_events(state, {"meter_ids": list(meter_ids), **times, **fields})]


def test_addresses_of_leap() -> None:
    assert (PRODUCTION_URL, STAGING_URL) == ("https://api.leap.energy", "https://api.staging.leap.energy")


async def test_one_meter_is_read_without_its_customer(client: LeapClient, state: SandboxState) -> None:
    meter = await client.get_meter(FIRST_METER)
    assert meter == Meter(
        meter_id=FIRST_METER,
        meter_type="UTILITY_METER",
        partner_reference=FIRST_REFERENCE,
        transmission_region="CAISO",
        load_types=("HVAC",),
        connection_references=("connect-0042",),
        customer_group="Cohort 2",
        tags=("home-0042", "pilot"),
    )
    batteries = [
        found for found in await client.search_meters(MeterSearch()) if found.device and found.device.type == "BATTERY"
    ]
    assert batteries[0].device is not None
    assert (batteries[0].device.manufacturer, batteries[0].device.battery_energy_capacity_kwh) == ("Voltwerk", 10.2)
    everything = msgspec.json.encode(await client.search_meters(MeterSearch())).decode()
    assert len(state.meters) == 60
    assert everything.count("meter_id") == 60
    assert PLANTED not in everything


async def test_what_is_no_meter(client: LeapClient) -> None:
    with pytest.raises(LeapNotFoundError, match="Meter not found"):
        await client.get_meter("00000000-0000-4000-8000-000000000000")
    with pytest.raises(LeapBadRequestError, match="not a UUID"):
        await client.get_meter("a/../b?c")


@pytest.mark.parametrize(
    ("search", "count"),
    [
        (MeterSearch(partner_references=(FIRST_REFERENCE,)), 1),
        (MeterSearch(tags=("home-0042", "home-0042")), 1),
        (MeterSearch(tags=("home-0042",), meter_types=("DEVICE",)), 0),
        (MeterSearch(meter_ids=(FIRST_METER,), exclude_archived=True, transmission_region="CAISO"), 1),
        (MeterSearch(meter_ids=(FIRST_METER,), last_modified_date_time=START), 0),
        (MeterSearch(meter_ids=()), 0),
        (MeterSearch(load_types=()), 60),
    ],
)
async def test_meters_are_found_by_what_is_asked(client: LeapClient, search: MeterSearch, count: int) -> None:
    assert len(await client.search_meters(search)) == count


async def test_no_ids_are_no_search(client: LeapClient, state: SandboxState) -> None:
    assert await client.search_meters(MeterSearch(meter_ids=())) == []
    assert await client.search_meter_dispatches(start=START, end=END, meter_ids=[]) == []
    assert await client.search_meter_dispatches(start=START, end=END, meter_ids=["m"], event_ids=[]) == []
    assert not state.requests


async def test_a_limit_ends_a_search(client: LeapClient, state: SandboxState) -> None:
    assert len(await client.search_meters(MeterSearch(), limit=7)) == 7
    (request,) = state.requests
    assert msgspec.json.decode(request.body) == {"page_size": 7}


async def test_all_pages_are_read(client: LeapClient, state: SandboxState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_PAGE_SIZE", 25)
    found = await client.search_meters(MeterSearch(exclude_archived=False))
    assert [meter.meter_id for meter in found] == list(state.meters)
    assert len(state.requests) == 3
    assert len(await client.search_meters(MeterSearch(), limit=40)) == 40


async def test_many_ids_are_asked_in_parts(
    client: LeapClient, state: SandboxState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_IDS", 25)
    ids = tuple(state.meters)
    assert len(await client.search_meters(MeterSearch(meter_ids=ids))) == 60
    assert len(await client.search_meters(MeterSearch(meter_ids=ids), limit=25)) == 25
    assert len(state.requests) == 4
    event(state, *ids)
    assert len(await client.search_meter_dispatches(start=START, end=END, meter_ids=[*ids, *ids])) == 60
    assert len(state.requests) == 7


async def test_enrollment(client: LeapClient, state: SandboxState) -> None:
    enrollment = await client.get_enrollment(FIRST_METER)
    assert enrollment.global_enrollment_status == "ACTIVE"
    (program,) = enrollment.program_enrollment
    assert (program.program_identifier, program.market_group_id) == ("CEC-DSGS", market_group("CAISO"))
    assert enrollment.participation_preferences[0].participation_preference == "PARTICIPATE"
    every = await client.search_enrollments(MeterSearch())
    assert len(every) == 60
    acting = [found for found in every if found.partner_actions]
    assert {found.global_enrollment_status for found in acting} == {"INELIGIBLE"}
    assert acting[0].partner_actions[0].action_code == "SERV_0005"
    assert PLANTED not in msgspec.json.encode(every).decode()


async def test_leap_may_leave_anything_of_a_meter_empty(scripted: LeapClient, script: Script) -> None:
    names: dict[str, Any] = dict.fromkeys(Meter.__struct_fields__) | {"meter_id": "m", "new": {"a": 1}}
    script.then(answer(value=names), answer(value={"meter_id": "m", "required_actions": None}))
    assert await scripted.get_meter("m") == Meter(meter_id="m")
    enrollment = await scripted.get_enrollment("m")
    assert (enrollment.global_enrollment_status, enrollment.leap_actions) == ("", ())


async def test_a_meter_that_cannot_be_read_costs_only_itself(
    scripted: LeapClient, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    script.then(answer(value={"meters": [{"meter_id": 7}, {"meter_id": "m", "tags": "x"}, {"meter_id": "n"}]}))
    assert await scripted.search_meters(MeterSearch()) == [Meter(meter_id="n")]
    warned = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warned == ["2 items in Leap's answer could not be read"]


async def test_dispatches_of_our_meters(client: LeapClient, state: SandboxState) -> None:
    other = list(state.meters)[5]
    first, second = event(state, FIRST_METER, other, energy_kw=2, nomination_kw=3)
    real_time = event(state, FIRST_METER, dispatch_event_types=["5m"], is_voluntary=True, communication_test=True)[0]
    update_event(state, first, {"cancelled": True})
    (found,) = await client.search_meter_dispatches(start=START, end=END, meter_ids=[FIRST_METER])
    assert (found.meter_id, found.partner_reference, found.malformed) == (FIRST_METER, FIRST_REFERENCE, 0)
    slots = {slot.event_id: slot for slot in found.timeslots}
    assert slots.keys() == {first, real_time}
    assert (slots[first].cancelled, slots[first].energy_kw, slots[first].nomination_kw) == (True, 2.0, 3.0)
    assert slots[real_time].communication_test
    (by_id,) = await client.search_meter_dispatches(
        start=START, end=END, meter_ids=[FIRST_METER, other], event_ids=[second]
    )
    assert (by_id.meter_id, by_id.timeslots[0].event_id) == (other, second)


async def test_all_pages_of_dispatches_are_read(client: LeapClient, state: SandboxState) -> None:
    state.dispatch_page_size = 25
    event(state, *state.meters)
    found = await client.search_meter_dispatches(start=START, end=END, meter_ids=list(state.meters))
    assert {dispatch.meter_id for dispatch in found} == set(state.meters)
    assert len(state.requests) == 3


async def test_group_dispatches(client: LeapClient, state: SandboxState) -> None:
    group = market_group("CAISO")
    (made,) = event(state, FIRST_METER, market_group_id=group, energy_kw=800)
    event(state, FIRST_METER, market_group_id=market_group("PJM"))
    assert len(await client.search_group_dispatches(start=START, end=END)) == 2
    (found,) = await client.search_group_dispatches(start=START, end=END, group_ids=[group], event_ids=[made])
    assert (found.market_group_id, found.meter_ids, found.timeslots[0].energy_kw) == (group, (FIRST_METER,), 800.0)


async def test_a_window_is_written_in_utc(client: LeapClient, state: SandboxState) -> None:
    there = timezone(timedelta(hours=-7))
    start = datetime(2026, 9, 7, 17, 0, 0, 5_999, tzinfo=there)
    await client.search_meter_dispatches(start=start, end=start + timedelta(days=1), meter_ids=[FIRST_METER])
    body = msgspec.json.decode(state.requests[-1].body)
    assert (body["start_date"], body["end_date"]) == ("2026-09-08T00:00:00.005Z", "2026-09-09T00:00:00.005Z")
    assert body["exclude_real_time_events"] is False


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (START, END + timedelta(milliseconds=1)),
        (START, START),
        (END, START),
        (START.replace(tzinfo=None), END.replace(tzinfo=None)),
    ],
)
async def test_a_window_that_cannot_be_searched(client: LeapClient, start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError):
        await client.search_meter_dispatches(start=start, end=end, meter_ids=[FIRST_METER])


async def test_results_in_parts_are_joined_and_broken_ones_cost_only_themselves(
    scripted: LeapClient, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    first = [{"meter_id": "M", "timeslots": [SLOT, {}]}, {"timeslots": []}, {"meter_id": "n"}]
    second = [{"meter_id": "m", "timeslots": [SLOT | {"meter_event_id": "f"}]}]
    script.then(
        answer(value={"results": first, "next_page_token": "t"}),
        answer(value={"results": second, "next_page_token": ""}),
    )
    found = await scripted.search_meter_dispatches(start=START, end=END, meter_ids=["m", "n"])
    assert [(part.meter_id, [slot.event_id for slot in part.timeslots], part.malformed) for part in found] == [
        ("M", ["e", "f"], 1),
        ("n", [], 1),
    ]
    assert script.bodies[1] == script.bodies[0] | {"page_token": "t"}
    assert "1 items" in caplog.text


async def test_pages_that_lead_in_a_circle(scripted: LeapClient, script: Script) -> None:
    script.then(*(answer(value={"results": [], "next_page_token": token}) for token in ("a", "b", "a")))
    with pytest.raises(LeapResponseError, match="circle"):
        await scripted.search_meter_dispatches(start=START, end=END, meter_ids=["m"])
    assert len(script.requests) == 3


async def test_pages_without_end(
    scripted_url: str, make_client: Callable[..., LeapClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_PAGES", 5)
    pages = iter(range(1000))

    async def next_page(_: web.Request) -> web.Response:
        return web.json_response({"results": [], "next_page_token": f"t{next(pages)}"})

    app = web.Application()
    app.router.add_post("/{path:.*}", next_page)
    async with TestServer(app) as server:
        with pytest.raises(LeapResponseError, match="more than 5 pages"):
            await make_client(str(server.make_url(""))).search_group_dispatches(start=START, end=END)


async def test_a_search_without_results(scripted: LeapClient, script: Script) -> None:
    script.then(answer(value={"next_page_token": None}))
    with pytest.raises(LeapResponseError, match="no results"):
        await scripted.search_meters(MeterSearch())


@pytest.mark.parametrize("kind", list(WebhookKind))
async def test_the_address_of_the_account(client: LeapClient, state: SandboxState, kind: WebhookKind) -> None:
    assert await client.get_webhook(kind) is None
    await client.delete_webhook(kind)
    hook = Webhook(url="https://home.example/api/webhook/x", headers=(Header("X-Secret", "s"),))
    assert await client.put_webhook(kind, hook) == hook
    assert await client.get_webhook(kind) == hook
    assert list(state.webhooks) == [kind]
    await client.delete_webhook(kind)
    assert await client.get_webhook(kind) is None


async def test_an_address_without_headers(scripted: LeapClient, script: Script) -> None:
    script.then(answer(value={"url": "https://x", "headers": None}))
    assert await scripted.get_webhook(WebhookKind.METER) == Webhook(url="https://x")


@pytest.mark.parametrize("kind", list(WebhookKind))
async def test_an_integration_test_arrives_as_it_was_written(
    client: LeapClient, script: Script, scripted_url: str, kind: WebhookKind
) -> None:
    script.then(answer(value="fine"))
    await client.put_webhook(kind, Webhook(url=scripted_url, headers=(Header("X-Secret", "s"),)))
    meter = MeterDispatch(meter_id=FIRST_METER, partner_reference="home-0042", timeslots=(TIMESLOT,))
    group = GroupDispatch(market_group_id=market_group("PJM"), meter_ids=(FIRST_METER,), timeslots=(TIMESLOT,))
    result = await client.send_integration_test(kind, [meter if kind is WebhookKind.METER else group])
    assert (result.delivered, result.http_status, result.body) == (True, 200, '"fine"')
    (_, _, body, headers) = script.requests[0]
    read = decode_notification(msgspec.json.encode(body), [FIRST_METER])
    assert read.integration_test
    assert read.meters == ((meter,) if kind is WebhookKind.METER else ())
    assert read.group_meter_ids == (frozenset() if kind is WebhookKind.METER else {FIRST_METER})
    assert headers["x-secret"] == "s"


async def test_an_integration_test_that_does_not_arrive(client: LeapClient, unused_tcp_port: int) -> None:
    await client.put_webhook(WebhookKind.METER, Webhook(url=f"http://127.0.0.1:{unused_tcp_port}"))
    dispatch = MeterDispatch(meter_id=FIRST_METER, timeslots=(TIMESLOT,))
    result = await client.send_integration_test(WebhookKind.METER, [dispatch])
    assert (result.delivered, result.http_status) == (False, None)
    assert "ClientConnectorError" in (result.error_message or "")


@pytest.mark.parametrize("approved", [False, True])
async def test_a_communication_test(client: LeapClient, state: SandboxState, approved: bool) -> None:
    result = await client.run_communication_test(
        CommunicationTest(
            start_time=START,
            end_time=START + timedelta(hours=1),
            program="CEC-DSGS",
            meter_ids=(FIRST_METER, FIRST_METER),
            capacity_test=True,
            dispatch_quantity_kw=2,
            approved=approved,
        )
    )
    assert (result.meter_count, result.approved, result.transmission_region) == (1, approved, "CAISO")
    found = await client.search_meter_dispatches(start=START, end=END, meter_ids=[FIRST_METER])
    assert [slot.communication_test for part in found for slot in part.timeslots] == [True] * approved


async def test_a_communication_test_of_no_certain_size(client: LeapClient, state: SandboxState) -> None:
    await client.run_communication_test(
        CommunicationTest(start_time=START, end_time=END, program="ELRP", meter_ids=(FIRST_METER,))
    )
    assert "dispatch_quantity_kw" not in msgspec.json.decode(state.requests[-1].body)


async def test_a_key_without_the_permission(make_client: Callable[..., LeapClient], sandbox_url: str) -> None:
    meters_only = make_client(f"{sandbox_url}/", ApiKeyAuth("sandbox-key-meters-only"))
    assert await meters_only.get_meter(FIRST_METER)
    with pytest.raises(LeapPermissionError):
        await meters_only.search_meter_dispatches(start=START, end=END, meter_ids=[FIRST_METER])
