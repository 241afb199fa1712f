"""Kinds of simulated devices: what they hold, what they accept and how time moves them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import math
from typing import Any

type State = dict[str, Any]
type Check = Callable[[State, Any], Any]


class DeviceError(ValueError):
    """The device refuses a command, as a real one would."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of device."""

    initial: Mapping[str, Any]
    settable: Mapping[str, Check]
    advance: Callable[[State, float], None]


def _temperature(state: State, value: Any) -> float:
    """Accept a set-point inside the device's limits, rounded to its step."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise DeviceError(f"not a temperature: {value!r}")
    if not state["min_temperature"] <= value <= state["max_temperature"]:
        raise DeviceError(f"{value} is outside the limits of the device")
    step: float = state["temperature_step"]
    return round(round(value / step) * step, 3)


def _hvac_mode(state: State, value: Any) -> str:
    """Accept a mode the device has."""
    if value not in state["hvac_modes"]:
        raise DeviceError(f"no such mode: {value!r}")
    return str(value)


def _operation_mode(state: State, value: Any) -> str:
    """Accept an operation mode the device has."""
    if value not in state["operation_modes"]:
        raise DeviceError(f"no such mode: {value!r}")
    return str(value)


def _on(state: State, value: Any) -> bool:
    """Accept on or off."""
    if not isinstance(value, bool):
        raise DeviceError(f"neither on nor off: {value!r}")
    return value


def _advance_water_heater(state: State, seconds: float) -> None:
    """Let the tank cool, and heat it while it is colder than its target."""
    heating = state["operation_mode"] != "off" and state["water_temperature"] < state["target_temperature"]
    state["power_kw"] = state["rated_kw"] if heating else 0.0
    goal = state["target_temperature"] + 0.5 if heating else state["room_temperature"]
    share = 1 - math.exp(-seconds / state["heating_s" if heating else "cooling_s"])
    state["water_temperature"] += (goal - state["water_temperature"]) * share


def _advance_switch(state: State, seconds: float) -> None:
    """Draw power while on."""
    state["power_kw"] = state["rated_kw"] if state["on"] else 0.0


def _advance_thermostat(state: State, seconds: float) -> None:
    """Let the room drift to the outside, and run the plant while the room asks for it."""
    room, target = state["room_temperature"], state["target_temperature"]
    cooling = state["hvac_mode"] in ("cool", "heat_cool") and room > target
    heating = state["hvac_mode"] in ("heat", "heat_cool") and room < target
    state["power_kw"] = state["rated_kw"] if cooling or heating else 0.0
    goal = target if cooling or heating else state["outside_temperature"]
    share = 1 - math.exp(-seconds / state["time_constant_s"])
    state["room_temperature"] = room + (goal - room) * share


KINDS: Mapping[str, Kind] = {
    "thermostat": Kind(
        initial={
            "hvac_mode": "cool",
            "hvac_modes": ["off", "heat", "cool"],
            "target_temperature": 23.0,
            "room_temperature": 23.4,
            "outside_temperature": 33.0,
            "min_temperature": 7.0,
            "max_temperature": 35.0,
            "temperature_step": 0.5,
            "rated_kw": 3.0,
            "power_kw": 0.0,
            "time_constant_s": 3600.0,
        },
        settable={"target_temperature": _temperature, "hvac_mode": _hvac_mode},
        advance=_advance_thermostat,
    ),
    "water_heater": Kind(
        initial={
            "operation_mode": "electric",
            "operation_modes": ["off", "eco", "electric"],
            "target_temperature": 55.0,
            "water_temperature": 52.0,
            "room_temperature": 20.0,
            "min_temperature": 30.0,
            "max_temperature": 65.0,
            "temperature_step": 1.0,
            "rated_kw": 2.0,
            "power_kw": 0.0,
            "heating_s": 3600.0,
            "cooling_s": 86400.0,
        },
        settable={"target_temperature": _temperature, "operation_mode": _operation_mode},
        advance=_advance_water_heater,
    ),
    "switch": Kind(
        initial={"on": True, "rated_kw": 1.0, "power_kw": 0.0},
        settable={"on": _on},
        advance=_advance_switch,
    ),
}
