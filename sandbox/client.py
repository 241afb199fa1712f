"""The sandbox's levers for Python programs and tests."""

import asyncio
from collections.abc import Iterable
from time import monotonic
from typing import Any, Self

import aiohttp


class ControlError(Exception):
    """The sandbox refused."""


class ControlClient:
    """Works the levers of a sandbox; closes only a session of its own."""

    def __init__(self, url: str, session: aiohttp.ClientSession | None = None) -> None:
        """Talk to the sandbox at an address."""
        self._url = f"{url.rstrip('/')}/control"
        self._session = session
        self._own: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connection."""
        if self._own is not None:
            await self._own.close()

    async def _call(self, method: str, lever: str, body: object = None, **query: object) -> dict[str, Any]:
        """Work one lever."""
        if self._session is None:
            self._session = self._own = aiohttp.ClientSession()
        given = {name: str(value) for name, value in query.items() if value is not None}
        async with self._session.request(method, f"{self._url}/{lever}", json=body, params=given) as response:
            answer: dict[str, Any] = await response.json()
            if response.status >= 400:
                raise ControlError(answer.get("title", response.reason))
            return answer

    async def account(self) -> dict[str, Any]:
        """Show the account at a glance."""
        return await self._call("GET", "account")

    async def reset(self) -> None:
        """Begin anew."""
        await self._call("POST", "reset")

    async def meters(self, limit: int = 100, **conditions: str) -> list[dict[str, Any]]:
        """Show meters, by `meter_type`, `transmission_region` or `tag`."""
        found: list[dict[str, Any]] = (await self._call("GET", "meters", limit=limit, **conditions))["meters"]
        return found

    async def put_meter(self, meter_id: str, **fields: Any) -> dict[str, Any]:
        """Add or change a meter."""
        return await self._call("PUT", "meters", {"meter_id": meter_id, **fields})

    async def events(self) -> list[dict[str, Any]]:
        """Show all events."""
        found: list[dict[str, Any]] = (await self._call("GET", "events"))["events"]
        return found

    async def create(self, meter_ids: str | Iterable[str], **fields: Any) -> list[str]:
        """Make an event for each meter; return the events' ids."""
        owners = [meter_ids] if isinstance(meter_ids, str) else list(meter_ids)
        made = await self._call("POST", "events", {"meter_ids": owners, **fields})
        return [event["event_id"] for event in made["events"]]

    async def update(self, event_id: str, **fields: Any) -> list[int]:
        """Change an event; return the numbers of its pushes."""
        numbers: list[int] = (await self._call("PATCH", f"events/{event_id}", fields))["pushes"]
        return numbers

    async def cancel(self, event_id: str, **fields: Any) -> list[int]:
        """Call an event off; return the numbers of its pushes."""
        numbers: list[int] = (await self._call("POST", f"events/{event_id}/cancel", fields))["pushes"]
        return numbers

    async def push(self, **fields: Any) -> list[int]:
        """Push events by `event_ids` once more, in an older `version` or several `copies`, or any `body`."""
        numbers: list[int] = (await self._call("POST", "push", fields))["pushes"]
        return numbers

    async def pushes(self, since: int = 0) -> list[dict[str, Any]]:
        """Show pushes and each try to deliver them."""
        found: list[dict[str, Any]] = (await self._call("GET", "pushes", since=since))["pushes"]
        return found

    async def wait_pushed(self, numbers: Iterable[int] | None = None, timeout: float = 30.0) -> list[dict[str, Any]]:
        """Wait until pushes are delivered or lost, all of them unless numbers are given."""
        wanted = None if numbers is None else set(numbers)
        until = monotonic() + timeout
        while True:
            found = [push for push in await self.pushes() if wanted is None or push["number"] in wanted]
            if all(push["state"] != "pending" for push in found):
                return found
            if monotonic() > until:
                raise ControlError(f"Still pending after {timeout} s")
            await asyncio.sleep(0.02)

    async def fault(self, path: str = "/", **fields: Any) -> None:
        """Have requests go wrong: `status`, `body`, `headers`, `delay`, `drop`, `method`, and how many `times`."""
        await self._call("POST", "faults", {"path": path, **fields})

    async def faults(self) -> list[dict[str, Any]]:
        """Show the faults that are still to come."""
        found: list[dict[str, Any]] = (await self._call("GET", "faults"))["faults"]
        return found

    async def clear_faults(self) -> None:
        """Have everything go right."""
        await self._call("DELETE", "faults")

    async def outage(self, on: bool) -> None:
        """Cut or mend the way from Leap to the homes."""
        await self._call("PUT", "outage", {"on": on})

    async def key(self, key: str, **fields: Any) -> None:
        """Make or change a key: `permissions`, `revoked`."""
        await self._call("PUT", f"keys/{key}", fields)

    async def revoke(self, key: str) -> None:
        """Take a key back."""
        await self.key(key, revoked=True)

    async def set_webhook(self, url: str, kind: str = "meter", headers: dict[str, str] | None = None) -> None:
        """Register an address as if somebody else had."""
        listed = [{"name": name, "value": value} for name, value in (headers or {}).items()]
        await self._call("PUT", f"webhook/{kind}", {"url": url, "headers": listed})

    async def remove_webhook(self, kind: str = "meter") -> None:
        """Remove an address as if somebody else had."""
        await self._call("DELETE", f"webhook/{kind}")

    async def relay(self, home: str, **fields: Any) -> None:
        """Serve a home by the relay: `token`, `meter_ids`, `webhook_url`, `secret`."""
        await self._call("PUT", f"relay/{home}", fields)

    async def heartbeat(self, home: str) -> list[int]:
        """Have the relay tell a home that it is there."""
        numbers: list[int] = (await self._call("POST", f"relay/{home}/heartbeat"))["pushes"]
        return numbers

    async def log(self, path: str = "/", since: int = 0) -> list[dict[str, Any]]:
        """Show every request received."""
        found: list[dict[str, Any]] = (await self._call("GET", "log", path=path, since=since))["requests"]
        return found

    async def clear_log(self) -> None:
        """Forget the requests and pushes so far."""
        await self._call("DELETE", "log")
