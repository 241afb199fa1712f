"""Rows are on disk when a write returns, else it raises and nothing of it is there."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
import logging
from pathlib import Path
import sqlite3
import threading
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.util import dt as dt_util
import pytest

from custom_components.leap import database
from custom_components.leap.store import Drop, LeapStore, Put, StoreError, Table

from .conftest import EVENTS, REFUSED, SETTINGS, UNDO, Colour, Item, contents, name_of, names, refuses, reopened


class Gate:
    """Something that keeps the store's thread busy until it is opened."""

    def __init__(self, store: LeapStore) -> None:
        """Occupy the thread."""
        assert store._executor is not None
        self._open = threading.Event()
        self._busy = threading.Event()
        store._executor.submit(self._wait)
        self._busy.wait(10)

    def _wait(self) -> None:
        self._busy.set()
        self._open.wait(10)

    def open(self) -> None:
        """Let the thread go on."""
        self._open.set()


def pragma(store: LeapStore, name: str) -> object:
    """Return a setting of the store's own connection."""
    assert store._executor is not None
    question = store._executor.submit(lambda: store._database._connection.execute(f"PRAGMA {name}").fetchone()[0])
    return question.result(10)


async def test_what_is_written_is_loaded_as_it_was(store: LeapStore, folder: Path) -> None:
    item = Item(
        name="a",
        number=None,
        at=datetime(2026, 11, 1, 9, 30, 0, 123456, tzinfo=UTC),
        colour=Colour.BLUE,
        loads=frozenset({"x", "y"}),
        types=("one", "two"),
    )
    await store.async_write(Put(EVENTS, item), Put(UNDO, Item(name="u")))
    assert await store.async_load(EVENTS) == [item]
    assert await store.async_load(UNDO) == [Item(name="u")]
    assert await store.async_load(SETTINGS) == []
    await store.async_close()
    again = await reopened(folder)
    assert await again.async_load(EVENTS) == [item]
    assert (again.recovered, again.lost, again.writable) == (False, False, True)
    await again.async_close()


async def test_put_replaces_in_place_and_drop_forgets(store: LeapStore) -> None:
    await store.async_write(*(Put(EVENTS, Item(name=name)) for name in "cab"))
    await store.async_write(Put(EVENTS, Item(name="c", number=7)), Drop(EVENTS, "a"), Drop(EVENTS, "never there"))
    assert await store.async_load(EVENTS) == [Item(name="c", number=7), Item(name="b")]
    await store.async_write(Drop(EVENTS, "b"), Put(EVENTS, Item(name="b", number=8)))
    assert await store.async_load(EVENTS) == [Item(name="c", number=7), Item(name="b", number=8)]


