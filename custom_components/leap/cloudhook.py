"""Home Assistant Cloud's web hooks, where that component is in use; it is never required."""

from collections.abc import Callable
import importlib
import logging
from typing import Any

from aiohttp import ClientError
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

_LOGGER = logging.getLogger(__name__)

CLOUD = "cloud"


def _module(hass: HomeAssistant) -> Any | None:
    """Return the component's module if it is set up; it is imported by then."""
    if CLOUD not in hass.config.components:
        return None
    return importlib.import_module("homeassistant.components.cloud")


def _failures() -> tuple[type[Exception], ...]:
    """Return what the cloud's library may raise."""
    library = importlib.import_module("hass_nabucasa.exceptions")
    return (HomeAssistantError, ClientError, TimeoutError, ValueError, library.NabuCasaBaseError)


def subscribed(hass: HomeAssistant) -> bool:
    """Tell whether a subscription is active."""
    cloud = _module(hass)
    return cloud is not None and bool(cloud.async_active_subscription(hass))


async def async_url(hass: HomeAssistant, webhook_id: str) -> str | None:
    """Return the public URL of a webhook, None while the cloud can't be reached."""
    if (cloud := _module(hass)) is None:
        return None
    try:
        return str(await cloud.async_get_or_create_cloudhook(hass, webhook_id))
    except _failures() as err:
        _LOGGER.debug("The cloud gave no hook: %s", type(err).__name__)
        return None


async def async_delete(hass: HomeAssistant, webhook_id: str) -> None:
    """Delete the public URL of a webhook, if there is one."""
    cloud = _module(hass)
    if cloud is None or not cloud.async_is_logged_in(hass):
        return
    try:
        await cloud.async_delete_cloudhook(hass, webhook_id)
    except _failures() as err:
        _LOGGER.debug("The cloud hook was not deleted: %s", type(err).__name__)


@callback
def async_listen(hass: HomeAssistant, webhook_id: str, changed: Callable[[], None]) -> list[CALLBACK_TYPE]:
    """Call back when the cloud's connection or this webhook's public URL changes."""
    if (cloud := _module(hass)) is None:
        return []

    @callback
    def on_change(_news: object) -> None:
        changed()

    return [
        cloud.async_listen_connection_change(hass, on_change),
        cloud.async_listen_cloudhook_change(hass, webhook_id, on_change),
    ]
