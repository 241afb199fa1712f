"""What the forms of all kinds of loads share: name, meters, when the load's turn comes, and whose the entity is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_NAME, UnitOfPower, UnitOfTemperature, UnitOfTime
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
from homeassistant.util.unit_conversion import TemperatureConverter
import voluptuous as vol

from .const import (
    CONF_ENTITIES,
    CONF_EXPECTED_KW,
    CONF_EXTERNAL_CHANGE,
    CONF_KIND,
    CONF_LIMITS,
    CONF_MAX_OFF_MINUTES,
    CONF_METER_ID,
    CONF_METER_IDS,
    CONF_METER_TYPE,
    CONF_RANK,
    DOMAIN,
    ExternalChange,
    LoadKind,
    MeterType,
    SubentryType,
)
from .flow_access import FlowError

DEFAULT_RANK = 50


class LoadForm(Protocol):
    """A module with the form of one kind of load."""

    def schema(self, hass: HomeAssistant, meters: Sequence[ConfigSubentry]) -> vol.Schema:
        """Build the form."""

    def shown(self, hass: HomeAssistant, load: ConfigSubentry) -> dict[str, Any]:
        """Return a load as the form shows it."""

    def read(
        self, hass: HomeAssistant, user_input: Mapping[str, Any], changed: ConfigSubentry | None
    ) -> tuple[str, dict[str, Any]]:
        """Return title and data of the load that was entered; FlowError if it can't be one."""


@callback
def load_schema(
    role: str, domains: str | list[str], meters: Sequence[ConfigSubentry], limits: Mapping[vol.Marker, Any]
) -> vol.Schema:
    """Build the form of a load with one entity."""
    only_meter = [meters[0].data[CONF_METER_ID]] if len(meters) == 1 else []
    return vol.Schema(
        {
            vol.Required(role): EntitySelector(
                EntitySelectorConfig(filter=EntityWithDeviceFilterSelectorConfig(domain=domains))
            ),
            vol.Optional(CONF_NAME): TextSelector(),
            vol.Required(CONF_METER_IDS, default=only_meter): _meters(meters),
            **limits,
            vol.Optional(CONF_EXPECTED_KW): number_box(UnitOfPower.KILO_WATT, step="any", least=0),
            vol.Required(CONF_RANK, default=DEFAULT_RANK): number_box(step=1, least=0),
        }
    )


def number_box(unit: str | None = None, *, step: Any, least: float | None = None) -> NumberSelector:
    """Make a box for a number."""
    config = NumberSelectorConfig(mode=NumberSelectorMode.BOX, step=step)
    if unit is not None:
        config["unit_of_measurement"] = unit
    if least is not None:
        config["min"] = least
    return NumberSelector(config)


def minutes_box() -> NumberSelector:
    """Make a box for the longest time a load may be off."""
    return number_box(UnitOfTime.MINUTES, step=1, least=1)


def _meters(meters: Sequence[ConfigSubentry]) -> SelectSelector:
    """Offer the entry's meters."""
    options = [SelectOptionDict(value=each.data[CONF_METER_ID], label=each.title) for each in meters]
    return SelectSelector(SelectSelectorConfig(options=options, multiple=True, mode=SelectSelectorMode.LIST))


@callback
def load_shown(hass: HomeAssistant, load: ConfigSubentry, role: str) -> dict[str, Any]:
    """Return what every form shows of a load."""
    data = load.data
    values: dict[str, Any] = {CONF_NAME: load.title, CONF_METER_IDS: data[CONF_METER_IDS]}
    if registered := er.async_get(hass).async_get(data[CONF_ENTITIES][role]):
        values[role] = registered.entity_id
    if (minutes := data[CONF_LIMITS].get(CONF_MAX_OFF_MINUTES)) is not None:
        values[CONF_MAX_OFF_MINUTES] = minutes
    return values | {key: data[key] for key in (CONF_EXPECTED_KW, CONF_RANK) if key in data}


@callback
def registered_entity(hass: HomeAssistant, entity_id: str, role: str) -> er.RegistryEntry:
    """Return the registry's entry of an entity."""
    if (entity := er.async_get(hass).async_get(entity_id)) is None:
        raise FlowError("no_unique_id", role)
    return entity


@callback
def load_data(
    hass: HomeAssistant,
    user_input: Mapping[str, Any],
    changed: ConfigSubentry | None,
    *,
    kind: LoadKind,
    role: str,
    entity: er.RegistryEntry,
    limits: Mapping[str, float | str],
) -> tuple[str, dict[str, Any]]:
    """Return title and data of the load that was entered; what the form doesn't show of a changed one is kept."""
    others = [load for load in _loads(hass) if changed is None or load.subentry_id != changed.subentry_id]
    if any(entity.id in load.data[CONF_ENTITIES].values() for load in others):
        raise FlowError("entity_in_use", role)
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
        CONF_KIND: kind.value,
        CONF_ENTITIES: {role: entity.id},
        CONF_LIMITS: dict(limits),
        CONF_RANK: int(user_input[CONF_RANK]),
    }
    if CONF_EXPECTED_KW in user_input:
        data[CONF_EXPECTED_KW] = user_input[CONF_EXPECTED_KW]
    return user_input.get(CONF_NAME, "").strip() or _name(hass, entity), data


def minutes_limit(user_input: Mapping[str, Any]) -> dict[str, float | str]:
    """Return the longest time off, if there is one."""
    minutes = user_input.get(CONF_MAX_OFF_MINUTES)
    return {} if minutes is None else {CONF_MAX_OFF_MINUTES: int(minutes)}


def to_kept(hass: HomeAssistant, value: float) -> float:
    """Return a temperature of the form in °C."""
    unit = hass.config.units.temperature_unit
    return round(TemperatureConverter.convert(value, unit, UnitOfTemperature.CELSIUS), 4)


def to_shown(hass: HomeAssistant, value: float) -> float:
    """Return a kept temperature in the home's unit."""
    unit = hass.config.units.temperature_unit
    return round(TemperatureConverter.convert(value, UnitOfTemperature.CELSIUS, unit), 2)


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
