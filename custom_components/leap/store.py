"""Everything that must survive: on disk when a write returns, else an error."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
import logging
from pathlib import Path
import sqlite3
from typing import Any, Final

from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.singleton import singleton
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.hass_dict import HassKey
import msgspec

from .const import DOMAIN
from .database import TABLES, Database, Row

_LOGGER = logging.getLogger(__name__)

ALWAYS_OPEN: Final = "undo"
MIRROR_AFTER: Final = 2.0
MIRROR_AT_LAST: Final = 30.0


def _plain(value: object) -> str:
    """Write a time whose class only derives from datetime, as a frozen clock's does."""
    if isinstance(value, datetime):
        return value.isoformat()
    message = f"Rows hold no {type(value).__name__}"
    raise TypeError(message)


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_plain)


class StoreError(HomeAssistantError):
    """The call failed; nothing of it is in the store."""

    text_key = "store_write_failed"

    def __init__(self, cause: str) -> None:
        """Say what failed in the user's language."""
        super().__init__(
            cause,
            translation_domain=DOMAIN,
            translation_key=self.text_key,
            translation_placeholders={"error": cause},
        )


class StoreVersionError(StoreError):
    """A newer version of the integration wrote the file; only undo records can be read and dropped."""

    text_key = "store_newer_version"


class Table[T]:
    """A kind of row: its name, its type and what tells rows apart."""

    def __init__(self, name: str, type_: type[T], key: Callable[[T], str]) -> None:
        """Describe the rows of one of the tables the schema has."""
        if name not in TABLES:
            raise ValueError(f"no such table: {name}")
        self.name = name
        self.key = key
        self._decoder = msgspec.json.Decoder(type_)

    def decode(self, payload: bytes) -> T:
        """Return the item of a payload."""
        return self._decoder.decode(payload)


class Put:
    """Keep an item as it is now, instead of a former one with the same key."""

    __slots__ = ("item", "key", "payload", "table")

    def __init__[T](self, table: Table[T], item: T) -> None:
        """Encode the item."""
        self.table = table.name
        self.item: object = item
        self.key = table.key(item)
        self.payload: bytes | None = _ENCODER.encode(item)


class Drop:
    """Forget the item of a key, if there is one."""

    __slots__ = ("key", "payload", "table")

    def __init__(self, table: Table[Any], key: str) -> None:
        """Name the item."""
        self.table = table.name
        self.key = key
        self.payload: bytes | None = None


class _Write:
    """One call's rows on their way to the disk."""

    __slots__ = ("error", "rows")

    def __init__(self, rows: tuple[Row, ...]) -> None:
        """Take the rows of one call."""
        self.rows = rows
        self.error: Exception | None = None


