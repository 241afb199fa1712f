"""The form of a thermostat load: shown in the home's units, stored in the contract's."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from homeassistant.components.climate.const import (
    ATTR_MAX_TEMP,
    ATTR_MIN_TEMP,
    DOMAIN as CLIMATE_DOMAIN,
    ClimateEntityFeature,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_NAME, UnitOfPower, UnitOfTemperature
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    EntityWithDeviceFilterSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.util.unit_conversion import TemperatureConverter, TemperatureDeltaConverter
import voluptuous as vol

from .const import (
    CONF_ENTITIES,
    CONF_EXPECTED_KW,
    CONF_EXTERNAL_CHANGE,
    CONF_KIND,
    CONF_LIMITS,
    CONF_MAX_TEMP,
    CONF_METER_ID,
    CONF_METER_IDS,
    CONF_METER_TYPE,
    CONF_MIN_TEMP,
    CONF_OFFSET,
    CONF_RANK,
    DOMAIN,
    ExternalChange,
    LoadKind,
    MeterType,
    SubentryType,
)
from .flow_access import FlowError

ROLE_CLIMATE = "climate"

DEFAULT_OFFSET = 2.0
DEFAULT_RANK = 50
TARGET = ClimateEntityFeature.TARGET_TEMPERATURE | ClimateEntityFeature.TARGET_TEMPERATURE_RANGE


@callback
def schema(hass: HomeAssistant, meters: Sequence[ConfigSubentry]) -> vol.Schema:
    """Build the form."""
    unit = hass.config.units.temperature_unit
    offset = TemperatureDeltaConverter.convert(DEFAULT_OFFSET, UnitOfTemperature.CELSIUS, unit)
    only_meter = [meters[0].data[CONF_METER_ID]] if len(meters) == 1 else []
    return vol.Schema(
        {
            vol.Required(ROLE_CLIMATE): EntitySelector(
                EntitySelectorConfig(filter=EntityWithDeviceFilterSelectorConfig(domain=CLIMATE_DOMAIN))
            ),
            vol.Optional(CONF_NAME): TextSelector(),
            vol.Required(CONF_METER_IDS, default=only_meter): _meters(meters),
            vol.Required(CONF_OFFSET, default=round(offset, 1)): _number(unit, step=0.1),
            vol.Optional(CONF_MIN_TEMP): _number(unit, step=0.5),
            vol.Optional(CONF_MAX_TEMP): _number(unit, step=0.5),
            vol.Optional(CONF_EXPECTED_KW): _number(UnitOfPower.KILO_WATT, step="any", least=0),
            vol.Required(CONF_RANK, default=DEFAULT_RANK): _number(step=1, least=0),
        }
    )


def _number(unit: str | None = None, *, step: Any, least: float | None = None) -> NumberSelector:
    """Make a box for a number."""
    config = NumberSelectorConfig(mode=NumberSelectorMode.BOX, step=step)
    if unit is not None:
        config["unit_of_measurement"] = unit
    if least is not None:
        config["min"] = least
    return NumberSelector(config)


def _meters(meters: Sequence[ConfigSubentry]) -> SelectSelector:
    """Offer the entry's meters."""
    options = [SelectOptionDict(value=each.data[CONF_METER_ID], label=each.title) for each in meters]
    return SelectSelector(SelectSelectorConfig(options=options, multiple=True, mode=SelectSelectorMode.LIST))


