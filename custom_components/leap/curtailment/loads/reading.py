"""What a state's attributes say, whatever kind of entity it is."""

from enum import IntFlag
from math import isfinite
from typing import Final

from homeassistant.const import ATTR_SUPPORTED_FEATURES
from homeassistant.core import State

from ..undo import Values

ATTR_TARGET_TEMP_STEP: Final = "target_temp_step"


def number(state: State, key: str) -> float | None:
    """Return an attribute that is a number."""
    value = state.attributes.get(key)
    if isinstance(value, bool) or not isinstance(value, float | int) or not isfinite(value):
        return None
    return float(value)


def step_of(state: State) -> float | None:
    """Return the device's step, if it has one."""
    step = number(state, ATTR_TARGET_TEMP_STEP)
    return step if step and step > 0 else None


def has_feature(state: State, feature: IntFlag) -> bool:
    """Return whether the device has a feature; one that doesn't say is believed by its attributes."""
    features = state.attributes.get(ATTR_SUPPORTED_FEATURES)
    return features is None or bool(int(features) & feature)


def floats(values: Values) -> dict[str, float]:
    """Return the numbers among the values."""
    return {key: float(value) for key, value in values.items() if isinstance(value, float | int)}