async def test_a_time_of_a_frozen_clock_is_a_time(store: LeapStore, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to("2026-11-01T12:00:00.5Z")
    await store.async_write(Put(EVENTS, Item(name="a", at=dt_util.utcnow())))
    assert [item.at for item in await store.async_load(EVENTS)] == [datetime(2026, 11, 1, 12, 0, 0, 500000, tzinfo=UTC)]


def test_what_is_no_data_is_a_mistake() -> None:
    table: Table[object] = Table("events", object, str)
    with pytest.raises(TypeError, match="Rows hold no object"):
        Put(table, object())


async def test_an_item_is_kept_as_it_was_when_it_was_put(store: LeapStore) -> None:
    @dataclass
    class Changing:
        name: str
        number: int

    table: Table[Changing] = Table("settings", Changing, lambda item: item.name)
    item = Changing("a", 1)
    put = Put(table, item)
    item.number = 2
    await store.async_write(put)
    assert await store.async_load(table) == [Changing("a", 1)]


def test_a_table_is_one_of_the_schema() -> None:
    with pytest.raises(ValueError, match="no such table: events; DROP"):
        Table("events; DROP", Item, name_of)


async def test_writing_nothing_takes_no_commit(store: LeapStore) -> None:
    await store.async_write()
    assert store.commits == 0


async def test_the_disk_itself_is_waited_for(store: LeapStore) -> None:
    assert pragma(store, "journal_mode") == "wal"
    assert pragma(store, "synchronous") == 2


async def test_files_are_for_the_owner_alone(store: LeapStore, folder: Path) -> None:
    await store.async_write(Put(EVENTS, Item(name="a")))
    during = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert during == {"leap.db": 0o600, "leap.db-wal": 0o600, "leap.db-shm": 0o600}
    await store.async_close()
    after = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert after == {"leap.db": 0o600, "leap.previous.json": 0o600}


async def test_the_folders_new_names_are_made_to_last(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(database, "sync_directory", synced.append)
    await (await reopened(folder)).async_close()
    assert synced == [folder]


async def test_writes_that_come_together_share_a_commit(store: LeapStore) -> None:
    gate = Gate(store)
    writes = [asyncio.create_task(store.async_write(Put(EVENTS, Item(name=f"{n:03}")))) for n in range(100)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(*writes)
    assert store.commits == 1
    assert await names(store) == [f"{n:03}" for n in range(100)]


async def test_a_call_is_kept_as_a_whole_or_not_at_all(store: LeapStore) -> None:
    await store.async_write(Put(EVENTS, Item(name="old")))
    error = await refuses(store, Put(EVENTS, Item(name="new")), Drop(EVENTS, "old"), Put(REFUSED, Item(name="bad")))
    assert error == "No space left on device"
    assert await names(store) == ["old"]
    await store.async_write(Put(EVENTS, Item(name="next")))
    assert await names(store) == ["old", "next"]


async def test_one_call_that_fails_fails_alone(store: LeapStore) -> None:
    gate = Gate(store)
    tables = [EVENTS, EVENTS, REFUSED, EVENTS]
    writes = [asyncio.create_task(store.async_write(Put(table, Item(name=str(n))))) for n, table in enumerate(tables)]
    await asyncio.sleep(0)
    gate.open()
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), type(None), StoreError, type(None)]
    assert await names(store) == ["0", "1", "3"]
    assert store.commits == 3


async def test_a_write_goes_on_when_its_caller_is_cancelled(store: LeapStore) -> None:
    gate = Gate(store)
    write = asyncio.create_task(store.async_write(Put(EVENTS, Item(name="a"))))
    await asyncio.sleep(0)
    write.cancel()
    with suppress(asyncio.CancelledError):
        await write
    gate.open()
    assert write.cancelled()
    assert await names(store) == ["a"]


async def test_a_failing_commit_leaves_nothing(store: LeapStore, folder: Path) -> None:
    await store.async_write(Put(EVENTS, Item(name="old")))
    connection = store._database._connection

    class Failing:
        """A connection whose disk fails at the commit."""

        in_transaction = True

        def execute(self, statement: str, *arguments: Any) -> object:
            if statement == "COMMIT":
                raise sqlite3.OperationalError("disk I/O error")
            return connection.execute(statement, *arguments)

    store._database.__dict__["_held"] = Failing()
    assert await refuses(store, Put(EVENTS, Item(name="new"))) == "disk I/O error"
    store._database._held = connection
    assert await names(store) == ["old"]
    await store.async_write(Put(EVENTS, Item(name="next")))
    await store.async_close()
    assert (await contents(folder))["events"] == ["old", "next"]


async def test_a_lock_held_by_something_else_is_an_error_until_it_is_let_go(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT", 0)
    store = await reopened(folder)
    other = sqlite3.connect(folder / "leap.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await refuses(store, Put(EVENTS, Item(name="a"))) == "database is locked"
    other.execute("ROLLBACK")
    other.close()
    assert await names(store) == []
    await store.async_write(Put(EVENTS, Item(name="a")))
    assert await names(store) == ["a"]
    await store.async_close()


async def test_a_row_that_cant_be_read_is_told_once_and_stays(
    store: LeapStore, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    numbers: Table[dict[str, int]] = Table("events", dict, lambda item: f"n{item['n']}")
    await store.async_write(Put(EVENTS, Item(name="good")), Put(numbers, {"n": 1}), Put(numbers, {"n": 2}))
    assert await names(store) == ["good"]
    assert await names(store) == ["good"]
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in told] == [
        "Rows of events that can't be read: 2 (Object missing required field `name`)"
    ]
    await store.async_write(Put(numbers, {"n": 3}))
    assert await names(store) == ["good"]
    assert "can't be read: 1 (" in caplog.records[-1].getMessage()
    assert len(await store.async_load(numbers)) == 4


async def test_a_closed_store_raises(store: LeapStore, folder: Path) -> None:
    await store.async_close()
    await store.async_close()
    assert not store.writable
    assert await refuses(store, Put(EVENTS, Item(name="a"))) == "closed"
    with pytest.raises(StoreError):
        await store.async_load(EVENTS)
    assert (await contents(folder))["events"] == []


async def test_two_closes_at_once_are_one(store: LeapStore, folder: Path) -> None:
    await store.async_write(Put(EVENTS, Item(name="a")))
    await asyncio.gather(store.async_close(), store.async_close())
    assert not store.writable
    assert (await contents(folder))["events"] == ["a"]


async def test_a_store_not_yet_open_raises_and_closes(folder: Path) -> None:
    store = LeapStore(folder)
    assert await refuses(store, Put(EVENTS, Item(name="a"))) == "closed"
    await store.async_close()
    assert not folder.exists()


async def test_a_database_closed_under_the_store_is_an_error(store: LeapStore) -> None:
    assert store._executor is not None
    store._executor.submit(store._database.close).result(10)
    assert await refuses(store, Put(EVENTS, Item(name="a"))) == "the database is closed"


async def test_a_folder_that_cant_be_made_is_an_error_and_leaves_no_thread(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("in the way")
    store = LeapStore(folder)
    before = threading.active_count()
    with pytest.raises(StoreError) as raised:
        await store.async_open()
    assert raised.value.translation_placeholders == {"error": "File exists"}
    assert threading.active_count() <= before + 1
    assert not any(thread.name.startswith("leap_store") for thread in threading.enumerate())
    folder.unlink()
    await store.async_open()
    await store.async_write(Put(EVENTS, Item(name="a")))
    assert await names(store) == ["a"]
    await store.async_close()


@pytest.mark.parametrize(
    "step", ["CREATE TABLE more (x)", "UPDATE events SET payload = replace(payload, 'red', 'blue')"]
)
async def test_migration_keeps_what_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    store = await reopened(folder)
    await store.async_write(Put(EVENTS, Item(name="a")))
    await store.async_close()
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, (step,)))
    store = await reopened(folder)
    assert pragma(store, "user_version") == 2
    (item,) = await store.async_load(EVENTS)
    assert item.name == "a"
    assert item.colour is (Colour.BLUE if "blue" in step else Colour.RED)
    await store.async_close()
    assert (await contents(folder))["events"] == ["a"]


async def test_a_migration_that_fails_leaves_the_file_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await reopened(folder)
    await store.async_write(Put(EVENTS, Item(name="a")))
    await store.async_close()
    with monkeypatch.context() as patched:
        patched.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, ("DELETE FROM events", "nonsense")))
        with pytest.raises(StoreError):
            await reopened(folder)
    store = await reopened(folder)
    assert pragma(store, "user_version") == 1
    assert await names(store) == ["a"]
    assert not store.recovered
    await store.async_close()


@pytest.fixture
def full(folder: Path) -> Callable[[LeapStore, bool], None]:
    """Return what lets the file grow no further, or lets it grow again."""

    def limit(store: LeapStore, is_full: bool) -> None:
        pages = pragma(store, "page_count")
        pragma(store, f"max_page_count = {pages if is_full else 1_000_000}")

    return limit


async def test_a_full_file_is_an_error_until_there_is_room(
    store: LeapStore, full: Callable[[LeapStore, bool], None]
) -> None:
    await store.async_write(Put(EVENTS, Item(name="old")))
    full(store, True)
    big = Item(name="big", types=("x" * 50_000,))
    assert await refuses(store, Put(EVENTS, Item(name="with it")), Put(EVENTS, big)) == "database or disk is full"
    assert await names(store) == ["old"]
    await store.async_write(Put(EVENTS, Item(name="small")))
    full(store, False)
    await store.async_write(Put(EVENTS, big))
    assert await store.async_load(EVENTS) == [Item(name="old"), Item(name="small"), big]
