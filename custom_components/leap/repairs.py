"""Repairs the user can carry out: another's push URL, and a former value found too late."""

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .coordinator import LeapConfigEntry
from .curtailment.actuator import async_get_actuator

type IssueData = dict[str, str | int | float | None]


class ForeignWebhookFlow(RepairsFlow):
    """Ask before another's push URL at Leap is replaced by ours."""

    def __init__(self, entry_id: str, title: str) -> None:
        """Name the entry."""
        self._entry_id = entry_id
        self._title = title

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Replace on the user's word."""
        if user_input is None:
            return self.async_show_form(step_id="confirm", description_placeholders={"title": self._title})
        entry: LeapConfigEntry | None = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        try:
            await entry.runtime_data.push.async_replace_foreign()
        except HomeAssistantError:
            return self.async_abort(reason="cannot_register")
        return self.async_create_entry(data={})


class OldUndoFlow(RepairsFlow):
    """Offer the former value of a device whose event ended long ago."""

    def __init__(self, registry_id: str, placeholders: dict[str, str]) -> None:
        """Name the entity's registry id; the placeholders tell the former value."""
        self._registry_id = registry_id
        self._placeholders = placeholders

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Offer both ways."""
        return self.async_show_menu(
            step_id="init", menu_options=["restore", "dismiss"], description_placeholders=self._placeholders
        )

    async def async_step_restore(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Put the former value back."""
        actuator = await async_get_actuator(self.hass)
        await actuator.async_restore_old(self._registry_id)
        return self.async_create_entry(data={})

    async def async_step_dismiss(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Leave the device as it is."""
        actuator = await async_get_actuator(self.hass)
        await actuator.async_dismiss_old(self._registry_id)
        return self.async_create_entry(data={})


async def async_create_fix_flow(hass: HomeAssistant, issue_id: str, data: IssueData | None) -> RepairsFlow:
    """Choose the flow of an issue."""
    data = data or {}
    if issue_id.startswith("foreign_webhook"):
        return ForeignWebhookFlow(str(data.get("entry_id")), str(data.get("title")))
    if issue_id.startswith("old_undo"):
        texts = {key: str(value) for key, value in data.items() if key != "registry_id"}
        return OldUndoFlow(str(data.get("registry_id")), texts)
    return ConfirmRepairFlow()
