"""Water heaters: another operation mode or a lower target for the event, and both come back."""

from collections.abc import Collection
from typing import Final, override

from homeassistant.components.water_heater import (
    ATTR_AWAY_MODE,
    ATTR_CURRENT_TEMPERATURE,
    ATTR_MIN_TEMP,
    ATTR_OPERATION_LIST,
    ATTR_OPERATION_MODE,
    ATTR_TARGET_TEMP_LOW,
    DOMAIN as WATER_HEATER_DOMAIN,
    SERVICE_SET_OPERATION_MODE,
    SERVICE_SET_TEMPERATURE,
    WaterHeaterEntityFeature,
)
from homeassistant.const import ATTR_TEMPERATURE, STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import State

from ...const import CONF_EVENT_MODE, CONF_EVENT_TEMP, CONF_MIN_TEMP
from ..undo import UndoRecord, Values
from .base import Adapter, Command, Limits, Move, Nothing, Units, Verdict
from .reading import has_feature, number, step_of
from .temperature import HAIR, NEAR, from_celsius, grid, in_kelvin, round_up, to_celsius, tolerance

PLAUSIBLE: Final = (0.0, 100.0)
"""°C. A target outside of it is no water's: the device mixes units."""


class WaterHeaterAdapter(Adapter):
    """Chooses an operation mode or lowers the target of a water heater."""

    role = "water_heater"

    @override
    def present(self, state: State) -> bool:
        """Return whether a mode or a target is known: a heater without modes has no other state than unknown."""
        return state.state != STATE_UNAVAILABLE and (
            state.state != STATE_UNKNOWN or number(state, ATTR_TEMPERATURE) is not None
        )

    @override
    def snapshot(self, state: State, units: Units) -> dict[str, str | float | None]:
        """Return operation mode and target, as far as the device has them."""
        target = number(state, ATTR_TEMPERATURE)
        return {
            ATTR_OPERATION_MODE: None if state.state == STATE_UNKNOWN else state.state,
            ATTR_TEMPERATURE: None if target is None else to_celsius(target, units.read),
        }

    @override
    def apply(
        self, original: Values, state: State, limits: Limits, units: Units, held: Values | None = None
    ) -> Move | Nothing:
        """Return the mode of the event, else the lower target."""
        if not self.present(state):
            return Nothing(reason="unavailable")
        if original[ATTR_OPERATION_MODE] == STATE_OFF:
            return Nothing(reason="off")
        if state.attributes.get(ATTR_AWAY_MODE) == STATE_ON:
            return Nothing(reason="away")
        if mode := limits.get(CONF_EVENT_MODE):
            return _other_mode(original, state, str(mode))
        return _lower_target(original, state, limits, units)

    @override
    def verify(
        self, record: UndoRecord, state: State, units: Units, *, final: bool
    ) -> dict[str, str | float | None] | None:
        """Return mode and target read back, if they show what was asked; in the end any lower target will do."""
        now = self.snapshot(state, units)
        if ATTR_OPERATION_MODE in record.intended:
            return now if now[ATTR_OPERATION_MODE] == record.intended[ATTR_OPERATION_MODE] else None
        value, base, aim = now[ATTR_TEMPERATURE], _target(record.original), _target(record.intended)
        if not isinstance(value, float) or value >= base - HAIR:
            return None
        near = max(in_kelvin(step_of(state) or 0, units.read), NEAR)
        return now if final or abs(value - aim) <= min(near, base - value) else None

    @override
    def judge(self, record: UndoRecord, state: State, units: Units) -> Verdict:
        """Return whose mode and target the entity shows."""
        if not self.present(state):
            return Verdict.AWAY
        if ATTR_OPERATION_MODE in record.intended:
            return self._judge_mode(record, state, units)
        return self._judge_target(record, state, units)

    def _judge_mode(self, record: UndoRecord, state: State, units: Units) -> Verdict:
        """Judge by the mode; a target that the event's mode brought and left behind is half of the way back."""
        if state.state == STATE_UNKNOWN:
            return Verdict.AWAY
        if state.state == record.intended[ATTR_OPERATION_MODE]:
            return Verdict.OURS
        if state.state != record.original[ATTR_OPERATION_MODE]:
            return Verdict.OTHER
        return Verdict.MIXED if self._target_stayed(record, state, units) else Verdict.ORIGINAL

    def _target_stayed(self, record: UndoRecord, state: State, units: Units) -> bool:
        """Return whether the target still is the one that came with the event's mode, and not the original."""
        base, seen = record.original.get(ATTR_TEMPERATURE), (record.expected or {}).get(ATTR_TEMPERATURE)
        now = self.snapshot(state, units)[ATTR_TEMPERATURE]
        if not (isinstance(base, float) and isinstance(seen, float) and isinstance(now, float)):
            return False
        close = tolerance(step_of(state), units.read, record.unit)
        return abs(now - seen) <= close < abs(now - base)

    def _judge_target(self, record: UndoRecord, state: State, units: Units) -> Verdict:
        """Judge by the target; a mode that neither was there nor came with our command is a person's."""
        now = self.snapshot(state, units)
        mode, value = now[ATTR_OPERATION_MODE], now[ATTR_TEMPERATURE]
        known = {record.original[ATTR_OPERATION_MODE], (record.expected or {}).get(ATTR_OPERATION_MODE)}
        if mode not in known and mode is not None and (record.verified or mode == STATE_OFF):
            return Verdict.ASIDE
        if not isinstance(value, float):
            return Verdict.AWAY
        base, aim = _target(record.original), _target(record.intended)
        close = tolerance(step_of(state), units.read, record.unit)
        if abs(value - base) <= (HAIR if units.read == record.unit else close):
            return Verdict.MIXED if self._left_mode(record, state) else Verdict.ORIGINAL
        expected = (record.expected or {}).get(ATTR_TEMPERATURE)
        if isinstance(expected, float) and abs(value - expected) <= close:
            return Verdict.OURS
        near = max(in_kelvin(step_of(state) or 0, units.read), HAIR)
        on_the_way = aim - near <= value <= base + HAIR
        return Verdict.OURS if on_the_way and not record.verified else Verdict.OTHER

    def _left_mode(self, record: UndoRecord, state: State) -> bool:
        """Return whether our command made the device leave its mode, and it has not returned to it."""
        seen, base = (record.expected or {}).get(ATTR_OPERATION_MODE), record.original[ATTR_OPERATION_MODE]
        return base is not None and state.state == seen != base

    @override
    def restore(self, record: UndoRecord, state: State, units: Units, given_up: Collection[str]) -> Command | None:
        """Return the mode first, then the target if it still is the event's."""
        mode, base = record.original[ATTR_OPERATION_MODE], record.original[ATTR_TEMPERATURE]
        verdict = self.judge(record, state, units)
        wrong_mode = (
            verdict is Verdict.OURS if ATTR_OPERATION_MODE in record.intended else self._left_mode(record, state)
        )
        if wrong_mode and SERVICE_SET_OPERATION_MODE not in given_up and isinstance(mode, str):
            return _command(SERVICE_SET_OPERATION_MODE, ATTR_OPERATION_MODE, mode)
        wrong_target = verdict is Verdict.MIXED if ATTR_OPERATION_MODE in record.intended else verdict is Verdict.OURS
        if wrong_target and SERVICE_SET_TEMPERATURE not in given_up and isinstance(base, float):
            digits = 2 if units.send == record.unit else 1
            return _command(SERVICE_SET_TEMPERATURE, ATTR_TEMPERATURE, round(from_celsius(base, units.send), digits))
        return None

    @override
    def restored(self, record: UndoRecord, state: State, units: Units, *, final: bool) -> bool:
        """Return whether mode and target are the original ones, the target to the device's step."""
        if ATTR_OPERATION_MODE in record.intended:
            return self._judge_mode(record, state, units) is Verdict.ORIGINAL
        value, base = self.snapshot(state, units)[ATTR_TEMPERATURE], _target(record.original)
        if not isinstance(value, float) or self._left_mode(record, state):
            return False
        away = abs(value - _target(record.expected or record.intended))
        distance = abs(value - base)
        return distance <= tolerance(step_of(state), units.read, record.unit) and (final or distance < away)

    @override
    def crossed(self, record: UndoRecord, state: State, limits: Limits, units: Units) -> bool:
        """Return whether the water is colder than the home allows."""
        water, coldest = number(state, ATTR_CURRENT_TEMPERATURE), limits.get(CONF_MIN_TEMP)
        return water is not None and coldest is not None and to_celsius(water, units.read) < float(coldest) - HAIR

    @override
    def describe(self, record: UndoRecord, unit: str) -> str:
        """Return the former mode and target in the home's unit."""
        mode, target = record.original[ATTR_OPERATION_MODE], record.original[ATTR_TEMPERATURE]
        shown = [mode] if isinstance(mode, str) else []
        if isinstance(target, float):
            shown.append(f"{from_celsius(target, unit):.1f} {unit}")
        return ", ".join(shown)


