"""Answers in the shapes of Leap's services."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
import msgspec.json

DISPATCH_PREFIX = "/v2/dispatch"

_CODES = {
    400: ("BAD_REQUEST", "DISPATCH_INVALID_INPUT"),
    401: ("UNAUTHORIZED", "DISPATCH_UNAUTHORIZED"),
    403: ("FORBIDDEN", "DISPATCH_NO_ACCESS_TO_RESOURCE"),
    404: ("NOT_FOUND", None),
    405: ("METHOD_NOT_ALLOWED", None),
    415: ("UNSUPPORTED_MEDIA_TYPE", None),
    503: ("SERVICE_UNAVAILABLE", "DISPATCH_UNEXPECTED_ERROR"),
}


class ApiError(Exception):
    """A refusal; `details` show in the shape of the meter services alone."""

    def __init__(self, status: int, message: str, details: Mapping[str, str] | None = None) -> None:
        """Keep what to answer."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details or {}


def reply(value: object, status: int = 200) -> web.Response:
    """Answer with JSON."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def error_reply(path: str, status: int, message: str, details: Mapping[str, str] | None = None) -> web.Response:
    """Answer with an error in the shape of the service the path belongs to."""
    if DISPATCH_PREFIX in path:
        code, error_code = _CODES.get(status, ("INTERNAL_SERVER_ERROR", "LEAP_DISPATCH_INTERNAL_ERROR_001"))
        body: dict[str, Any] = {"code": code, "message": message}
        return reply(body | ({"error_code": error_code} if error_code else {}), status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return reply("An error happened whilst processing your request", status)
    return reply({"title": message, "status": status, "details": dict(details or {})}, status)
