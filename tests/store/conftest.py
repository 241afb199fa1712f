"""A store in a folder of its own, and rows to keep in it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import pytest

from custom_components.leap.store import Drop, LeapStore, Put, StoreError, Table


class Colour(StrEnum):
    """A word of an item."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """Something to keep, with every kind of value rooms keep."""

    name: str
    number: float | None = 0
    at: datetime = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
    colour: Colour = Colour.RED
    loads: frozenset[str] = field(default_factory=frozenset)
    types: tuple[str, ...] = ()


def name_of(item: Item) -> str:
    """Return what tells items apart."""
    return item.name


EVENTS = Table("events", Item, name_of)
DECISIONS = Table("decisions", Item, name_of)
UNDO = Table("undo", Item, name_of)
SETTINGS = Table("settings", Item, name_of)
TABLES = (EVENTS, DECISIONS, UNDO, SETTINGS)


class Unkeepable(str):
    """A key the database refuses."""

    __slots__ = ()

    def __conform__(self, protocol: object) -> object:
        """Refuse to become a value of SQLite's."""
        raise OSError(28, "No space left on device", "/secret/place")


REFUSED = Table("events", Item, lambda item: Unkeepable(item.name))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the store, which is yet to be made."""
    return tmp_path / "config" / ".storage"


@pytest.fixture
async def store(folder: Path) -> AsyncIterator[LeapStore]:
    """Return an open store."""
    opened = LeapStore(folder)
    await opened.async_open()
    yield opened
    await opened.async_close()


async def reopened(folder: Path) -> LeapStore:
    """Return the store of a folder, opened anew."""
    store = LeapStore(folder)
    await store.async_open()
    return store


async def names(store: LeapStore, table: Table[Item] = EVENTS) -> list[str]:
    """Return the names of a table's items."""
    return [item.name for item in await store.async_load(table)]


async def contents(folder: Path) -> dict[str, list[str]]:
    """Open the store of a folder, return the names in each table and close it."""
    store = await reopened(folder)
    try:
        return {table.name: await names(store, table) for table in TABLES}
    finally:
        await store.async_close()


async def refuses(store: LeapStore, *changes: Put | Drop) -> str:
    """Return the error of a write that fails."""
    with pytest.raises(StoreError) as raised:
        await store.async_write(*changes)
    assert raised.value.translation_key == "store_write_failed"
    assert raised.value.translation_placeholders is not None
    return raised.value.translation_placeholders["error"]
