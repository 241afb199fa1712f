"""The kinds of loads: a new one is a file of its own and a line here."""

from collections.abc import Mapping
from typing import Final

from ...const import LoadKind
from .base import Adapter, Command, Limits, Move, Nothing, Units, Verdict
from .thermostat import ThermostatAdapter

ADAPTERS: Final[Mapping[str, Adapter]] = {LoadKind.THERMOSTAT: ThermostatAdapter()}

__all__ = ["ADAPTERS", "Adapter", "Command", "Limits", "Move", "Nothing", "Units", "Verdict"]
