"""What a climate entity's state says: its targets, and in which direction each of them saves."""

from typing import Final

from homeassistant.components.climate import (
    ATTR_HVAC_ACTION,
    ATTR_HVAC_MODES,
    ATTR_PRESET_MODE,
    ATTR_PRESET_MODES,
    ATTR_TARGET_TEMP_HIGH,
    ATTR_TARGET_TEMP_LOW,
    ClimateEntityFeature,
    HVACAction,
    HVACMode,
)
from homeassistant.const import ATTR_TEMPERATURE, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import State

from .base import Nothing, Units
from .reading import has_feature, number
from .temperature import HAIR, in_kelvin, to_celsius

LOWER: Final = -1
RAISE: Final = 1
ACTIONS: Final[dict[str, int]] = {
    HVACAction.HEATING: LOWER,
    HVACAction.PREHEATING: LOWER,
    HVACAction.DEFROSTING: LOWER,
    HVACAction.COOLING: RAISE,
}
PLAUSIBLE: Final = (0.0, 50.0)
"""°C. A target outside of it is no room's: the device mixes units, or heats something else."""
APART: Final = 25.0
"""K. A target this far from the room's temperature is in another unit."""


def left_preset(state: State, preset: str) -> bool:
    """Return whether a preset is not chosen, but can be."""
    offered = preset in (state.attributes.get(ATTR_PRESET_MODES) or ())
    return offered and state.attributes.get(ATTR_PRESET_MODE) != preset


def target_keys(state: State) -> tuple[str, ...]:
    """Return the targets that have a value and that the device takes: the range where it rules, else the single one."""
    low, high = number(state, ATTR_TARGET_TEMP_LOW), number(state, ATTR_TARGET_TEMP_HIGH)
    ranged = state.state in (HVACMode.HEAT_COOL, HVACMode.AUTO) and low is not None and high is not None
    if ranged and has_feature(state, ClimateEntityFeature.TARGET_TEMPERATURE_RANGE):
        return (ATTR_TARGET_TEMP_LOW, ATTR_TARGET_TEMP_HIGH)
    if number(state, ATTR_TEMPERATURE) is not None and has_feature(state, ClimateEntityFeature.TARGET_TEMPERATURE):
        return (ATTR_TEMPERATURE,)
    return ()


def directions(state: State, units: Units, known: int | None) -> dict[str, int] | Nothing:
    """Return for each target the direction that saves, or why there is none; known: that of a single one held already.

    A target that has been moved lies on the other side of the room, so it tells the direction no more.
    """
    if state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
        return Nothing(reason="unavailable")
    if state.state in (HVACMode.OFF, HVACMode.DRY, HVACMode.FAN_ONLY):
        return Nothing(reason=state.state)
    keys = target_keys(state)
    if not keys:
        return Nothing(reason="no_target")
    if (refusal := _senseless(state, keys, units)) is not None:
        return refusal
    if len(keys) > 1:
        return {ATTR_TARGET_TEMP_LOW: LOWER, ATTR_TARGET_TEMP_HIGH: RAISE}
    direction = known or _single_direction(state, units)
    if direction is None:
        return Nothing(reason="direction_unknown", refused=True)
    return {ATTR_TEMPERATURE: direction}


def _senseless(state: State, keys: tuple[str, ...], units: Units) -> Nothing | None:
    """Return a refusal of a state that contradicts itself."""
    values = [state.attributes[key] for key in keys]
    if values != sorted(values):
        return Nothing(reason="range_swapped", refused=True)
    lowest, highest = number(state, "min_temp"), number(state, "max_temp")
    slack = HAIR if units.read == "°C" else HAIR * 2
    for value in values:
        if (lowest is not None and value < lowest - slack) or (highest is not None and value > highest + slack):
            return Nothing(reason="target_out_of_range", refused=True)
        if not PLAUSIBLE[0] <= to_celsius(value, units.read) <= PLAUSIBLE[1]:
            return Nothing(reason="mixed_units", refused=True)
    room = number(state, "current_temperature")
    if room is not None and all(abs(in_kelvin(value - room, units.read)) > APART for value in values):
        return Nothing(reason="mixed_units", refused=True)
    return None


def _single_direction(state: State, units: Units) -> int | None:
    """Return the direction in which the one target saves: by mode, by what it does, can do, or would have to do."""
    if state.state == HVACMode.HEAT:
        return LOWER
    if state.state == HVACMode.COOL:
        return RAISE
    if (direction := ACTIONS.get(state.attributes.get(ATTR_HVAC_ACTION) or "")) is not None:
        return direction
    modes = set(state.attributes.get(ATTR_HVAC_MODES) or ())
    if (HVACMode.HEAT in modes) != (HVACMode.COOL in modes):
        return LOWER if HVACMode.HEAT in modes else RAISE
    room, target = number(state, "current_temperature"), number(state, ATTR_TEMPERATURE)
    if room is None or target is None or abs(in_kelvin(room - target, units.read)) <= HAIR:
        return None
    return LOWER if room < target else RAISE
