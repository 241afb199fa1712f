"""The sandbox's web server: Leap's API, the relay, and the control of both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib

import aiohttp
from aiohttp import web

from . import control, dispatch_api, meters_api, webhook_api
from .access import PUSHER, STATE
from .checks import InvalidError
from .delivery import Pusher
from .faults import Fault, take
from .replies import ApiError, error_reply
from .state import Request, SandboxState

MAX_BODY = 64 * 1024 * 1024

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_app(state: SandboxState) -> web.Application:
    """Build the server around a state."""
    app = web.Application(middlewares=[_record, _fail, _refuse], client_max_size=MAX_BODY)
    app[STATE] = state
    app.cleanup_ctx.append(_push)
    kind = "{kind:meter|group}"
    app.add_routes(
        [
            web.post("/v2/meters/search", meters_api.search_meters),
            web.post("/v2/meters/enrollments/search", meters_api.search_enrollments),
            web.get("/v2/meters/{meter_id}", meters_api.get_meter),
            web.get("/v2/meters/{meter_id}/enrollments", meters_api.get_enrollment),
            web.post("/v2/dispatch/meter/search", dispatch_api.search_meter_dispatches),
            web.post("/v2/dispatch/group/search", dispatch_api.search_group_dispatches),
            web.post("/v2/dispatch/meter/communication_test", webhook_api.communication_test),
            web.get(f"/v2/dispatch/{kind}/webhook", webhook_api.get_webhook),
            web.put(f"/v2/dispatch/{kind}/webhook", webhook_api.put_webhook),
            web.delete(f"/v2/dispatch/{kind}/webhook", webhook_api.delete_webhook),
            web.post(f"/v2/dispatch/{kind}/webhook/integration_test", webhook_api.integration_test),
            web.post("/relay/{home}/v2/dispatch/meter/search", dispatch_api.search_as_relay),
            *control.routes(),
        ]
    )
    return app


async def _push(app: web.Application) -> AsyncIterator[None]:
    """Have pushes delivered for as long as the server runs."""
    async with aiohttp.ClientSession() as session:
        app[PUSHER] = pusher = Pusher(app[STATE], session)
        beat = asyncio.create_task(pusher.async_beat()) if app[STATE].heartbeats else None
        yield
        if beat is not None:
            beat.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beat
        await pusher.async_close()


def _controlled(request: web.Request) -> bool:
    """Tell whether a request is for the sandbox itself."""
    return request.path.startswith(control.PREFIX)


@web.middleware
async def _record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keep every request to Leap or the relay."""
    if _controlled(request):
        return await handler(request)
    state = request.app[STATE]
    try:
        body = (await request.read()).decode("utf-8", "replace")
    except web.HTTPRequestEntityTooLarge:
        body = ""
    entry = Request(
        number=state.number(),
        at=state.clock(),
        method=request.method,
        path=request.path,
        query=request.query_string,
        headers=dict(request.headers),
        body=body,
    )
    state.requests.append(entry)
    response = await handler(request)
    if request.transport is not None and not request.transport.is_closing():
        entry.status = response.status
    return response


@web.middleware
async def _fail(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Go wrong where that was asked for."""
    state = request.app[STATE]
    fault = None if _controlled(request) else take(state.faults, request.method, request.path)
    if fault is None:
        return await handler(request)
    if fault.delay:
        await state.sleep(fault.delay)
    response = await handler(request) if fault.status is None else _faulty(request, fault)
    if fault.drop and request.transport is not None:
        request.transport.close()
    return response


def _faulty(request: web.Request, fault: Fault) -> web.Response:
    """Answer what a fault says instead of the truth."""
    status = fault.status or 500
    if fault.body is None:
        response = error_reply(request.path, status, f"Fault {status}")
    else:
        response = web.Response(text=fault.body, status=status, content_type=fault.content_type)
    response.headers.update(fault.headers)
    return response


@web.middleware
async def _refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals into answers of the shape that belongs to the path."""
    try:
        return await handler(request)
    except InvalidError as err:
        return error_reply(request.path, 400, str(err), {"error": str(err)})
    except ApiError as err:
        return error_reply(request.path, err.status, err.message, err.details)
    except web.HTTPException as err:
        return error_reply(request.path, err.status, err.reason)