def _other_mode(original: Values, state: State, mode: str) -> Move | Nothing:
    """Return the choice of a mode, if the device offers it and is in another."""
    if mode not in (state.attributes.get(ATTR_OPERATION_LIST) or ()):
        return Nothing(reason="mode_not_offered", refused=True)
    if original[ATTR_OPERATION_MODE] is None:
        return Nothing(reason="unavailable")
    if original[ATTR_OPERATION_MODE] == mode:
        return Nothing(reason="same_mode")
    command = _command(SERVICE_SET_OPERATION_MODE, ATTR_OPERATION_MODE, mode)
    return Move(intended={ATTR_OPERATION_MODE: mode}, command=command)


def _lower_target(original: Values, state: State, limits: Limits, units: Units) -> Move | Nothing:
    """Return a target lowered as far as home and device allow, rounded to the warmer side."""
    base, wished = original[ATTR_TEMPERATURE], limits.get(CONF_EVENT_TEMP)
    takes_target = has_feature(state, WaterHeaterEntityFeature.TARGET_TEMPERATURE)
    if not isinstance(base, float) or wished is None or not takes_target:
        return Nothing(reason="no_target")
    if not PLAUSIBLE[0] <= base <= PLAUSIBLE[1]:
        return Nothing(reason="mixed_units", refused=True)
    bounds = [
        from_celsius(float(bound), units.read) for bound in (wished, limits.get(CONF_MIN_TEMP)) if bound is not None
    ]
    bounds += [low for key in (ATTR_MIN_TEMP, ATTR_TARGET_TEMP_LOW) if (low := number(state, key)) is not None]
    new = round_up(max(bounds), grid(step_of(state), units.read))
    if to_celsius(new, units.read) >= base - HAIR:
        return Nothing(reason="no_room")
    value = round(from_celsius(to_celsius(new, units.read), units.send), 2)
    command = _command(SERVICE_SET_TEMPERATURE, ATTR_TEMPERATURE, value)
    return Move(intended={ATTR_TEMPERATURE: to_celsius(new, units.read)}, command=command)


def _target(values: Values) -> float:
    """Return the target of a record that moves it."""
    return float(values.get(ATTR_TEMPERATURE) or 0)


def _command(service: str, key: str, value: str | float) -> Command:
    """Return a call to the water heater."""
    return Command(domain=WATER_HEATER_DOMAIN, service=service, data={key: value})
