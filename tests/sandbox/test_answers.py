"""The API's checks, errors, pages and defaults."""

from typing import Any

from aiohttp import ClientSession
import pytest

from sandbox.client import ControlClient
from sandbox.seed import FIRST_METER, FIRST_REFERENCE, PLANTED, build_meters, market_group
from sandbox.state import FULL_KEY, SandboxState

from .conftest import Leap

WINDOW = {"start_date": "2026-09-07T00:00:00Z", "end_date": "2026-10-08T00:00:00Z"}


def test_the_account_is_the_same_each_time() -> None:
    meters = build_meters(1200)
    assert meters == build_meters(1200)
    assert len(meters) == 1200
    assert next(iter(meters.values()))["meter_id"] == FIRST_METER
    assert {meter["meter_type"] for meter in meters.values()} == {"UTILITY_METER", "SUBMETER", "DEVICE"}
    assert len({meter["partner_reference"] for meter in meters.values()}) == 1200
    assert len({meter["transmission_region"] for meter in meters.values()}) == 5
    for meter in meters.values():
        for value in (*meter["customer"].values(), *meter["utility"].values()):
            assert PLANTED in value or len(value) <= 12
        named = {name: meter[name] for name in meter.keys() - {"customer", "utility", "site", "device"}}
        assert PLANTED not in str(named)


@pytest.mark.parametrize(
    ("key", "path", "status"),
    [
        (None, f"/v2/meters/{FIRST_METER}", 401),
        ("nonsense", f"/v2/meters/{FIRST_METER}", 403),
        ("sandbox-key-revoked", f"/v2/meters/{FIRST_METER}", 403),
        ("sandbox-key-dispatch-only", f"/v2/meters/{FIRST_METER}", 403),
        ("sandbox-key-meters-only", f"/v2/meters/{FIRST_METER}", 200),
        (None, "/v2/dispatch/meter/webhook", 401),
        ("sandbox-key-no-webhook", "/v2/dispatch/meter/webhook", 403),
        (FULL_KEY, "/v2/dispatch/meter/webhook", 404),
    ],
)
async def test_keys(leap: Leap, key: str | None, path: str, status: int) -> None:
    answered, body = await leap.ask("GET", path, key=key)
    assert answered == status
    if "dispatch" in path:
        assert body["code"] == {401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND"}[status]
    elif status != 200:
        assert body["status"] == status


async def test_a_key_can_be_revoked(leap: Leap, control: ControlClient) -> None:
    assert (await leap.ask("GET", f"/v2/meters/{FIRST_METER}"))[0] == 200
    await control.revoke(FULL_KEY)
    assert (await leap.ask("GET", f"/v2/meters/{FIRST_METER}"))[0] == 403
    await control.key("fresh", permissions=["meters"])
    assert (await leap.ask("GET", f"/v2/meters/{FIRST_METER}", key="fresh"))[0] == 200
    assert (await leap.ask("POST", "/v2/dispatch/meter/search", WINDOW, key="fresh"))[0] == 403


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"start_date": None}, "start_date is missing"),
        ({"end_date": None}, "end_date is missing"),
        ({"start_date": "2026-09-07"}, "start_date is not a date-time"),
        ({"start_date": "2026-09-07T00:00:00"}, "start_date is not a date-time"),
        ({"start_date": 7}, "start_date is not a date-time"),
        ({"end_date": "2026-10-08T00:00:00.001Z"}, "max 31 days"),
        ({"end_date": "2026-09-07T00:00:00Z"}, "not after the start"),
        ({"meter_ids": []}, "meter_ids is not a list of 1"),
        ({"meter_ids": ["x"]}, "meter_ids is not a UUID"),
        ({"meter_ids": [FIRST_METER, FIRST_METER]}, "twice"),
        ({"meter_ids": FIRST_METER}, "meter_ids is not a list"),
        ({"meter_event_ids": [1]}, "unknown value"),
        ({"exclude_real_time_events": "no"}, "exclude_real_time_events is not a boolean"),
        ({"page_token": "x"}, "page_token is not a UUID"),
        ({"page_token": FIRST_METER}, "page_token is unknown"),
    ],
)
async def test_a_search_is_checked(leap: Leap, changes: dict[str, Any], complaint: str) -> None:
    status, body = await leap.ask("POST", "/v2/dispatch/meter/search", WINDOW | changes)
    assert (status, body["code"], body["error_code"]) == (400, "BAD_REQUEST", "DISPATCH_INVALID_INPUT")
    assert complaint in body["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"page_size": 0},
        {"page_size": 501},
        {"page_size": True},
        {"meter_types": []},
        {"meter_types": ["device"]},
        {"tags": [f"tag-{number}" for number in range(21)]},
        {"meter_ids": ["x"]},
        {"transmission_region": "EUROPE"},
        {"last_modified_date_time": "yesterday"},
        {"page_token": "unknown"},
    ],
)
async def test_a_search_of_meters_is_checked(leap: Leap, body: dict[str, Any]) -> None:
    for path in ("/v2/meters/search", "/v2/meters/enrollments/search"):
        status, answer = await leap.ask("POST", path, body)
        assert (status, answer["status"]) == (400, 400)
        assert answer["details"]["error"]


