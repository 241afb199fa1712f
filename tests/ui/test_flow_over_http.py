"""Tests of the flow against a running sandbox: real requests, real refusals, a large account."""

from collections.abc import AsyncIterator
from typing import Any

from aiohttp.test_utils import TestServer
from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.leap.const import DOMAIN
from sandbox.server import create_app
from sandbox.state import FULL_KEY, SandboxState

pytestmark = pytest.mark.usefixtures("setup_entry", "socket_enabled")


@pytest.fixture
async def account() -> SandboxState:
    """Build an account of more meters than one list shows."""
    return SandboxState(meters=700)


@pytest.fixture
async def url(account: SandboxState, socket_enabled: None) -> AsyncIterator[str]:
    """Run the sandbox."""
    async with TestServer(create_app(account)) as server:
        yield str(server.make_url("")).rstrip("/")


async def submit(hass: HomeAssistant, result: ConfigFlowResult, user_input: dict[str, Any]) -> ConfigFlowResult:
    """Fill a form in."""
    return await hass.config_entries.flow.async_configure(result["flow_id"], user_input)


async def test_account(hass: HomeAssistant, account: SandboxState, url: str) -> None:
    """Keys without a permission are refused, a good one lists 500 meters, and a tag or a reference fewer."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    result = await submit(hass, result, {"next_step_id": "api_key"})
    for key in ("sandbox-key-revoked", "sandbox-key-meters-only", "sandbox-key-dispatch-only"):
        result = await submit(hass, result, {"environment": "custom", "base_url": url, "api_key": key})
        assert result["errors"] == {"base": "permission"}
    result = await submit(hass, result, {"environment": "custom", "base_url": url, "api_key": FULL_KEY})
    assert result["step_id"] == "filter"

    result = await submit(hass, result, {})
    assert result["description_placeholders"] == {"count": "500", "limit": "500"}
    result = await submit(hass, result, {"meter_ids": []})
    wanted = next(meter for meter in account.meters.values() if meter.get("partner_reference") and meter.get("tags"))
    result = await submit(hass, result, {"tag": wanted["tags"][0], "partner_reference": wanted["partner_reference"]})
    assert result["step_id"] == "meters"
    result = await submit(hass, result, {"meter_ids": [wanted["meter_id"]]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (meter,) = result["result"].subentries.values()
    assert meter.title == wanted["partner_reference"]
    assert meter.data["meter_type"] == wanted["meter_type"]


async def test_an_address_that_is_not_leap(hass: HomeAssistant, url: str) -> None:
    """A path that leads nowhere is told apart from no answer at all."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    result = await submit(hass, result, {"next_step_id": "api_key"})
    result = await submit(hass, result, {"environment": "custom", "base_url": f"{url}/nowhere", "api_key": FULL_KEY})
    assert result["errors"] == {"base": "unexpected_answer"}
    result = await submit(hass, result, {"environment": "custom", "base_url": url, "api_key": FULL_KEY})
    assert result["step_id"] == "filter"
