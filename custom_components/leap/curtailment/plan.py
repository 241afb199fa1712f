"""Which loads act for an instruction, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..dispatch.timeline import Segment


class Reason(StrEnum):
    """Why a load acts or does not."""

    MAXIMUM = "maximum"
    TARGET = "target"
    NO_EVENT = "no_event"
    DISABLED = "disabled"
    OPTED_OUT = "opted_out"
    TARGET_MET = "target_met"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadSpec:
    """What a plan needs to know of a load; expected_kw None is unknown and counts as nothing."""

    load_id: str
    rank: int
    expected_kw: float | None
    enabled: bool
    opted_out: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadPlan:
    """What one load does."""

    load_id: str
    act: bool
    reason: Reason


def plan(segment: Segment | None, loads: Sequence[LoadSpec]) -> tuple[LoadPlan, ...]:
    """Return what each load does, in the order given; with a target, the first by rank until it is met."""
    reasons: dict[str, Reason] = {}
    met = 0.0
    for load in sorted(loads, key=lambda load: (load.rank, load.load_id)):
        reason = _reason(segment, load, met)
        reasons[load.load_id] = reason
        if reason is Reason.TARGET:
            met += load.expected_kw or 0.0
    acting = (Reason.MAXIMUM, Reason.TARGET)
    return tuple(
        LoadPlan(load_id=load.load_id, act=reasons[load.load_id] in acting, reason=reasons[load.load_id])
        for load in loads
    )


def _reason(segment: Segment | None, load: LoadSpec, met: float) -> Reason:
    """Return why a load acts or not, when the loads before it give so many kW."""
    if segment is None:
        return Reason.NO_EVENT
    if not load.enabled:
        return Reason.DISABLED
    if load.opted_out:
        return Reason.OPTED_OUT
    if segment.energy_kw is None:
        return Reason.MAXIMUM
    return Reason.TARGET_MET if met >= segment.energy_kw else Reason.TARGET
