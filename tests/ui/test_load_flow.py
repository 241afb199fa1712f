"""Tests of thermostat loads and meter settings: units, defaults, and each mistake at its field."""

from typing import Any

from homeassistant.components.climate import ClimateEntityFeature
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.builders import (
    LOAD_SUBENTRY_ID,
    METER_ID,
    METER_SUBENTRY_ID,
    OTHER_METER_ID,
    build_entry,
    load_subentry,
    meter_subentry,
)

from . import forms
from .forms import add_load, change, choose_kind, suggested

pytestmark = pytest.mark.usefixtures("setup_entry")

OTHER_SUBENTRY_ID = "01LEAPOTHER000000000000000"


def thermostat(
    registry: er.EntityRegistry,
    unique_id: str = "hallway",
    features: ClimateEntityFeature = ClimateEntityFeature.TARGET_TEMPERATURE,
    **kwargs: Any,
) -> er.RegistryEntry:
    """Register a thermostat of another integration."""
    return registry.async_get_or_create(
        "climate",
        "other",
        unique_id,
        supported_features=features,
        original_name=unique_id.title(),
        capabilities={"min_temp": 7, "max_temp": 35},
        **kwargs,
    )


@pytest.fixture
def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Follow one meter, without loads."""
    entry = build_entry(subentries=[meter_subentry()])
    entry.add_to_hass(hass)
    return entry


async def fill(hass: HomeAssistant, result: Any, **user_input: Any) -> Any:
    """Fill the form in, with what a home would leave alone."""
    return await forms.fill(hass, result, **{"offset": 2, **user_input})


async def test_thermostat_with_defaults(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, entry: MockConfigEntry
) -> None:
    """Name and limits come from the thermostat; the entity is kept by its registry id."""
    climate = thermostat(entity_registry)
    hass.states.async_set(climate.entity_id, "heat", {"friendly_name": "Hall", "min_temp": 5, "max_temp": 30})
    result = await add_load(hass, entry, "thermostat")
    assert result["step_id"] == "thermostat"
    keys = {str(key): key for key in result["data_schema"].schema}
    assert keys["offset"].default() == 2.0
    assert keys["meter_ids"].default() == [METER_ID]

    result = await fill(hass, result, climate=climate.entity_id)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (load,) = entry.get_subentries_of_type("load")
    assert (load.title, load.unique_id) == ("Hall", None)
    assert dict(load.data) == {
        "meter_ids": [METER_ID],
        "kind": "thermostat",
        "entities": {"climate": climate.id},
        "limits": {"offset": 2.0, "min_temp": 5.0, "max_temp": 30.0},
        "rank": 50,
        "external_change": "opt_out",
    }
    result = await change(hass, entry, load.subentry_id)
    assert suggested(result) == {
        "climate": climate.entity_id,
        "name": "Hall",
        "meter_ids": [METER_ID],
        "offset": 2.0,
        "min_temp": 5.0,
        "max_temp": 30.0,
        "rank": 50,
    }


async def test_thermostat_away_while_added(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, entry: MockConfigEntry
) -> None:
    """Without a state the registry's own words serve, and what nobody knows is left out."""
    climate = thermostat(entity_registry)
    bare = entity_registry.async_get_or_create(
        "climate", "other", "bare", supported_features=ClimateEntityFeature.TARGET_TEMPERATURE_RANGE
    )
    for entity in (climate, bare):
        result = await fill(hass, await add_load(hass, entry, "thermostat"), climate=entity.entity_id)
        assert result["type"] is FlowResultType.CREATE_ENTRY
    known, unknown = entry.get_subentries_of_type("load")
    assert (known.title, known.data["limits"]) == ("Hallway", {"offset": 2, "min_temp": 7, "max_temp": 35})
    assert (unknown.title, unknown.data["limits"]) == (bare.entity_id, {"offset": 2})


