"""Failures on request: statuses, delays, dropped answers."""

from msgspec import Struct


class Fault(Struct, kw_only=True):
    """What goes wrong with requests whose path begins so; without `times` until it is cleared."""

    path: str = "/"
    method: str | None = None
    status: int | None = None
    body: str | None = None
    content_type: str = "application/json"
    headers: dict[str, str] = {}
    delay: float = 0.0
    drop: bool = False
    times: int | None = None


def take(faults: list[Fault], method: str, path: str) -> Fault | None:
    """Use up one time of the first fault that fits a request."""
    for fault in faults:
        if path.startswith(fault.path) and fault.method in (None, method):
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    faults.remove(fault)
            return fault
    return None
