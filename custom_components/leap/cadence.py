"""When the guard asks Leap, and for which span: pure."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from .dispatch.event import EventKey

SPAN = timedelta(days=31)
LOOK_BACK = timedelta(hours=24)
FURTHEST_BACK = timedelta(days=24)
AROUND = timedelta(days=1)
AHEAD: tuple[timedelta, ...] = (
    SPAN,
    timedelta(days=7),
    timedelta(days=2),
    timedelta(days=1),
    timedelta(0),
)

BRISK = 60.0
CALM = 300.0
SLOWEST = 900.0
LONGEST_WAIT = 3600.0
SEARCH_ONLY_REGION = "CAISO"

type Span = tuple[datetime, datetime]


def window(
    now: datetime,
    *,
    last_good: datetime | None,
    earliest_open: datetime | None,
    ahead: timedelta,
) -> Span:
    """Span of a regular search; it always holds now and never exceeds Leap's 31 days."""
    known = [at for at in (last_good, earliest_open) if at is not None]
    start = max(min([now - LOOK_BACK, *known]), now - FURTHEST_BACK)
    return start, min(start + SPAN, now + ahead)


def interval(*, push_healthy: bool | None, regions: Iterable[str | None]) -> float:
    """Seconds to the next search; an unknown region counts as one that search alone serves."""
    if not push_healthy:
        return BRISK
    if any(region is None or SEARCH_ONLY_REGION in region.upper() for region in regions):
        return BRISK
    return CALM


def back_off(previous: float, retry_after: float | None) -> float:
    """Seconds to wait after a 429: what Leap asks for, else twice as long as before."""
    if retry_after is not None:
        return min(max(retry_after, BRISK), LONGEST_WAIT)
    return min(max(previous, BRISK) * 2, SLOWEST)


def batches(spans: Mapping[EventKey, Span]) -> list[tuple[Span, Collection[EventKey]]]:
    """Group events into as few searches by id as Leap's 31 days allow, a day to each side."""
    groups: list[tuple[Span, list[EventKey]]] = []
    for key, (start, end) in sorted(spans.items(), key=lambda item: item[1]):
        start, end = start - AROUND, end + AROUND
        if groups and max(groups[-1][0][1], end) - groups[-1][0][0] <= SPAN:
            (first, last), keys = groups[-1]
            groups[-1] = (first, max(last, end)), [*keys, key]
        else:
            groups.append(((start, min(end, start + SPAN)), [key]))
    return list(groups)
