"""Measures inside of Home Assistant what cannot be seen from outside."""

from http import HTTPStatus

from aiohttp.web import Request, Response
from homeassistant.components import webhook
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.discovery import async_load_platform
from homeassistant.helpers.typing import ConfigType

from .probe import DATA_PROBE, LoopProbe
from .stamps import DATA_STAMPS, Stamps
from .views import ProbeView, StampsView, WriteView

DOMAIN = "leap_bench"
CONFIG_SCHEMA = cv.empty_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Open the views, the webhook that does nothing and the thermostats."""
    hass.data[DATA_STAMPS] = Stamps()
    hass.data[DATA_PROBE] = LoopProbe()
    for view in (StampsView, ProbeView, WriteView):
        hass.http.register_view(view)
    webhook.async_register(hass, DOMAIN, "Nothing", "bench_nothing", _async_nothing)
    hass.async_create_task(async_load_platform(hass, Platform.CLIMATE, DOMAIN, {}, config))
    return True


async def _async_nothing(hass: HomeAssistant, webhook_id: str, request: Request) -> Response:
    """Answer at once."""
    return Response(status=HTTPStatus.OK)
