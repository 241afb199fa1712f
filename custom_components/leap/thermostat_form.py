"""The form of a thermostat load: shown in the home's units, stored in the contract's."""

from collections.abc import Mapping, Sequence
from typing import Any

from homeassistant.components.climate.const import (
    ATTR_MAX_TEMP,
    ATTR_MIN_TEMP,
    DOMAIN as CLIMATE_DOMAIN,
    ClimateEntityFeature,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import UnitOfTemperature
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.util.unit_conversion import TemperatureDeltaConverter
import voluptuous as vol

from .const import CONF_LIMITS, CONF_MAX_TEMP, CONF_MIN_TEMP, CONF_OFFSET, LoadKind
from .flow_access import FlowError
from .load_form import load_data, load_schema, load_shown, number_box, registered_entity, to_kept, to_shown

ROLE_CLIMATE = "climate"

DEFAULT_OFFSET = 2.0
TARGET = ClimateEntityFeature.TARGET_TEMPERATURE | ClimateEntityFeature.TARGET_TEMPERATURE_RANGE


@callback
def schema(hass: HomeAssistant, meters: Sequence[ConfigSubentry]) -> vol.Schema:
    """Build the form."""
    unit = hass.config.units.temperature_unit
    offset = TemperatureDeltaConverter.convert(DEFAULT_OFFSET, UnitOfTemperature.CELSIUS, unit)
    limits = {
        vol.Required(CONF_OFFSET, default=round(offset, 1)): number_box(unit, step=0.1),
        vol.Optional(CONF_MIN_TEMP): number_box(unit, step=0.5),
        vol.Optional(CONF_MAX_TEMP): number_box(unit, step=0.5),
    }
    return load_schema(ROLE_CLIMATE, CLIMATE_DOMAIN, meters, limits)


@callback
def shown(hass: HomeAssistant, load: ConfigSubentry) -> dict[str, Any]:
    """Return a load as the form shows it."""
    limits = load.data[CONF_LIMITS]
    unit = hass.config.units.temperature_unit
    offset = TemperatureDeltaConverter.convert(limits[CONF_OFFSET], UnitOfTemperature.CELSIUS, unit)
    temperatures = {key: to_shown(hass, limits[key]) for key in (CONF_MIN_TEMP, CONF_MAX_TEMP) if key in limits}
    return load_shown(hass, load, ROLE_CLIMATE) | {CONF_OFFSET: round(offset, 2)} | temperatures


@callback
def read(
    hass: HomeAssistant, user_input: Mapping[str, Any], changed: ConfigSubentry | None
) -> tuple[str, dict[str, Any]]:
    """Return title and data of the thermostat that was entered."""
    entity = _registered_climate(hass, user_input[ROLE_CLIMATE])
    return load_data(
        hass,
        user_input,
        changed,
        kind=LoadKind.THERMOSTAT,
        role=ROLE_CLIMATE,
        entity=entity,
        limits=_limits(hass, user_input, entity),
    )


def _registered_climate(hass: HomeAssistant, entity_id: str) -> er.RegistryEntry:
    """Return the registry's entry of a thermostat that takes a target."""
    entity = registered_entity(hass, entity_id, ROLE_CLIMATE)
    features = entity.supported_features
    if not features & TARGET:
        only_presets = features & ClimateEntityFeature.PRESET_MODE
        raise FlowError("only_presets" if only_presets else "no_target_temperature", ROLE_CLIMATE)
    return entity


def _limits(hass: HomeAssistant, user_input: Mapping[str, Any], entity: er.RegistryEntry) -> dict[str, float]:
    """Return offset in K and limits in °C; what was left empty is the thermostat's own."""
    unit = hass.config.units.temperature_unit
    if user_input[CONF_OFFSET] <= 0:
        raise FlowError("offset_not_positive", CONF_OFFSET)
    limits = {
        CONF_OFFSET: round(
            TemperatureDeltaConverter.convert(user_input[CONF_OFFSET], unit, UnitOfTemperature.CELSIUS), 4
        )
    }
    state = hass.states.get(entity.entity_id)
    own = {**(entity.capabilities or {}), **(state.attributes if state else {})}
    for key, attribute in ((CONF_MIN_TEMP, ATTR_MIN_TEMP), (CONF_MAX_TEMP, ATTR_MAX_TEMP)):
        if (value := user_input.get(key, own.get(attribute))) is not None:
            limits[key] = to_kept(hass, value)
    if CONF_MIN_TEMP in limits and CONF_MAX_TEMP in limits and limits[CONF_MIN_TEMP] > limits[CONF_MAX_TEMP]:
        raise FlowError("min_above_max", CONF_MIN_TEMP)
    return limits
