"""A client of Home Assistant's own API, as the frontend uses it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from time import monotonic, time
from typing import Any

import aiohttp

USERNAME = "demo"
PASSWORD = "demo"


class ApiError(RuntimeError):
    """Home Assistant answered something else than wanted."""


class HomeAssistantClient:
    """Logs in, reads states, runs flows and calls actions."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Remember where Home Assistant is."""
        self._session = session
        self.url = url
        self.client_id = f"{url}/"
        self.tokens: dict[str, Any] = {}

    async def onboard(self, name: str = "Demo") -> None:
        """Create the owner of a fresh Home Assistant and log in."""
        owner = {
            "client_id": self.client_id,
            "name": name,
            "username": USERNAME,
            "password": PASSWORD,
            "language": "en",
        }
        answer = await self._request("POST", "/api/onboarding/users", json=owner)
        await self._exchange(answer["auth_code"])

    async def log_in(self) -> None:
        """Log in with user name and password."""
        handler = {"client_id": self.client_id, "handler": ["homeassistant", None], "redirect_uri": self.client_id}
        flow = await self._request("POST", "/auth/login_flow", json=handler)
        login = {"client_id": self.client_id, "username": USERNAME, "password": PASSWORD}
        answer = await self._request("POST", f"/auth/login_flow/{flow['flow_id']}", json=login)
        await self._exchange(answer["result"])

    async def _exchange(self, code: str) -> None:
        grant = {"grant_type": "authorization_code", "code": code, "client_id": self.client_id}
        tokens = await self._request("POST", "/auth/token", data=grant)
        expires = int((time() + tokens["expires_in"]) * 1000)
        self.tokens = {**tokens, "hassUrl": self.url, "clientId": self.client_id, "expires": expires}

    async def wait_until_running(self, within: float = 120) -> None:
        """Wait until every integration has been set up."""
        give_up = monotonic() + within
        while (await self.get("/api/config"))["state"] != "RUNNING":
            if monotonic() > give_up:
                raise ApiError("Home Assistant did not finish starting")
            await asyncio.sleep(0.1)

    async def get(self, path: str) -> Any:
        """GET a path of the API."""
        return await self._request("GET", path)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """POST to a path of the API."""
        return await self._request("POST", path, json=body or {})

    async def state(self, entity_id: str) -> dict[str, Any]:
        """Return the state of an entity."""
        state: dict[str, Any] = await self.get(f"/api/states/{entity_id}")
        return state

    async def wait_for_state(self, entity_id: str, *wanted: str, within: float = 60) -> dict[str, Any]:
        """Wait until an entity has one of the wanted states."""
        give_up = monotonic() + within
        while (state := await self.state(entity_id))["state"] not in wanted:
            if monotonic() > give_up:
                raise ApiError(f"{entity_id} stayed {state['state']} instead of {' or '.join(wanted)}")
            await asyncio.sleep(0.02)
        return state

    async def call(self, domain: str, action: str, **data: Any) -> Any:
        """Call an action."""
        return await self.post(f"/api/services/{domain}/{action}", data)

    async def _request(self, method: str, path: str, **kwargs: Any) -> Any:
        headers = {}
        if token := self.tokens.get("access_token"):
            headers["Authorization"] = f"Bearer {token}"
        async with self._session.request(method, self.url + path, headers=headers, **kwargs) as response:
            if response.status >= 400:
                text = await response.text()
                raise ApiError(f"{method} {path}: {response.status} {text[:500]}")
            return await response.json()

    @asynccontextmanager
    async def websocket(self) -> AsyncIterator[WebSocket]:
        """Open the WebSocket API."""
        async with self._session.ws_connect(f"{self.url}/api/websocket", max_msg_size=0) as socket:
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": self.tokens["access_token"]})
            answer = await socket.receive_json()
            if answer["type"] != "auth_ok":
                raise ApiError(f"WebSocket: {answer}")
            yield WebSocket(socket)

    async def command(self, kind: str, **data: Any) -> Any:
        """Send one WebSocket command and return its result."""
        async with self.websocket() as socket:
            return await socket.command(kind, **data)


class WebSocket:
    """An open connection to the WebSocket API."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Count commands from one."""
        self._socket = socket
        self._id = 0

    async def command(self, kind: str, **data: Any) -> Any:
        """Send a command and return its result; events that come before it are dropped."""
        self._id += 1
        await self._socket.send_json({"id": self._id, "type": kind, **data})
        while True:
            message = await self._socket.receive_json()
            if message["id"] == self._id and message["type"] == "result":
                if not message["success"]:
                    raise ApiError(f"{kind}: {message['error']}")
                return message["result"]

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what subscriptions bring until the connection ends."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                content = message.json()
                if content["type"] == "event":
                    yield content["event"]
