"""Tests of the whole entry: what the flows change is shown without a reload."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.components.climate import ClimateEntityFeature
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.const import STATE_OFF, Platform
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.leap.const import DOMAIN, Mode
from tests.builders import API_KEY, ENTRY_ID, METER_ID, OTHER_METER_ID, build_entry, meter_subentry

from .conftest import Leap
from .test_entities import meter, state_of


@pytest.fixture(autouse=True)
def own_folder(hass: HomeAssistant, tmp_path: Path) -> None:
    """Keep the database in the test's folder."""
    (tmp_path / ".storage").mkdir()
    hass.config.config_dir = str(tmp_path)


async def settle(hass: HomeAssistant) -> None:
    """Let everything under way come to rest."""
    await hass.async_block_till_done(wait_background_tasks=True)


async def loaded(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set an entry up."""
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    assert entry.state is ConfigEntryState.LOADED


async def add(hass: HomeAssistant, kind: str, *answers: dict[str, Any]) -> None:
    """Go through a subentry's flow."""
    flows = hass.config_entries.subentries
    result = await flows.async_init((ENTRY_ID, kind), context={"source": SOURCE_USER})
    for answer in answers:
        result = await flows.async_configure(result["flow_id"], answer)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)


async def test_everything_live(hass: HomeAssistant, entity_registry: er.EntityRegistry, leap: Leap) -> None:
    """Meters and loads that join show at once, preferences hold at once, and a removed load is gone."""
    climate = entity_registry.async_get_or_create(
        "climate", "other", "hall", supported_features=ClimateEntityFeature.TARGET_TEMPERATURE
    )
    hass.states.async_set(climate.entity_id, "heat", {"temperature": 20, "min_temp": 7, "max_temp": 30})
    entry = build_entry(subentries=[meter_subentry()])
    await loaded(hass, entry)
    assert meter(hass, Platform.SENSOR, "dispatch_state").state == "idle"
    runtime = entry.runtime_data

    await add(hass, "meter", {}, {"meter_ids": [OTHER_METER_ID]})
    assert state_of(hass, Platform.BINARY_SENSOR, f"{OTHER_METER_ID}_dispatch_active").state == STATE_OFF
    form = {"climate": climate.entity_id, "meter_ids": [METER_ID], "offset": 2, "rank": 50}
    await add(hass, "load", {"next_step_id": "thermostat"}, form)
    (load,) = entry.get_subentries_of_type("load")
    assert state_of(hass, Platform.SENSOR, f"{load.subentry_id}_load_state").state == "idle"

    result = await hass.config_entries.options.async_init(ENTRY_ID)
    chosen = {"push": "off", "communication_test": "respond"}
    await hass.config_entries.options.async_configure(result["flow_id"], chosen)
    hass.config_entries.async_remove_subentry(entry, load.subentry_id)
    await settle(hass)
    assert entity_registry.async_get_entity_id(Platform.SENSOR, DOMAIN, f"{load.subentry_id}_load_state") is None
    assert entry.runtime_data is runtime

    assert await hass.config_entries.async_unload(ENTRY_ID)


async def test_new_key_reloads_once(hass: HomeAssistant, leap: Leap) -> None:
    """A new key takes effect by one reload."""
    entry = build_entry(subentries=[meter_subentry()])
    await loaded(hass, entry)
    with patch.object(hass.config_entries, "async_reload", wraps=hass.config_entries.async_reload) as reload:
        for key, count in (("new", 1), ("new", 2)):
            result = await entry.start_reauth_flow(hass)
            result = await hass.config_entries.flow.async_configure(result["flow_id"], {"api_key": key})
            assert result["reason"] == "reauth_successful"
            await settle(hass)
            assert reload.await_count == count
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data["api_key"] == "new" != API_KEY
    assert await hass.config_entries.async_unload(ENTRY_ID)


async def test_push_only_relay(hass: HomeAssistant) -> None:
    """A relay that can't be asked is set up all the same."""
    entry = build_entry(mode=Mode.RELAY, subentries=[meter_subentry()], options={"push": "manual"})
    await loaded(hass, entry)
    assert entry.runtime_data.client is None
    assert meter(hass, Platform.SENSOR, "dispatch_state").state == "idle"
    assert await hass.config_entries.async_unload(ENTRY_ID)
