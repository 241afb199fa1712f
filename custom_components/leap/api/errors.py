"""What can go wrong between a home and Leap."""

from collections.abc import Iterable
import re
from typing import override

import msgspec

MAX_MESSAGE = 300
_IDENTIFIER = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
FORBIDDEN = "Leap refuses this (403): the key belongs to another environment, was revoked, or lacks the permission"


class LeapError(Exception):
    """Any failure of a call to Leap; `status` is the answer's, if there was one."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status

    @override
    def __str__(self) -> str:
        return self.message


class LeapAuthError(LeapError):
    """Leap does not know the credentials (401)."""


class LeapPermissionError(LeapError):
    """Leap knows no right to this (403), for one of three reasons it does not tell apart."""


class LeapRateLimitError(LeapError):
    """Leap asks for patience (429); `retry_after` is in seconds."""

    def __init__(self, message: str, *, status: int | None = 429, retry_after: float | None = None) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class LeapConnectionError(LeapError):
    """No answer, or only failures of Leap's own (5xx)."""


class LeapResponseError(LeapError):
    """An answer that can't be used: refused, redirected or unreadable."""


class LeapBadRequestError(LeapResponseError):
    """Leap finds the request invalid (400)."""


class LeapNotFoundError(LeapResponseError):
    """Leap has nothing there (404)."""


def error_message(body: bytes, *, secrets: Iterable[str] = ()) -> str:
    """Read what an error says, whichever of Leap's shapes it has; some servers repeat the secrets and ids they were sent."""
    try:
        text = _from_json(msgspec.json.decode(body))
    except msgspec.DecodeError, UnicodeDecodeError, RecursionError:
        text = _from_text(body)
    for secret in secrets:
        for part in filter(None, (secret, secret.removeprefix("Bearer "))):
            text = text.replace(part, "**")
    return _tidy(_IDENTIFIER.sub("**", text))


def _from_json(parsed: object) -> str:
    """Join the telling parts of an error."""
    match parsed:
        case str():
            return parsed
        case {"errors": [*errors]}:
            return "; ".join(filter(None, map(_from_json, errors)))
        case {"title": str(title), "details": details}:
            return ": ".join(filter(None, (title, _from_details(details))))
        case {"title": str(title)}:
            return title
        case {"field": str(field), "description": str(description)}:
            return f"{field}: {description}"
        case {"message": str(message), "description": str(description)}:
            return f"{message}: {description}"
        case {"message": str(message), **rest}:
            label = rest.get("error_code") or rest.get("error") or rest.get("problem_field")
            return f"{message} ({label})" if isinstance(label, str) and label != message else message
        case {"error": str(text)} | {"description": str(text)} | {"code": str(text)}:
            return text
    return ""


def _from_details(details: object) -> str:
    """Read the part of an error that differs most between Leap's services."""
    match details:
        case {"error": str(text)}:
            return text
        case {**rest}:
            return ", ".join(f"{key} {value}" for key, value in rest.items() if isinstance(value, str))
        case [*items]:
            return "; ".join(filter(None, map(_from_json, items)))
    return ""


def _from_text(body: bytes) -> str:
    """Take plain text as it is, and of a web page only its title."""
    text = body.decode("utf-8", "replace").strip()
    if not text.startswith("<"):
        return text
    _, opened, rest = text.partition("<title>")
    title, closed, _ = rest.partition("</title>")
    return title if opened and closed else "a web page"


def _tidy(text: str) -> str:
    """Keep a message to one line of readable length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * MAX_MESSAGE]).split())
    return line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE - 1]}…"
