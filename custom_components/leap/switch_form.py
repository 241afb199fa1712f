"""The form of a switch load: whatever is on or off and carries a load."""

from collections.abc import Mapping, Sequence
from typing import Any

from homeassistant.components.fan import DOMAIN as FAN_DOMAIN, FanEntityFeature
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
import voluptuous as vol

from .const import CONF_MAX_OFF_MINUTES, DOMAIN, LoadKind
from .flow_access import FlowError
from .load_form import load_data, load_schema, load_shown, minutes_box, minutes_limit, registered_entity

ROLE_SWITCH = "switch"

DOMAINS = ["switch", "fan", "humidifier", "light", "input_boolean"]
ON_AND_OFF = FanEntityFeature.TURN_ON | FanEntityFeature.TURN_OFF


@callback
def schema(hass: HomeAssistant, meters: Sequence[ConfigSubentry]) -> vol.Schema:
    """Build the form."""
    return load_schema(ROLE_SWITCH, DOMAINS, meters, {vol.Optional(CONF_MAX_OFF_MINUTES): minutes_box()})


@callback
def shown(hass: HomeAssistant, load: ConfigSubentry) -> dict[str, Any]:
    """Return a load as the form shows it."""
    return load_shown(hass, load, ROLE_SWITCH)


@callback
def read(
    hass: HomeAssistant, user_input: Mapping[str, Any], changed: ConfigSubentry | None
) -> tuple[str, dict[str, Any]]:
    """Return title and data of the switch that was entered."""
    return load_data(
        hass,
        user_input,
        changed,
        kind=LoadKind.SWITCH,
        role=ROLE_SWITCH,
        entity=_registered_switch(hass, user_input[ROLE_SWITCH]),
        limits=minutes_limit(user_input),
    )


def _registered_switch(hass: HomeAssistant, entity_id: str) -> er.RegistryEntry:
    """Return the registry's entry of a switch that can carry a load."""
    entity = registered_entity(hass, entity_id, ROLE_SWITCH)
    if entity.platform == DOMAIN:
        raise FlowError("own_switch", ROLE_SWITCH)
    if entity.entity_category is not None:
        raise FlowError("setting_not_load", ROLE_SWITCH)
    if entity.domain == FAN_DOMAIN and entity.supported_features & ON_AND_OFF != ON_AND_OFF:
        raise FlowError("cannot_turn_off", ROLE_SWITCH)
    return entity
