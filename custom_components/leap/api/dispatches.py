"""Dispatches as Leap sends them, per meter and per market group."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import DecodeError, Meta, Raw, Struct
import msgspec.json

type Aware = Annotated[datetime, Meta(tz=True)]
type Slots = tuple[tuple[Timeslot, ...], int]


class Timeslot(Struct, frozen=True, kw_only=True):
    """One event; enumerations stay plain text, so that a value Leap adds later survives."""

    event_id: str
    start_time: datetime
    end_time: datetime
    cancelled: bool
    energy_kw: float | None
    nomination_kw: float | None
    performance_compensation_cap: str
    priority: int
    is_voluntary: bool
    dispatch_event_types: tuple[str, ...]
    programs: tuple[str, ...]
    communication_test: bool


class MeterDispatch(Struct, frozen=True, kw_only=True):
    """The events of one meter; `malformed` counts those that could not be read."""

    meter_id: str
    partner_reference: str | None = None
    timeslots: tuple[Timeslot, ...]
    malformed: int = 0


class GroupDispatch(Struct, frozen=True, kw_only=True):
    """The events of one market group; their kW are the whole group's."""

    market_group_id: str
    meter_ids: tuple[str, ...]
    timeslots: tuple[Timeslot, ...]
    malformed: int = 0


class _Slot(Struct, kw_only=True):
    """A timeslot in any of the spellings Leap uses."""

    meter_event_id: str | None = None
    market_group_event_id: str | None = None
    start_time: Aware
    end_time: Aware
    cancelled: bool
    energy_kw: float | None = None
    nomination_kw: float | None = None
    performance_compensation_cap: str
    priority: int
    is_voluntary: bool
    dispatch_event_types: tuple[str, ...]
    programs: tuple[str, ...]
    communication_test: bool | None = None
    is_communication_test: bool | None = None


_RAW_LIST = msgspec.json.Decoder(list[Raw])
_SLOT = msgspec.json.Decoder(_Slot)


def _decode_slot(raw: Raw, communication_test: bool) -> Timeslot:
    """Read one timeslot; raise ValueError or OverflowError if it makes no event."""
    wire = _SLOT.decode(raw)
    event_id = wire.meter_event_id or wire.market_group_event_id
    start, end = wire.start_time.astimezone(UTC), wire.end_time.astimezone(UTC)
    if not event_id or end <= start:
        raise ValueError("no event id, or an end that is not after its start")
    if (wire.energy_kw or 0) < 0 or (wire.nomination_kw or 0) < 0:
        raise ValueError("negative power")
    return Timeslot(
        event_id=event_id,
        start_time=start,
        end_time=end,
        cancelled=wire.cancelled,
        energy_kw=wire.energy_kw,
        nomination_kw=wire.nomination_kw,
        performance_compensation_cap=wire.performance_compensation_cap,
        priority=wire.priority,
        is_voluntary=wire.is_voluntary,
        dispatch_event_types=wire.dispatch_event_types,
        programs=wire.programs,
        communication_test=bool(communication_test or wire.communication_test or wire.is_communication_test),
    )


def decode_slots(raw: Raw, *, communication_test: bool = False) -> Slots:
    """Read a list of timeslots one by one; a malformed one costs only itself and is counted."""
    try:
        items = _RAW_LIST.decode(raw)
    except DecodeError, UnicodeDecodeError, RecursionError:
        return (), 1
    slots: list[Timeslot] = []
    for item in items:
        try:
            slots.append(_decode_slot(item, communication_test))
        except DecodeError, ValueError, OverflowError, RecursionError:
            continue
    return tuple(slots), len(items) - len(slots)


def merge_meters(dispatches: Iterable[MeterDispatch]) -> list[MeterDispatch]:
    """Join what came in several parts for one meter."""
    merged: dict[str, MeterDispatch] = {}
    for dispatch in dispatches:
        key = dispatch.meter_id.lower()
        if (known := merged.get(key)) is not None:
            dispatch = MeterDispatch(
                meter_id=known.meter_id,
                partner_reference=known.partner_reference or dispatch.partner_reference,
                timeslots=known.timeslots + dispatch.timeslots,
                malformed=known.malformed + dispatch.malformed,
            )
        merged[key] = dispatch
    return list(merged.values())


def utc_text(moment: datetime) -> str:
    """Write an instant the way Leap does; a time without a zone is a mistake of the caller."""
    if moment.tzinfo is None:
        raise ValueError("A time without a zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _encode_slot(slot: Timeslot, id_field: str) -> dict[str, Any]:
    """Write a timeslot; an absent power is left out, as the schema has no null."""
    optional = {"energy_kw": slot.energy_kw, "nomination_kw": slot.nomination_kw}
    return {
        id_field: slot.event_id,
        "start_time": utc_text(slot.start_time),
        "end_time": utc_text(slot.end_time),
        "cancelled": slot.cancelled,
        **{name: value for name, value in optional.items() if value is not None},
        "performance_compensation_cap": slot.performance_compensation_cap,
        "priority": slot.priority,
        "is_voluntary": slot.is_voluntary,
        "dispatch_event_types": slot.dispatch_event_types,
        "programs": slot.programs,
    }


def encode_dispatch(dispatch: MeterDispatch | GroupDispatch) -> dict[str, Any]:
    """Write a dispatch as an integration test takes it."""
    if isinstance(dispatch, GroupDispatch):
        return {
            "market_group_id": dispatch.market_group_id,
            "meter_ids": dispatch.meter_ids,
            "timeslots": [_encode_slot(slot, "market_group_event_id") for slot in dispatch.timeslots],
        }
    reference = {} if dispatch.partner_reference is None else {"partner_reference": dispatch.partner_reference}
    return {
        "meter_id": dispatch.meter_id,
        **reference,
        "timeslots": [_encode_slot(slot, "meter_event_id") for slot in dispatch.timeslots],
    }
