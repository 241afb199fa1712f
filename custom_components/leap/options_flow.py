"""Options flow: how dispatches are pushed, and what communication tests do."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import SelectSelector, SelectSelectorConfig, SelectSelectorMode
import voluptuous as vol

from .address import async_describe_address
from .const import (
    CONF_COMMUNICATION_TEST,
    CONF_MODE,
    CONF_PUSH,
    CommunicationTestMode,
    Mode,
    PushMode,
)


def _select(key: str, values: type[PushMode | CommunicationTestMode]) -> SelectSelector:
    """Offer values by their translated names."""
    return SelectSelector(
        SelectSelectorConfig(
            options=[value.value for value in values], translation_key=key, mode=SelectSelectorMode.LIST
        )
    )


TEST_MODE = vol.Required(CONF_COMMUNICATION_TEST, default=CommunicationTestMode.LOG.value)
TEST_MODES = _select(CONF_COMMUNICATION_TEST, CommunicationTestMode)
RELAY_SCHEMA = vol.Schema({TEST_MODE: TEST_MODES})
SCHEMA = vol.Schema(
    {
        vol.Required(CONF_PUSH, default=PushMode.OFF.value): _select(CONF_PUSH, PushMode),
        TEST_MODE: TEST_MODES,
    }
)


class LeapOptionsFlow(OptionsFlow):
    """Change an entry's preferences; the entry's own listener applies them live."""

    _options: dict[str, Any]

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for them; whoever pushes by hand is shown the address. A relay always does, and has it already."""
        options = self.config_entry.options
        if user_input is None:
            relay = self.config_entry.data[CONF_MODE] == Mode.RELAY
            schema = self.add_suggested_values_to_schema(RELAY_SCHEMA if relay else SCHEMA, options)
            return self.async_show_form(step_id="relay" if relay else "init", data_schema=schema)
        self._options = {**options, **user_input}
        if user_input.get(CONF_PUSH) == PushMode.MANUAL and options.get(CONF_PUSH) != PushMode.MANUAL:
            return await self.async_step_address()
        return self.async_create_entry(data=self._options)

    async def async_step_relay(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a relay's preferences."""
        return await self.async_step_init(user_input)

    async def async_step_address(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show where dispatches are to be posted, and the secret that goes with them."""
        if user_input is None:
            step_id, placeholders = await async_describe_address(self.hass, self.config_entry.data)
            return self.async_show_form(step_id=step_id, description_placeholders=placeholders, last_step=True)
        return self.async_create_entry(data=self._options)

    async def async_step_address_missing(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go on without an address to post to."""
        return await self.async_step_address(user_input)
