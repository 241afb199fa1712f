"""The kinds of loads: a new one is a file of its own and a line here."""

from collections.abc import Mapping
from typing import Final

from ...const import LoadKind
from .base import Adapter, Command, Limits, Move, Nothing, Units, Verdict
from .switch import SwitchAdapter
from .thermostat import ThermostatAdapter
from .water_heater import WaterHeaterAdapter

ADAPTERS: Final[Mapping[str, Adapter]] = {
    LoadKind.THERMOSTAT: ThermostatAdapter(),
    LoadKind.SWITCH: SwitchAdapter(),
    LoadKind.WATER_HEATER: WaterHeaterAdapter(),
}

__all__ = ["ADAPTERS", "Adapter", "Command", "Limits", "Move", "Nothing", "Units", "Verdict"]
