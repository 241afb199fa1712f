"""Levers for whoever plays Leap: events, faults, keys, addresses, relays, and the log of what happened."""

from collections.abc import Iterable
from typing import Any

from aiohttp import web
import msgspec

from .access import PUSHER, STATE, read_json
from .checks import Fields, InvalidError
from .delivery import notification
from .events import create_events, find_event, update_event
from .faults import Fault
from .replies import reply
from .seed import FIRST_METER
from .state import PERMISSIONS, Delivery, Event, Home, Key
from .webhook_api import read_webhook

PREFIX = "/control"


def routes() -> list[web.RouteDef]:
    """List the levers."""
    return [
        web.get(f"{PREFIX}/account", get_account),
        web.post(f"{PREFIX}/reset", reset),
        web.get(f"{PREFIX}/meters", list_meters),
        web.put(f"{PREFIX}/meters", put_meter),
        web.get(f"{PREFIX}/events", list_events),
        web.post(f"{PREFIX}/events", create),
        web.patch(f"{PREFIX}/events/{{event_id}}", update),
        web.post(f"{PREFIX}/events/{{event_id}}/cancel", cancel),
        web.post(f"{PREFIX}/push", push),
        web.get(f"{PREFIX}/pushes", list_pushes),
        web.get(f"{PREFIX}/faults", list_faults),
        web.post(f"{PREFIX}/faults", add_fault),
        web.delete(f"{PREFIX}/faults", clear_faults),
        web.put(f"{PREFIX}/outage", set_outage),
        web.put(f"{PREFIX}/keys/{{key}}", put_key),
        web.put(f"{PREFIX}/webhook/{{kind:meter|group}}", set_webhook),
        web.delete(f"{PREFIX}/webhook/{{kind:meter|group}}", remove_webhook),
        web.put(f"{PREFIX}/relay/{{home}}", put_home),
        web.post(f"{PREFIX}/relay/{{home}}/heartbeat", send_heartbeat),
        web.get(f"{PREFIX}/log", list_requests),
        web.delete(f"{PREFIX}/log", clear_log),
    ]


async def get_account(request: web.Request) -> web.Response:
    """Show the account at a glance."""
    state = request.app[STATE]
    return reply(
        {
            "meters": len(state.meters),
            "first_meter": FIRST_METER,
            "events": len(state.events),
            "keys": state.keys,
            "webhooks": state.webhooks,
            "homes": state.homes,
            "outage": state.outage,
            "speed": state.speed,
        }
    )


async def reset(request: web.Request) -> web.Response:
    """Begin anew."""
    request.app[STATE].reset()
    return reply({})


async def list_meters(request: web.Request) -> web.Response:
    """Show meters, by type, region or tag."""
    query = request.query
    found = [
        meter
        for meter in request.app[STATE].meters.values()
        if query.get("meter_type") in (None, meter["meter_type"])
        and query.get("transmission_region") in (None, meter["transmission_region"])
        and ("tag" not in query or query["tag"] in meter.get("tags", []))
    ]
    return reply({"meters": found[: int(query.get("limit", "100"))]})


async def put_meter(request: web.Request) -> web.Response:
    """Add a meter, or change one; what is not given is taken from the first meter."""
    state = request.app[STATE]
    body = await read_json(request)
    fields = Fields(body)
    meter_id = fields.need("meter_id", fields.uuid("meter_id"))
    model = state.meters.get(meter_id) or next(iter(state.meters.values()), {})
    state.meters[meter_id] = {**model, **body, "meter_id": meter_id, "added": True}
    state.save()
    return reply(state.meters[meter_id])


async def list_events(request: web.Request) -> web.Response:
    """Show all events with their versions."""
    return reply({"events": list(request.app[STATE].events.values())})


async def create(request: web.Request) -> web.Response:
    """Make events, and push them unless they are to be seen by search alone."""
    body = await read_json(request)
    events = create_events(request.app[STATE], body)
    return _announced(request, body, events, by_search=all(event.real_time for event in events))


async def update(request: web.Request) -> web.Response:
    """Change an event under the same id."""
    body = await read_json(request)
    event = update_event(request.app[STATE], request.match_info["event_id"], body)
    return _announced(request, body, [event], by_search=event.real_time)


async def cancel(request: web.Request) -> web.Response:
    """Call an event off."""
    body = await read_json(request) if request.can_read_body else {}
    event = update_event(request.app[STATE], request.match_info["event_id"], {**body, "cancelled": True})
    return _announced(request, body, [event], by_search=event.real_time)


def _announced(request: web.Request, body: dict[str, Any], events: list[Event], *, by_search: bool) -> web.Response:
    """Push events as asked; Leap itself leaves real-time events to searches."""
    fields = Fields(body)
    deliver = fields.text("deliver", ("push", "none")) or ("none" if by_search else "push")
    deliveries: list[Delivery] = []
    if deliver == "push":
        deliveries = request.app[PUSHER].push_events(
            events, copies=fields.integer("copies", 1, 1000) or 1, foreign=fields.integer("foreign", 0, 100_000) or 0
        )
    return reply({"events": events, "pushes": [delivery.number for delivery in deliveries]})


