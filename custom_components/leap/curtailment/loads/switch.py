"""Whatever is on or off: off in an event, and on again only if it was on."""

from collections.abc import Collection
from typing import Final, override

from homeassistant.components.fan import ATTR_PERCENTAGE, ATTR_PRESET_MODE, DOMAIN as FAN_DOMAIN
from homeassistant.components.light import ATTR_BRIGHTNESS, DOMAIN as LIGHT_DOMAIN
from homeassistant.const import ATTR_STATE, SERVICE_TURN_OFF, SERVICE_TURN_ON, STATE_OFF, STATE_ON
from homeassistant.core import State

from ..undo import UndoRecord, Values
from .base import Adapter, Command, Limits, Move, Nothing, Units, Verdict

SETTINGS: Final[dict[str, tuple[str, ...]]] = {
    FAN_DOMAIN: (ATTR_PRESET_MODE, ATTR_PERCENTAGE),
    LIGHT_DOMAIN: (ATTR_BRIGHTNESS,),
}
"""What turning on takes along, the one that rules first."""
FULL: Final = {ATTR_BRIGHTNESS: 255, ATTR_PERCENTAGE: 100}


class SwitchAdapter(Adapter):
    """Turns an entity off, and on again with the settings that turning on could lose."""

    role = "switch"

    @override
    def snapshot(self, state: State, units: Units) -> dict[str, str | float | None]:
        """Return on or off, and brightness or speed."""
        values: dict[str, str | float | None] = {ATTR_STATE: state.state}
        for key in SETTINGS.get(state.domain, ()):
            if (value := state.attributes.get(key)) is not None:
                values[key] = value if isinstance(value, str) else float(value)
                break
        return values

    @override
    def apply(
        self, original: Values, state: State, limits: Limits, units: Units, held: Values | None = None
    ) -> Move | Nothing:
        """Return off; what was off stays as it is."""
        if not self.present(state):
            return Nothing(reason="unavailable")
        if original[ATTR_STATE] != STATE_ON:
            return Nothing(reason="off")
        command = Command(domain=state.domain, service=SERVICE_TURN_OFF, data={})
        return Move(intended={ATTR_STATE: STATE_OFF}, command=command)

    @override
    def verify(
        self, record: UndoRecord, state: State, units: Units, *, final: bool
    ) -> dict[str, str | float | None] | None:
        """Return off, once it is."""
        return {ATTR_STATE: STATE_OFF} if state.state == STATE_OFF else None

    @override
    def judge(self, record: UndoRecord, state: State, units: Units) -> Verdict:
        """Return off as ours and on as the original; a light that fades out is on its way."""
        if not self.present(state):
            return Verdict.AWAY
        if state.state == STATE_OFF:
            return Verdict.OURS
        unchanged = self.snapshot(state, units) == record.original
        return Verdict.ORIGINAL if unchanged or not record.verified else Verdict.OTHER

    @override
    def restore(self, record: UndoRecord, state: State, units: Units, given_up: Collection[str]) -> Command | None:
        """Return on, with the brightness or speed that was known."""
        if state.state != STATE_OFF or SERVICE_TURN_ON in given_up:
            return None
        data = {
            key: value if isinstance(value, str) else round(value)
            for key in SETTINGS.get(state.domain, ())
            if (value := record.original.get(key)) is not None
        }
        return Command(domain=state.domain, service=SERVICE_TURN_ON, data=data)

    @override
    def restored(self, record: UndoRecord, state: State, units: Units, *, final: bool) -> bool:
        """Return whether it is on: its settings may take their time."""
        return state.state == STATE_ON

    @override
    def crossed(self, record: UndoRecord, state: State, limits: Limits, units: Units) -> bool:
        """Return that nothing is known that would be too cold or too warm."""
        return False

    @override
    def describe(self, record: UndoRecord, unit: str) -> str:
        """Return on, and how much."""
        shown = [str(record.original[ATTR_STATE])]
        for key, value in record.original.items():
            if isinstance(value, float):
                shown.append(f"{value / FULL[key]:.0%}")
            elif key == ATTR_PRESET_MODE and value is not None:
                shown.append(value)
        return ", ".join(shown)