class LeapStore:
    """One database, written by one thread; writes that come together share one commit."""

    def __init__(self, directory: Path) -> None:
        """Name the folder of the database; nothing is touched before it is opened."""
        self._database = Database(directory)
        self._executor: ThreadPoolExecutor | None = None
        self._waiting: deque[_Write] = deque()
        self._upcoming: asyncio.Future[None] | None = None
        self._unreadable: set[tuple[str, str]] = set()
        self._mirror_timer: asyncio.TimerHandle | None = None
        self._mirror_due = 0.0
        self._mirror_failed = False

    @property
    def recovered(self) -> bool:
        """Return whether the previous generation had to be read, as the file was corrupt or gone."""
        return self._database.recovered

    @property
    def lost(self) -> bool:
        """Return whether the previous generation could not be read either."""
        return self._database.lost

    @property
    def writable(self) -> bool:
        """Return whether the store takes writes of every kind."""
        return self._executor is not None and not self._database.newer

    @property
    def commits(self) -> int:
        """Return how many commits the writes took."""
        return self._database.commits

    async def async_open(self) -> None:
        """Open the database; after a StoreVersionError undo records can be read and dropped."""
        self._executor = ThreadPoolExecutor(1, "leap_store")
        try:
            await self._async_run(self._database.open)
        except StoreError:
            await self._async_end_thread()
            raise
        if self._database.newer:
            raise StoreVersionError("newer version")

    async def async_load[T](self, table: Table[T]) -> list[T]:
        """Return the items of a table; one that can't be read stays on disk."""
        self._check_version(table.name == ALWAYS_OPEN)
        return await self._async_run(lambda: self._load(table))

    async def async_write(self, *changes: Put | Drop) -> None:
        """Write all changes or none; they have survived a power cut when this returns."""
        self._check_version(all(c.table == ALWAYS_OPEN and c.payload is None for c in changes))
        if not changes:
            return
        write = _Write(tuple(Row(change.table, change.key, change.payload) for change in changes))
        self._waiting.append(write)
        await asyncio.shield(self._commit_soon())
        if write.error is not None:
            raise StoreError(_cause(write.error)) from write.error
        self._mirror_soon()

    async def async_prepare_backup(self) -> None:
        """Keep the file still while it is copied; writes go on."""
        await self._async_run(self._database.hold_still)

    async def async_finish_backup(self) -> None:
        """Let the file change again."""
        await self._async_run(self._database.move_on)

    async def async_close(self) -> None:
        """Close the database, with the previous generation up to date."""
        if self._executor is None:
            return
        mirror = self._mirror_timer is not None
        self._cancel_mirror()
        try:
            if mirror:
                await self._async_run(self._mirror)
            await self._async_run(self._database.close)
        finally:
            await self._async_end_thread()

    def _commit_soon(self) -> asyncio.Future[None]:
        """Return the commit that takes everything written in this turn of the loop."""
        if self._executor is None:
            self._waiting.clear()
            raise StoreError("closed")
        if self._upcoming is None:
            loop = asyncio.get_running_loop()
            self._upcoming = loop.create_future()
            loop.call_soon(self._commit, self._upcoming)
        return self._upcoming

    def _commit(self, upcoming: asyncio.Future[None]) -> None:
        """Hand what waits over to the store's thread, which settles the future."""
        self._upcoming = None
        if self._executor is None:
            upcoming.set_exception(StoreError("closed"))
            return
        loop = upcoming.get_loop()
        committed = self._executor.submit(self._write_waiting)
        committed.add_done_callback(lambda done: loop.call_soon_threadsafe(_settle, upcoming, done))

    async def _async_run[R](self, function: Callable[[], R]) -> R:
        """Run a function in the store's thread, to its end whatever becomes of the caller."""
        if self._executor is None:
            raise StoreError("closed")
        try:
            return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._executor, function))
        except (sqlite3.Error, OSError) as err:
            raise StoreError(_cause(err)) from err

    async def _async_end_thread(self) -> None:
        """End the store's thread without keeping the loop from running."""
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.get_running_loop().run_in_executor(None, executor.shutdown)

    def _check_version(self, always_open: bool) -> None:
        """Raise if a file of a newer version allows no such thing."""
        if self._database.newer and not always_open:
            raise StoreVersionError("newer version")

    def _load[T](self, table: Table[T]) -> list[T]:
        """Read and decode a table in the store's thread."""
        items: list[T] = []
        failed: dict[tuple[str, str], str] = {}
        for key, payload in self._database.load(table.name):
            try:
                items.append(table.decode(payload))
            except (msgspec.DecodeError, ValueError) as err:
                failed[(table.name, key)] = str(err)
        if new := failed.keys() - self._unreadable:
            self._unreadable |= new
            reasons = sorted({failed[key] for key in new})
            _LOGGER.error("Rows of %s that can't be read: %d (%s)", table.name, len(new), "; ".join(reasons))
        return items

    def _write_waiting(self) -> None:
        """Write what waits in one commit; if that fails, call by call, so that one fails alone."""
        writes: list[_Write] = []
        with suppress(IndexError):
            while True:
                writes.append(self._waiting.popleft())
        if not writes or self._try_write(writes):
            return
        if len(writes) > 1:
            for write in writes:
                self._try_write([write])

    def _try_write(self, writes: list[_Write]) -> bool:
        """Write calls in one commit and note for each whether it failed."""
        error: Exception | None = None
        try:
            self._database.write(row for write in writes for row in write.rows)
        except (sqlite3.Error, OSError) as err:
            error = err
        for write in writes:
            write.error = error
        return error is None

    def _mirror_soon(self) -> None:
        """Bring the previous generation up to date when writes pause, or at last in spite of them."""
        if self._database.newer:
            return
        loop = asyncio.get_running_loop()
        if self._mirror_timer is None:
            self._mirror_due = loop.time() + MIRROR_AT_LAST
        else:
            self._mirror_timer.cancel()
        self._mirror_timer = loop.call_at(min(loop.time() + MIRROR_AFTER, self._mirror_due), self._start_mirror)

    def _start_mirror(self) -> None:
        """Start writing the previous generation."""
        self._mirror_timer = None
        if self._executor is not None:
            self._executor.submit(self._mirror)

    def _cancel_mirror(self) -> None:
        """Cancel the timer."""
        if self._mirror_timer is not None:
            self._mirror_timer.cancel()
            self._mirror_timer = None

    def _mirror(self) -> None:
        """Write the previous generation; a failure is told once, as nothing is lost by it."""
        try:
            self._database.mirror()
        except (sqlite3.Error, OSError) as err:
            if not self._mirror_failed:
                _LOGGER.warning("The previous generation could not be written: %s", _cause(err))
            self._mirror_failed = True
        else:
            self._mirror_failed = False


def _settle(upcoming: asyncio.Future[None], done: Future[None]) -> None:
    """Pass on how a commit ended; what failed of it stands with each write."""
    if (error := done.exception()) is not None:
        upcoming.set_exception(error)
    else:
        upcoming.set_result(None)


def _cause(err: Exception) -> str:
    """Return what failed, without the path."""
    return (err.strerror if isinstance(err, OSError) else None) or str(err)


DATA_STORE: HassKey[LeapStore] = HassKey(f"{DOMAIN}_store")


@singleton(DATA_STORE, async_=True)
async def async_get_store(hass: HomeAssistant) -> LeapStore:
    """Return Home Assistant's one store; of a newer version's file, only undo records can be had."""
    store = LeapStore(Path(hass.config.path(STORAGE_DIR)))
    with suppress(StoreVersionError):
        await store.async_open()

    async def async_close(_: Event) -> None:
        await store.async_close()

    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, async_close)
    if store.recovered:
        _tell_loss(hass, "store_lost" if store.lost else "store_recovered")
    return store


def _tell_loss(hass: HomeAssistant, name: str) -> None:
    """Let the user know what a corrupt or missing file may have cost."""
    ir.async_create_issue(hass, DOMAIN, name, is_fixable=True, severity=ir.IssueSeverity.WARNING, translation_key=name)
