"""Meters and their enrollment, without any data of customers."""

from datetime import datetime
from typing import Any

from msgspec import Raw, Struct
import msgspec.json

from .dispatches import Aware, utc_text


class Device(
    Struct,
    frozen=True,
    kw_only=True,
    rename={"type": "device_type", "model": "device_model", "manufacturer": "device_manufacturer"},
):
    """The device a meter stands for."""

    type: str | None = None
    model: str | None = None
    manufacturer: str | None = None
    battery_power_capacity_kw: float | None = None
    battery_energy_capacity_kwh: float | None = None
    battery_max_discharge_rate_kw: float | None = None
    battery_max_charge_rate_kw: float | None = None
    battery_max_state_of_charge_percentage: float | None = None
    battery_min_state_of_charge_percentage: float | None = None


class Meter(Struct, frozen=True, kw_only=True):
    """An asset at which Leap aims dispatches."""

    meter_id: str
    meter_type: str = ""
    partner_reference: str | None = None
    transmission_region: str | None = None
    load_types: tuple[str, ...] = ()
    connection_references: tuple[str, ...] = ()
    customer_group: str | None = None
    tags: tuple[str, ...] = ()
    is_archived: bool = False
    device: Device | None = None


class Participation(Struct, frozen=True, kw_only=True):
    """What the partner wishes for a meter over a period; no end means for good."""

    participation_preference: str
    start_time: Aware
    end_time: Aware | None = None


class ProgramEnrollment(Struct, frozen=True, kw_only=True):
    """A meter's standing in one delivery period of one program."""

    enrollment_status: str
    delivery_period_start_date_time: Aware
    delivery_period_end_date_time: Aware
    program_identifier: str | None = None
    delivery_period: str | None = None
    market_group_id: str | None = None
    market_group_name: str | None = None


class RequiredAction(Struct, frozen=True, kw_only=True):
    """Something that must be done before a meter can take part."""

    action_type: str
    action_code: str
    action_description: str
    enrollment_deadline_date_time: Aware | None = None
    program_identifier: str | None = None
    delivery_period: str | None = None


class Enrollment(Struct, frozen=True, kw_only=True):
    """Where a meter stands in its programs."""

    meter_id: str
    global_enrollment_status: str = ""
    participation_preferences: tuple[Participation, ...] = ()
    program_enrollment: tuple[ProgramEnrollment, ...] = ()
    partner_actions: tuple[RequiredAction, ...] = ()
    leap_actions: tuple[RequiredAction, ...] = ()


class MeterSearch(Struct, frozen=True, kw_only=True):
    """Which meters to look for; None leaves a condition out, no meter ids at all find no meter."""

    meter_ids: tuple[str, ...] | None = None
    partner_references: tuple[str, ...] | None = None
    connection_reference_ids: tuple[str, ...] | None = None
    global_enrollment_statuses: tuple[str, ...] | None = None
    meter_types: tuple[str, ...] | None = None
    load_types: tuple[str, ...] | None = None
    customer_groups: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    transmission_region: str | None = None
    last_modified_date_time: datetime | None = None
    exclude_archived: bool | None = None
    partner_action_required: bool | None = None

    def as_body(self) -> dict[str, Any]:
        """Write the search without empty conditions, which Leap finds invalid."""
        body: dict[str, Any] = {}
        for name in self.__struct_fields__:
            match getattr(self, name):
                case None | ():
                    continue
                case tuple() as values:
                    body[name] = list(dict.fromkeys(values))
                case datetime() as moment:
                    body[name] = utc_text(moment)
                case value:
                    body[name] = value
        return body


class _Meter(Struct, kw_only=True):
    """A meter in which Leap may leave anything but the id empty."""

    meter_id: str
    meter_type: str | None = None
    partner_reference: str | None = None
    transmission_region: str | None = None
    load_types: tuple[str, ...] | None = None
    connection_references: tuple[str, ...] | None = None
    customer_group: str | None = None
    tags: tuple[str, ...] | None = None
    is_archived: bool | None = None
    device: Device | None = None


class _RequiredActions(Struct, kw_only=True):
    """Open actions by who must act."""

    partner: tuple[RequiredAction, ...] | None = None
    leap: tuple[RequiredAction, ...] | None = None


class _Enrollment(Struct, kw_only=True):
    """An enrollment in which Leap may leave anything but the id empty."""

    meter_id: str
    global_enrollment_status: str | None = None
    participation_preferences: tuple[Participation, ...] | None = None
    program_enrollment: tuple[ProgramEnrollment, ...] | None = None
    required_actions: _RequiredActions | None = None


_METER = msgspec.json.Decoder(_Meter)
_ENROLLMENT = msgspec.json.Decoder(_Enrollment)


def decode_meter(body: bytes | Raw) -> Meter:
    """Read one meter."""
    wire = _METER.decode(body)
    values = {name: getattr(wire, name) for name in wire.__struct_fields__}
    return Meter(**{name: value for name, value in values.items() if value is not None})


def decode_enrollment(body: bytes | Raw) -> Enrollment:
    """Read the enrollment of one meter."""
    wire = _ENROLLMENT.decode(body)
    actions = wire.required_actions or _RequiredActions()
    return Enrollment(
        meter_id=wire.meter_id,
        global_enrollment_status=wire.global_enrollment_status or "",
        participation_preferences=wire.participation_preferences or (),
        program_enrollment=wire.program_enrollment or (),
        partner_actions=actions.partner or (),
        leap_actions=actions.leap or (),
    )
