"""Power cuts, full disks, corrupt files and files of a newer version."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
import json
import logging
from pathlib import Path
import random
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest

from custom_components.leap.store import Drop, LeapStore, Put, StoreError, StoreVersionError

from .conftest import DECISIONS, EVENTS, SETTINGS, TABLES, UNDO, Item, contents, names, refuses, reopened

ROOT = Path(__file__).parents[2]
EMPTY: dict[str, list[str]] = {"events": [], "decisions": [], "undo": [], "settings": []}
FILLED = {table: [f"{table} 0", f"{table} 1"] for table in EMPTY}

WRITER = """
import asyncio, pathlib, sys
from custom_components.leap.store import LeapStore, Put
from tests.store.conftest import EVENTS, UNDO, Item

async def write(store, worker):
    for number in range(1_000_000):
        item = Item(name=f"{worker}-{number}", types=("x" * 300,))
        await store.async_write(Put(EVENTS, item), Put(UNDO, item))
        sys.stdout.write(item.name + "\\n")
        sys.stdout.flush()

async def main():
    store = LeapStore(pathlib.Path(sys.argv[1]))
    await store.async_open()
    await asyncio.gather(*(write(store, worker) for worker in range(4)))

asyncio.run(main())
"""


@pytest.mark.parametrize("seed", range(4))
async def test_kill_9_loses_nothing_that_was_acknowledged(folder: Path, seed: int) -> None:
    acknowledged = random.Random(seed).randint(1, 400)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(folder), cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    told = [(await process.stdout.readline()).decode() for _ in range(acknowledged)]
    process.send_signal(signal.SIGKILL)
    told += (await process.stdout.read()).decode().splitlines(keepends=True)
    await process.wait()
    promised = {line.strip() for line in told if line.endswith("\n")}
    assert len(promised) >= acknowledged

    found = await contents(folder)
    assert promised <= set(found["events"])
    assert found["events"] == found["undo"]
    assert len(found["events"]) <= len(promised) + 8


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of 1 MB, where this user may mount one."""
    place = tmp_path / "small"
    place.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=True, capture_output=True)
    except OSError, subprocess.CalledProcessError:
        pytest.skip("a small file system can only be mounted by root")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


async def write_until_full(store: LeapStore, kept: list[str]) -> None:
    """Write until a write fails and note the names that were acknowledged."""
    for number in range(1000):
        item = Item(name=str(number), types=("x" * 2000,))
        await store.async_write(Put(UNDO, item), Put(EVENTS, item))
        kept.append(item.name)


async def test_a_full_disk_is_an_error_until_there_is_room(small_disk: Path) -> None:
    folder = small_disk / ".storage"
    store = await reopened(folder)
    await store.async_write(Put(UNDO, Item(name="before")))
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 100_000))
    kept = ["before"]
    with pytest.raises(StoreError) as raised:
        await write_until_full(store, kept)
    assert raised.value.translation_key == "store_write_failed"
    assert await names(store, UNDO) == kept
    assert await names(store) == kept[1:]
    await refuses(store, Put(UNDO, Item(name="again", types=("x" * 9000,))))

    ballast.unlink()
    await store.async_write(Put(UNDO, Item(name="after")))
    await store.async_close()
    found = await contents(folder)
    assert found["undo"] == [*kept, "after"]
    assert found["events"] == kept[1:]


@pytest.fixture
async def filled(folder: Path) -> Path:
    """Return the folder of a closed store with two items in each table."""
    store = await reopened(folder)
    for table in TABLES:
        await store.async_write(*(Put(table, Item(name=f"{table.name} {n}")) for n in range(2)))
    await store.async_close()
    return folder


def overwrite(path: Path, offset: int, what: bytes) -> None:
    """Write over a part of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(what)


def spoil_header(path: Path) -> None:
    """Write over the beginning."""
    overwrite(path, 0, b"not a database at all")


def spoil_middle(path: Path) -> None:
    """Write over all but the first page."""
    overwrite(path, 4096, b"\xa5" * (path.stat().st_size - 4096))


def cut(path: Path) -> None:
    """Cut the file in the middle."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


SPOILERS = [spoil_header, spoil_middle, cut]


