"""The sandbox answers, and the client asks, as Leap's OpenAPI files say."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession
import msgspec.json
from openapi_core.exceptions import OpenAPIError
from openapi_schema_validator import OAS30Validator
import pytest

from custom_components.leap.api.auth import ApiKeyAuth
from custom_components.leap.api.client import LeapClient
from custom_components.leap.api.models import (
    CommunicationTest,
    GroupDispatch,
    Header,
    MeterDispatch,
    MeterSearch,
    Webhook,
    WebhookKind,
    decode_notification,
)
from sandbox import words
from sandbox.events import create_events
from sandbox.seed import FIRST_METER, FIRST_REFERENCE, market_group
from sandbox.state import FULL_KEY, SandboxState

from .conftest import Exchange
from .specification import (
    NULL_IN_TEXT_AND_EXAMPLES,
    Request,
    Response,
    Specification,
    allow_documented_nulls,
    load,
)

START = datetime(2026, 9, 8, tzinfo=UTC)
END = START + timedelta(days=31)
WINDOW = {"start_date": "2026-09-08T00:00:00Z", "end_date": "2026-09-09T00:00:00Z"}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def specification_of(request: Request, specifications: dict[str, Specification]) -> Specification:
    """Choose the file a path is in."""
    if request.path.startswith("/v2/dispatch"):
        return specifications["dispatch"]
    return specifications["enrollment" if "enrollments" in request.path else "details"]


async def converse(client: LeapClient, meter_ids: list[str], hook: str) -> None:
    """Use every method of the client that has an answer, and some that have none."""
    await client.get_meter(FIRST_METER)
    await client.get_enrollment(FIRST_METER)
    every = MeterSearch(
        meter_ids=(FIRST_METER,),
        partner_references=(FIRST_REFERENCE,),
        connection_reference_ids=("connect-0042",),
        global_enrollment_statuses=("ACTIVE",),
        meter_types=("UTILITY_METER",),
        load_types=("HVAC",),
        customer_groups=("Cohort 2",),
        tags=("pilot",),
        transmission_region="CAISO",
        last_modified_date_time=START - timedelta(days=2000),
        exclude_archived=True,
        partner_action_required=False,
    )
    for search in (MeterSearch(), every):
        assert await client.search_meters(search)
        assert await client.search_enrollments(search)
    assert await client.search_meters(MeterSearch(), limit=40)
    meter, _ = await client.search_meter_dispatches(start=START, end=END, meter_ids=meter_ids)
    await client.search_meter_dispatches(
        start=START, end=END, meter_ids=meter_ids, event_ids=[meter.timeslots[0].event_id]
    )
    (group,) = await client.search_group_dispatches(start=START, end=END)
    await client.search_group_dispatches(
        start=START, end=END, group_ids=[group.market_group_id], event_ids=[group.timeslots[0].event_id]
    )
    for kind in WebhookKind:
        sent: list[MeterDispatch | GroupDispatch] = [meter if kind is WebhookKind.METER else group]
        assert await client.get_webhook(kind) is None
        await client.put_webhook(kind, Webhook(url=hook, headers=(Header("X-Secret", "s"),)))
        assert await client.get_webhook(kind)
        await client.send_integration_test(kind, sent)
        await client.delete_webhook(kind)
        await client.delete_webhook(kind)
    for approved in (False, True):
        await client.run_communication_test(
            CommunicationTest(
                start_time=START,
                end_time=START + timedelta(hours=1),
                program="CEC-DSGS",
                meter_ids=(FIRST_METER,),
                dispatch_quantity_kw=3,
                approved=approved,
            )
        )


async def test_every_exchange_of_client_and_sandbox_keeps_the_contract(
    url: str,
    session: ClientSession,
    state: SandboxState,
    exchanges: list[Exchange],
    specifications: dict[str, Specification],
) -> None:
    times = {"start_time": "2026-09-08T01:00:00Z", "end_time": "2026-09-08T03:00:00Z"}
    meter_ids = list(state.meters)[:2]
    create_events(state, {"meter_ids": meter_ids, "energy_kw": None, "nomination_kw": 4.5, **times})
    create_events(state, {"meter_ids": [FIRST_METER], "dispatch_event_types": ["5m"], **times})
    create_events(
        state, {"meter_ids": [FIRST_METER], "market_group_id": market_group("CAISO"), "energy_kw": 80, **times}
    )
    state.dispatch_page_size = 1
    # Nobody listens there: an integration test without an answer is in the contract too.
    await converse(LeapClient(session, ApiKeyAuth(FULL_KEY), url), meter_ids, "http://127.0.0.1:9/hook")
    assert len(exchanges) == 26
    asked = {(request.method, request.path.replace(FIRST_METER, "ID")) for request, _ in exchanges}
    assert len(asked) == 15
    for request, response in exchanges:
        specification = specification_of(request, specifications)
        specification.check_request(request)
        specification.check_response(request, response)


REFUSED: list[tuple[str, str, Any, str, int]] = [
    ("GET", "/v2/meters/not-a-uuid", None, FULL_KEY, 400),
    ("GET", f"/v2/meters/{UNKNOWN}", None, FULL_KEY, 404),
    ("GET", f"/v2/meters/{FIRST_METER}", None, "", 401),
    ("GET", f"/v2/meters/{FIRST_METER}", None, "wrong", 403),
    ("GET", "/v2/meters/not-a-uuid/enrollments", None, FULL_KEY, 400),
    ("GET", f"/v2/meters/{UNKNOWN}/enrollments", None, FULL_KEY, 404),
    ("POST", "/v2/meters/search", {"page_size": 501}, FULL_KEY, 400),
    ("POST", "/v2/meters/search", {}, "sandbox-key-revoked", 403),
    ("POST", "/v2/meters/enrollments/search", {"meter_types": []}, FULL_KEY, 400),
    ("POST", "/v2/meters/enrollments/search", {}, "", 401),
    ("POST", "/v2/dispatch/meter/search", {}, FULL_KEY, 400),
    ("POST", "/v2/dispatch/meter/search", WINDOW, "", 401),
    ("POST", "/v2/dispatch/meter/search", WINDOW, "sandbox-key-meters-only", 403),
    ("POST", "/v2/dispatch/group/search", WINDOW | {"end_date": "2026-10-10T00:00:00Z"}, FULL_KEY, 400),
    ("GET", "/v2/dispatch/meter/webhook", None, FULL_KEY, 404),
    ("GET", "/v2/dispatch/meter/webhook", None, "sandbox-key-no-webhook", 403),
    ("PUT", "/v2/dispatch/group/webhook", {"headers": []}, FULL_KEY, 400),
    ("DELETE", "/v2/dispatch/group/webhook", None, "", 401),
    ("POST", "/v2/dispatch/meter/webhook/integration_test", {"meter_dispatches": []}, FULL_KEY, 400),
    ("POST", "/v2/dispatch/meter/communication_test", {"program": "CCA"}, FULL_KEY, 400),
    ("POST", "/v2/dispatch/meter/communication_test", {}, "", 401),
]


@pytest.mark.parametrize(("method", "path", "body", "key", "status"), REFUSED)
async def test_refusals_have_the_shape_of_the_contract(
    url: str,
    session: ClientSession,
    exchanges: list[Exchange],
    specifications: dict[str, Specification],
    method: str,
    path: str,
    body: Any,
    key: str,
    status: int,
) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with session.request(method, f"{url}{path}", json=body, headers=headers) as response:
        assert response.status == status
    ((asked, answered),) = exchanges
    specification_of(asked, specifications).check_response(asked, answered)


@pytest.mark.parametrize("path", ["/v2/meters/search", "/v2/meters/enrollments/search", "/v2/dispatch/meter/search"])
async def test_failures_have_the_shape_of_the_contract(
    url: str, session: ClientSession, exchanges: list[Exchange], specifications: dict[str, Specification], path: str
) -> None:
    async with session.post(f"{url}/control/faults", json={"path": "/v2", "status": 500}) as response:
        assert response.status == 200
    async with session.post(f"{url}{path}", json={}) as response:
        assert response.status == 500
    asked, answered = exchanges[-1]
    specification_of(asked, specifications).check_response(asked, answered)


def examples(kind: str) -> Iterator[tuple[str, Any]]:
    """Read the integration tests Leap gives for each program."""
    operation = load("dispatch")["paths"][f"/dispatch/{kind}/webhook/integration_test"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    for name, example in content["examples"].items():
        yield name, example["value"]


@pytest.mark.parametrize("kind", ["meter", "group"])
async def test_leaps_own_examples_are_taken_and_read(
    url: str, session: ClientSession, state: SandboxState, kind: str
) -> None:
    headers = {"Authorization": f"Bearer {FULL_KEY}"}
    hook = {"url": "http://127.0.0.1:9/", "headers": []}
    async with session.put(f"{url}/v2/dispatch/{kind}/webhook", json=hook, headers=headers) as response:
        assert response.status == 200
    given = dict(examples(kind))
    assert len(given) >= 10
    for name, example in given.items():
        address = f"{url}/v2/dispatch/{kind}/webhook/integration_test"
        async with session.post(address, json=example, headers=headers) as response:
            assert response.status == 200, (name, await response.text())
        dispatch = example[f"{kind}_dispatches"][0]
        ours = dispatch["meter_id"] if kind == "meter" else dispatch["meter_ids"][0]
        read = decode_notification(msgspec.json.encode(example), [ours])
        assert read.malformed == 0, name
        if kind == "meter":
            assert len(read.meters[0].timeslots) == len(dispatch["timeslots"])
        else:
            assert read.group_meter_ids == frozenset({ours})


@pytest.mark.parametrize(
    ("kind", "schema"), [("meter", "WebhookMeterDispatchEvent"), ("group", "WebhookMarketGroupDispatchEvent")]
)
async def test_pushes_hold_what_the_contract_says(
    url: str, session: ClientSession, state: SandboxState, kind: str, schema: str
) -> None:
    document = load("dispatch")
    allow_documented_nulls(document)
    validator = OAS30Validator({"$ref": f"#/components/schemas/{schema}", "components": document["components"]})
    async with session.put(f"{url}/control/webhook/{kind}", json={"url": "http://127.0.0.1:9/"}) as response:
        assert response.status == 200
    event: dict[str, Any] = {"meter_ids": [FIRST_METER], "energy_kw": None, "nomination_kw": 3, "foreign": 3}
    if kind == "group":
        event["market_group_id"] = market_group("CAISO")
    async with session.post(f"{url}/control/events", json=event) as response:
        assert response.status == 200
    (delivery,) = state.deliveries
    body = msgspec.json.decode(delivery.body)
    assert body["integration_test_notification"] is False
    assert body["communication_test"] is False
    assert len(body[f"{kind}_dispatches"]) == (4 if kind == "meter" else 1)
    for dispatch in body[f"{kind}_dispatches"]:
        assert list(validator.iter_errors(dispatch)) == []
        assert list(validator.iter_errors(dispatch | {"timeslots": []})) != []


@pytest.mark.parametrize(
    ("name", "schema", "known"),
    [
        ("dispatch", "DispatchEventType", words.EVENT_TYPES),
        ("dispatch", "PerformanceCompensationCap", words.CAPS),
        ("dispatch", "program_identifier", words.PROGRAMS),
        ("dispatch", "transmission_region", words.REGIONS),
        ("details", "MeterType", words.METER_TYPES),
        ("details", "load_type", words.LOAD_TYPES),
        ("details", "EnrollmentStatus", words.ENROLLMENT_STATUSES),
        ("details", "CustomerClassification", words.CLASSIFICATIONS),
        ("enrollment", "action_type", words.ACTION_TYPES),
    ],
)
def test_the_sandbox_knows_leaps_words(name: str, schema: str, known: tuple[str, ...]) -> None:
    assert set(known) == set(load(name)["components"]["schemas"][schema]["enum"])


def test_the_check_finds_what_breaks_the_contract(specifications: dict[str, Specification]) -> None:
    specification = specifications["dispatch"]
    headers = {"Authorization": "Bearer x"}
    asked = Request("POST", "/v2/dispatch/meter/search", msgspec.json.encode(WINDOW), headers)
    specification.check_request(asked)
    specification.check_response(asked, Response(200, b'{"results": [], "next_page_token": null}'))
    for broken in (
        Request("POST", "/v2/dispatch/meter/search", b"{}", headers),
        Request("POST", "/v2/dispatch/meter/search", msgspec.json.encode(WINDOW), {}),
        Request("POST", "/v2/dispatch/meters", msgspec.json.encode(WINDOW), headers),
        Request("POST", "/v2/dispatch/meter/search", msgspec.json.encode(WINDOW | {"meter_ids": ["x"]}), headers),
    ):
        with pytest.raises(OpenAPIError):
            specification.check_request(broken)
    for body in (b"{}", b'{"results": [{"meter_id": "x", "timeslots": []}]}', b'{"results": [], "next_page_token": 5}'):
        with pytest.raises(OpenAPIError):
            specification.check_response(asked, Response(200, body))


def test_leap_itself_sends_the_nulls_that_are_allowed() -> None:
    document = load("dispatch")
    sent = msgspec.json.encode(document["components"]["schemas"]["SearchMeterDispatchEventResponse"]["example"])
    assert b'"energy_kw":null' in sent
    descriptions = str(document)
    assert "the value is 'null'" in descriptions
    assert "'null' if no response was received" in descriptions
    assert set(NULL_IN_TEXT_AND_EXAMPLES) == {"energy_kw", "next_page_token", "http_status", "body"}
