"""The store's previous generation: one small file, replaced as a whole."""

import os
from pathlib import Path
from typing import Final

import msgspec

VERSION: Final = 1

type Tables = dict[str, dict[str, msgspec.Raw]]


class Mirror(msgspec.Struct, frozen=True):
    """Every row worth keeping twice, by table and key."""

    version: int
    tables: Tables


class MirrorError(Exception):
    """The previous generation can't be read."""


_DECODER: Final = msgspec.json.Decoder(Mirror)
_ENCODER: Final = msgspec.json.Encoder()


def read_mirror(path: Path) -> Tables | None:
    """Return the tables, or None if there is no previous generation."""
    try:
        mirror = _DECODER.decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as err:
        raise MirrorError(str(err)) from err
    if mirror.version != VERSION:
        raise MirrorError(f"version {mirror.version}")
    return mirror.tables


def write_mirror(path: Path, tables: Tables) -> None:
    """Replace the file so that a power cut leaves the old one or the new one."""
    written = path.with_suffix(".new")
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_ENCODER.encode(Mirror(version=VERSION, tables=tables)))
        file.flush()
        os.fsync(file.fileno())
    written.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names of new files in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
