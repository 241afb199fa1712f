"""A sandbox whose every exchange is kept and checked against Leap's own files."""

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
import pytest

from sandbox.server import create_app
from sandbox.state import SandboxState

from .specification import FILES, Request, Response, Specification

type Exchange = tuple[Request, Response]


@pytest.fixture(autouse=True)
def sockets(socket_enabled: None) -> None:
    """Let the tests speak to servers on this machine."""


@pytest.fixture(scope="session")
def specifications() -> dict[str, Specification]:
    """Read Leap's files."""
    return {name: Specification(name) for name in FILES}


@pytest.fixture
def state() -> SandboxState:
    """Build an account with meters of every type."""
    return SandboxState(meters=120)


@pytest.fixture
def exchanges() -> list[Exchange]:
    """Keep what was asked and answered."""
    return []


@pytest.fixture
async def url(
    state: SandboxState, exchanges: list[Exchange], specifications: dict[str, Specification]
) -> AsyncIterator[str]:
    """Run the sandbox; skip where Leap's files are not."""

    @web.middleware
    async def keep(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        sent = Request(request.method, request.path, await request.read(), request.headers)
        response = await handler(request)
        assert isinstance(response, web.Response)
        body = response.body if isinstance(response.body, bytes) else b""
        exchanges.append((sent, Response(response.status, body, response.content_type)))
        return response

    app = create_app(state)
    app.middlewares.insert(0, keep)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """Open a session."""
    async with ClientSession() as opened:
        yield opened
