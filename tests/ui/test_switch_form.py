"""Tests of switch loads: the menu of kinds, and each mistake at its field."""

from typing import Any

from homeassistant.components.fan import FanEntityFeature
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.builders import LOAD_SUBENTRY_ID, METER_ID, build_entry, load_subentry, meter_subentry

from .forms import add_load, change, choose_kind, fields, fill, suggested

pytestmark = pytest.mark.usefixtures("setup_entry")


@pytest.fixture
def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Follow one meter, without loads."""
    entry = build_entry(subentries=[meter_subentry()])
    entry.add_to_hass(hass)
    return entry


def registered(
    registry: er.EntityRegistry, domain: str = "switch", unique_id: str = "pump", platform: str = "other", **kwargs: Any
) -> er.RegistryEntry:
    """Register an entity of another integration."""
    return registry.async_get_or_create(domain, platform, unique_id, original_name=unique_id.title(), **kwargs)


async def test_menu_of_kinds(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """A load begins with its kind."""
    result = await choose_kind(hass, entry)
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == ["thermostat", "switch", "water_heater"]


async def test_switch(hass: HomeAssistant, entity_registry: er.EntityRegistry, entry: MockConfigEntry) -> None:
    """A switch is kept by its registry id, and shown as it was entered."""
    pump = registered(entity_registry)
    result = await add_load(hass, entry, "switch")
    assert result["step_id"] == "switch"
    assert fields(result) == {"switch", "name", "meter_ids", "max_off_minutes", "expected_kw", "rank"}
    result = await fill(hass, result, switch=pump.entity_id, max_off_minutes=45, expected_kw=1.1)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (load,) = entry.get_subentries_of_type("load")
    assert load.title == "Pump"
    assert dict(load.data) == {
        "meter_ids": [METER_ID],
        "kind": "switch",
        "entities": {"switch": pump.id},
        "limits": {"max_off_minutes": 45},
        "expected_kw": 1.1,
        "rank": 50,
        "external_change": "opt_out",
    }
    result = await change(hass, entry, load.subentry_id)
    assert result["step_id"] == "switch"
    assert suggested(result) == {
        "switch": pump.entity_id,
        "name": "Pump",
        "meter_ids": [METER_ID],
        "max_off_minutes": 45,
        "expected_kw": 1.1,
        "rank": 50,
    }
    result = await fill(hass, result, switch=pump.entity_id)
    assert result["reason"] == "reconfigure_successful"
    assert entry.subentries[load.subentry_id].data["limits"] == {}


@pytest.mark.parametrize("domain", ["switch", "fan", "humidifier", "light", "input_boolean"])
async def test_every_domain(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, entry: MockConfigEntry, domain: str
) -> None:
    """Whatever is on or off can be a load."""
    features = FanEntityFeature.TURN_ON | FanEntityFeature.TURN_OFF if domain == "fan" else 0
    entity = registered(entity_registry, domain, supported_features=features)
    result = await fill(hass, await add_load(hass, entry, "switch"), switch=entity.entity_id)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_mistakes(hass: HomeAssistant, entity_registry: er.EntityRegistry, entry: MockConfigEntry) -> None:
    """An entity that can't do the job is refused with its reason, and the same form succeeds once it is mended."""
    good = registered(entity_registry)
    hass.states.async_set("switch.without_unique_id", "on")
    wrong = {
        "switch.without_unique_id": "no_unique_id",
        registered(entity_registry, platform="leap", unique_id="own").entity_id: "own_switch",
        registered(entity_registry, "fan", "fixed", supported_features=1).entity_id: "cannot_turn_off",
    }
    for category in EntityCategory:
        entity = registered(entity_registry, unique_id=category, entity_category=category)
        wrong[entity.entity_id] = "setting_not_load"
    result = await add_load(hass, entry, "switch")
    for entity_id, error in wrong.items():
        result = await fill(hass, result, switch=entity_id)
        assert result["errors"] == {"switch": error}
    result = await fill(hass, result, switch=good.entity_id, meter_ids=[])
    assert result["errors"] == {"meter_ids": "meter_required"}
    result = await fill(hass, result, switch=good.entity_id)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_the_zoo_of_switches(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, entry: MockConfigEntry
) -> None:
    """Of the socket's three switches only the one with the load is taken."""
    names = {
        "device": None,
        "device_switch_lock": EntityCategory.CONFIG,
        "device_cloud_connection": EntityCategory.CONFIG,
    }
    result = await add_load(hass, entry, "switch")
    for name, category in reversed(names.items()):
        entity = registered(entity_registry, unique_id=name, suggested_object_id=name, entity_category=category)
        result = await fill(hass, result, switch=entity.entity_id)
        if category:
            assert result["errors"] == {"switch": "setting_not_load"}
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_entity_of_another_kinds_load(hass: HomeAssistant, entity_registry: er.EntityRegistry) -> None:
    """A physical entity belongs to one load, of whatever kind."""
    pump = registered(entity_registry)
    entry = build_entry(subentries=[meter_subentry(), load_subentry(kind="script", entities={"start": pump.id})])
    entry.add_to_hass(hass)
    result = await fill(hass, await add_load(hass, entry, "switch"), switch=pump.entity_id)
    assert result["errors"] == {"switch": "entity_in_use"}


async def test_load_of_a_newer_version(hass: HomeAssistant) -> None:
    """A kind this version doesn't know can't be changed by it."""
    entry = build_entry(subentries=[meter_subentry(), load_subentry(kind="fusion", entities={"core": "id"})])
    entry.add_to_hass(hass)
    result = await change(hass, entry, LOAD_SUBENTRY_ID)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "unknown_kind")
