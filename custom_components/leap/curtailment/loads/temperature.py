"""Temperatures on a device's grid: conversion, rounding to the inside, and when two of them are the same."""

from math import ceil, floor
from typing import Final

from homeassistant.const import UnitOfTemperature
from homeassistant.util.unit_conversion import TemperatureConverter, TemperatureDeltaConverter

CELSIUS: Final = UnitOfTemperature.CELSIUS
FAHRENHEIT: Final = UnitOfTemperature.FAHRENHEIT

HAIR: Final = 0.051
"""K. Less than this is no difference: Home Assistant shows tenths."""
UNKNOWN_TOLERANCE: Final = 0.3
"""K. Half a degree Fahrenheit and its rounding: what a device without a known step, or a change of units, may add."""
NEAR: Final = 0.6
"""K. One degree Fahrenheit: how far from the asked value a device may settle without being told a step."""
EPSILON: Final = 1e-6


def to_celsius(value: float, unit: str) -> float:
    """Return a temperature in °C, with enough digits to come back exactly."""
    return round(float(TemperatureConverter.convert(value, unit, CELSIUS)), 4)


def from_celsius(value: float, unit: str) -> float:
    """Return a temperature of a record in a unit."""
    return TemperatureConverter.convert(value, CELSIUS, unit)


def in_kelvin(interval: float, unit: str) -> float:
    """Return a difference of temperatures in K."""
    return TemperatureDeltaConverter.convert(interval, unit, CELSIUS)


def grid(step: float | None, unit: str) -> float:
    """Return the step to round to: the device's, else whole °F or tenths of °C as Home Assistant shows them."""
    return step or (1.0 if unit == FAHRENHEIT else 0.1)


def round_up(value: float, step: float) -> float:
    """Return the first point of the grid that is not lower."""
    return round(ceil(value / step - EPSILON) * step, 4)


def round_down(value: float, step: float) -> float:
    """Return the last point of the grid that is not higher."""
    return round(floor(value / step + EPSILON) * step, 4)


def tolerance(step: float | None, unit: str, kept_unit: str) -> float:
    """Return in K how far a value may be off and still be the same one: half a step.

    A value kept in one unit and read in another has been rounded twice.
    """
    if not step:
        return UNKNOWN_TOLERANCE
    half = in_kelvin(step, unit) / 2 + 0.01
    return half if unit == kept_unit else max(half, UNKNOWN_TOLERANCE)
