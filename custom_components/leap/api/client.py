"""Leap's API, one method per endpoint in use."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import batched
import logging
import random
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from msgspec import DecodeError, Raw, Struct
import msgspec.json

from .auth import Auth
from .dispatches import GroupDispatch, MeterDispatch, decode_slots, encode_dispatch, merge_meters, utc_text
from .errors import LeapNotFoundError, LeapResponseError
from .meters import Enrollment, Meter, MeterSearch, decode_enrollment, decode_meter
from .transport import Repeat, Transport
from .webhooks import (
    CommunicationTest,
    CommunicationTestResult,
    IntegrationTestResult,
    Webhook,
    WebhookKind,
    decode_webhook,
)

_LOGGER = logging.getLogger(__name__)

PRODUCTION_URL: Final = "https://api.leap.energy"
STAGING_URL: Final = "https://api.staging.leap.energy"

MAX_WINDOW: Final = timedelta(days=31)
MAX_IDS: Final = 1000
MAX_PAGE_SIZE: Final = 500
MAX_PAGES: Final = 2000

_NOTHING: Final = Raw(b"null")


class _Page(Struct):
    """A page of any search: details and enrollment call their items meters, dispatches results."""

    results: list[Raw] | None = None
    meters: list[Raw] | None = None
    next_page_token: str | None = None


class _MeterResult(Struct):
    """A meter in a dispatch search, its timeslots still to be read one by one."""

    meter_id: str
    timeslots: Raw = _NOTHING
    partner_reference: str | None = None


class _GroupResult(Struct):
    """A market group in a dispatch search, its timeslots still to be read one by one."""

    market_group_id: str
    meter_ids: tuple[str, ...]
    timeslots: Raw = _NOTHING


class LeapClient:
    """Talks to Leap, or to a relay, for one account."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        auth: Auth,
        base_url: str,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Use a session of the caller's; `sleep` and `jitter` are for tests."""
        self._transport = Transport(session, auth, base_url, sleep=sleep, jitter=jitter)

    async def get_meter(self, meter_id: str) -> Meter:
        """Read one meter's details."""
        body = await self._read(f"/v2/meters/{quote(meter_id, safe='')}")
        return _decoded(decode_meter, body)

    async def search_meters(self, search: MeterSearch, *, limit: int | None = None) -> list[Meter]:
        """Read the details of all meters that match, or of the first `limit`."""
        return await self._search_meters("/v2/meters/search", search, decode_meter, limit)

    async def get_enrollment(self, meter_id: str) -> Enrollment:
        """Read one meter's enrollment."""
        body = await self._read(f"/v2/meters/{quote(meter_id, safe='')}/enrollments")
        return _decoded(decode_enrollment, body)

    async def search_enrollments(self, search: MeterSearch) -> list[Enrollment]:
        """Read the enrollment of all meters that match."""
        return await self._search_meters("/v2/meters/enrollments/search", search, decode_enrollment, None)

    async def search_meter_dispatches(
        self,
        *,
        start: datetime,
        end: datetime,
        meter_ids: Sequence[str],
        event_ids: Sequence[str] | None = None,
    ) -> list[MeterDispatch]:
        """Read all dispatches of these meters in the window, real-time ones included."""
        filters = {"meter_ids": meter_ids, "meter_event_ids": event_ids}
        pages = self._search_dispatches(WebhookKind.METER, start, end, filters)
        return merge_meters(await _readable(pages, _decode_meter_result))

    async def search_group_dispatches(
        self,
        *,
        start: datetime,
        end: datetime,
        group_ids: Sequence[str] | None = None,
        event_ids: Sequence[str] | None = None,
    ) -> list[GroupDispatch]:
        """Read all dispatches of these market groups, or of all, in the window."""
        filters = {"market_group_ids": group_ids, "market_group_event_ids": event_ids}
        pages = self._search_dispatches(WebhookKind.GROUP, start, end, filters)
        return await _readable(pages, _decode_group_result)

    async def get_webhook(self, kind: WebhookKind) -> Webhook | None:
        """Read where Leap posts to; None if nowhere."""
        try:
            body = await self._read(_webhook_path(kind))
        except LeapNotFoundError:
            return None
        return _decoded(decode_webhook, body)

    async def put_webhook(self, kind: WebhookKind, webhook: Webhook) -> Webhook:
        """Replace the one address of the whole account."""
        body = await self._transport.request(
            "PUT",
            _webhook_path(kind),
            msgspec.json.encode(webhook),
            repeat=Repeat.SAFE,
            secrets=[webhook.url, webhook.url.rpartition("/")[2], *(header.value for header in webhook.headers)],
        )
        return _decoded(decode_webhook, body)

    async def delete_webhook(self, kind: WebhookKind) -> None:
        """Remove the account's address; none there is as good."""
        try:
            await self._transport.request("DELETE", _webhook_path(kind), repeat=Repeat.SAFE)
        except LeapNotFoundError:
            _LOGGER.debug("There was no %s webhook to delete", kind)

    async def send_integration_test(
        self, kind: WebhookKind, dispatches: Sequence[MeterDispatch | GroupDispatch]
    ) -> IntegrationTestResult:
        """Have Leap post these dispatches, marked as a test, to the account's address."""
        body = await self._transport.request(
            "POST",
            f"{_webhook_path(kind)}/integration_test",
            msgspec.json.encode({f"{kind}_dispatches": [encode_dispatch(dispatch) for dispatch in dispatches]}),
            repeat=Repeat.UNRECEIVED,
        )
        return _decoded(_INTEGRATION_TEST.decode, body)

    async def run_communication_test(self, test: CommunicationTest) -> CommunicationTestResult:
        """Have Leap make a test event, or tell what it would do if the test is not approved."""
        body = await self._transport.request(
            "POST",
            "/v2/dispatch/meter/communication_test",
            msgspec.json.encode(_communication_test(test)),
            repeat=Repeat.UNRECEIVED,
        )
        return _decoded(_COMMUNICATION_TEST.decode, body)

    async def _read(self, path: str) -> bytes:
        """Send a GET."""
        return await self._transport.request("GET", path, repeat=Repeat.SAFE)

    async def _search_meters[T](
        self, path: str, search: MeterSearch, decode: Callable[[Raw], T], limit: int | None
    ) -> list[T]:
        """Search details or enrollment, as many ids at a time as Leap takes."""
        size = min(MAX_PAGE_SIZE, limit or MAX_PAGE_SIZE)
        found: list[T] = []
        for part in _parts(search.meter_ids):
            body = {**search.as_body(), "page_size": size, **({"meter_ids": part} if part else {})}
            found += await _readable(self._pages(path, body), decode, None if limit is None else limit - len(found))
            if limit is not None and len(found) >= limit:
                break
        return found

    async def _search_dispatches(
        self, kind: WebhookKind, start: datetime, end: datetime, filters: dict[str, Sequence[str] | None]
    ) -> AsyncIterator[Raw]:
        """Search dispatches, as many ids at a time as Leap takes."""
        if not timedelta(0) < end - start <= MAX_WINDOW:
            raise ValueError("A search covers more than nothing and at most 31 days")
        window = {"start_date": utc_text(start), "end_date": utc_text(end), "exclude_real_time_events": False}
        (first, first_ids), (second, second_ids) = filters.items()
        for some in _parts(first_ids):
            for others in _parts(second_ids):
                ids = {name: part for name, part in ((first, some), (second, others)) if part}
                async for raw in self._pages(f"/v2/dispatch/{kind}/search", {**window, **ids}):
                    yield raw

    async def _pages(self, path: str, body: dict[str, Any]) -> AsyncIterator[Raw]:
        """Go through all pages of a search; an answer that leads in a circle is an error."""
        seen: set[str] = set()
        while len(seen) < MAX_PAGES:
            reply = await self._transport.request("POST", path, msgspec.json.encode(body), repeat=Repeat.SAFE)
            page = _decoded(_PAGE.decode, reply)
            items = page.meters if page.results is None else page.results
            if items is None:
                raise LeapResponseError("Leap's answer to a search has no results")
            for item in items:
                yield item
            if not (token := page.next_page_token):
                return
            if token in seen:
                raise LeapResponseError("Leap's pages lead in a circle")
            seen.add(token)
            body = {**body, "page_token": token}
        raise LeapResponseError(f"Leap's answer has more than {MAX_PAGES} pages")


