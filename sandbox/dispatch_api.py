"""Leap's dispatch search, and a relay's search for one home."""

from collections.abc import Iterable
from typing import Any

from aiohttp import web
import msgspec.json

from .access import STATE, read_json, require, token_of
from .checks import Fields, check_window
from .replies import ApiError, reply
from .state import Event, SandboxState


async def search_meter_dispatches(request: web.Request) -> web.Response:
    """Answer with a page of meters and their events."""
    require(request, "dispatch")
    state = request.app[STATE]
    return reply(_search(state, await read_json(request), "meter", "meter_ids", "meter_event_ids"))


async def search_group_dispatches(request: web.Request) -> web.Response:
    """Answer with a page of market groups and their events."""
    require(request, "dispatch")
    state = request.app[STATE]
    return reply(_search(state, await read_json(request), "group", "market_group_ids", "market_group_event_ids"))


async def search_as_relay(request: web.Request) -> web.Response:
    """Answer a home's search with what concerns its meters, and nothing else."""
    state = request.app[STATE]
    home = state.homes.get(request.match_info["home"])
    if home is None or home.token != token_of(request):
        raise ApiError(401, "Unauthorized")
    body = await read_json(request)
    return reply(_search(state, body, "meter", "meter_ids", "meter_event_ids", only=home.meter_ids))


def _search(
    state: SandboxState,
    body: dict[str, Any],
    kind: str,
    owners: str,
    event_ids: str,
    only: Iterable[str] | None = None,
) -> dict[str, Any]:
    """Find the events of a window that a search asks for."""
    fields = Fields(body)
    start = fields.need("start_date", fields.moment("start_date"))
    end = fields.need("end_date", fields.moment("end_date"))
    check_window(start, end)
    wanted_owners, wanted_ids = fields.uuids(owners), fields.uuids(event_ids)
    no_real_time = fields.flag("exclude_real_time_events", default=True)
    no_voluntary = fields.flag("exclude_voluntary_events", default=False)
    token = fields.uuid("page_token")
    allowed = None if only is None else frozenset(only)
    found: dict[str, list[Event]] = {}
    for event in state.events.values():
        if (
            event.kind == kind
            and event.overlaps(start, end)
            and (allowed is None or event.owner in allowed)
            and (wanted_owners is None or event.owner in wanted_owners)
            and (wanted_ids is None or event.event_id in wanted_ids)
            and not (no_real_time and event.real_time)
            and not (no_voluntary and event.slot.get("is_voluntary"))
        ):
            found.setdefault(event.owner, []).append(event)
    kept = {name: value for name, value in body.items() if name != "page_token"}
    search = f"{kind} {msgspec.json.encode(kept).decode()}"
    page, following = state.page(sorted(found.items()), token, state.dispatch_page_size, search)
    return {"results": [_result(state, kind, *item) for item in page], "next_page_token": following}


def _result(state: SandboxState, kind: str, owner: str, events: list[Event]) -> dict[str, Any]:
    """Show one meter or group of a search."""
    slots = [event.slot_as_sent() | {"communication_test": event.communication_test} for event in events]
    if kind == "meter":
        references = state.references([owner])
        named = {"partner_reference": references[0]} if references else {}
        return {"meter_id": owner, **named, "timeslots": slots}
    members = list(dict.fromkeys(meter_id for event in events for meter_id in event.meter_ids))
    return {
        "market_group_id": owner,
        "meter_ids": members,
        "partner_references": state.references(members),
        "timeslots": slots,
    }
