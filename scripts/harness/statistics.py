"""Medians and percentiles of a few measurements."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Median and p99 in milliseconds."""

    median_ms: float
    p99_ms: float
    samples: int


def summarize(seconds: Sequence[float]) -> Summary:
    """Summarize durations."""
    ordered = sorted(seconds)
    p99 = ordered[max(ceil(0.99 * len(ordered)) - 1, 0)]
    return Summary(median_ms=round(median(ordered) * 1000, 3), p99_ms=round(p99 * 1000, 3), samples=len(ordered))
