"""From Leap's timeslots to the home's events."""

from collections.abc import Iterable, Mapping

from .api.models import MeterDispatch, Timeslot
from .dispatch.event import DispatchEvent, Origin, Source


def _event(meter_id: str, slot: Timeslot, source: Source) -> DispatchEvent:
    """Read one timeslot as an event of one meter."""
    return DispatchEvent(
        event_id=slot.event_id,
        meter_id=meter_id,
        start=slot.start_time,
        end=slot.end_time,
        energy_kw=slot.energy_kw,
        nomination_kw=slot.nomination_kw,
        cap=slot.performance_compensation_cap,
        priority=slot.priority,
        voluntary=slot.is_voluntary,
        types=tuple(slot.dispatch_event_types),
        programs=tuple(slot.programs),
        communication_test=slot.communication_test,
        cancelled=slot.cancelled,
        origin=Origin.LEAP,
        source=source,
    )


def to_events(dispatches: Iterable[MeterDispatch], meters: Mapping[str, str], source: Source) -> list[DispatchEvent]:
    """Read the followed meters' dispatches; `meters` maps lower-case ids to the followed ones."""
    return [
        _event(meter_id, slot, source)
        for dispatch in dispatches
        if (meter_id := meters.get(dispatch.meter_id.lower())) is not None
        for slot in dispatch.timeslots
    ]
