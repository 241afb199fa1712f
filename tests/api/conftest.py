"""A client, a sandbox, and a server that answers what a test wrote down."""

from collections.abc import AsyncIterator, Callable

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
import pytest

from custom_components.leap.api.auth import ApiKeyAuth, Auth
from custom_components.leap.api.client import LeapClient
from sandbox.server import create_app
from sandbox.state import FULL_KEY, SandboxState

from .scripted import Script

type MakeClient = Callable[..., LeapClient]


@pytest.fixture(autouse=True)
def sockets(socket_enabled: None) -> None:
    """Let the tests speak to servers on this machine."""


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """Open a session, as Home Assistant would lend it."""
    async with ClientSession() as opened:
        yield opened


@pytest.fixture
def pauses() -> list[float]:
    """Keep how long the client would have slept."""
    return []


@pytest.fixture
def make_client(session: ClientSession, pauses: list[float]) -> MakeClient:
    """Build clients that do not sleep, and whose jitter is the fullest."""

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    def make(url: str, auth: Auth | None = None) -> LeapClient:
        return LeapClient(session, auth or ApiKeyAuth(FULL_KEY), url, sleep=sleep, jitter=lambda: 1.0)

    return make


@pytest.fixture
def state() -> SandboxState:
    """Build a small account."""
    return SandboxState(meters=60)


@pytest.fixture
async def sandbox_url(state: SandboxState) -> AsyncIterator[str]:
    """Run the sandbox."""
    async with TestServer(create_app(state)) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
def client(make_client: MakeClient, sandbox_url: str) -> LeapClient:
    """Build a client of the sandbox."""
    return make_client(sandbox_url)


@pytest.fixture
def script() -> Script:
    """Begin a script of answers."""
    return Script()


@pytest.fixture
async def scripted_url(script: Script) -> AsyncIterator[str]:
    """Run a server that follows the script."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.respond)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
def scripted(make_client: MakeClient, scripted_url: str) -> LeapClient:
    """Build a client of the scripted server."""
    return make_client(scripted_url)
