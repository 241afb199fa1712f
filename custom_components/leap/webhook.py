"""The door: authenticate, decode, keep, answer, then act."""

import asyncio
from datetime import datetime
from functools import partial
import hmac
from http import HTTPStatus
import logging
import traceback

from aiohttp.hdrs import METH_GET, METH_HEAD, METH_POST, METH_PUT
from aiohttp.web import HTTPRequestEntityTooLarge, Request, RequestPayloadError, Response
from homeassistant.components import webhook
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util
from homeassistant.util.aiohttp import MockRequest
from homeassistant.util.hass_dict import HassKey

from .api.models import NotificationError, decode_notification
from .const import CONF_WEBHOOK_ID, CONF_WEBHOOK_SECRET, DOMAIN, MAX_PUSH_BYTES, WEBHOOK_SECRET_HEADER
from .coordinator import LeapConfigEntry
from .store import StoreError

_LOGGER = logging.getLogger(__name__)

LARGE_BODY = 256 * 1024
"""Bytes from which the loop may run between reading a body and decoding it."""

DATA_DOORS: HassKey[dict[str, str]] = HassKey(f"{DOMAIN}_doors")
DATA_FAULTS: HassKey[set[str]] = HassKey(f"{DOMAIN}_door_faults")


@callback
def async_open_door(hass: HomeAssistant, entry: LeapConfigEntry) -> None:
    """Answer for an entry from now on, loaded or not, disabled or not.

    Home Assistant itself answers 200 for an id it does not know, and logs the id with its own 405.
    """
    doors = hass.data.setdefault(DATA_DOORS, {})
    webhook_id = entry.data[CONF_WEBHOOK_ID]
    if doors.get(entry.entry_id) == webhook_id:
        return
    async_close_door(hass, entry)
    webhook.async_register(
        hass,
        DOMAIN,
        entry.title,
        webhook_id,
        partial(_async_handle, entry.entry_id),
        allowed_methods=(METH_GET, METH_HEAD, METH_POST, METH_PUT),
    )
    doors[entry.entry_id] = webhook_id


@callback
def async_close_door(hass: HomeAssistant, entry: LeapConfigEntry) -> None:
    """Stop answering for an entry."""
    if webhook_id := hass.data.get(DATA_DOORS, {}).pop(entry.entry_id, None):
        webhook.async_unregister(hass, webhook_id)


async def _async_handle(entry_id: str, hass: HomeAssistant, webhook_id: str, request: Request) -> Response:
    """Answer whatever happens: an exception would turn into a 200 in Home Assistant."""
    try:
        status = await _async_answer(hass, entry_id, request)
    except Exception as err:  # noqa: BLE001
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        _log_once(hass, entry_id, err)
    return Response(status=status)


async def _async_answer(hass: HomeAssistant, entry_id: str, request: Request) -> HTTPStatus:
    """Take in one request; only what is on disk is answered with 200."""
    if request.method != METH_POST:
        return HTTPStatus.METHOD_NOT_ALLOWED
    entry: LeapConfigEntry | None = hass.config_entries.async_get_entry(entry_id)
    if entry is None or not _authentic(entry, request):
        return HTTPStatus.UNAUTHORIZED
    if not _ready(hass, entry):
        return HTTPStatus.SERVICE_UNAVAILABLE
    arrived = dt_util.utcnow()
    try:
        body = await _async_body(request)
    except RequestPayloadError:
        return HTTPStatus.BAD_REQUEST
    if body is None:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if len(body) > LARGE_BODY:
        await asyncio.sleep(0)
    if not _ready(hass, entry):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return await _async_keep(entry, body, arrived)


async def _async_keep(entry: LeapConfigEntry, body: bytes, arrived: datetime) -> HTTPStatus:
    """Decode what the entry follows and put it on disk."""
    coordinator = entry.runtime_data.coordinator
    try:
        notification = decode_notification(body, coordinator.meter_ids)
    except NotificationError:
        return HTTPStatus.BAD_REQUEST
    try:
        await coordinator.async_receive(notification, arrived)
    except StoreError:
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.OK


def _authentic(entry: LeapConfigEntry, request: Request) -> bool:
    """Compare the secret as bytes, in constant time."""
    given = request.headers.get(WEBHOOK_SECRET_HEADER)
    secret = entry.data.get(CONF_WEBHOOK_SECRET)
    if not given or not secret:
        return False
    return hmac.compare_digest(given.encode(errors="backslashreplace"), secret.encode())


def _ready(hass: HomeAssistant, entry: LeapConfigEntry) -> bool:
    """Tell whether what comes in can be kept and acted on."""
    return entry.state is ConfigEntryState.LOADED and not hass.is_stopping


async def _async_body(request: Request | MockRequest) -> bytes | None:
    """Read a body up to the limit, None if it is over; a cloud hook's request has less to it."""
    if isinstance(request, MockRequest):
        body = await request.content.read()
        return body if len(body) <= MAX_PUSH_BYTES else None
    if (request.content_length or 0) > MAX_PUSH_BYTES:
        return None
    try:
        return await request.read()
    except HTTPRequestEntityTooLarge:
        return None


def _log_once(hass: HomeAssistant, entry_id: str, err: Exception) -> None:
    """Log where an unexpected error arose, once per entry, without what it says: that can hold a payload."""
    faults = hass.data.setdefault(DATA_FAULTS, set())
    if entry_id not in faults:
        faults.add(entry_id)
        where = "".join(traceback.format_tb(err.__traceback__))
        _LOGGER.error("A push could not be handled (%s):\n%s", type(err).__name__, where)
