"""Leap's address book for pushes, and the tests that use it."""

from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
import msgspec.json

from .access import PUSHER, STATE, read_json, require
from .checks import Fields, InvalidError, check_window, moment_text
from .events import create_events
from .replies import ApiError, reply
from .state import Webhook
from .words import CAPS, EVENT_TYPES, PROGRAMS


async def get_webhook(request: web.Request) -> web.Response:
    """Answer with the account's address."""
    return reply(_registered(request))


async def put_webhook(request: web.Request) -> web.Response:
    """Replace the account's address."""
    require(request, "webhook")
    body = await read_json(request)
    state = request.app[STATE]
    state.webhooks[request.match_info["kind"]] = webhook = read_webhook(body)
    state.save()
    return reply(webhook)


async def delete_webhook(request: web.Request) -> web.Response:
    """Remove the account's address."""
    _registered(request)
    state = request.app[STATE]
    del state.webhooks[request.match_info["kind"]]
    state.save()
    return web.Response(status=204)


async def integration_test(request: web.Request) -> web.Response:
    """Post the caller's own notification once, marked as a test, and tell how it went."""
    require(request, "webhook")
    kind = request.match_info["kind"]
    body = await read_json(request)
    fields = Fields(body)
    name = f"{kind}_dispatches"
    dispatches = fields.need(name, fields.items(name))
    for dispatch in dispatches:
        _check_dispatch(kind, dispatch)
    webhook = _registered(request)
    state = request.app[STATE]
    headers = {header["name"].lower(): header["value"] for header in webhook.headers}
    sent = msgspec.json.encode({"integration_test_notification": True, "communication_test": False, name: dispatches})
    attempt, answer = await request.app[PUSHER].async_post(webhook.url, headers, sent)
    result: dict[str, Any] = {"sent_time": moment_text(attempt.at), "http_status": attempt.status, "body": answer}
    if attempt.status is not None:
        result["received_time"] = moment_text(state.clock())
    if attempt.error:
        result["error_message"] = attempt.error
    return reply(result)


async def communication_test(request: web.Request) -> web.Response:
    """Make a test event for each meter and push it; if it is not approved, only tell what would happen."""
    require(request, "dispatch")
    fields = Fields(await read_json(request))
    start = fields.need("start_time", fields.moment("start_time"))
    end = fields.need("end_time", fields.moment("end_time"))
    check_window(start, end)
    program = fields.need("program", fields.text("program", PROGRAMS))
    meter_ids = fields.need("meter_uuids", fields.uuids("meter_uuids", 1, 1000))
    quantity = fields.number("dispatch_quantity_kw", 0, 1e9)
    capacity, approved = fields.flag("test_event", default=False), fields.flag("approved", default=False)
    state = request.app[STATE]
    if unknown := [meter_id for meter_id in meter_ids if meter_id not in state.meters]:
        raise ApiError(404, f"{len(unknown)} meters not found")
    if approved:
        events = create_events(
            state,
            {
                "meter_ids": meter_ids,
                "start_time": moment_text(start),
                "end_time": moment_text(end),
                "programs": [program],
                "dispatch_event_types": ["capacity-test" if capacity else "standard"],
                "communication_test": True,
                **({} if quantity is None else {"energy_kw": max(0.01, round(quantity / len(meter_ids), 3))}),
            },
        )
        request.app[PUSHER].push_events(events)
    return reply(
        {
            "dispatch_status": "PROCESSED" if approved else "DRY_RUN",
            "start_time": moment_text(start),
            "end_time": moment_text(end),
            "test_event": capacity,
            "program": program,
            "approved": approved,
            "transmission_region": state.meters[meter_ids[0]]["transmission_region"],
            "market_type": "day-ahead",
            "meter_count": len(meter_ids),
        },
        201,
    )


def _registered(request: web.Request) -> Webhook:
    """Find the account's address."""
    require(request, "webhook")
    webhook = request.app[STATE].webhooks.get(request.match_info["kind"])
    if webhook is None:
        raise ApiError(404, "No webhook is registered")
    return webhook


def read_webhook(body: dict[str, Any]) -> Webhook:
    """Read an address and its headers."""
    fields = Fields(body)
    url = fields.need("url", fields.text("url"))
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InvalidError("url is not a URL")
    headers = []
    for item in fields.items("headers", 0) or []:
        header = Fields(item, "header")
        name = header.need("name", header.text("name"))
        headers.append({"name": name, "value": header.need("value", header.text("value"))})
    return Webhook(url, headers)


def _check_dispatch(kind: str, dispatch: object) -> None:
    """Check one meter or group of an integration test."""
    fields = Fields(dispatch, "dispatch")
    owner = "meter_id" if kind == "meter" else "market_group_id"
    fields.need(owner, fields.uuid(owner))
    if kind == "group":
        fields.need("meter_ids", fields.uuids("meter_ids", 0))
    for item in fields.need("timeslots", fields.items("timeslots")):
        slot = Fields(item, "timeslot")
        event_id = f"{'meter' if kind == 'meter' else 'market_group'}_event_id"
        slot.need(event_id, slot.uuid(event_id))
        slot.need("start_time", slot.moment("start_time"))
        slot.need("end_time", slot.moment("end_time"))
        slot.need("cancelled", slot.flag("cancelled"))
        slot.need("is_voluntary", slot.flag("is_voluntary"))
        slot.need("priority", slot.integer("priority", 1, 10))
        slot.need("performance_compensation_cap", slot.text("performance_compensation_cap", CAPS))
        slot.need("dispatch_event_types", slot.strings("dispatch_event_types", choices=EVENT_TYPES))
        slot.need("programs", slot.strings("programs", choices=PROGRAMS))
        slot.number("energy_kw", 0.01, 100_000)
        slot.number("nomination_kw", 0.01, 100_000)
