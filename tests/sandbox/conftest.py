"""A running sandbox, its levers, and a receiver of its pushes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
import msgspec.json
import pytest

from sandbox.client import ControlClient
from sandbox.server import create_app
from sandbox.state import FULL_KEY, SandboxState


class Clock:
    """A clock that sleeping moves on."""

    def __init__(self) -> None:
        """Begin on the day of the examples."""
        self.now = datetime(2026, 9, 8, tzinfo=UTC)
        self.pauses: list[float] = []

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


class Receiver:
    """Takes pushes and answers with the statuses it was told, the last one for ever."""

    def __init__(self) -> None:
        """Begin by taking everything."""
        self.url = ""
        self.statuses = [200]
        self.patience: asyncio.Event | None = None
        self.headers: list[list[tuple[str, str]]] = []
        self.bodies: list[Any] = []

    async def receive(self, request: web.Request) -> web.Response:
        """Take a push."""
        self.headers.append([(name.decode(), value.decode()) for name, value in request.raw_headers])
        self.bodies.append(msgspec.json.decode(await request.read()))
        if self.patience is not None:
            await self.patience.wait()
        return web.Response(status=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])


class Leap:
    """Asks the sandbox as a home would."""

    def __init__(self, session: ClientSession, url: str) -> None:
        """Ask over a session of the caller's."""
        self._session = session
        self.url = url

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = FULL_KEY, **options: Any
    ) -> tuple[int, Any]:
        """Return status and body of an answer."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with self._session.request(
            method, f"{self.url}{path}", json=body, headers=headers, **options
        ) as response:
            content = await response.read()
            return response.status, msgspec.json.decode(content) if content else None

    async def found(self, kind: str = "meter", **conditions: Any) -> list[str]:
        """Return the ids of the events a search finds."""
        window = {"start_date": "2026-09-07T00:00:00Z", "end_date": "2026-10-08T00:00:00Z"}
        status, body = await self.ask("POST", f"/v2/dispatch/{kind}/search", window | conditions)
        assert status == 200, body
        name = "meter_event_id" if kind == "meter" else "market_group_event_id"
        return [slot[name] for result in body["results"] for slot in result["timeslots"]]


@pytest.fixture(autouse=True)
def sockets(socket_enabled: None) -> None:
    """Let the tests speak to servers on this machine."""


@pytest.fixture
def clock() -> Clock:
    """Start a clock."""
    return Clock()


@pytest.fixture
def state(clock: Clock) -> SandboxState:
    """Build a small account."""
    return SandboxState(meters=80, clock=clock, sleep=clock.sleep)


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """Open a session."""
    async with ClientSession() as opened:
        yield opened


@pytest.fixture
async def leap(state: SandboxState, session: ClientSession) -> AsyncIterator[Leap]:
    """Run the sandbox."""
    async with TestServer(create_app(state)) as server:
        yield Leap(session, str(server.make_url("")).rstrip("/"))


@pytest.fixture
async def control(leap: Leap) -> AsyncIterator[ControlClient]:
    """Reach the sandbox's levers."""
    async with ControlClient(leap.url) as client:
        yield client


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Run a receiver of pushes."""
    taker = Receiver()
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/{path:.*}", taker.receive)
    async with TestServer(app) as server:
        taker.url = str(server.make_url("/hook"))
        yield taker
