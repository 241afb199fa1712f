"""Repairs the user can carry out."""

from typing import Any
from unittest.mock import AsyncMock, MagicMock

from homeassistant.components.repairs import ConfirmRepairFlow
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.leap.api.errors import LeapConnectionError
from custom_components.leap.api.models import Webhook
from custom_components.leap.const import CONF_PUSH, DOMAIN, PushMode
from custom_components.leap.repairs import async_create_fix_flow
from tests.builders import ENTRY_ID, build_entry

from .conftest import settle

FOREIGN = Webhook(url="https://someone.example.com/hook")
ISSUE = f"foreign_webhook_{ENTRY_ID}"


async def set_up(hass: HomeAssistant) -> MockConfigEntry:
    """Load an entry that registers its push URL."""
    await hass.config.async_update(external_url="https://home.example.com")
    entry = build_entry(options={CONF_PUSH: PushMode.REGISTER})
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    return entry


async def fix(hass: HomeAssistant, data: Any, issue: str = ISSUE) -> Any:
    """Begin a fix flow."""
    flow = await async_create_fix_flow(hass, issue, data)
    flow.hass = hass
    return flow


async def test_a_foreign_url_is_replaced_on_the_user_s_word(
    hass: HomeAssistant, client: MagicMock, issue_registry: ir.IssueRegistry
) -> None:
    """And only then."""
    client.get_webhook.return_value = FOREIGN
    entry = await set_up(hass)
    issue = issue_registry.async_get_issue(DOMAIN, ISSUE)
    assert issue is not None
    assert issue.is_fixable
    flow = await fix(hass, issue.data)
    form = await flow.async_step_init()
    assert form["type"] is FlowResultType.FORM
    client.put_webhook.assert_not_awaited()
    done = await flow.async_step_confirm({})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    client.put_webhook.assert_awaited_once()
    assert entry.runtime_data.push.registered is True
    assert entry.runtime_data.push.foreign is False
    assert issue_registry.async_get_issue(DOMAIN, ISSUE) is None


async def test_a_failed_replacement_can_be_tried_again(hass: HomeAssistant, client: MagicMock) -> None:
    """The flow ends with a reason; a second one succeeds."""
    client.get_webhook.return_value = FOREIGN
    await set_up(hass)
    client.put_webhook.side_effect = LeapConnectionError("gone")
    flow = await fix(hass, {"entry_id": ENTRY_ID})
    assert (await flow.async_step_confirm({}))["reason"] == "cannot_register"
    client.put_webhook.side_effect = None
    assert (await flow.async_step_confirm({}))["type"] is FlowResultType.CREATE_ENTRY


async def test_an_entry_that_is_gone_can_t_be_fixed(hass: HomeAssistant) -> None:
    """Nor one that is not loaded."""
    flow = await fix(hass, None)
    assert (await flow.async_step_confirm({}))["reason"] == "entry_not_loaded"


async def test_a_former_value_is_restored_or_left(hass: HomeAssistant, actuator: AsyncMock) -> None:
    """As the user chooses."""
    data = {"registry_id": "abc", "name": "Hallway", "value": "21.5"}
    flow = await fix(hass, data, "old_undo_abc")
    menu = await flow.async_step_init()
    assert menu["type"] is FlowResultType.MENU
    assert menu["menu_options"] == ["restore", "dismiss"]
    assert menu["description_placeholders"] == {"name": "Hallway", "value": "21.5"}
    assert (await flow.async_step_restore())["type"] is FlowResultType.CREATE_ENTRY
    actuator.async_restore_old.assert_awaited_once_with("abc")
    assert (await flow.async_step_dismiss())["type"] is FlowResultType.CREATE_ENTRY
    actuator.async_dismiss_old.assert_awaited_once_with("abc")


async def test_other_issues_are_just_confirmed(hass: HomeAssistant) -> None:
    """Home Assistant's own flow serves them."""
    assert isinstance(await fix(hass, None, "something"), ConfirmRepairFlow)
