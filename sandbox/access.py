"""Who may ask what."""

from typing import Any

from aiohttp import web
import msgspec.json

from .checks import InvalidError
from .delivery import Pusher
from .replies import ApiError
from .state import SandboxState

STATE = web.AppKey("state", SandboxState)
PUSHER = web.AppKey("pusher", Pusher)


def token_of(request: web.Request) -> str:
    """Return the bearer token of a request."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ApiError(401, "Unauthorized")
    return token.strip()


def require(request: web.Request, permission: str) -> None:
    """Insist on a key with a permission; whatever is wrong with it, the answer is the same 403."""
    key = request.app[STATE].keys.get(token_of(request))
    if key is None or key.revoked or permission not in key.permissions:
        raise ApiError(403, "You do not have the necessary permissions for this operation")


async def read_json(request: web.Request) -> dict[str, Any]:
    """Read a JSON object."""
    if request.content_type != "application/json":
        raise ApiError(415, "Content-Type is not application/json")
    try:
        body = msgspec.json.decode(await request.read())
    except ValueError as err:
        raise InvalidError("Request could not be parsed") from err
    if not isinstance(body, dict):
        raise InvalidError("Request is not an object")
    return body
