"""Where an entry's webhook can be reached from outside, in the words of a form."""

from collections.abc import Mapping
from typing import Any

from homeassistant.components import webhook
from homeassistant.core import HomeAssistant
from homeassistant.helpers.network import NoURLAvailableError

from . import cloudhook
from .const import CONF_WEBHOOK_ID, CONF_WEBHOOK_SECRET, WEBHOOK_SECRET_HEADER

type Description = tuple[str, dict[str, str]]


async def async_public_address(hass: HomeAssistant, webhook_id: str) -> str | None:
    """Return the cloudhook where there is a subscription, else the external address; None without either."""
    if cloudhook.subscribed(hass) and (url := await cloudhook.async_url(hass, webhook_id)):
        return url
    try:
        return webhook.async_generate_url(hass, webhook_id, allow_internal=False, allow_ip=False)
    except NoURLAvailableError:
        return None


async def async_describe_address(hass: HomeAssistant, data: Mapping[str, Any]) -> Description:
    """Return the step that tells where to post, and what it mentions."""
    url = await async_public_address(hass, data[CONF_WEBHOOK_ID])
    return "address" if url else "address_missing", {
        "url": url or webhook.async_generate_path(data[CONF_WEBHOOK_ID]),
        "header": WEBHOOK_SECRET_HEADER,
        "secret": data[CONF_WEBHOOK_SECRET],
    }
