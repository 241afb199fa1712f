"""The store of a Home Assistant: opened once, closed last, still during a backup."""

import asyncio
from pathlib import Path
import shutil
import sqlite3
from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.leap import database
from custom_components.leap.backup import async_post_backup, async_pre_backup
from custom_components.leap.const import DOMAIN
from custom_components.leap.repairs import async_create_fix_flow
from custom_components.leap.store import DATA_STORE, LeapStore, Put, StoreError, StoreVersionError, async_get_store

from .conftest import EVENTS, UNDO, Item, contents, names, reopened


def storage(hass: HomeAssistant) -> Path:
    """Return the folder of Home Assistant's own files."""
    return Path(hass.config.path(".storage"))


async def test_there_is_one_store(hass: HomeAssistant) -> None:
    stores = await asyncio.gather(*(async_get_store(hass) for _ in range(3)))
    assert stores[0] is stores[1] is stores[2] is await async_get_store(hass)
    assert hass.data[DATA_STORE] is stores[0]
    await stores[0].async_write(Put(EVENTS, Item(name="a")))
    assert (storage(hass) / "leap.db").exists()


async def test_the_last_writes_of_a_shutdown_are_kept(hass: HomeAssistant) -> None:
    store = await async_get_store(hass)
    written: list[str] = []

    async def write_last(_: Event) -> None:
        await store.async_write(Put(EVENTS, Item(name="last")))
        written.append("last")

    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_FINAL_WRITE, write_last)
    await hass.async_stop(force=True)
    assert written == ["last"]
    assert not store.writable
    assert (await contents(storage(hass)))["events"] == ["last"]


async def test_a_store_that_cant_be_opened_is_tried_again(hass: HomeAssistant) -> None:
    path = storage(hass) / "leap.db"
    path.mkdir(parents=True)
    with pytest.raises(StoreError):
        await async_get_store(hass)
    path.rmdir()
    store = await async_get_store(hass)
    assert store.writable


@pytest.mark.parametrize(("copied", "issue"), [(True, "store_recovered"), (False, "store_lost")])
async def test_the_user_hears_of_a_corrupt_file(
    hass: HomeAssistant, issue_registry: ir.IssueRegistry, copied: bool, issue: str
) -> None:
    store = LeapStore(storage(hass))
    await store.async_open()
    await store.async_write(Put(EVENTS, Item(name="a")))
    await store.async_close()
    (storage(hass) / "leap.db").write_bytes(b"no database at all" * 100)
    if not copied:
        (storage(hass) / "leap.previous.json").unlink()
    await async_get_store(hass)
    assert [found for domain, found in issue_registry.issues if domain == DOMAIN] == [issue]
    flow: Any = await async_create_fix_flow(hass, issue, None)
    flow.hass, flow.issue_id, flow.handler = hass, issue, DOMAIN
    assert (await flow.async_step_init())["step_id"] == "confirm"


async def test_a_sound_file_is_not_worth_a_word(hass: HomeAssistant, issue_registry: ir.IssueRegistry) -> None:
    await async_get_store(hass)
    assert not issue_registry.issues


async def test_the_store_of_a_newer_file_is_there_for_undo_records(hass: HomeAssistant) -> None:
    store = await reopened(storage(hass))
    await store.async_write(Put(UNDO, Item(name="u")))
    await store.async_close()
    connection = sqlite3.connect(storage(hass) / "leap.db")
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    store = await async_get_store(hass)
    assert not store.writable
    assert await names(store, UNDO) == ["u"]
    with pytest.raises(StoreVersionError):
        await store.async_load(EVENTS)


async def test_a_backup_before_there_is_a_store_does_nothing(hass: HomeAssistant) -> None:
    await async_pre_backup(hass)
    await async_post_backup(hass)
    assert DATA_STORE not in hass.data
    assert not (storage(hass) / "leap.db").exists()


async def write_much(store: LeapStore, name: str, count: int) -> list[str]:
    """Write so much that SQLite would like to write its log back into the file."""
    written = [f"{name} {number}" for number in range(count)]
    for one in written:
        await store.async_write(Put(EVENTS, Item(name=one, types=("x" * 20_000,))))
    return written


async def test_a_copy_made_during_writes_holds_the_first_of_them(
    hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CHECKPOINT_PAGES", 20)
    store = await async_get_store(hass)
    path = storage(hass) / "leap.db"
    log = path.with_name("leap.db-wal")
    before = await write_much(store, "before", 30)

    await async_pre_backup(hass)
    assert log.stat().st_size == 0
    still = path.read_bytes()
    first = await write_much(store, "first", 30)
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(path, copy)
    second = await write_much(store, "second", 30)
    shutil.copy(log, copy)
    third = await write_much(store, "third", 30)
    assert path.read_bytes() == still
    torn = tmp_path / "torn"
    shutil.copytree(copy, torn)
    with (torn / "leap.db-wal").open("r+b") as file:
        file.truncate((torn / "leap.db-wal").stat().st_size // 2 + 1234)

    await async_post_backup(hass)
    await write_much(store, "after", 30)
    assert path.read_bytes() != still
    assert (await names(store))[:90] == before + first + second

    restored = await reopened(copy)
    assert not restored.recovered
    assert await names(restored) == before + first + second
    await restored.async_close()
    half = await reopened(torn)
    assert not half.recovered
    found = await names(half)
    assert found == (before + first + second)[: len(found)]
    assert 30 < len(found) < 90
    await half.async_close()
    assert len(third) == 30


async def test_a_file_that_cant_be_kept_still_fails_the_backup(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT", 0)
    store = await async_get_store(hass)
    await store.async_write(Put(EVENTS, Item(name="a")))
    reader = sqlite3.connect(storage(hass) / "leap.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM events").fetchall()
    await store.async_write(Put(EVENTS, Item(name="b")))
    with pytest.raises(StoreError) as raised:
        await async_pre_backup(hass)
    assert raised.value.translation_placeholders == {"error": "database is locked"}
    reader.close()
    await async_pre_backup(hass)
    await async_post_backup(hass)
    assert await names(store) == ["a", "b"]
