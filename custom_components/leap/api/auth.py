"""Credentials for Leap."""

from typing import Protocol, override

from .errors import LeapAuthError


class Auth(Protocol):
    """What a client needs to prove who it is."""

    async def async_headers(self) -> dict[str, str]:
        """Return the headers of the next request."""

    async def async_refresh(self) -> bool:
        """Renew after a 401; true if another try is worth it."""


class ApiKeyAuth(Auth):
    """A key made in Leap's partner portal; it can't be renewed."""

    def __init__(self, key: str) -> None:
        self._key = key.strip()

    @override
    def __repr__(self) -> str:
        return "ApiKeyAuth(**)"

    @override
    async def async_headers(self) -> dict[str, str]:
        if not self._key.isprintable() or not self._key:
            raise LeapAuthError("The key is empty or has characters that can't be sent")
        return {"Authorization": f"Bearer {self._key}"}

    @override
    async def async_refresh(self) -> bool:
        return False
