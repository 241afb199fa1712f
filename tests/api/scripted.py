"""A server that answers what a test wrote down."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
import msgspec.json

type Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answer(
    status: int = 200,
    value: object = None,
    *,
    text: str | bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Answer with JSON, or with `text` as it is."""
    body = msgspec.json.encode(value) if text is None else text

    async def respond(_: web.Request) -> web.StreamResponse:
        content = body.encode() if isinstance(body, str) else body
        return web.Response(status=status, body=content, headers=headers)

    return respond


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


class Script:
    """Answers one after the other, the last one for ever, and keeps what was asked."""

    def __init__(self) -> None:
        """Begin without answers."""
        self.answers: list[Answer] = []
        self.requests: list[tuple[str, str, Any, Mapping[str, str]]] = []

    def then(self, *answers: Answer) -> None:
        """Add answers."""
        self.answers.extend(answers)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Give the next answer."""
        content = await request.read()
        body = msgspec.json.decode(content) if content else None
        self.requests.append((request.method, request.path, body, request.headers.copy()))
        chosen = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await chosen(request)

    @property
    def bodies(self) -> list[Any]:
        """Return the bodies asked with."""
        return [body for _, _, body, _ in self.requests]