async def test_what_is_no_json_object(leap: Leap, session: ClientSession) -> None:
    headers = {"Authorization": f"Bearer {FULL_KEY}", "Content-Type": "application/json"}
    for text, kind, status in (("{", None, 400), ("[]", None, 400), ("{}", "text/plain", 415)):
        sent = headers | ({"Content-Type": kind} if kind else {})
        async with session.post(f"{leap.url}/v2/dispatch/meter/search", data=text, headers=sent) as response:
            assert response.status == status


async def test_paths_and_methods_that_are_not_there(leap: Leap) -> None:
    status, body = await leap.ask("GET", "/v2/dispatch/meter/search")
    assert (status, body["code"]) == (405, "METHOD_NOT_ALLOWED")
    status, body = await leap.ask("GET", "/v2/dispatch/house/webhook")
    assert (status, body["code"]) == (404, "NOT_FOUND")
    status, body = await leap.ask("GET", "/v3")
    assert (status, body["status"]) == (404, 404)


async def test_a_search_finds_what_overlaps_its_window(leap: Leap, control: ControlClient) -> None:
    (event,) = await control.create(
        FIRST_METER, start_time="2026-09-08T01:00:00Z", end_time="2026-09-08T02:00:00Z", deliver="none"
    )
    for start, end, seen in (
        ("2026-09-08T01:59:59Z", "2026-09-08T05:00:00Z", True),
        ("2026-09-08T02:00:00Z", "2026-09-08T05:00:00Z", False),
        ("2026-09-08T00:00:00Z", "2026-09-08T01:00:01Z", True),
        ("2026-09-08T00:00:00Z", "2026-09-08T01:00:00Z", False),
    ):
        assert (await leap.found(start_date=start, end_date=end) == [event]) is seen


async def test_defaults_of_a_search(leap: Leap, control: ControlClient) -> None:
    (real_time,) = await control.create(FIRST_METER, dispatch_event_types=["5m"])
    (voluntary,) = await control.create(FIRST_METER, is_voluntary=True)
    assert await leap.found() == [voluntary]
    assert await leap.found(exclude_real_time_events=False) == [real_time, voluntary]
    assert await leap.found(exclude_real_time_events=False, exclude_voluntary_events=True) == [real_time]
    assert await leap.found(exclude_real_time_events=False, meter_event_ids=[real_time]) == [real_time]
    assert await leap.found(exclude_real_time_events=None, meter_ids=[market_group("PJM")]) == []


async def test_groups_are_searched_apart(leap: Leap, control: ControlClient) -> None:
    (event,) = await control.create(FIRST_METER, market_group_id=market_group("CAISO"), energy_kw=900)
    assert await leap.found("group") == [event]
    assert await leap.found("group", market_group_ids=[market_group("PJM")]) == []
    assert await leap.found() == []
    _, body = await leap.ask("POST", "/v2/dispatch/group/search", WINDOW)
    assert body["results"][0]["meter_ids"] == [FIRST_METER]
    assert body["results"][0]["partner_references"] == [FIRST_REFERENCE]


