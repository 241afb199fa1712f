"""Repeats, waits, and the type of every failure, against a server that fails as written."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
import logging

from aiohttp import ClientSession, ClientTimeout, web
import pytest

from custom_components.leap.api import transport
from custom_components.leap.api.auth import ApiKeyAuth
from custom_components.leap.api.client import LeapClient
from custom_components.leap.api.errors import (
    LeapAuthError,
    LeapBadRequestError,
    LeapConnectionError,
    LeapError,
    LeapNotFoundError,
    LeapPermissionError,
    LeapRateLimitError,
    LeapResponseError,
)
from custom_components.leap.api.models import Header, MeterDispatch, MeterSearch, Webhook, WebhookKind

from .scripted import Answer, Script, answer, hang_up

METER = {"meter_id": "m"}
RESULT = {"sent_time": "2026-09-08T01:00:00Z", "http_status": 200}
HOOK = Webhook(url="https://home.example/planted-path", headers=(Header("X-Secret", "planted-value"),))
DISPATCH = MeterDispatch(meter_id="m", timeslots=())


class RenewableAuth:
    """A credential that can be renewed as often as wanted."""

    def __init__(self) -> None:
        """Begin with the first one."""
        self.renewed = 0

    async def async_headers(self) -> dict[str, str]:
        """Show which one it is."""
        return {"Authorization": f"Bearer number-{self.renewed}"}

    async def async_refresh(self) -> bool:
        """Renew."""
        self.renewed += 1
        return True


async def test_a_request_carries_key_and_asks_for_json(scripted: LeapClient, script: Script) -> None:
    script.then(answer(value=METER))
    await scripted.get_meter("m")
    ((method, path, _, headers),) = script.requests
    assert (method, path) == ("GET", "/v2/meters/m")
    assert headers["Authorization"] == "Bearer sandbox-key"
    assert headers["Accept"] == "application/json"


@pytest.mark.parametrize("failure", [answer(500), answer(503, text="<html>"), answer(429), hang_up])
async def test_a_read_is_repeated_until_it_works(
    scripted: LeapClient, script: Script, pauses: list[float], failure: Answer
) -> None:
    script.then(failure, failure, failure, answer(value={"meters": [METER]}))
    assert [meter.meter_id for meter in await scripted.search_meters(MeterSearch())] == ["m"]
    assert pauses == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("failure", "error"),
    [(answer(502), LeapConnectionError), (answer(429), LeapRateLimitError), (hang_up, LeapConnectionError)],
)
async def test_a_read_is_tried_four_times(
    scripted: LeapClient, script: Script, failure: Answer, error: type[LeapError]
) -> None:
    script.then(failure)
    with pytest.raises(error):
        await scripted.search_meters(MeterSearch())
    assert len(script.requests) == 4


async def test_jitter_is_full(session: ClientSession, scripted_url: str, script: Script) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    script.then(answer(500), answer(value=METER))
    await LeapClient(session, ApiKeyAuth("k"), scripted_url, sleep=sleep, jitter=lambda: 0.25).get_meter("m")
    assert pauses == [0.25]


@pytest.mark.parametrize("method", ["put", "delete"])
async def test_setting_and_removing_an_address_is_repeated(scripted: LeapClient, script: Script, method: str) -> None:
    script.then(answer(500), answer(503), answer(value={"url": HOOK.url}))
    if method == "put":
        assert (await scripted.put_webhook(WebhookKind.METER, HOOK)).url == HOOK.url
    else:
        await scripted.delete_webhook(WebhookKind.METER)
    assert len(script.requests) == 3


@pytest.mark.parametrize("failure", [answer(500), hang_up])
async def test_a_test_that_may_have_been_received_is_not_repeated(
    scripted: LeapClient, script: Script, failure: Answer
) -> None:
    script.then(failure, answer(value=RESULT))
    with pytest.raises(LeapConnectionError):
        await scripted.send_integration_test(WebhookKind.METER, [DISPATCH])
    assert len(script.requests) == 1


async def test_a_test_leap_had_no_time_for_is_repeated(scripted: LeapClient, script: Script) -> None:
    script.then(answer(429), answer(value=RESULT))
    assert (await scripted.send_integration_test(WebhookKind.METER, [DISPATCH])).delivered


async def test_a_test_that_reached_nobody_is_repeated(
    make_client: Callable[..., LeapClient], unused_tcp_port: int, pauses: list[float]
) -> None:
    client = make_client(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(LeapConnectionError) as caught:
        await client.send_integration_test(WebhookKind.METER, [DISPATCH])
    assert caught.value.status is None
    assert len(pauses) == 3


async def test_an_address_that_is_none_is_not_asked_twice(
    make_client: Callable[..., LeapClient], pauses: list[float]
) -> None:
    for url in ("not a url", "ftp://127.0.0.1", "http://127.0.0.1:99999"):
        with pytest.raises(LeapConnectionError):
            await make_client(url).get_meter("m")
    assert pauses == []


async def test_a_silent_server_times_out(scripted: LeapClient, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "TIMEOUT", ClientTimeout(total=0.05))

    over = asyncio.Event()

    async def never(_: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    script.then(never)
    with pytest.raises(LeapConnectionError, match="TimeoutError"):
        await scripted.search_meters(MeterSearch())
    over.set()
    assert len(script.requests) == 4


def test_time_limits() -> None:
    assert (transport.TIMEOUT.total, transport.TIMEOUT.connect) == (30, 10)


@pytest.mark.parametrize("status", [429, 503])
async def test_leap_says_how_long_to_wait(
    scripted: LeapClient, script: Script, pauses: list[float], status: int
) -> None:
    script.then(answer(status, headers={"Retry-After": "17"}), answer(value=METER))
    await scripted.get_meter("m")
    assert pauses == [17.0]


async def test_leap_says_until_when_to_wait_by_its_own_clock(
    scripted: LeapClient, script: Script, pauses: list[float]
) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC)
    headers = {
        "Date": format_datetime(now, usegmt=True),
        "Retry-After": format_datetime(now + timedelta(seconds=40), usegmt=True),
    }
    past = {**headers, "Retry-After": format_datetime(now - timedelta(seconds=40), usegmt=True)}
    script.then(answer(429, headers=headers), answer(429, headers=past), answer(value=METER))
    await scripted.get_meter("m")
    assert pauses == [40.0, 2.0]


@pytest.mark.parametrize("text", ["soon", "-5", "Tue, 99 Foo 2026 00:00:00 GMT", "1.5"])
async def test_a_wait_nobody_can_read_is_none(
    scripted: LeapClient, script: Script, pauses: list[float], text: str
) -> None:
    script.then(answer(429, headers={"Retry-After": text}), answer(value=METER))
    await scripted.get_meter("m")
    assert pauses == [1.0]


async def test_a_long_wait_is_left_to_the_caller(scripted: LeapClient, script: Script, pauses: list[float]) -> None:
    script.then(answer(429, headers={"Retry-After": "61"}))
    with pytest.raises(LeapRateLimitError) as caught:
        await scripted.get_meter("m")
    assert (caught.value.retry_after, caught.value.status) == (61.0, 429)
    assert (len(script.requests), pauses) == (1, [])


async def test_a_long_wait_of_a_failing_leap_is_a_failure(scripted: LeapClient, script: Script) -> None:
    script.then(answer(503, headers={"Retry-After": "3600"}))
    with pytest.raises(LeapConnectionError) as caught:
        await scripted.get_meter("m")
    assert (caught.value.status, len(script.requests)) == (503, 1)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, LeapBadRequestError),
        (401, LeapAuthError),
        (403, LeapPermissionError),
        (404, LeapNotFoundError),
        (409, LeapResponseError),
        (415, LeapResponseError),
        (302, LeapResponseError),
        (304, LeapResponseError),
    ],
)
async def test_refusals_have_types_and_are_final(
    scripted: LeapClient, script: Script, status: int, error: type[LeapError]
) -> None:
    script.then(answer(status, {"code": "X", "message": "told why"}, headers={"Location": "/elsewhere"}))
    with pytest.raises(error) as caught:
        await scripted.get_meter("m")
    assert type(caught.value) is error
    assert caught.value.status == status
    assert len(script.requests) == 1
    assert status == 304 or "told why" in caught.value.message


async def test_a_403_names_all_its_causes(scripted: LeapClient, script: Script) -> None:
    script.then(answer(403, {"title": "No", "details": {}}))
    with pytest.raises(LeapPermissionError) as caught:
        await scripted.get_meter("m")
    for cause in ("another environment", "revoked", "permission"):
        assert cause in caught.value.message


@pytest.mark.parametrize("body", ["", "<html>", "{", "[]", '{"meter_id": 7}', "\xff", "[" * 200_000])
async def test_an_answer_that_cannot_be_read_is_an_error(scripted: LeapClient, script: Script, body: str) -> None:
    script.then(answer(text=body))
    with pytest.raises(LeapResponseError):
        await scripted.get_meter("m")


async def test_a_renewable_credential_is_renewed_once(
    make_client: Callable[..., LeapClient], scripted_url: str, script: Script, pauses: list[float]
) -> None:
    auth = RenewableAuth()
    script.then(answer(401), answer(value=METER))
    await make_client(scripted_url, auth).get_meter("m")
    assert [headers["Authorization"] for *_, headers in script.requests] == ["Bearer number-0", "Bearer number-1"]
    assert pauses == []
    script.answers = [answer(401)]
    with pytest.raises(LeapAuthError):
        await make_client(scripted_url, auth).get_meter("m")
    assert auth.renewed == 2


async def test_secrets_never_show(scripted: LeapClient, script: Script, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "custom_components.leap")
    script.then(
        answer(500, text=f"sandbox-key {HOOK.url} planted-value"),
        answer(400, text=f"Bearer sandbox-key {HOOK.url} /hook/planted-path?a=b planted-value"),
    )
    with pytest.raises(LeapBadRequestError) as caught:
        await scripted.put_webhook(WebhookKind.METER, HOOK)
    shown = f"{caught.value} {caught.value!r} {HOOK!r} {scripted!r} {caplog.text}"
    for secret in ("sandbox-key", "planted-path", "planted-value"):
        assert secret not in shown