_PAGE = msgspec.json.Decoder(_Page)
_METER_RESULT = msgspec.json.Decoder(_MeterResult)
_GROUP_RESULT = msgspec.json.Decoder(_GroupResult)
_INTEGRATION_TEST = msgspec.json.Decoder(IntegrationTestResult)
_COMMUNICATION_TEST = msgspec.json.Decoder(CommunicationTestResult)


async def _readable[T](items: AsyncIterator[Raw], decode: Callable[[Raw], T], limit: int | None = None) -> list[T]:
    """Read the first items that can be read; one that can't costs only itself and is told."""
    found: list[T] = []
    unreadable = 0
    async for item in items:
        try:
            found.append(decode(item))
        except DecodeError, UnicodeDecodeError:
            unreadable += 1
        if len(found) == limit:
            break
    if unreadable:
        _LOGGER.warning("%d items in Leap's answer could not be read", unreadable)
    return found


def _decode_meter_result(raw: Raw) -> MeterDispatch:
    """Read a meter's dispatches, timeslot by timeslot."""
    result = _METER_RESULT.decode(raw)
    slots, malformed = decode_slots(result.timeslots)
    return MeterDispatch(
        meter_id=result.meter_id, partner_reference=result.partner_reference, timeslots=slots, malformed=malformed
    )


def _decode_group_result(raw: Raw) -> GroupDispatch:
    """Read a market group's dispatches, timeslot by timeslot."""
    result = _GROUP_RESULT.decode(raw)
    slots, malformed = decode_slots(result.timeslots)
    return GroupDispatch(
        market_group_id=result.market_group_id, meter_ids=result.meter_ids, timeslots=slots, malformed=malformed
    )


def _webhook_path(kind: WebhookKind) -> str:
    """Name the place of an account's address."""
    return f"/v2/dispatch/{kind}/webhook"


def _parts(ids: Sequence[str] | None) -> Iterator[list[str]]:
    """Split ids into lists Leap takes; None is one search without them, no ids are no search."""
    if ids is None:
        yield []
        return
    for part in batched(dict.fromkeys(ids), MAX_IDS, strict=False):
        yield list(part)


def _decoded[T](decode: Callable[[bytes], T], body: bytes) -> T:
    """Read an answer; what can't be read is an error of Leap's."""
    try:
        return decode(body)
    except (DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise LeapResponseError("Leap's answer could not be read") from err


def _communication_test(test: CommunicationTest) -> dict[str, Any]:
    """Write a communication test."""
    quantity = {} if test.dispatch_quantity_kw is None else {"dispatch_quantity_kw": test.dispatch_quantity_kw}
    return {
        "start_time": utc_text(test.start_time),
        "end_time": utc_text(test.end_time),
        "program": test.program,
        "meter_uuids": list(dict.fromkeys(test.meter_ids)),
        "test_event": test.capacity_test,
        "approved": test.approved,
        **quantity,
    }
