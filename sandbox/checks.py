"""Checks of what a request holds; each mistake is told in one sentence."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

MAX_WINDOW = timedelta(days=31)


class InvalidError(Exception):
    """A request that breaks the API's rules."""


def moment_text(moment: datetime) -> str:
    """Write an instant as Leap does."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_moment(value: object, name: str) -> datetime:
    """Read an instant with a zone."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            if moment.tzinfo is not None and "T" in value.upper():
                return moment.astimezone(UTC)
    raise InvalidError(f"{name} is not a date-time")


def read_uuid(value: object, name: str) -> str:
    """Read a UUID, in lower case."""
    if isinstance(value, str) and len(value) == 36:
        try:
            return str(UUID(value))
        except ValueError:
            pass
    raise InvalidError(f"{name} is not a UUID")


class Fields:
    """The members of one JSON object; null counts as absent."""

    def __init__(self, value: object, name: str = "body") -> None:
        """Take an object, and its name for messages."""
        if not isinstance(value, Mapping):
            raise InvalidError(f"{name} is not an object")
        self._values = value

    def has(self, name: str) -> bool:
        """Tell whether a member is there."""
        return self._values.get(name) is not None

    def _read[T](self, name: str, read: Callable[[Any], T | None], what: str) -> T | None:
        """Read a member that may be absent."""
        if (value := self._values.get(name)) is None:
            return None
        if (result := read(value)) is None:
            raise InvalidError(f"{name} is not {what}")
        return result

    def text(self, name: str, choices: Collection[str] | None = None) -> str | None:
        """Read a text, out of `choices` if there are any."""
        return self._read(
            name, lambda v: v if isinstance(v, str) and (choices is None or v in choices) else None, "a known text"
        )

    def flag(self, name: str, *, default: bool | None = None) -> bool | None:
        """Read true or false."""
        value = self._read(name, lambda v: v if isinstance(v, bool) else None, "a boolean")
        return default if value is None else value

    def number(self, name: str, low: float, high: float) -> float | None:
        """Read a number within limits."""
        return self._read(
            name,
            lambda v: v if isinstance(v, int | float) and not isinstance(v, bool) and low <= v <= high else None,
            f"a number from {low} to {high}",
        )

    def integer(self, name: str, low: int, high: int) -> int | None:
        """Read a whole number within limits."""
        return self._read(
            name,
            lambda v: v if isinstance(v, int) and not isinstance(v, bool) and low <= v <= high else None,
            f"a whole number from {low} to {high}",
        )

    def moment(self, name: str) -> datetime | None:
        """Read an instant."""
        return read_moment(self._values[name], name) if self.has(name) else None

    def uuid(self, name: str) -> str | None:
        """Read a UUID."""
        return read_uuid(self._values[name], name) if self.has(name) else None

    def items(self, name: str, low: int = 1, high: int | None = None) -> list[Any] | None:
        """Read a list of a length within limits."""
        return self._read(
            name,
            lambda v: v if isinstance(v, list) and low <= len(v) <= (high or len(v)) else None,
            f"a list of {low} to {high or 'any number of'} items",
        )

    def strings(
        self, name: str, low: int = 1, high: int | None = None, choices: Collection[str] | None = None
    ) -> list[str] | None:
        """Read a list of different texts."""
        values = self.items(name, low, high)
        if values is None:
            return None
        for value in values:
            if not isinstance(value, str) or (choices is not None and value not in choices):
                raise InvalidError(f"{name} holds an unknown value")
        if len(set(values)) != len(values):
            raise InvalidError(f"{name} holds a value twice")
        return values

    def uuids(self, name: str, low: int = 1, high: int | None = None) -> list[str] | None:
        """Read a list of different UUIDs, in lower case."""
        values = self.strings(name, low, high)
        return None if values is None else [read_uuid(value, name) for value in values]

    def need[T](self, name: str, value: T | None) -> T:
        """Insist on a member."""
        if value is None:
            raise InvalidError(f"{name} is missing")
        return value


def check_window(start: datetime, end: datetime) -> None:
    """Insist on a window of more than nothing and at most 31 days."""
    if end <= start:
        raise InvalidError("The end is not after the start")
    if end - start > MAX_WINDOW:
        raise InvalidError("End date must be max 31 days after the start date")
