"""Bodies of pushes, in the shape Leap sends them."""

from datetime import datetime
import json
from typing import Any
from uuid import uuid4


def timeslot(event_id: str, start: datetime, end: datetime, **changes: Any) -> dict[str, Any]:
    """Return a timeslot with every field Leap sends."""
    return {
        "meter_event_id": event_id,
        "start_time": _wire(start),
        "end_time": _wire(end),
        "cancelled": False,
        "energy_kw": 2.5,
        "nomination_kw": 2.5,
        "performance_compensation_cap": "up-to-site-load",
        "priority": 2,
        "is_voluntary": False,
        "dispatch_event_types": ["day-ahead"],
        "programs": ["CCA"],
        **changes,
    }


def meter(meter_id: str, *timeslots: dict[str, Any], reference: str = "home") -> dict[str, Any]:
    """Return a meter with its timeslots."""
    return {"meter_id": meter_id, "partner_reference": reference, "timeslots": list(timeslots)}


def body(*meters: dict[str, Any]) -> bytes:
    """Return a notification."""
    notification = {
        "integration_test_notification": False,
        "communication_test": False,
        "meter_dispatches": list(meters),
    }
    return json.dumps(notification).encode()


def foreign_meters(count: int, timeslots_each: int, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return other homes' meters."""
    return [
        meter(
            str(uuid4()),
            *(timeslot(str(uuid4()), start, end, energy_kw=3.25 + slot) for slot in range(timeslots_each)),
            reference=f"home-{number:05}",
        )
        for number in range(count)
    ]


def _wire(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
