"""Thermostats: the target goes down while heating and up while cooling, and comes back."""

from collections.abc import Collection
from typing import Final, override

from homeassistant.components.climate import (
    ATTR_HVAC_MODE,
    ATTR_PRESET_MODE,
    ATTR_TARGET_TEMP_HIGH,
    ATTR_TARGET_TEMP_LOW,
    DOMAIN as CLIMATE_DOMAIN,
    SERVICE_SET_PRESET_MODE,
    SERVICE_SET_TEMPERATURE,
)
from homeassistant.const import ATTR_TEMPERATURE, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import State

from ...const import CONF_MAX_TEMP, CONF_MIN_TEMP, CONF_OFFSET
from ..undo import UndoRecord, Values
from . import climate_state as climate
from .base import Adapter, Command, Limits, Move, Nothing, Units, Verdict
from .reading import floats, number, step_of
from .temperature import HAIR, NEAR, from_celsius, grid, in_kelvin, round_down, round_up, to_celsius, tolerance

DEFAULT_OFFSET: Final = 2.0
TARGETS: Final = (ATTR_TEMPERATURE, ATTR_TARGET_TEMP_LOW, ATTR_TARGET_TEMP_HIGH)


class ThermostatAdapter(Adapter):
    """Moves the target of a climate entity by an offset, within its limits and the home's comfort."""

    role = "climate"

    @override
    def snapshot(self, state: State, units: Units) -> dict[str, str | float | None]:
        """Return mode, preset and every target the entity shows."""
        values: dict[str, str | float | None] = {
            ATTR_HVAC_MODE: state.state,
            ATTR_PRESET_MODE: state.attributes.get(ATTR_PRESET_MODE),
        }
        for key in climate.target_keys(state):
            values[key] = to_celsius(state.attributes[key], units.read)
        return values

    @override
    def apply(
        self, original: Values, state: State, limits: Limits, units: Units, held: Values | None = None
    ) -> Move | Nothing:
        """Return the targets that save, rounded to the device's grid towards the original ones."""
        directions = climate.directions(state, units, _direction(original, held or {}))
        if isinstance(directions, Nothing):
            return directions
        targets = {key: original[key] for key in directions if isinstance(original.get(key), float)}
        if targets.keys() != directions.keys():
            return Nothing(reason="no_target")
        moved = {
            key: self._moved(float(value), directions[key], state, limits, units)
            for key, value in targets.items()
            if value is not None
        }
        if all(new is None for new in moved.values()):
            return Nothing(reason="no_room")
        intended: dict[str, str | float | None] = {
            key: targets[key] if new is None else new for key, new in moved.items()
        }
        return Move(intended=intended, command=_set_temperature(intended, units.read, units))

    def _moved(self, original: float, direction: int, state: State, limits: Limits, units: Units) -> float | None:
        """Return one target moved as far as offset, comfort and device allow; none if that saves nothing."""
        step = grid(step_of(state), units.read)
        bound = limits.get(CONF_MIN_TEMP if direction < 0 else CONF_MAX_TEMP)
        device = number(state, "min_temp" if direction < 0 else "max_temp")
        wished = original + direction * float(limits.get(CONF_OFFSET) or DEFAULT_OFFSET)
        candidates = [from_celsius(wished, units.read)]
        candidates += [from_celsius(float(bound), units.read)] if bound is not None else []
        candidates += [device] if device is not None else []
        inside = round_up(max(candidates), step) if direction < 0 else round_down(min(candidates), step)
        new = to_celsius(inside, units.read)
        return new if (new - original) * direction > HAIR else None

    @override
    def verify(
        self, record: UndoRecord, state: State, units: Units, *, final: bool
    ) -> dict[str, str | float | None] | None:
        """Return mode and targets read back, if each is nearer to the asked value than to the original.

        At the end of the window a device that went only part of the way (it has limits of its own) is believed.
        """
        now = self.snapshot(state, units)
        near = max(in_kelvin(step_of(state) or 0, units.read), NEAR)
        moves = 0
        for key, aim in floats(record.intended).items():
            base, value = record.original.get(key), now.get(key)
            if not isinstance(base, float) or not isinstance(value, float):
                return None
            moved = (value - base) * (1 if aim > base else -1) > HAIR
            moves += moved and abs(aim - base) > HAIR
            close = abs(value - aim) <= near and abs(value - aim) <= abs(value - base)
            if not close and not final:
                return None
        return now if moves else None

    @override
    def judge(self, record: UndoRecord, state: State, units: Units) -> Verdict:
        """Return whose targets the entity shows; a mode or preset that is neither the original one nor ours is a person's."""
        if state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
            return Verdict.AWAY
        if state.state != record.original.get(ATTR_HVAC_MODE):
            return Verdict.ASIDE
        now, keys = self.snapshot(state, units), floats(record.intended)
        known = {
            (record.expected or record.original).get(ATTR_PRESET_MODE),
            record.original.get(ATTR_PRESET_MODE),
            None,
        }
        left = now[ATTR_PRESET_MODE] not in known
        if any(key not in now for key in keys):
            return Verdict.ASIDE if left else Verdict.AWAY
        close = tolerance(step_of(state), units.read, record.unit)
        exact = HAIR if units.read == record.unit else close
        originals = [abs(float(now[key] or 0) - float(record.original[key] or 0)) for key in keys]
        if all(distance <= exact for distance in originals):
            return Verdict.ORIGINAL
        ours = [_is_ours(record, key, float(now[key] or 0), close, state, units) for key in keys]
        if all(ours):
            return Verdict.OURS
        if any(ours) and all(own or distance <= close for own, distance in zip(ours, originals, strict=True)):
            return Verdict.MIXED
        return Verdict.ASIDE if left else Verdict.OTHER

    @override
    def restore(self, record: UndoRecord, state: State, units: Units, given_up: Collection[str]) -> Command | None:
        """Return preset first, then the targets if they are not the preset's own.

        A preset is chosen again only if our command made the device leave it; then it decides the target, so whatever the
        device shows after that stays, unless it still is what we set.
        """
        preset = record.original.get(ATTR_PRESET_MODE)
        if isinstance(preset, str) and SERVICE_SET_PRESET_MODE not in given_up and climate.left_preset(state, preset):
            return Command(domain=CLIMATE_DOMAIN, service=SERVICE_SET_PRESET_MODE, data={ATTR_PRESET_MODE: preset})
        if SERVICE_SET_TEMPERATURE in given_up or self.judge(record, state, units) not in (Verdict.OURS, Verdict.MIXED):
            return None
        return _set_temperature({key: record.original[key] for key in record.intended}, record.unit, units)

    @override
    def restored(self, record: UndoRecord, state: State, units: Units, *, final: bool) -> bool:
        """Return whether the targets are the original ones to the device's step, and no more what we set."""
        now, set_ = self.snapshot(state, units), record.expected or record.intended
        close = tolerance(step_of(state), units.read, record.unit)
        return all(
            isinstance(value := now.get(key), float)
            and (distance := abs(value - float(base))) <= close
            and (final or distance < abs(value - float(set_.get(key) or 0)) or set_.get(key) == base)
            for key in record.intended
            if (base := record.original[key]) is not None
        )

    @override
    def crossed(self, record: UndoRecord, state: State, limits: Limits, units: Units) -> bool:
        """Return whether the room is colder than the home allows while heat is held back, or warmer while cold is."""
        room = number(state, "current_temperature")
        if room is None:
            return False
        room = to_celsius(room, units.read)
        aims = {key: aim - float(record.original[key] or 0) for key, aim in floats(record.intended).items()}
        coldest, warmest = limits.get(CONF_MIN_TEMP), limits.get(CONF_MAX_TEMP)
        too_cold = coldest is not None and room < float(coldest) - HAIR and any(aim < -HAIR for aim in aims.values())
        too_warm = warmest is not None and room > float(warmest) + HAIR and any(aim > HAIR for aim in aims.values())
        return too_cold or too_warm

    @override
    def describe(self, record: UndoRecord, unit: str) -> str:
        """Return the former targets in the home's unit."""
        targets = floats({key: record.original[key] for key in TARGETS if key in record.intended})
        shown = [f"{from_celsius(value, unit):.1f}" for value in targets.values()]
        return f"{' - '.join(shown)} {unit}"


