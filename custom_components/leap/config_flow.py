"""Config flow: credentials tried, meters chosen, and how Leap is reached changed later."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryData,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from . import cloudhook
from .address import async_describe_address
from .const import (
    CONF_API_KEY,
    CONF_BASE_URL,
    CONF_COMMUNICATION_TEST,
    CONF_ENVIRONMENT,
    CONF_METER_IDS,
    CONF_MODE,
    CONF_PUSH,
    CONF_RELAY_TOKEN,
    CONF_RELAY_URL,
    CONF_WEBHOOK_ID,
    CONF_WEBHOOK_SECRET,
    DOMAIN,
    CommunicationTestMode,
    Environment,
    Mode,
    PushMode,
    SubentryType,
)
from .coordinator import LeapConfigEntry
from .flow_access import FlowError, async_try, searching_client
from .flow_data import (
    CREDENTIAL,
    PLACE,
    account_data,
    changed_data,
    check_complete,
    check_unique,
    entry_title,
    followed_by,
    new_secret,
    new_webhook,
    reach,
    relay_data,
)
from .flow_meters import (
    FILTER_SCHEMA,
    IDS_SELECTOR,
    MeterPicker,
    meter_subentry,
    parse_meter_ids,
    typed_subentry,
)
from .options_flow import LeapOptionsFlow
from .subentry_flow import LoadSubentryFlow, MeterSubentryFlow

CONF_NEW_SECRET = "new_secret"

PASSWORD = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))
URL_TEXT = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))
ENVIRONMENT = SelectSelector(
    SelectSelectorConfig(options=[each.value for each in Environment], translation_key="environment")
)

API_KEY_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_ENVIRONMENT, default=Environment.PRODUCTION.value): ENVIRONMENT,
        vol.Optional(CONF_BASE_URL): URL_TEXT,
        vol.Required(CONF_API_KEY): PASSWORD,
    }
)
RELAY_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_METER_IDS): IDS_SELECTOR,
        vol.Optional(CONF_RELAY_URL): URL_TEXT,
        vol.Optional(CONF_RELAY_TOKEN): PASSWORD,
    }
)
RECONFIGURE_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_ENVIRONMENT): ENVIRONMENT,
        vol.Optional(CONF_BASE_URL): URL_TEXT,
        vol.Optional(CONF_API_KEY): PASSWORD,
        vol.Required(CONF_NEW_SECRET, default=False): BooleanSelector(),
    }
)
RECONFIGURE_RELAY_SCHEMA = vol.Schema(
    {
        vol.Optional(CONF_RELAY_URL): URL_TEXT,
        vol.Optional(CONF_RELAY_TOKEN): PASSWORD,
        vol.Required(CONF_NEW_SECRET, default=False): BooleanSelector(),
    }
)


class LeapConfigFlow(ConfigFlow, domain=DOMAIN):
    """Set an entry up, or change how it reaches Leap."""

    VERSION = 1
    MINOR_VERSION = 1

    _data: dict[str, Any]
    _meters: MeterPicker
    _subentries: list[ConfigSubentryData]
    _offered: str | None = None

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: LeapConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what can be added to an entry."""
        return {SubentryType.METER.value: MeterSubentryFlow, SubentryType.LOAD.value: LoadSubentryFlow}

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: LeapConfigEntry) -> OptionsFlow:
        """Return the flow of the preferences."""
        return LeapOptionsFlow()

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask how this home reaches Leap."""
        return self.async_show_menu(step_id="user", menu_options=["api_key", "relay"])

    async def async_step_api_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the key of an account, and try it."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                data = account_data(user_input)
                check_complete(data)
                self._async_abort_entries_match(data)
                await async_try(self.hass, data, ())
            except FlowError as err:
                errors[err.field] = err.key
            else:
                self._data, self._meters = data, MeterPicker(self.hass, searching_client(self.hass, data))
                return await self.async_step_filter()
        return self._form("api_key", API_KEY_SCHEMA, user_input, errors)

    async def async_step_filter(
        self, user_input: dict[str, Any] | None = None, errors: dict[str, str] | None = None
    ) -> ConfigFlowResult:
        """Narrow the account's meters down before they are listed."""
        errors = errors or {}
        if user_input is not None:
            try:
                await self._meters.async_find(user_input)
            except FlowError as err:
                errors[err.field] = err.key
            else:
                return await self.async_step_meters()
        return self._form("filter", FILTER_SCHEMA, user_input, errors, self._meters.placeholders)

    async def async_step_meters(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose this home's meters; choosing none leads back to the filter."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                chosen = self._meters.choose(user_input[CONF_METER_IDS])
            except FlowError as err:
                errors[err.field] = err.key
                if err.key == "none_chosen":
                    return await self.async_step_filter(errors=errors)
            else:
                self._async_abort_entries_match(self._data)
                self._subentries = [meter_subentry(meter) for meter in chosen]
                return await self._async_create(PushMode.OFF)
        return self._form("meters", self._meters.schema(), user_input, errors, self._meters.placeholders)

    async def async_step_relay(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the meters an installer's server posts about, and where it can be asked."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                meter_ids = parse_meter_ids(self.hass, user_input[CONF_METER_IDS])
                data = relay_data(user_input)
                check_complete(data)
                await async_try(self.hass, data, meter_ids)
            except FlowError as err:
                errors[err.field] = err.key
            else:
                self._data = data | new_webhook()
                self._offered = self._data[CONF_WEBHOOK_ID]
                self._subentries = [typed_subentry(meter_id) for meter_id in meter_ids]
                return await self.async_step_address()
        return self._form("relay", RELAY_SCHEMA, user_input, errors)

    async def async_step_address(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show where dispatches are to be posted, and the secret that goes with them."""
        if user_input is None:
            step_id, placeholders = await async_describe_address(self.hass, self._data)
            return self.async_show_form(step_id=step_id, description_placeholders=placeholders, last_step=True)
        if self.source == SOURCE_RECONFIGURE:
            return self._save(self._get_reconfigure_entry(), self._data)
        return await self._async_create(PushMode.MANUAL)

    async def async_step_address_missing(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go on without an address to post to."""
        return await self.async_step_address(user_input)

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Ask for the credential that is no longer accepted."""
        if entry_data[CONF_MODE] == Mode.RELAY:
            return await self.async_step_reauth_relay()
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a new API key."""
        return await self._async_reauth("reauth_confirm", CONF_API_KEY, user_input)

    async def async_step_reauth_relay(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a new token of the relay's."""
        return await self._async_reauth("reauth_relay", CONF_RELAY_TOKEN, user_input)

    async def _async_reauth(self, step_id: str, credential: str, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        """Try a new credential, then keep it."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            data = {**entry.data, credential: user_input[credential].strip()}
            try:
                check_unique(self.hass, entry, data)
                await async_try(self.hass, data, followed_by(entry))
            except FlowError as err:
                errors[err.field] = err.key
            else:
                return self._save(entry, data)
        return self._form(step_id, vol.Schema({vol.Required(credential): PASSWORD}), None, errors)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change how Leap is reached; a relay has a form of its own."""
        if self._get_reconfigure_entry().data[CONF_MODE] == Mode.RELAY:
            return await self.async_step_reconfigure_relay(user_input)
        return await self._async_reconfigure("reconfigure", RECONFIGURE_SCHEMA, user_input)

    async def async_step_reconfigure_relay(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change how a relay is reached."""
        return await self._async_reconfigure("reconfigure_relay", RECONFIGURE_RELAY_SCHEMA, user_input)

    async def _async_reconfigure(
        self, step_id: str, schema: vol.Schema, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        """Try what was changed, show the address where someone has to be told, then keep it."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                data = changed_data(entry, user_input)
                if reach(data) != reach(entry.data):
                    check_unique(self.hass, entry, data)
                    await async_try(self.hass, data, followed_by(entry))
            except FlowError as err:
                errors[err.field] = err.key
            else:
                if user_input[CONF_NEW_SECRET]:
                    data[CONF_WEBHOOK_SECRET] = new_secret()
                if entry.options.get(CONF_PUSH) != PushMode.MANUAL:
                    return self._save(entry, data)
                self._data = data
                return await self.async_step_address()
        place = PLACE[entry.data[CONF_MODE]]
        known = {key: entry.data[key] for key in place if key in entry.data}
        return self._form(step_id, schema, known if user_input is None else user_input, errors)

    @callback
    @override
    def async_remove(self) -> None:
        """Take back the cloud's hook that was shown for an entry nobody made."""
        if self._offered is not None:
            self.hass.async_create_task(cloudhook.async_delete(self.hass, self._offered))

    @callback
    def _form(
        self,
        step_id: str,
        schema: vol.Schema,
        values: Mapping[str, Any] | None,
        errors: dict[str, str],
        placeholders: Mapping[str, str] | None = None,
    ) -> ConfigFlowResult:
        """Show a form with what was entered before; a credential is never shown again."""
        shown = {key: value for key, value in (values or {}).items() if key not in CREDENTIAL.values()}
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def _async_create(self, push: PushMode) -> ConfigFlowResult:
        """Create the entry together with its meters."""
        self._offered = None
        data = new_webhook() | self._data
        await self.async_set_unique_id(data[CONF_WEBHOOK_ID])
        return self.async_create_entry(
            title=entry_title(data),
            data=data,
            options={CONF_PUSH: push.value, CONF_COMMUNICATION_TEST: CommunicationTestMode.LOG.value},
            subentries=self._subentries,
        )

    @callback
    def _save(self, entry: LeapConfigEntry, data: dict[str, Any]) -> ConfigFlowResult:
        """Keep changed data; the entry's own listener reloads it, where there is one and a change."""
        changed, listened = data != entry.data, bool(entry.update_listeners)
        title = entry_title(data) if entry.title == entry_title(entry.data) else entry.title
        result = self.async_update_and_abort(entry, data=data, title=title)
        retry = not changed and self.source == SOURCE_REAUTH
        if retry or (changed and not listened):
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return result
