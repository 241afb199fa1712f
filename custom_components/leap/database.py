"""The SQLite file behind the store: opened, migrated, recovered and written; used by one thread."""

from collections.abc import Iterable
from contextlib import suppress
import logging
import os
from pathlib import Path
import sqlite3
from typing import Final, NamedTuple

import msgspec

from .mirror import MirrorError, Tables, read_mirror, sync_directory, write_mirror

_LOGGER = logging.getLogger(__name__)

DATABASE: Final = "leap.db"
ASIDE: Final = "leap.db.corrupt"
MIRROR: Final = "leap.previous.json"

TABLES: Final = ("events", "decisions", "undo", "settings")
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    tuple(f"CREATE TABLE {name} (key TEXT PRIMARY KEY, payload BLOB NOT NULL)" for name in TABLES),
)
MIRRORED_EVENTS: Final = 1000
CHECKPOINT_PAGES: Final = 1000
LOCK_TIMEOUT: Final = 5.0


class Row(NamedTuple):
    """What a table holds under a key; without a payload it is to hold nothing."""

    table: str
    key: str
    payload: bytes | None


class CorruptError(Exception):
    """The file is not the database it should be."""


class Database:
    """One file of tables with a key and a payload."""

    def __init__(self, directory: Path) -> None:
        """Name the file; nothing is touched before it is opened."""
        self._directory = directory
        self._path = directory / DATABASE
        self._mirror_path = directory / MIRROR
        self._held: sqlite3.Connection | None = None
        self.recovered = False
        self.lost = False
        self.newer = False
        self.commits = 0

    def open(self) -> None:
        """Open the file, in place of a corrupt one a new one with what was known before."""
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            self._connect()
        except (CorruptError, sqlite3.DatabaseError) as err:
            if not _is_corrupt(err):
                raise
            _LOGGER.error("The database is corrupt (%s); it is moved aside to %s", err, ASIDE)
            self._set_aside()
            self._connect()
        sync_directory(self._directory)

    def load(self, table: str) -> list[tuple[str, bytes]]:
        """Return the keys and payloads of a table, in the order they were first written."""
        statement = f"SELECT key, payload FROM {table} ORDER BY rowid"  # noqa: S608
        return self._connection.execute(statement).fetchall()

    def write(self, rows: Iterable[Row]) -> None:
        """Write all rows or none; they are on the disk itself when this returns."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for row in rows:
                _write_row(self._connection, row)
            self._connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        self.commits += 1

    def mirror(self) -> None:
        """Bring the previous generation up to date."""
        tables: Tables = {}
        for table in TABLES:
            limit = MIRRORED_EVENTS if table == "events" else -1
            statement = f"SELECT key, payload FROM {table} ORDER BY rowid DESC LIMIT ?"  # noqa: S608
            found = self._connection.execute(statement, (limit,)).fetchall()
            tables[table] = {key: msgspec.Raw(payload) for key, payload in reversed(found)}
        write_mirror(self._mirror_path, tables)

    def hold_still(self) -> None:
        """Let new writes go to the log alone, so that the file can be copied meanwhile."""
        busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise sqlite3.OperationalError("database is locked")
        self._connection.execute("PRAGMA wal_autocheckpoint = 0")

    def move_on(self) -> None:
        """Let the log be written back into the file again."""
        self._connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")

    def close(self) -> None:
        """Close the file."""
        if self._held is not None:
            self._held.close()
            self._held = None

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._held is None:
            raise sqlite3.ProgrammingError("the database is closed")
        return self._held

    def _connect(self) -> None:
        """Open or create the file, check it and bring it to the present version."""
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        self._held = sqlite3.connect(self._path, timeout=LOCK_TIMEOUT, isolation_level=None)
        try:
            self._check()
            self._migrate()
        except BaseException:
            self.close()
            raise

    def _check(self) -> None:
        """Raise if the file is not sound."""
        connection = self._connection
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        self.move_on()
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise CorruptError(verdict)

    def _migrate(self) -> None:
        """Take the steps the file has not taken; an empty file first gets what was known before."""
        connection = self._connection
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        self.newer = version > len(MIGRATIONS)
        if self.newer or version == len(MIGRATIONS):
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            for step in MIGRATIONS[version:]:
                for statement in step:
                    connection.execute(statement)
            if version == 0:
                self._restore()
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _restore(self) -> None:
        """Fill an empty file from the previous generation, if there is one."""
        try:
            tables = read_mirror(self._mirror_path)
        except MirrorError as err:
            _LOGGER.error("The previous generation of the database can't be read either: %s", err)
            tables = None
            self.recovered = True
        if tables is None:
            self.lost = self.recovered
            return
        self.recovered = True
        for table in TABLES:
            for key, payload in tables.get(table, {}).items():
                _write_row(self._connection, Row(table, key, bytes(payload)))

    def _set_aside(self) -> None:
        """Move the corrupt file out of the way, over any former one, and drop the log that belongs to it."""
        self.recovered = True
        self._path.replace(self._directory / ASIDE)
        for suffix in ("-wal", "-shm"):
            self._path.with_name(DATABASE + suffix).unlink(missing_ok=True)

    def _roll_back(self) -> None:
        """End a transaction that SQLite has not ended by itself."""
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _write_row(connection: sqlite3.Connection, row: Row) -> None:
    """Write or drop one row."""
    if row.payload is None:
        connection.execute(f"DELETE FROM {row.table} WHERE key = ?", (row.key,))  # noqa: S608
        return
    connection.execute(
        f"INSERT INTO {row.table} (key, payload) VALUES (?, ?)"  # noqa: S608
        " ON CONFLICT (key) DO UPDATE SET payload = excluded.payload",
        (row.key, row.payload),
    )


def _is_corrupt(err: Exception) -> bool:
    """Return whether the content is at fault, not the disk, its room or a lock."""
    code = getattr(err, "sqlite_errorcode", 0) & 0xFF
    return isinstance(err, CorruptError) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
