"""One request to Leap: credentials, time limits, repeats, and errors with a type."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from http import HTTPStatus
import logging

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from .auth import Auth
from .errors import (
    FORBIDDEN,
    LeapAuthError,
    LeapBadRequestError,
    LeapConnectionError,
    LeapError,
    LeapNotFoundError,
    LeapPermissionError,
    LeapRateLimitError,
    LeapResponseError,
    error_message,
)

_LOGGER = logging.getLogger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=30, connect=10)
TRIES = 4
BACKOFF = 1.0
MAX_BACKOFF = 30.0
MAX_RETRY_AFTER = 60.0

_NEVER_RECEIVED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_NO_ADDRESS = (aiohttp.NonHttpUrlClientError, ValueError)


class Repeat(Enum):
    """When a request may be sent again."""

    SAFE = auto()
    UNRECEIVED = auto()


class Transport:
    """Sends requests to one base URL with one credential."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        auth: Auth,
        base_url: str,
        *,
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float],
    ) -> None:
        self._session = session
        self._auth = auth
        self._base_url = base_url.rstrip("/")
        self._sleep = sleep
        self._jitter = jitter

    async def request(
        self, method: str, path: str, body: bytes | None = None, *, repeat: Repeat, secrets: Iterable[str] = ()
    ) -> bytes:
        """Return the body of a 2xx; credentials and `secrets` never show in what is raised."""
        refreshed = False
        attempt = 1
        while True:
            headers = await self._auth.async_headers()
            failure, wait = await self._try(method, path, body, headers, repeat, secrets)
            if isinstance(failure, bytes):
                return failure
            if isinstance(failure, LeapAuthError) and not refreshed and await self._auth.async_refresh():
                refreshed = True
                continue
            if wait is None or wait > MAX_RETRY_AFTER or attempt == TRIES:
                raise failure
            delay = max(wait, self._jitter() * min(MAX_BACKOFF, BACKOFF * 2 ** (attempt - 1)))
            _LOGGER.debug("%s %s: %s; once more in %.1f s", method, path, failure, delay)
            await self._sleep(delay)
            attempt += 1

    async def _try(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        repeat: Repeat,
        secrets: Iterable[str],
    ) -> tuple[bytes | LeapError, float | None]:
        """Send once; with a failure comes the least time to wait, or None if a repeat is of no use."""
        try:
            async with self._session.request(
                method,
                URL(f"{self._base_url}{path}"),
                data=body,
                headers={**headers, "Accept": "application/json", "Content-Type": "application/json"},
                timeout=TIMEOUT,
                allow_redirects=False,
            ) as response:
                content = await response.read()
                _LOGGER.debug("%s %s: %s", method, path, response.status)
        except _NEVER_RECEIVED as err:
            return LeapConnectionError(f"Leap can't be reached: {type(err).__name__}"), 0.0
        except (aiohttp.ClientError, TimeoutError, ValueError) as err:
            useless = repeat is Repeat.UNRECEIVED or isinstance(err, _NO_ADDRESS)
            return LeapConnectionError(f"No answer from Leap: {type(err).__name__}"), None if useless else 0.0
        if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            return content, None
        message = error_message(content, secrets=(*headers.values(), *secrets))
        return _failure(response.status, message, response.headers, repeat)


def _failure(
    status: int, message: str, headers: CIMultiDictProxy[str], repeat: Repeat
) -> tuple[LeapError, float | None]:
    """Give a refusal its type, and tell whether and when to try again."""
    told = f"{status}: {message}" if message else f"{status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        asked = _retry_after(headers)
        return LeapRateLimitError(f"Leap asks to slow down ({told})", retry_after=asked), asked or 0.0
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = None if repeat is Repeat.UNRECEIVED else _retry_after(headers) or 0.0
        return LeapConnectionError(f"Leap fails ({told})", status=status), wait
    return _refusal(status, message, told), None


def _refusal(status: int, message: str, told: str) -> LeapError:
    """Give an answer that stays the same however often one asks its type."""
    match status:
        case HTTPStatus.BAD_REQUEST:
            return LeapBadRequestError(f"Leap finds the request invalid ({told})", status=status)
        case HTTPStatus.UNAUTHORIZED:
            return LeapAuthError(f"Leap does not accept the credentials ({told})", status=status)
        case HTTPStatus.FORBIDDEN:
            return LeapPermissionError(f"{FORBIDDEN}. {message}".strip(), status=status)
        case HTTPStatus.NOT_FOUND:
            return LeapNotFoundError(f"Leap has nothing there ({told})", status=status)
        case _:
            return LeapResponseError(f"Leap answered in an unknown way ({told})", status=status)


def _retry_after(headers: CIMultiDictProxy[str]) -> float | None:
    """Read how long to wait, in seconds or until a date by the clock of whoever answered."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    until = _http_date(text)
    if until is None:
        return None
    now = _http_date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _http_date(text: str) -> datetime | None:
    """Read a date of HTTP; None if it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError, OverflowError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
