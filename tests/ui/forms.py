"""Walking the forms of subentries."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.builders import METER_ID


async def choose_kind(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Start adding a load."""
    return await hass.config_entries.subentries.async_init((entry.entry_id, "load"), context={"source": SOURCE_USER})


async def add_load(hass: HomeAssistant, entry: MockConfigEntry, kind: str) -> Any:
    """Start adding a load of a kind."""
    result = await choose_kind(hass, entry)
    return await hass.config_entries.subentries.async_configure(result["flow_id"], {"next_step_id": kind})


async def fill(hass: HomeAssistant, result: Any, **user_input: Any) -> Any:
    """Fill the form in, with what a home would leave alone."""
    values = {"meter_ids": [METER_ID], "rank": 50, **user_input}
    return await hass.config_entries.subentries.async_configure(result["flow_id"], values)


async def change(hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str) -> Any:
    """Start changing a meter or a load."""
    return await entry.start_subentry_reconfigure_flow(hass, subentry_id)


def fields(result: Any) -> set[str]:
    """Return the names of a form's fields."""
    return {str(key) for key in result["data_schema"].schema}


def suggested(result: Any) -> dict[str, Any]:
    """Return what a form shows as already filled in."""
    return {str(key): key.description["suggested_value"] for key in result["data_schema"].schema if key.description}