def _direction(original: Values, held: Values) -> int | None:
    """Return the direction in which a single target is held."""
    base, aim = original.get(ATTR_TEMPERATURE), held.get(ATTR_TEMPERATURE)
    if not isinstance(base, float) or not isinstance(aim, float) or aim == base:
        return None
    return climate.LOWER if aim < base else climate.RAISE


def _is_ours(record: UndoRecord, key: str, now: float, close: float, state: State, units: Units) -> bool:
    """Return whether one target is what we set or asked for, or on the way there as long as that isn't verified."""
    expected = (record.expected or {}).get(key)
    if isinstance(expected, float) and abs(now - expected) <= close:
        return True
    base, aim = float(record.original[key] or 0), float(record.intended[key] or 0)
    if record.verified:
        return abs(now - aim) <= close
    near = max(in_kelvin(step_of(state) or 0, units.read), NEAR)
    return min(base, aim) - HAIR <= now <= max(base, aim) + HAIR or abs(now - aim) <= near


def _set_temperature(values: Values, kept_unit: str, units: Units) -> Command:
    """Return the call that sets targets; a value kept in another unit comes back to the tenth."""
    digits = 2 if units.send == kept_unit else 1
    data = {
        key: round(from_celsius(float(value), units.send), digits) for key, value in values.items() if value is not None
    }
    return Command(domain=CLIMATE_DOMAIN, service=SERVICE_SET_TEMPERATURE, data=data)
