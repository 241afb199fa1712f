"""Service calls to devices, with an outcome instead of an exception."""

import asyncio
from enum import StrEnum
import logging
from typing import Final

from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import DOMAIN as HOMEASSISTANT_DOMAIN, Context, HomeAssistant

from .loads import Command

_LOGGER = logging.getLogger(__name__)

COMMAND_TIMEOUT: Final = 30.0
SERVICE_UPDATE_ENTITY: Final = "update_entity"


class Outcome(StrEnum):
    """How a service call ended."""

    DONE = "done"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"


async def async_send(hass: HomeAssistant, entity_id: str, command: Command, context: Context) -> Outcome:
    """Call a service and wait for it; whatever an integration raises is a refusal.

    A call that does not return in time is left running: it may still reach the device.
    """
    call = hass.async_create_background_task(
        hass.services.async_call(
            command.domain,
            command.service,
            {ATTR_ENTITY_ID: entity_id, **command.data},
            blocking=True,
            context=context,
        ),
        f"leap {command.service} {entity_id}",
    )
    await asyncio.wait({call}, timeout=COMMAND_TIMEOUT)
    if not call.done():
        _LOGGER.warning("%s did not answer %s in %s s", entity_id, command.service, COMMAND_TIMEOUT)
        return Outcome.NO_ANSWER
    if call.cancelled():
        return Outcome.NO_ANSWER
    if (error := call.exception()) is not None:
        _LOGGER.warning("%s refused %s: %s", entity_id, command.service, error or type(error).__name__)
        return Outcome.REFUSED
    return Outcome.DONE


async def async_ask_anew(hass: HomeAssistant, entity_id: str, context: Context) -> None:
    """Have a polled device read again; nothing is sent to change it."""
    if hass.services.has_service(HOMEASSISTANT_DOMAIN, SERVICE_UPDATE_ENTITY):
        command = Command(domain=HOMEASSISTANT_DOMAIN, service=SERVICE_UPDATE_ENTITY, data={})
        await async_send(hass, entity_id, command, context)