@pytest.mark.parametrize("spoil", SPOILERS)
async def test_a_corrupt_file_is_moved_aside_and_the_previous_generation_read(
    filled: Path, spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    path = filled / "leap.db"
    spoil(path)
    spoiled = path.read_bytes()
    store = await reopened(filled)
    assert (store.recovered, store.lost) == (True, False)
    assert {table.name: await names(store, table) for table in TABLES} == FILLED
    assert (filled / "leap.db.corrupt").read_bytes() == spoiled
    assert [record.levelno for record in caplog.records if "moved aside" in record.message] == [logging.ERROR]
    await store.async_write(Drop(UNDO, "undo 0"))
    await store.async_close()

    store = await reopened(filled)
    assert (store.recovered, store.lost) == (False, False)
    assert await names(store, UNDO) == ["undo 1"]
    await store.async_close()


@pytest.mark.parametrize("spoil", SPOILERS)
@pytest.mark.parametrize(
    "mirror", [b"", b"{", b'{"version": 1}', b'{"version": 2, "tables": {}}', b'{"version": 1, "tables": {"undo": 1}}']
)
async def test_both_corrupt_begins_empty_and_says_so(
    filled: Path, spoil: Callable[[Path], None], mirror: bytes
) -> None:
    spoil(filled / "leap.db")
    (filled / "leap.previous.json").write_bytes(mirror)
    store = await reopened(filled)
    assert (store.recovered, store.lost, store.writable) == (True, True, True)
    assert {table.name: await names(store, table) for table in TABLES} == EMPTY
    await store.async_write(Put(UNDO, Item(name="a")))
    await store.async_close()
    assert (await contents(filled))["undo"] == ["a"]


async def test_corrupt_with_no_previous_generation_is_a_loss(filled: Path) -> None:
    spoil_header(filled / "leap.db")
    (filled / "leap.previous.json").unlink()
    store = await reopened(filled)
    assert (store.recovered, store.lost) == (True, True)
    await store.async_close()


@pytest.mark.parametrize("leave", [b"", None])
async def test_a_file_that_is_gone_or_empty_is_made_good(filled: Path, leave: bytes | None) -> None:
    path = filled / "leap.db"
    path.unlink()
    if leave is not None:
        path.write_bytes(leave)
    store = await reopened(filled)
    assert (store.recovered, store.lost) == (True, False)
    assert await names(store, UNDO) == FILLED["undo"]
    await store.async_close()


async def test_a_recovery_that_fails_is_made_good_by_the_next(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_header(filled / "leap.db")
    with monkeypatch.context() as patched:
        patched.setattr("custom_components.leap.database.TABLES", ("undo", "nonsense"))
        mirror = json.loads((filled / "leap.previous.json").read_bytes())
        mirror["tables"]["nonsense"] = {"a": {}}
        (filled / "leap.previous.json").write_text(json.dumps(mirror))
        with pytest.raises(StoreError):
            await reopened(filled)
    assert await contents(filled) == FILLED


async def test_the_log_of_a_corrupt_file_does_not_reach_the_new_one(filled: Path) -> None:
    store = await reopened(filled)
    await store.async_write(Put(UNDO, Item(name="in the log")))
    log = (filled / "leap.db-wal").read_bytes()
    await store.async_close()
    spoil_header(filled / "leap.db")
    (filled / "leap.db-wal").write_bytes(log)
    (filled / "leap.db-shm").write_bytes(b"shared")
    (filled / "leap.previous.json").write_text('{"version": 1, "tables": {"undo": {}}}')
    store = await reopened(filled)
    assert {table.name: await names(store, table) for table in TABLES} == EMPTY
    assert (store.recovered, store.lost) == (True, False)
    await store.async_close()


@pytest.fixture
async def newer(filled: Path) -> AsyncIterator[LeapStore]:
    """Return the store of a file that a newer version wrote."""
    connection = sqlite3.connect(filled / "leap.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    store = LeapStore(filled)
    with pytest.raises(StoreVersionError) as raised:
        await store.async_open()
    assert raised.value.translation_key == "store_newer_version"
    yield store
    await store.async_close()


async def test_of_a_newer_file_undo_records_can_be_read_and_dropped(newer: LeapStore, filled: Path) -> None:
    mirror = (filled / "leap.previous.json").read_bytes()
    assert not newer.writable
    assert await names(newer, UNDO) == FILLED["undo"]
    await newer.async_write(Drop(UNDO, "undo 0"))
    assert await names(newer, UNDO) == ["undo 1"]
    await newer.async_close()
    assert (filled / "leap.previous.json").read_bytes() == mirror


async def test_of_a_newer_file_nothing_else_can_be_had(newer: LeapStore, filled: Path) -> None:
    for table in (EVENTS, DECISIONS, SETTINGS):
        with pytest.raises(StoreVersionError):
            await newer.async_load(table)
        with pytest.raises(StoreVersionError):
            await newer.async_write(Drop(UNDO, "undo 0"), Drop(table, f"{table.name} 0"))
    with pytest.raises(StoreVersionError):
        await newer.async_write(Put(UNDO, Item(name="new")))
    await newer.async_close()
    connection = sqlite3.connect(filled / "leap.db")
    for name, keys in FILLED.items():
        assert [row[0] for row in connection.execute(f"SELECT key FROM {name}")] == keys  # noqa: S608
    assert connection.execute("PRAGMA user_version").fetchone() == (99,)
    connection.close()
