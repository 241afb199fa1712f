"""Subentry flows: more meters, and the loads behind them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigSubentry,
    ConfigSubentryData,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
)
import voluptuous as vol

from . import switch_form, thermostat_form, water_heater_form
from .const import (
    CONF_KIND,
    CONF_METER_IDS,
    CONF_MODE,
    CONF_VOLUNTARY_DEFAULT,
    LoadKind,
    Mode,
    SubentryType,
    VoluntaryDefault,
)
from .flow_access import FlowError, searching_client
from .flow_meters import (
    FILTER_SCHEMA,
    MeterPicker,
    meter_subentry,
    parse_meter_ids,
    typed_subentry,
)
from .load_form import LoadForm

FORMS: Mapping[LoadKind, LoadForm] = {
    LoadKind.THERMOSTAT: thermostat_form,
    LoadKind.SWITCH: switch_form,
    LoadKind.WATER_HEATER: water_heater_form,
}
ID_SCHEMA = vol.Schema({vol.Required(CONF_METER_IDS): TextSelector()})
METER_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_VOLUNTARY_DEFAULT, default=VoluntaryDefault.JOIN.value): SelectSelector(
            SelectSelectorConfig(
                options=[each.value for each in VoluntaryDefault], translation_key=CONF_VOLUNTARY_DEFAULT
            )
        ),
    }
)


class MeterSubentryFlow(ConfigSubentryFlow):
    """Follow more meters, or change how a followed one is treated."""

    _meters: MeterPicker

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Look meters up at Leap; a relay's are typed in."""
        entry = self._get_entry()
        if entry.data[CONF_MODE] == Mode.RELAY:
            return await self.async_step_relay()
        self._meters = MeterPicker(self.hass, searching_client(self.hass, entry.data))
        return await self.async_step_filter()

    async def async_step_relay(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for the ids a relay posts about."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                meter_ids = parse_meter_ids(self.hass, user_input[CONF_METER_IDS])
            except FlowError as err:
                errors[err.field] = err.key
            else:
                return self._follow([typed_subentry(meter_id) for meter_id in meter_ids])
        return self.async_show_form(
            step_id="relay",
            data_schema=self.add_suggested_values_to_schema(ID_SCHEMA, user_input),
            errors=errors,
        )

    async def async_step_filter(
        self, user_input: dict[str, Any] | None = None, errors: dict[str, str] | None = None
    ) -> SubentryFlowResult:
        """Narrow the account's meters down before they are listed."""
        errors = errors or {}
        if user_input is not None:
            try:
                await self._meters.async_find(user_input)
            except FlowError as err:
                errors[err.field] = err.key
            else:
                return await self.async_step_meters()
        return self.async_show_form(
            step_id="filter",
            data_schema=self.add_suggested_values_to_schema(FILTER_SCHEMA, user_input),
            errors=errors,
            description_placeholders=self._meters.placeholders,
        )

    async def async_step_meters(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose meters; choosing none leads back to the filter."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                chosen = self._meters.choose(user_input[CONF_METER_IDS])
            except FlowError as err:
                errors[err.field] = err.key
                if err.key == "none_chosen":
                    return await self.async_step_filter(errors=errors)
            else:
                return self._follow([meter_subentry(meter) for meter in chosen])
        return self.async_show_form(
            step_id="meters",
            data_schema=self.add_suggested_values_to_schema(self._meters.schema(), user_input),
            errors=errors,
            description_placeholders=self._meters.placeholders,
        )

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change what happens at a followed meter."""
        subentry = self._get_reconfigure_subentry()
        if user_input is not None:
            return self.async_update_and_abort(self._get_entry(), subentry, data_updates=user_input)
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(METER_SCHEMA, subentry.data),
            description_placeholders={"meter": subentry.title},
        )

    def _follow(self, chosen: list[ConfigSubentryData]) -> SubentryFlowResult:
        """Add the chosen meters; a flow itself creates one subentry, so the others go first."""
        *others, last = chosen
        for other in others:
            self.hass.config_entries.async_add_subentry(
                self._get_entry(),
                ConfigSubentry(
                    data=MappingProxyType(other["data"]),
                    subentry_type=other["subentry_type"],
                    title=other["title"],
                    unique_id=other["unique_id"],
                ),
            )
        return self.async_create_entry(title=last["title"], data=last["data"], unique_id=last["unique_id"])


class LoadSubentryFlow(ConfigSubentryFlow):
    """Add a device that answers dispatches, or change how it does."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask which kind of load it is."""
        if not self._get_entry().get_subentries_of_type(SubentryType.METER):
            return self.async_abort(reason="no_meters")
        return self.async_show_menu(step_id="user", menu_options=[*FORMS])

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change a load by the form it was made with."""
        kind = self._get_reconfigure_subentry().data[CONF_KIND]
        if kind not in FORMS:
            return self.async_abort(reason="unknown_kind")
        return self._fill_in(LoadKind(kind), None)

    async def async_step_thermostat(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for a thermostat, its meters and its limits."""
        return self._fill_in(LoadKind.THERMOSTAT, user_input)

    async def async_step_switch(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for something that is on or off, and its meters."""
        return self._fill_in(LoadKind.SWITCH, user_input)

    async def async_step_water_heater(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for a water heater, its meters and what an event does to it."""
        return self._fill_in(LoadKind.WATER_HEATER, user_input)

    def _fill_in(self, kind: LoadKind, user_input: dict[str, Any] | None) -> SubentryFlowResult:
        """Show the form of a kind of load, and take what was entered."""
        form = FORMS[kind]
        changed = self._get_reconfigure_subentry() if self.source == SOURCE_RECONFIGURE else None
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                title, data = form.read(self.hass, user_input, changed)
            except FlowError as err:
                errors[err.field] = err.key
            else:
                if changed is None:
                    return self.async_create_entry(title=title, data=data)
                return self.async_update_and_abort(self._get_entry(), changed, title=title, data=data)
        elif changed is not None:
            user_input = form.shown(self.hass, changed)
        meters = self._get_entry().get_subentries_of_type(SubentryType.METER)
        return self.async_show_form(
            step_id=kind.value,
            data_schema=self.add_suggested_values_to_schema(form.schema(self.hass, list(meters)), user_input),
            errors=errors,
        )
