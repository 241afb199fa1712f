"""The previous generation follows the current one at a distance."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from custom_components.leap import database, mirror, store as store_module
from custom_components.leap.store import Drop, LeapStore, Put

from .conftest import DECISIONS, EVENTS, SETTINGS, UNDO, Item, contents, reopened


class Clock:
    """The loop's clock and its timers, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand in for the running loop's own."""
        self.now = 1000.0
        self.due: float | None = None
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: self.now)
        monkeypatch.setattr(loop, "call_at", self._call_at)

    def _call_at(self, when: float, action: Any, *arguments: Any) -> Clock:
        self.due, self._action = when, action
        return self

    def cancel(self) -> None:
        """Cancel the timer."""
        self.due = None

    def tick(self, seconds: float) -> None:
        """Let time pass, and what is due happen."""
        self.now += seconds
        if self.due is not None and self.due <= self.now:
            self.due = None
            self._action()


def mirrored(folder: Path) -> dict[str, list[str]] | None:
    """Return the keys the previous generation holds, by table."""
    path = folder / "leap.previous.json"
    if not path.exists():
        return None
    found = json.loads(path.read_bytes())
    assert found["version"] == 1
    assert all(row["name"] == key for rows in found["tables"].values() for key, row in rows.items())
    return {table: list(rows) for table, rows in found["tables"].items()}


@pytest.fixture
async def clock(store: LeapStore, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock of the open store."""
    return Clock(monkeypatch)


async def idle(store: LeapStore) -> None:
    """Wait until the store's thread has done all it was told."""
    await store.async_load(EVENTS)


async def test_it_is_written_when_writes_pause(store: LeapStore, folder: Path, clock: Clock) -> None:
    await store.async_write(Put(UNDO, Item(name="a")), Put(DECISIONS, Item(name="d")), Put(SETTINGS, Item(name="s")))
    clock.tick(1.9)
    await store.async_write(Put(EVENTS, Item(name="e")))
    clock.tick(1.9)
    await idle(store)
    assert mirrored(folder) is None
    clock.tick(0.1)
    await idle(store)
    assert mirrored(folder) == {"events": ["e"], "decisions": ["d"], "undo": ["a"], "settings": ["s"]}
    clock.tick(100)
    await store.async_write(Drop(UNDO, "a"))
    clock.tick(2)
    await idle(store)
    assert mirrored(folder) == {"events": ["e"], "decisions": ["d"], "undo": [], "settings": ["s"]}
    assert not (folder / "leap.previous.new").exists()


async def test_it_is_written_at_last_in_spite_of_writes(store: LeapStore, folder: Path, clock: Clock) -> None:
    for number in range(30):
        await store.async_write(Put(UNDO, Item(name=str(number))))
        assert mirrored(folder) is None
        clock.tick(1)
    await idle(store)
    assert mirrored(folder) == {
        "events": [],
        "decisions": [],
        "undo": [str(number) for number in range(30)],
        "settings": [],
    }


async def test_it_is_written_at_the_close(store: LeapStore, folder: Path) -> None:
    await store.async_write(Put(UNDO, Item(name="a")))
    assert mirrored(folder) is None
    await store.async_close()
    found = mirrored(folder)
    assert found is not None
    assert found["undo"] == ["a"]


async def test_a_close_with_nothing_new_leaves_it_alone(folder: Path) -> None:
    store = await reopened(folder)
    await store.async_write(Put(UNDO, Item(name="a")))
    await store.async_close()
    (folder / "leap.previous.json").write_text("{}")
    await (await reopened(folder)).async_close()
    assert (folder / "leap.previous.json").read_text() == "{}"


async def test_a_timer_that_fires_after_the_close_does_nothing(store: LeapStore, folder: Path) -> None:
    await store.async_close()
    store._start_mirror()
    assert mirrored(folder) is None


async def test_of_events_it_holds_the_latest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MIRRORED_EVENTS", 3)
    store = await reopened(folder)
    await store.async_write(*(Put(table, Item(name=str(n))) for n in range(5) for table in (EVENTS, UNDO)))
    await store.async_write(Put(EVENTS, Item(name="2", number=9)))
    await store.async_close()
    (folder / "leap.db").unlink()
    found = await contents(folder)
    assert found["events"] == ["2", "3", "4"]
    assert found["undo"] == ["0", "1", "2", "3", "4"]


async def test_a_failure_is_told_once_and_hurts_no_write(
    store: LeapStore,
    folder: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def told() -> int:
        return sum("could not be written: No space left on device" in r.getMessage() for r in caplog.records)

    async def write(name: str) -> None:
        await store.async_write(Put(UNDO, Item(name=name)))
        clock.tick(2)
        await idle(store)

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    await write("a")
    for failing in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(database, "write_mirror", no_room)
            await write(f"b{failing}")
            await write(f"c{failing}")
        assert told() == failing + 1
        await write(f"d{failing}")
    assert [item.name for item in await store.async_load(UNDO)] == ["a", "b0", "c0", "d0", "b1", "c1", "d1"]


def test_it_is_on_disk_before_it_takes_the_place_of_the_former_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mirror.json"
    mirror.write_mirror(path, {"undo": {}})
    steps: list[tuple[str, bool]] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        kind = "folder" if Path(f"/proc/self/fd/{descriptor}").resolve() == tmp_path else "file"
        steps.append((kind, b"settings" in path.read_bytes()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    mirror.write_mirror(path, {"settings": {}})
    assert steps == [("file", False), ("folder", True)]
    assert mirror.read_mirror(path) == {"settings": {}}
    assert store_module.MIRROR_AFTER < store_module.MIRROR_AT_LAST
