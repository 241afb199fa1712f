"""The undo record: all it takes to put one physical entity back, without any entry or network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from ..store import Table

type Values = Mapping[str, str | float | None]
"""What an adapter keeps of an entity. Temperatures are in °C, whatever the home's units are."""

RECORD_VERSION: Final = 1
EPOCH: Final = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, kw_only=True)
class UndoRecord:
    """One physical entity's former values, who holds it and until when.

    Every field but the key has a default and unknown ones are skipped, so that a record stays readable over versions.
    """

    registry_id: str
    entity_id: str = ""
    name: str = ""
    load_id: str = ""
    kind: str = ""
    role: str = ""
    original: dict[str, str | float | None] = field(default_factory=dict)
    intended: dict[str, str | float | None] = field(default_factory=dict)
    expected: dict[str, str | float | None] | None = None
    verified: bool = False
    unit: str = ""
    claims: frozenset[str] = frozenset()
    ends: datetime = EPOCH
    opened_at: datetime = EPOCH
    version: int = RECORD_VERSION


UNDO: Final = Table("undo", UndoRecord, key=lambda record: record.registry_id)
