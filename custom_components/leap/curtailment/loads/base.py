"""What an adapter is: pure functions from an entity's state to commands, one adapter for each kind of load."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import State

from ..undo import UndoRecord, Values

type Limits = Mapping[str, float | str | None]


@dataclass(frozen=True, kw_only=True)
class Units:
    """The temperature unit a state was written in, and the one a service call is read in."""

    read: str
    send: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """One service call to the entity."""

    domain: str
    service: str
    data: Mapping[str, str | float]


@dataclass(frozen=True, kw_only=True)
class Move:
    """What curtails: the values aimed at, and the command that asks for them."""

    intended: dict[str, str | float | None]
    """A part of the original's keys."""
    command: Command


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """Why an entity is left alone; refused: it makes no sense of itself."""

    reason: str
    refused: bool = False


class Verdict(StrEnum):
    """How an entity reads against its undo record."""

    AWAY = "away"
    ORIGINAL = "original"
    OURS = "ours"
    MIXED = "mixed"
    ASIDE = "aside"
    """Another mode or preset is chosen: what we set may come back with the former one."""
    OTHER = "other"


class Adapter(Protocol):
    """One kind of load: {snapshot, apply, verify, restore}, and the questions the actuator asks in between."""

    role: str
    """The role of the one entity that is commanded."""

    def present(self, state: State) -> bool:
        """Return whether the state says anything."""
        return state.state not in (STATE_UNAVAILABLE, STATE_UNKNOWN)

    def snapshot(self, state: State, units: Units) -> Values:
        """Return the values to come back to."""

    def apply(
        self, original: Values, state: State, limits: Limits, units: Units, held: Values | None = None
    ) -> Move | Nothing:
        """Return what curtails, seen from the original values; held: what was asked for before, whose way it keeps."""

    def verify(
        self, record: UndoRecord, state: State, units: Units, *, final: bool
    ) -> dict[str, str | float | None] | None:
        """Return the values read back if they show the command; final: any move in its direction will do."""

    def judge(self, record: UndoRecord, state: State, units: Units) -> Verdict:
        """Return whose values the entity shows."""

    def restore(self, record: UndoRecord, state: State, units: Units, given_up: Collection[str]) -> Command | None:
        """Return the next command on the way back, without the services that failed; none if nothing is left to send."""

    def restored(self, record: UndoRecord, state: State, units: Units, *, final: bool) -> bool:
        """Return whether the entity is back, as far as its step shows; final: after the last command."""

    def crossed(self, record: UndoRecord, state: State, limits: Limits, units: Units) -> bool:
        """Return whether a limit of the home's comfort or safety is passed."""

    def describe(self, record: UndoRecord, unit: str) -> str:
        """Return the former values for a person to read."""