@callback
def shown(hass: HomeAssistant, load: ConfigSubentry) -> dict[str, Any]:
    """Return a load as the form shows it."""
    data, limits = load.data, load.data[CONF_LIMITS]
    unit = hass.config.units.temperature_unit
    values: dict[str, Any] = {CONF_NAME: load.title, CONF_METER_IDS: data[CONF_METER_IDS]}
    if registered := er.async_get(hass).async_get(data[CONF_ENTITIES][ROLE_CLIMATE]):
        values[ROLE_CLIMATE] = registered.entity_id
    values[CONF_OFFSET] = round(
        TemperatureDeltaConverter.convert(limits[CONF_OFFSET], UnitOfTemperature.CELSIUS, unit), 2
    )
    for key in (CONF_MIN_TEMP, CONF_MAX_TEMP):
        if key in limits:
            values[key] = round(TemperatureConverter.convert(limits[key], UnitOfTemperature.CELSIUS, unit), 2)
    values |= {key: data[key] for key in (CONF_EXPECTED_KW, CONF_RANK) if key in data}
    return values


@callback
def read(
    hass: HomeAssistant, user_input: Mapping[str, Any], changed: ConfigSubentry | None
) -> tuple[str, dict[str, Any]]:
    """Return title and data of the load that was entered; what the form doesn't show of a changed one is kept."""
    entity = _registered_climate(hass, user_input[ROLE_CLIMATE])
    others = [load for load in _loads(hass) if changed is None or load.subentry_id != changed.subentry_id]
    if any(entity.id in load.data[CONF_ENTITIES].values() for load in others):
        raise FlowError("entity_in_use", ROLE_CLIMATE)
    meter_ids: list[str] = user_input[CONF_METER_IDS]
    if not meter_ids:
        raise FlowError("meter_required", CONF_METER_IDS)
    taken = {meter_id for load in others for meter_id in load.data[CONF_METER_IDS]}
    if taken & _device_meters(hass) & set(meter_ids):
        raise FlowError("device_meter_taken", CONF_METER_IDS)
    kept = {key: value for key, value in changed.data.items() if key != CONF_EXPECTED_KW} if changed else {}
    data: dict[str, Any] = {
        CONF_EXTERNAL_CHANGE: ExternalChange.OPT_OUT.value,
        **kept,
        CONF_METER_IDS: meter_ids,
        CONF_KIND: LoadKind.THERMOSTAT.value,
        CONF_ENTITIES: {ROLE_CLIMATE: entity.id},
        CONF_LIMITS: _limits(hass, user_input, entity),
        CONF_RANK: int(user_input[CONF_RANK]),
    }
    if CONF_EXPECTED_KW in user_input:
        data[CONF_EXPECTED_KW] = user_input[CONF_EXPECTED_KW]
    return user_input.get(CONF_NAME, "").strip() or _name(hass, entity), data


def _registered_climate(hass: HomeAssistant, entity_id: str) -> er.RegistryEntry:
    """Return the registry's entry of a thermostat that takes a target."""
    entity = er.async_get(hass).async_get(entity_id)
    if entity is None:
        raise FlowError("no_unique_id", ROLE_CLIMATE)
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
            limits[key] = round(TemperatureConverter.convert(value, unit, UnitOfTemperature.CELSIUS), 4)
    if CONF_MIN_TEMP in limits and CONF_MAX_TEMP in limits and limits[CONF_MIN_TEMP] > limits[CONF_MAX_TEMP]:
        raise FlowError("min_above_max", CONF_MIN_TEMP)
    return limits


def _loads(hass: HomeAssistant) -> Iterator[ConfigSubentry]:
    """Go through the loads of all entries."""
    for entry in hass.config_entries.async_entries(DOMAIN):
        yield from entry.get_subentries_of_type(SubentryType.LOAD)


def _device_meters(hass: HomeAssistant) -> set[str]:
    """Return the meters that stand for one device each."""
    return {
        meter.data[CONF_METER_ID]
        for entry in hass.config_entries.async_entries(DOMAIN)
        for meter in entry.get_subentries_of_type(SubentryType.METER)
        if meter.data.get(CONF_METER_TYPE, "").upper() == MeterType.DEVICE
    }


def _name(hass: HomeAssistant, entity: er.RegistryEntry) -> str:
    """Name a load by its entity."""
    if state := hass.states.get(entity.entity_id):
        return state.name
    return entity.name or entity.original_name or entity.entity_id
