"""The server of the simulated home: the devices' truth and a log of every command, over HTTP."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from aiohttp import web

from .devices import KINDS, DeviceError, State


@dataclass(kw_only=True)
class Device:
    """One device and its state."""

    device_id: str
    name: str
    kind: str
    state: State
    away: bool = False
    advanced_at: float

    def as_dict(self) -> dict[str, Any]:
        """Return what the device shows."""
        shown = {"id": self.device_id, "name": self.name, "kind": self.kind}
        return {**shown, "away": self.away, "state": dict(self.state)}


@dataclass(kw_only=True)
class Home:
    """All devices of the home, and every command they were sent."""

    clock: Callable[[], float] = monotonic
    devices: dict[str, Device] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)

    def add(self, device: Mapping[str, Any]) -> Device:
        """Add a device: `id`, `name`, `kind` and what of its state differs from the usual."""
        kind = KINDS[device["kind"]]
        added = Device(
            device_id=device["id"],
            name=device["name"],
            kind=device["kind"],
            state={**kind.initial, **device.get("state", {})},
            advanced_at=self.clock(),
        )
        self.devices[added.device_id] = added
        return added

    def get(self, device_id: str) -> Device:
        """Return a device as it is now."""
        device = self.devices[device_id]
        now = self.clock()
        KINDS[device.kind].advance(device.state, now - device.advanced_at)
        device.advanced_at = now
        return device

    def command(self, device_id: str, values: Mapping[str, Any], by: str) -> Device:
        """Carry out a command whole or not at all, and log it either way."""
        device = self.get(device_id)
        entry: dict[str, Any] = {
            "at": datetime.now(UTC).isoformat(),
            "device": device_id,
            "by": by,
            "set": dict(values),
            "before": {name: device.state.get(name) for name in values},
        }
        self.log.append(entry)
        try:
            if device.away:
                raise DeviceError("the device is away")
            checks = KINDS[device.kind].settable
            if unknown := values.keys() - checks.keys():
                raise DeviceError(f"the device has no {', '.join(sorted(unknown))}")
            accepted = {name: checks[name](device.state, value) for name, value in values.items()}
        except DeviceError as err:
            entry["refused"] = str(err)
            raise
        device.state.update(accepted)
        return self.get(device_id)


HOME = web.AppKey("home", Home)


async def _list(request: web.Request) -> web.Response:
    home = request.app[HOME]
    return web.json_response([home.get(device_id).as_dict() for device_id in home.devices])


async def _add(request: web.Request) -> web.Response:
    return web.json_response(request.app[HOME].add(await request.json()).as_dict())


async def _get(request: web.Request) -> web.Response:
    return web.json_response(request.app[HOME].get(request.match_info["device_id"]).as_dict())


async def _command(request: web.Request) -> web.Response:
    body = await request.json()
    device = request.app[HOME].command(request.match_info["device_id"], body["set"], body["by"])
    return web.json_response(device.as_dict())


async def _away(request: web.Request) -> web.Response:
    device = request.app[HOME].get(request.match_info["device_id"])
    device.away = bool((await request.json())["away"])
    return web.json_response(device.as_dict())


async def _log(request: web.Request) -> web.Response:
    return web.json_response(request.app[HOME].log)


@web.middleware
async def _errors(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    """Answer a refusal with 409 and an unknown device or field with 404."""
    try:
        response: web.StreamResponse = await handler(request)
    except DeviceError as err:
        return web.json_response({"error": str(err)}, status=409)
    except KeyError as err:
        return web.json_response({"error": f"unknown: {err}"}, status=404)
    return response


def create_app(home: Home) -> web.Application:
    """Return the server's application."""
    app = web.Application(middlewares=[_errors])
    app[HOME] = home
    app.router.add_get("/devices", _list)
    app.router.add_post("/devices", _add)
    app.router.add_get("/devices/{device_id}", _get)
    app.router.add_post("/devices/{device_id}/commands", _command)
    app.router.add_put("/devices/{device_id}/away", _away)
    app.router.add_get("/log", _log)
    return app
