"""Tests of water heater loads: a mode or a target, units, and each mistake at its field."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.builders import METER_ID, build_entry, meter_subentry

from .forms import add_load, change, fields, fill, suggested

pytestmark = pytest.mark.usefixtures("setup_entry")

MODES = ["eco", "heat_pump", "off"]


@pytest.fixture
def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Follow one meter, without loads."""
    entry = build_entry(subentries=[meter_subentry()])
    entry.add_to_hass(hass)
    return entry


def registered(registry: er.EntityRegistry, unique_id: str = "tank", features: int = 7, **kwargs: Any) -> str:
    """Register a water heater of another integration."""
    capabilities = {"operation_list": MODES} if features & 2 else {"min_temp": 30}
    return registry.async_get_or_create(
        "water_heater",
        "other",
        unique_id,
        supported_features=features,
        capabilities=capabilities,
        original_name=unique_id.title(),
        **kwargs,
    ).entity_id


async def test_mode(hass: HomeAssistant, entity_registry: er.EntityRegistry, entry: MockConfigEntry) -> None:
    """The modes of the home's water heaters are offered, and one of them is kept."""
    tank = registered(entity_registry)
    registered(entity_registry, "boiler", 1)
    hass.states.async_set(tank, "eco", {"operation_list": [*MODES, "boost"]})
    result = await add_load(hass, entry, "water_heater")
    assert result["step_id"] == "water_heater"
    assert fields(result) == {
        "water_heater",
        "name",
        "meter_ids",
        "event_mode",
        "event_temp",
        "min_temp",
        "max_off_minutes",
        "expected_kw",
        "rank",
    }
    assert result["data_schema"].schema["event_mode"].config["options"] == ["boost", "eco", "heat_pump", "off"]
    result = await fill(hass, result, water_heater=tank, event_mode="off", min_temp=45, max_off_minutes=90)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (load,) = entry.get_subentries_of_type("load")
    assert load.data["kind"] == "water_heater"
    assert load.data["limits"] == {"event_mode": "off", "min_temp": 45.0, "max_off_minutes": 90}
    result = await change(hass, entry, load.subentry_id)
    assert result["step_id"] == "water_heater"
    assert suggested(result) == {
        "water_heater": tank,
        "name": "other tank",
        "meter_ids": [METER_ID],
        "event_mode": "off",
        "min_temp": 45.0,
        "max_off_minutes": 90,
        "rank": 50,
    }


async def test_target_in_fahrenheit(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, entry: MockConfigEntry
) -> None:
    """The form speaks the home's units; what is stored does not depend on them."""
    hass.config.units = US_CUSTOMARY_SYSTEM
    tank = registered(entity_registry)
    result = await add_load(hass, entry, "water_heater")
    assert result["data_schema"].schema["event_temp"].config["unit_of_measurement"] == "°F"
    result = await fill(hass, result, water_heater=tank, event_temp=113, min_temp=104)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (load,) = entry.get_subentries_of_type("load")
    assert load.data["limits"] == {"event_temp": 45.0, "min_temp": 40.0}
    shown = suggested(await change(hass, entry, load.subentry_id))
    assert (shown["event_temp"], shown["min_temp"]) == (113.0, 104.0)


async def test_mistakes(hass: HomeAssistant, entity_registry: er.EntityRegistry, entry: MockConfigEntry) -> None:
    """Each mistake is told at its field, and the same form succeeds once it is mended."""
    tank = registered(entity_registry)
    modes_alone = registered(entity_registry, "modes", 2)
    target_alone = registered(entity_registry, "target", 1)
    neither = registered(entity_registry, "neither", 4)
    hass.states.async_set("water_heater.without_unique_id", "eco")
    mistakes: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({"water_heater": "water_heater.without_unique_id"}, {"water_heater": "no_unique_id"}),
        ({"water_heater": neither, "event_mode": "eco"}, {"water_heater": "no_mode_or_target"}),
        ({"water_heater": tank}, {"event_mode": "mode_or_temperature"}),
        ({"water_heater": tank, "event_mode": "eco", "event_temp": 45}, {"event_temp": "mode_and_temperature"}),
        ({"water_heater": tank, "event_mode": "vacation"}, {"event_mode": "mode_not_offered"}),
        ({"water_heater": target_alone, "event_mode": "eco"}, {"event_mode": "mode_not_offered"}),
        ({"water_heater": modes_alone, "event_temp": 45}, {"event_temp": "heater_takes_no_target"}),
        ({"water_heater": tank, "event_temp": 45, "min_temp": 50}, {"min_temp": "min_above_event"}),
    ]
    result = await add_load(hass, entry, "water_heater")
    for user_input, errors in mistakes:
        result = await fill(hass, result, **user_input)
        assert result["errors"] == errors
    result = await fill(hass, result, water_heater=target_alone, event_temp=45)
    assert result["type"] is FlowResultType.CREATE_ENTRY
