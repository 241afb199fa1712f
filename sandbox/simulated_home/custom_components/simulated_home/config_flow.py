"""Config flow of the simulated home: an import of the YAML configuration."""

from typing import Any

from homeassistant.config_entries import ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_URL

from .const import DOMAIN


class SimulatedHomeConfigFlow(ConfigFlow, domain=DOMAIN):
    """Takes the home's address."""

    async def async_step_import(self, import_data: dict[str, Any]) -> ConfigFlowResult:
        """Make the entry, or move it to the home's new address."""
        await self.async_set_unique_id(DOMAIN)
        self._abort_if_unique_id_configured(updates={CONF_URL: import_data[CONF_URL]})
        return self.async_create_entry(title="Simulated home", data=import_data)