async def test_pages_of_a_search(leap: Leap, control: ControlClient, state: SandboxState) -> None:
    state.dispatch_page_size = 30
    events = await control.create(list(state.meters), deliver="none")
    seen: list[str] = []
    body: dict[str, Any] = dict(WINDOW)
    for size in (30, 30, 20):
        _, page = await leap.ask("POST", "/v2/dispatch/meter/search", body)
        assert len(page["results"]) == size
        seen += [slot["meter_event_id"] for result in page["results"] for slot in result["timeslots"]]
        body["page_token"] = page["next_page_token"]
    assert body["page_token"] is None
    assert sorted(seen) == sorted(events)
    _, page = await leap.ask("POST", "/v2/dispatch/meter/search", WINDOW)
    other = WINDOW | {"exclude_voluntary_events": True, "page_token": page["next_page_token"]}
    assert (await leap.ask("POST", "/v2/dispatch/meter/search", other))[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        {"partner_references": [FIRST_REFERENCE]},
        {"tags": ["home-0042"], "meter_types": ["UTILITY_METER"]},
        {"meter_ids": [FIRST_METER.upper()], "created_after_date_time": "2025-01-01T00:00:00Z"},
        {"connection_reference_ids": ["connect-0042"], "created_before_date_time": "2026-01-01T00:00:00Z"},
    ],
)
async def test_the_first_meter_is_found(leap: Leap, body: dict[str, Any]) -> None:
    _, answer = await leap.ask("POST", "/v2/meters/search", body)
    assert [meter["meter_id"] for meter in answer["meters"]] == [FIRST_METER]


async def test_conditions_narrow_a_search(leap: Leap, state: SandboxState) -> None:
    async def count(**body: Any) -> int:
        return len((await leap.ask("POST", "/v2/meters/enrollments/search", body))[1]["meters"])

    archived = sum(meter["is_archived"] for meter in state.meters.values())
    assert archived > 0
    assert await count() == 80
    assert await count(meter_ids=[]) == 80
    assert await count(exclude_archived=True) == 80 - archived
    ineligible = await count(global_enrollment_statuses=["INELIGIBLE"])
    assert 0 < ineligible == await count(partner_action_required=True) == await count(action_type=["NO_MISSING_FIELDS"])
    assert await count(customer_classification="COMMERCIAL") + await count(customer_classification="RESIDENTIAL") == 80


async def test_a_webhook_is_one_per_account_and_kind(leap: Leap) -> None:
    path = "/v2/dispatch/meter/webhook"
    for url in ("https://one.example", "https://two.example"):
        status, body = await leap.ask("PUT", path, {"url": url, "headers": [{"name": "X-A", "value": "1"}]})
        assert (status, body["url"]) == (200, url)
    assert (await leap.ask("GET", path))[1] == {
        "url": "https://two.example",
        "headers": [{"name": "X-A", "value": "1"}],
    }
    assert (await leap.ask("GET", "/v2/dispatch/group/webhook"))[0] == 404
    assert (await leap.ask("DELETE", path))[0] == 204
    assert (await leap.ask("DELETE", path))[0] == 404
    for wrong in ({}, {"url": "home"}, {"url": "ftp://x"}, {"url": "https://x", "headers": [{"name": "a"}]}):
        assert (await leap.ask("PUT", path, wrong))[0] == 400


COMMUNICATION_TEST = {
    "start_time": "2026-09-09T20:00:00Z",
    "end_time": "2026-09-09T21:00:00Z",
    "program": "CEC-DSGS",
    "meter_uuids": [FIRST_METER],
    "dispatch_quantity_kw": 2,
}


@pytest.mark.parametrize("approved", [None, False, True])
async def test_a_communication_test_is_dry_unless_approved(leap: Leap, approved: bool | None) -> None:
    status, body = await leap.ask(
        "POST", "/v2/dispatch/meter/communication_test", COMMUNICATION_TEST | {"approved": approved, "test_event": True}
    )
    assert (status, body["approved"], body["meter_count"]) == (201, bool(approved), 1)
    _, found = await leap.ask("POST", "/v2/dispatch/meter/search", WINDOW)
    slots = [slot for result in found["results"] for slot in result["timeslots"]]
    assert len(slots) == bool(approved)
    for slot in slots:
        assert (slot["communication_test"], slot["dispatch_event_types"]) == (True, ["capacity-test"])


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"program": "NEW"}, 400),
        ({"meter_uuids": ["x"]}, 400),
        ({"end_time": "2026-11-09T20:00:00Z"}, 400),
        ({"meter_uuids": ["00000000-0000-4000-8000-000000000000"]}, 404),
    ],
)
async def test_a_communication_test_is_checked(leap: Leap, changes: dict[str, Any], status: int) -> None:
    assert (await leap.ask("POST", "/v2/dispatch/meter/communication_test", COMMUNICATION_TEST | changes))[0] == status
