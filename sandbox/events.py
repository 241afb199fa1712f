"""Events made, changed and called off at will."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from .checks import Fields, InvalidError, moment_text, read_moment
from .seed import program_of
from .state import Event, SandboxState

SLOT_FIELDS = (
    "start_time end_time cancelled energy_kw nomination_kw performance_compensation_cap priority is_voluntary "
    "dispatch_event_types programs"
).split()


def create_events(state: SandboxState, given: Mapping[str, Any]) -> list[Event]:
    """Make an event for each meter, or one for a market group; what is not given has a usual value, nothing is checked."""
    fields = Fields(given)
    group = fields.text("market_group_id")
    meter_ids = [meter_id.lower() for meter_id in fields.strings("meter_ids") or []]
    if not meter_ids:
        raise InvalidError("meter_ids is missing")
    owners = [group] if group else meter_ids
    own_id = fields.text("event_id")
    if own_id and len(owners) > 1:
        raise InvalidError("event_id names one event, not several")
    created = []
    for owner in owners:
        event = Event(
            event_id=own_id or str(uuid4()),
            kind="group" if group else "meter",
            owner=owner,
            meter_ids=meter_ids if group else [owner],
            versions=[_new_slot(state, meter_ids[0] if group else owner, given)],
            communication_test=bool(fields.flag("communication_test", default=False)),
        )
        state.events[event.event_id] = event
        created.append(event)
    state.save()
    return created


def update_event(state: SandboxState, event_id: str, given: Mapping[str, Any]) -> Event:
    """Give an event a new version."""
    event = find_event(state, event_id)
    changes = _times(state, given, event.slot) | {name: given[name] for name in SLOT_FIELDS if name in given}
    event.versions.append({**event.slot, **changes, **(given.get("fields") or {})})
    if (tested := given.get("communication_test")) is not None:
        event.communication_test = bool(tested)
    state.save()
    return event


def find_event(state: SandboxState, event_id: str) -> Event:
    """Find an event."""
    try:
        return state.events[event_id]
    except KeyError:
        raise InvalidError("event_id is unknown") from None


def _new_slot(state: SandboxState, meter_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Fill a timeslot; without times it begins now and lasts an hour."""
    meter = state.meters.get(meter_id, {})
    times = _times(state, {"start_in": 0, "duration": 3600, **given}, {})
    slot = {
        "cancelled": False,
        "performance_compensation_cap": "up-to-nomination",
        "priority": 1,
        "is_voluntary": False,
        "dispatch_event_types": ["standard"],
        "programs": [program_of(meter.get("transmission_region", ""))],
    }
    return times | slot | {name: given[name] for name in SLOT_FIELDS if name in given} | (given.get("fields") or {})


def _times(state: SandboxState, given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Work out a start and an end that are given in seconds: from now, and from the start."""
    fields = Fields(given)
    times: dict[str, Any] = {}
    if not fields.has("start_time") and fields.has("start_in"):
        delay = fields.number("start_in", -1e9, 1e9) or 0.0
        times["start_time"] = moment_text(state.clock() + timedelta(seconds=delay))
    if not fields.has("end_time") and fields.has("duration"):
        seconds = fields.number("duration", -1e9, 1e9) or 0.0
        start = given.get("start_time") or times.get("start_time") or known.get("start_time")
        times["end_time"] = moment_text(read_moment(start, "start_time") + timedelta(seconds=seconds))
    if not fields.has("end_time") and fields.has("end_in"):
        seconds = fields.number("end_in", -1e9, 1e9) or 0.0
        times["end_time"] = moment_text(state.clock() + timedelta(seconds=seconds))
    return times
