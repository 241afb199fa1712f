"""The form of a water heater load: an operation mode or a temperature for the event."""

from collections.abc import Mapping, Sequence
from typing import Any

from homeassistant.components.water_heater import (
    ATTR_OPERATION_LIST,
    DOMAIN as WATER_HEATER_DOMAIN,
    WaterHeaterEntityFeature,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import SelectSelector, SelectSelectorConfig, SelectSelectorMode
import voluptuous as vol

from .const import CONF_EVENT_MODE, CONF_EVENT_TEMP, CONF_LIMITS, CONF_MAX_OFF_MINUTES, CONF_MIN_TEMP, LoadKind
from .flow_access import FlowError
from .load_form import (
    load_data,
    load_schema,
    load_shown,
    minutes_box,
    minutes_limit,
    number_box,
    registered_entity,
    to_kept,
    to_shown,
)

ROLE_WATER_HEATER = "water_heater"

MODE_OR_TARGET = WaterHeaterEntityFeature.OPERATION_MODE | WaterHeaterEntityFeature.TARGET_TEMPERATURE


@callback
def schema(hass: HomeAssistant, meters: Sequence[ConfigSubentry]) -> vol.Schema:
    """Build the form; it offers the modes of all water heaters, as the chosen one isn't known yet."""
    unit = hass.config.units.temperature_unit
    heaters = [each for each in er.async_get(hass).entities.values() if each.domain == WATER_HEATER_DOMAIN]
    modes = sorted({mode for heater in heaters for mode in _modes(hass, heater)})
    mode = SelectSelectorConfig(options=modes, custom_value=True, mode=SelectSelectorMode.DROPDOWN)
    limits: dict[vol.Marker, Any] = {
        vol.Optional(CONF_EVENT_MODE): SelectSelector(mode),
        vol.Optional(CONF_EVENT_TEMP): number_box(unit, step=0.5),
        vol.Optional(CONF_MIN_TEMP): number_box(unit, step=0.5),
        vol.Optional(CONF_MAX_OFF_MINUTES): minutes_box(),
    }
    return load_schema(ROLE_WATER_HEATER, WATER_HEATER_DOMAIN, meters, limits)


@callback
def shown(hass: HomeAssistant, load: ConfigSubentry) -> dict[str, Any]:
    """Return a load as the form shows it."""
    limits = load.data[CONF_LIMITS]
    values = load_shown(hass, load, ROLE_WATER_HEATER)
    if CONF_EVENT_MODE in limits:
        values[CONF_EVENT_MODE] = limits[CONF_EVENT_MODE]
    return values | {key: to_shown(hass, limits[key]) for key in (CONF_EVENT_TEMP, CONF_MIN_TEMP) if key in limits}


@callback
def read(
    hass: HomeAssistant, user_input: Mapping[str, Any], changed: ConfigSubentry | None
) -> tuple[str, dict[str, Any]]:
    """Return title and data of the water heater that was entered."""
    entity = registered_entity(hass, user_input[ROLE_WATER_HEATER], ROLE_WATER_HEATER)
    if not entity.supported_features & MODE_OR_TARGET:
        raise FlowError("no_mode_or_target", ROLE_WATER_HEATER)
    return load_data(
        hass,
        user_input,
        changed,
        kind=LoadKind.WATER_HEATER,
        role=ROLE_WATER_HEATER,
        entity=entity,
        limits=_limits(hass, user_input, entity),
    )


def _limits(hass: HomeAssistant, user_input: Mapping[str, Any], entity: er.RegistryEntry) -> dict[str, float | str]:
    """Return what the event asks of the water heater; temperatures in °C."""
    mode, target = user_input.get(CONF_EVENT_MODE), user_input.get(CONF_EVENT_TEMP)
    if mode and target is not None:
        raise FlowError("mode_and_temperature", CONF_EVENT_TEMP)
    limits = minutes_limit(user_input)
    if mode:
        if mode not in _modes(hass, entity):
            raise FlowError("mode_not_offered", CONF_EVENT_MODE)
        limits[CONF_EVENT_MODE] = mode
    elif target is not None:
        if not entity.supported_features & WaterHeaterEntityFeature.TARGET_TEMPERATURE:
            raise FlowError("heater_takes_no_target", CONF_EVENT_TEMP)
        limits[CONF_EVENT_TEMP] = to_kept(hass, target)
    else:
        raise FlowError("mode_or_temperature", CONF_EVENT_MODE)
    if (coldest := user_input.get(CONF_MIN_TEMP)) is not None:
        if target is not None and coldest > target:
            raise FlowError("min_above_event", CONF_MIN_TEMP)
        limits[CONF_MIN_TEMP] = to_kept(hass, coldest)
    return limits


def _modes(hass: HomeAssistant, entity: er.RegistryEntry) -> list[str]:
    """Return the operation modes a water heater offers, as its state says or else the registry."""
    state = hass.states.get(entity.entity_id)
    own = {**(entity.capabilities or {}), **(state.attributes if state else {})}
    return list(own.get(ATTR_OPERATION_LIST) or ())