async def push(request: web.Request) -> web.Response:
    """Push events once more: an older version of them, several times, or any body at all."""
    state, pusher = request.app[STATE], request.app[PUSHER]
    body = await read_json(request)
    fields = Fields(body)
    version = fields.integer("version", -1000, 1000)
    kind = fields.text("kind", ("meter", "group")) or "meter"
    copies = fields.integer("copies", 1, 1000) or 1
    if (raw := body.get("body")) is not None:
        if kind not in state.webhooks:
            raise InvalidError("No webhook is registered")
        content = raw.encode() if isinstance(raw, str) else msgspec.json.encode(raw)
        deliveries = [pusher.push_to_account(kind, content) for _ in range(copies)]
    else:
        deliveries = pusher.push_events(
            [find_event(state, event_id) for event_id in fields.strings("event_ids") or []],
            version=-1 if version is None else version,
            copies=copies,
            foreign=fields.integer("foreign", 0, 100_000) or 0,
        )
    return reply({"pushes": [delivery.number for delivery in deliveries]})


async def list_pushes(request: web.Request) -> web.Response:
    """Show pushes and each try to deliver them."""
    return reply({"pushes": _since(request, request.app[STATE].deliveries)})


async def list_requests(request: web.Request) -> web.Response:
    """Show every request received, secrets included."""
    path = request.query.get("path", "/")
    found = _since(request, request.app[STATE].requests)
    return reply({"requests": [entry for entry in found if entry.path.startswith(path)]})


def _since[T: Any](request: web.Request, entries: Iterable[T]) -> list[T]:
    """Leave out what came before a number."""
    since = int(request.query.get("since", "0"))
    return [entry for entry in entries if entry.number > since]


async def clear_log(request: web.Request) -> web.Response:
    """Forget the requests and pushes so far."""
    request.app[STATE].requests.clear()
    request.app[STATE].deliveries.clear()
    return reply({})


async def list_faults(request: web.Request) -> web.Response:
    """Show the faults that are still to come."""
    return reply({"faults": request.app[STATE].faults})


async def add_fault(request: web.Request) -> web.Response:
    """Have something go wrong."""
    try:
        fault = msgspec.convert(await read_json(request), Fault)
    except msgspec.ValidationError as err:
        raise InvalidError(str(err)) from err
    request.app[STATE].faults.append(fault)
    return reply(fault)


async def clear_faults(request: web.Request) -> web.Response:
    """Have everything go right."""
    request.app[STATE].faults.clear()
    return reply({})


async def set_outage(request: web.Request) -> web.Response:
    """Cut or mend the way from Leap to the homes."""
    fields = Fields(await read_json(request))
    request.app[STATE].outage = fields.need("on", fields.flag("on"))
    return reply({"on": request.app[STATE].outage})


async def put_key(request: web.Request) -> web.Response:
    """Make, change or revoke a key."""
    state = request.app[STATE]
    fields = Fields(await read_json(request))
    known = state.keys.get(request.match_info["key"], Key(list(PERMISSIONS)))
    permissions = fields.strings("permissions", 0, choices=PERMISSIONS)
    key = Key(
        known.permissions if permissions is None else permissions,
        bool(fields.flag("revoked", default=known.revoked)),
    )
    state.keys[request.match_info["key"]] = key
    state.save()
    return reply(key)


async def set_webhook(request: web.Request) -> web.Response:
    """Register an address as if somebody else of the account had."""
    state = request.app[STATE]
    state.webhooks[request.match_info["kind"]] = webhook = read_webhook(await read_json(request))
    state.save()
    return reply(webhook)


async def remove_webhook(request: web.Request) -> web.Response:
    """Remove an address as if somebody else of the account had."""
    request.app[STATE].webhooks.pop(request.match_info["kind"], None)
    request.app[STATE].save()
    return reply({})


async def put_home(request: web.Request) -> web.Response:
    """Serve a home by the relay."""
    state = request.app[STATE]
    fields = Fields(await read_json(request))
    home = Home(
        token=fields.need("token", fields.text("token")),
        meter_ids=fields.need("meter_ids", fields.uuids("meter_ids")),
        webhook_url=fields.text("webhook_url"),
        secret=fields.text("secret"),
    )
    state.homes[request.match_info["home"]] = home
    state.save()
    return reply(home)


async def send_heartbeat(request: web.Request) -> web.Response:
    """Tell a home of the relay that the relay is there."""
    name, state = request.match_info["home"], request.app[STATE]
    if name not in state.homes:
        raise InvalidError("The relay does not serve this home")
    delivery = request.app[PUSHER].push_to_home(name, notification(state, "meter", [], tested=False), tries=1)
    return reply({"pushes": [delivery.number]})