async def test_thermostat_in_fahrenheit(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, entry: MockConfigEntry
) -> None:
    """The form speaks the home's units; what is stored does not depend on them."""
    hass.config.units = US_CUSTOMARY_SYSTEM
    climate = thermostat(entity_registry)
    result = await add_load(hass, entry, "thermostat")
    keys = {str(key): key for key in result["data_schema"].schema}
    assert keys["offset"].default() == 3.6
    assert result["data_schema"].schema["offset"].config["unit_of_measurement"] == "°F"

    result = await fill(
        hass,
        result,
        climate=climate.entity_id,
        name=" Den ",
        offset=4.5,
        min_temp=59,
        max_temp=86,
        expected_kw=1.8,
        rank=7,
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (load,) = entry.get_subentries_of_type("load")
    assert load.title == "Den"
    assert load.data["limits"] == {"offset": 2.5, "min_temp": 15.0, "max_temp": 30.0}
    assert load.data["expected_kw"] == 1.8
    assert load.data["rank"] == 7

    entity_registry.async_update_entity(climate.entity_id, new_entity_id="climate.renamed")
    result = await change(hass, entry, load.subentry_id)
    shown = suggested(result)
    assert shown == {
        "climate": "climate.renamed",
        "name": "Den",
        "meter_ids": [METER_ID],
        "offset": 4.5,
        "min_temp": 59.0,
        "max_temp": 86.0,
        "expected_kw": 1.8,
        "rank": 7,
    }


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"climate": "climate.without_unique_id"}, {"climate": "no_unique_id"}),
        ({"climate": "climate.other_fan"}, {"climate": "no_target_temperature"}),
        ({"climate": "climate.other_presets"}, {"climate": "only_presets"}),
        ({"climate": "climate.other_used_elsewhere"}, {"climate": "entity_in_use"}),
        ({"meter_ids": []}, {"meter_ids": "meter_required"}),
        ({"meter_ids": [OTHER_METER_ID, METER_ID]}, {"meter_ids": "device_meter_taken"}),
        ({"offset": 0}, {"offset": "offset_not_positive"}),
        ({"offset": -1}, {"offset": "offset_not_positive"}),
        ({"min_temp": 25, "max_temp": 20}, {"min_temp": "min_above_max"}),
        ({"min_temp": 36}, {"min_temp": "min_above_max"}),
    ],
)
async def test_mistakes(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, changes: dict[str, Any], errors: dict[str, str]
) -> None:
    """Each mistake is told at its field, and the same form succeeds once it is mended."""
    good = thermostat(entity_registry)
    hass.states.async_set("climate.without_unique_id", "heat", {"supported_features": 1})
    thermostat(entity_registry, "fan", ClimateEntityFeature.FAN_MODE)
    thermostat(entity_registry, "presets", ClimateEntityFeature.PRESET_MODE)
    used = thermostat(entity_registry, "used_elsewhere")
    entry = build_entry(
        subentries=[
            meter_subentry(),
            meter_subentry(OTHER_METER_ID, subentry_id=OTHER_SUBENTRY_ID, meter_type="DEVICE"),
            load_subentry("its-own", meter_ids=[OTHER_METER_ID]),
        ]
    )
    entry.add_to_hass(hass)
    build_entry(
        entry_id="other", data={"webhook_id": "other"}, subentries=[load_subentry(used.id, meter_ids=["elsewhere"])]
    ).add_to_hass(hass)

    result = await add_load(hass, entry, "thermostat")
    result = await fill(hass, result, **{"climate": good.entity_id, "name": "Mine", **changes})
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "thermostat")
    assert result["errors"] == errors
    assert suggested(result)["name"] == "Mine"

    result = await fill(hass, result, climate=good.entity_id)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_change_a_load(hass: HomeAssistant, entity_registry: er.EntityRegistry) -> None:
    """A load keeps its thermostat, device meter and id, and what the form doesn't show; another's thermostat is refused."""
    mine, other = thermostat(entity_registry), thermostat(entity_registry, "bedroom")
    entry = build_entry(
        subentries=[
            meter_subentry(meter_type="DEVICE"),
            meter_subentry(OTHER_METER_ID, subentry_id=METER_SUBENTRY_ID[:-1] + "1"),
            load_subentry(mine.id, external_change="adopt", restore_window_minutes=15),
            load_subentry(other.id, subentry_id=OTHER_SUBENTRY_ID, meter_ids=[OTHER_METER_ID]),
        ]
    )
    entry.add_to_hass(hass)
    result = await change(hass, entry, LOAD_SUBENTRY_ID)

    result = await fill(hass, result, climate=other.entity_id)
    assert result["errors"] == {"climate": "entity_in_use"}
    result = await fill(hass, result, climate=mine.entity_id, offset=3, rank=9)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    load = entry.subentries[LOAD_SUBENTRY_ID]
    assert load.title == "Hallway"
    assert load.data["limits"]["offset"] == 3
    assert [load.data[key] for key in ("rank", "external_change", "restore_window_minutes")] == [9, "adopt", 15]
    assert "expected_kw" not in load.data


async def test_change_a_load_whose_thermostat_is_gone(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, entry: MockConfigEntry
) -> None:
    """A thermostat that was removed is asked for anew; limits never given stay empty."""
    gone = build_entry(
        entry_id="gone",
        data={"webhook_id": "gone"},
        subentries=[meter_subentry("m"), load_subentry("gone", limits={"offset": 2})],
    )
    gone.add_to_hass(hass)
    result = await change(hass, gone, LOAD_SUBENTRY_ID)
    assert not {"climate", "min_temp", "max_temp"} & suggested(result).keys()
    result = await fill(hass, result, climate=thermostat(entity_registry).entity_id, meter_ids=["m"])
    assert result["reason"] == "reconfigure_successful"


async def test_load_needs_a_meter(hass: HomeAssistant) -> None:
    """Without a meter there is nothing to stand behind."""
    entry = build_entry(subentries=[])
    entry.add_to_hass(hass)
    result = await choose_kind(hass, entry)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_meters")


async def test_meter_settings(hass: HomeAssistant) -> None:
    """Settings of a meter are kept beside what Leap says of it."""
    entry = build_entry(subentries=[meter_subentry(transmission_region="CAISO")])
    entry.add_to_hass(hass)
    before = dict(entry.subentries[METER_SUBENTRY_ID].data)
    for chosen in ("skip", "join"):
        result = await change(hass, entry, METER_SUBENTRY_ID)
        assert result["step_id"] == "reconfigure"
        assert result["description_placeholders"] == {"meter": "home-0042"}
        assert suggested(result) == {"voluntary_default": "join" if chosen == "skip" else "skip"}
        result = await hass.config_entries.subentries.async_configure(result["flow_id"], {"voluntary_default": chosen})
        assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
        assert dict(entry.subentries[METER_SUBENTRY_ID].data) == before | {"voluntary_default": chosen}


async def test_forms_show_only_what_has_an_effect(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """A field that nothing reads is worse than none."""
    shown = (await add_load(hass, entry, "thermostat"))["data_schema"].schema
    assert {str(key) for key in shown} == {
        "climate",
        "name",
        "meter_ids",
        "offset",
        "min_temp",
        "max_temp",
        "expected_kw",
        "rank",
    }
    shown = (await change(hass, entry, METER_SUBENTRY_ID))["data_schema"].schema
    assert {str(key) for key in shown} == {"voluntary_default"}
