"""Leap's meter details and enrollment."""

from collections.abc import Callable
from typing import Any

from aiohttp import web
import msgspec.json

from .access import STATE, read_json, require
from .checks import Fields, InvalidError, read_moment, read_uuid
from .replies import ApiError, reply
from .seed import enrollment_of, status_of
from .words import (
    ACTION_TYPES,
    CLASSIFICATIONS,
    ENROLLMENT_STATUSES,
    LOAD_TYPES,
    METER_TYPES,
    REGIONS,
)

type Meter = dict[str, Any]
type Condition = Callable[[Meter], bool]


async def get_meter(request: web.Request) -> web.Response:
    """Answer with one meter."""
    return reply(_shown(_one(request)))


async def get_enrollment(request: web.Request) -> web.Response:
    """Answer with one meter's enrollment."""
    return reply(enrollment_of(_one(request)))


async def search_meters(request: web.Request) -> web.Response:
    """Answer with a page of meters."""
    return await _search(request, _shown)


async def search_enrollments(request: web.Request) -> web.Response:
    """Answer with a page of enrollments."""
    return await _search(request, enrollment_of)


def _shown(meter: Meter) -> Meter:
    """Leave out what is the sandbox's own."""
    return {name: value for name, value in meter.items() if name != "added"}


def _one(request: web.Request) -> Meter:
    """Find the meter a path names."""
    require(request, "meters")
    given = request.match_info["meter_id"]
    try:
        meter_id = read_uuid(given, "Meter id")
    except InvalidError as err:
        raise ApiError(400, str(err), {"meter_id": given}) from err
    if (meter := request.app[STATE].meters.get(meter_id)) is None:
        raise ApiError(404, "Meter not found", {"meter_id": meter_id})
    return meter


async def _search(request: web.Request, show: Callable[[Meter], Meter]) -> web.Response:
    """Answer a search with a page of what is shown of each meter."""
    require(request, "meters")
    body = await read_json(request)
    fields = Fields(body)
    size = fields.integer("page_size", 1, 500) or 500
    token = fields.text("page_token")
    conditions = [*_of_lists(fields), *_of_values(fields)]
    state = request.app[STATE]
    found = [meter for meter in state.meters.values() if all(holds(meter) for holds in conditions)]
    kept = {name: value for name, value in body.items() if name not in ("page_token", "page_size")}
    page, following = state.page(found, token or None, size, f"{request.path} {msgspec.json.encode(kept).decode()}")
    return reply({"meters": [show(meter) for meter in page], "next_page_token": following})


def _of_lists(fields: Fields) -> list[Condition]:
    """Read the conditions that are lists."""
    ids = fields.uuids("meter_ids", 0, 1000)
    lists: list[tuple[list[str] | None, Callable[[Meter], list[str]]]] = [
        (ids or None, lambda meter: [meter["meter_id"]]),
        (fields.strings("partner_references", 1, 1000), lambda meter: [meter.get("partner_reference", "")]),
        (fields.strings("connection_reference_ids", 1, 100), lambda meter: meter.get("connection_references", [])),
        (
            fields.strings("global_enrollment_statuses", 1, 5, ENROLLMENT_STATUSES),
            lambda meter: [status_of(meter)],
        ),
        (fields.strings("meter_types", 1, 20, METER_TYPES), lambda meter: [meter["meter_type"]]),
        (fields.strings("load_types", 1, 20, LOAD_TYPES), lambda meter: meter.get("load_types", [])),
        (fields.strings("customer_groups", 1, 20), lambda meter: [meter.get("customer_group", "")]),
        (fields.strings("tags", 1, 20), lambda meter: meter.get("tags", [])),
        (
            fields.strings("action_type", 1, 20, ACTION_TYPES),
            lambda meter: [
                action["action_type"]
                for actions in enrollment_of(meter)["required_actions"].values()
                for action in actions
            ],
        ),
    ]
    return [_any_of(frozenset(wanted), read) for wanted, read in lists if wanted is not None]


def _any_of(wanted: frozenset[str], read: Callable[[Meter], list[str]]) -> Condition:
    """Hold where a meter has one of the wanted values."""
    return lambda meter: not wanted.isdisjoint(read(meter))


def _of_values(fields: Fields) -> list[Condition]:
    """Read the conditions that are single values."""
    region = fields.text("transmission_region", REGIONS)
    classification = fields.text("customer_classification", CLASSIFICATIONS)
    modified = fields.moment("last_modified_date_time")
    after = fields.moment("created_after_date_time")
    before = fields.moment("created_before_date_time")
    conditions: list[tuple[object, Condition]] = [
        (region, lambda meter: meter["transmission_region"] == region),
        (classification, lambda meter: meter.get("customer_classification") == classification),
        (modified, lambda meter: modified is not None and _audited(meter, "updated_at") >= modified),
        (after, lambda meter: after is not None and _audited(meter, "created_at") > after),
        (before, lambda meter: before is not None and _audited(meter, "created_at") < before),
        (fields.flag("exclude_archived"), lambda meter: not meter["is_archived"]),
        (fields.flag("partner_action_required"), lambda meter: bool(enrollment_of(meter)["required_actions"])),
    ]
    return [holds for given, holds in conditions if given]


def _audited(meter: Meter, name: str) -> Any:
    """Read an instant of a meter's history."""
    return read_moment(meter["audit"][name], name)
