"""What an entry wishes of its loads at an instant: pure but for the schedules it asks."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from homeassistant.core import CALLBACK_TYPE

from ..dispatch.schedule import Schedule
from .load import Load
from .plan import LoadSpec, Reason, plan


class Coordinator(Protocol):
    """What is asked of the entry's coordinator."""

    @property
    def meter_ids(self) -> frozenset[str]:
        """Return the followed meters."""

    def schedule(self, meter_id: str) -> Schedule:
        """Return what a meter does and when."""

    def automatic(self, meter_id: str) -> bool:
        """Return whether the loads behind a meter answer by themselves."""

    def load_enabled(self, load_id: str) -> bool:
        """Return whether a load takes part at all."""

    async def async_opt_out_load(self, meter_id: str, load_id: str) -> None:
        """Leave a load out of the chain of events that runs now."""

    def async_add_responder(self, responder: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call back after every change and at every boundary, before anything is shown."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What one load shall do: held for these meters until an instant, or let go; and why."""

    load: Load
    claims: frozenset[str] = frozenset()
    ends: datetime | None = None
    reason: Reason = Reason.NO_EVENT


def chain_end(coordinator: Coordinator, meter_id: str, now: datetime) -> datetime | None:
    """Return the end of the unbroken chain of events around an instant."""
    return max((event.end for event in coordinator.schedule(meter_id).timeline.chain(now)), default=None)


def make_wishes(
    coordinator: Coordinator,
    loads: Collection[Load],
    resting: Mapping[str, datetime],
    now: datetime,
) -> dict[str, Wish]:
    """Return a wish for every load; resting ones sit out until an instant."""
    claims: dict[str, set[str]] = {load.load_id: set() for load in loads}
    reasons: dict[str, set[Reason]] = {load.load_id: set() for load in loads}
    ends: dict[str, list[datetime]] = {load.load_id: [] for load in loads}
    for meter_id in sorted(coordinator.meter_ids):
        schedule = coordinator.schedule(meter_id)
        segment = schedule.active(now) if coordinator.automatic(meter_id) else None
        specs = [
            LoadSpec(
                load_id=load.load_id,
                rank=load.rank,
                expected_kw=load.expected_kw,
                enabled=coordinator.load_enabled(load.load_id),
                opted_out=schedule.load_out(load.load_id, now) or resting.get(load.load_id, now) > now,
            )
            for load in loads
            if meter_id in load.meter_ids
        ]
        end = chain_end(coordinator, meter_id, now)
        for planned in plan(segment, specs):
            reasons[planned.load_id].add(planned.reason)
            if planned.act and end is not None:
                claims[planned.load_id].add(meter_id)
                ends[planned.load_id].append(end)
    return {
        load.load_id: Wish(
            load=load,
            claims=frozenset(claims[load.load_id]),
            ends=max(ends[load.load_id], default=None),
            reason=_strongest(reasons[load.load_id]),
        )
        for load in loads
    }


def _strongest(reasons: Collection[Reason]) -> Reason:
    """Return the reason that says most, for a load behind several meters."""
    order = (Reason.MAXIMUM, Reason.TARGET, Reason.DISABLED, Reason.OPTED_OUT, Reason.TARGET_MET)
    return next((reason for reason in order if reason in reasons), Reason.NO_EVENT)
