"""The words for what loads and meters are doing."""

from dataclasses import dataclass
from enum import StrEnum


class LoadState(StrEnum):
    """What a load is doing."""

    IDLE = "idle"
    CURTAILING = "curtailing"
    CURTAILED = "curtailed"
    RESTORING = "restoring"
    OPTED_OUT = "opted_out"
    DISABLED = "disabled"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    NOT_NEEDED = "not_needed"


class MeterState(StrEnum):
    """What a meter is doing: the contract's dispatch_state."""

    IDLE = "idle"
    SCHEDULED = "scheduled"
    PRECONDITIONING = "preconditioning"
    ACTIVE = "active"
    RECOVERING = "recovering"
    OPTED_OUT = "opted_out"


@dataclass(frozen=True, slots=True)
class LoadStatus:
    """What a load is doing, and why."""

    state: LoadState
    reason: str = ""


class Signal(StrEnum):
    """What the actuator tells the controllers."""

    STATUS = "status"
    EXTERNAL_CHANGE = "external_change"
    COMFORT = "comfort"
    LONGEST = "longest"
    RETURNED = "returned"


IDLE = LoadStatus(LoadState.IDLE)
