"""Tests of setting an entry up: every refusal is told, and followed by a success in the same flow."""

from typing import Any
from unittest.mock import AsyncMock, patch

from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest

from custom_components.leap.api.client import PRODUCTION_URL, STAGING_URL
from custom_components.leap.api.models import Meter
from custom_components.leap.const import DOMAIN
from tests.builders import API_KEY, METER_ID, OTHER_METER_ID, build_entry, meter_subentry

from .conftest import DEVICE_METER_ID, REFUSALS, Leap

pytestmark = pytest.mark.usefixtures("setup_entry")

ACCOUNT = {"environment": "production", "api_key": API_KEY}
RELAY_URL = "https://relay.example.com/leap"


async def begin(hass: HomeAssistant, mode: str) -> ConfigFlowResult:
    """Start a flow and choose the mode."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == ["api_key", "relay"]
    return await submit(hass, result, {"next_step_id": mode})


async def submit(hass: HomeAssistant, result: ConfigFlowResult, user_input: dict[str, Any]) -> ConfigFlowResult:
    """Fill a form in."""
    return await hass.config_entries.flow.async_configure(result["flow_id"], user_input)


def labels(result: ConfigFlowResult) -> dict[str, str]:
    """Return the meters on offer, by id."""
    assert result["data_schema"] is not None
    selector = result["data_schema"].schema["meter_ids"]
    return {option["value"]: option["label"] for option in selector.config["options"]}


async def test_account_with_two_meters(hass: HomeAssistant, leap: Leap, setup_entry: AsyncMock) -> None:
    """The key is tried, meters are searched and chosen, and entry and subentries come at once."""
    result = await begin(hass, "api_key")
    assert (result["step_id"], result["errors"]) == ("api_key", {})

    result = await submit(hass, result, {**ACCOUNT, "api_key": f" {API_KEY} "})
    assert result["step_id"] == "filter"
    tried = leap.client.search_meter_dispatches.await_args.kwargs
    assert tried["meter_ids"] == [METER_ID]
    assert tried["start"] < tried["end"]
    assert leap.made.call_args.args[2] == PRODUCTION_URL

    result = await submit(hass, result, {})
    assert result["step_id"] == "meters"
    assert result["description_placeholders"] == {"count": "3", "limit": "500"}
    assert labels(result) == {
        METER_ID: "home-0042 · Utility meter · pilot, north · 5b0c1f3e",
        OTHER_METER_ID: "Submeter · 7d9e2a10",
        DEVICE_METER_ID: "Acme Cell 10 · Device · pilot · 0f6d2b7c",
    }

    result = await submit(hass, result, {"meter_ids": [METER_ID, OTHER_METER_ID]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Leap"
    entry = result["result"]
    secret, webhook_id = entry.data["webhook_secret"], entry.data["webhook_id"]
    assert len(secret) >= 43
    assert len(webhook_id) == 64
    assert entry.unique_id == webhook_id
    assert dict(entry.data) == {
        "mode": "api_key",
        "environment": "production",
        "api_key": API_KEY,
        "webhook_id": webhook_id,
        "webhook_secret": secret,
    }
    assert dict(entry.options) == {"push": "off", "communication_test": "log"}
    assert [(each.title, each.unique_id, dict(each.data)) for each in entry.subentries.values()] == [
        (
            "home-0042",
            METER_ID,
            {"meter_id": METER_ID, "meter_type": "UTILITY_METER", "transmission_region": "CAISO"},
        ),
        ("Submeter 7d9e2a10", OTHER_METER_ID, {"meter_id": OTHER_METER_ID, "meter_type": "SUBMETER"}),
    ]
    await hass.async_block_till_done()
    assert len(setup_entry.mock_calls) == 1


@pytest.mark.parametrize(("refusal", "error"), REFUSALS)
@pytest.mark.parametrize("call", ["search_meters", "search_meter_dispatches"])
async def test_refused_account(hass: HomeAssistant, leap: Leap, call: str, refusal: Exception, error: str) -> None:
    """Whatever Leap refuses is told in the form, and the same flow succeeds afterwards."""
    result = await begin(hass, "api_key")
    asked = getattr(leap.client, call)
    normal, asked.side_effect = asked.side_effect, refusal
    result = await submit(hass, result, ACCOUNT)
    assert (result["step_id"], result["errors"]) == ("api_key", {"base": error})

    asked.side_effect = normal
    result = await submit(hass, result, ACCOUNT)
    result = await submit(hass, result, {})
    result = await submit(hass, result, {"meter_ids": [METER_ID]})
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_refusals_show_no_credential_again(hass: HomeAssistant, leap: Leap) -> None:
    """A form shown anew suggests what was entered, but not the key."""
    result = await begin(hass, "api_key")
    leap.client.search_meters.side_effect = REFUSALS[0][0]
    result = await submit(hass, result, {**ACCOUNT, "environment": "staging"})
    assert result["data_schema"] is not None
    suggested = {str(key): key.description for key in result["data_schema"].schema}
    assert suggested["environment"] == {"suggested_value": "staging"}
    assert suggested["api_key"] is None
    assert leap.made.call_args.args[2] == STAGING_URL


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "http://api.example.com",
        "http://192.168.1.20:8080",
        "ftp://localhost",
        "https://",
        "https://user:word@api.example.com",
        "https://api.example.com?key=1",
        "https://api.example.com#part",
        "https://[half",
    ],
)
async def test_base_url_that_cannot_be_used(hass: HomeAssistant, leap: Leap, url: str) -> None:
    """A custom environment needs https, but on this very machine; nothing is sent elsewhere."""
    result = await begin(hass, "api_key")
    custom = {**ACCOUNT, "environment": "custom"}
    result = await submit(hass, result, custom | ({"base_url": url} if url else {}))
    assert result["errors"] == {"base_url": "invalid_url"}
    assert not leap.made.called

    result = await submit(hass, result, custom | {"base_url": "https://api.example.com/leap/"})
    assert result["step_id"] == "filter"
    assert leap.made.call_args.args[2] == "https://api.example.com/leap"


@pytest.mark.parametrize("host", ["127.0.0.1:8099", "localhost:8099", "[::1]:8099"])
async def test_sandbox_on_this_machine(hass: HomeAssistant, leap: Leap, host: str) -> None:
    """Plain http is good enough within one machine."""
    result = await begin(hass, "api_key")
    result = await submit(hass, result, {**ACCOUNT, "environment": "custom", "base_url": f"http://{host}"})
    result = await submit(hass, result, {})
    result = await submit(hass, result, {"meter_ids": [METER_ID]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["base_url"] == f"http://{host}"
    assert result["title"].startswith("Leap ")


async def test_key_of_nothing_but_spaces(hass: HomeAssistant, leap: Leap) -> None:
    """A key must be there."""
    result = await begin(hass, "api_key")
    result = await submit(hass, result, {**ACCOUNT, "api_key": "  "})
    assert result["errors"] == {"api_key": "api_key_required"}
    result = await submit(hass, result, ACCOUNT)
    assert result["step_id"] == "filter"


async def test_same_key_twice(hass: HomeAssistant, leap: Leap) -> None:
    """One key and environment make one entry; the same key elsewhere makes another."""
    build_entry(subentries=[]).add_to_hass(hass)
    result = await begin(hass, "api_key")
    result = await submit(hass, result, {"environment": "staging", "api_key": API_KEY})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")

    result = await submit(hass, await begin(hass, "api_key"), ACCOUNT)
    assert result["step_id"] == "filter"


async def test_same_key_in_two_flows(hass: HomeAssistant, leap: Leap) -> None:
    """Of two flows with one key, the second to finish is turned away."""
    flows = []
    for _ in range(2):
        result = await submit(hass, await begin(hass, "api_key"), ACCOUNT)
        flows.append(await submit(hass, result, {}))
    first = await submit(hass, flows[0], {"meter_ids": [METER_ID]})
    assert first["type"] is FlowResultType.CREATE_ENTRY
    second = await submit(hass, flows[1], {"meter_ids": [OTHER_METER_ID]})
    assert (second["type"], second["reason"]) == (FlowResultType.ABORT, "already_configured")


async def test_filter(hass: HomeAssistant, leap: Leap) -> None:
    """Tag and partner reference narrow the list; nothing found is told at the filter."""
    result = await submit(hass, await begin(hass, "api_key"), ACCOUNT)
    result = await submit(hass, result, {"tag": "south"})
    assert (result["step_id"], result["errors"]) == ("filter", {"base": "no_meters"})

    result = await submit(hass, result, {"tag": " pilot "})
    assert set(labels(result)) == {METER_ID, DEVICE_METER_ID}

    result = await submit(hass, result, {"meter_ids": []})
    assert (result["step_id"], result["errors"]) == ("filter", {"base": "none_chosen"})

    result = await submit(hass, result, {"partner_reference": "home-0042"})
    assert set(labels(result)) == {METER_ID}
    search = leap.client.search_meters.await_args
    assert search.kwargs == {"limit": 500}
    assert search.args[0].exclude_archived is True

    result = await submit(hass, result, {"meter_ids": [METER_ID]})
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(("refusal", "error"), REFUSALS)
async def test_refused_meter_list(hass: HomeAssistant, leap: Leap, refusal: Exception, error: str) -> None:
    """A failure while meters are listed is told at the filter, which then works."""
    result = await submit(hass, await begin(hass, "api_key"), ACCOUNT)
    leap.client.search_meters.side_effect = refusal
    result = await submit(hass, result, {})
    assert (result["step_id"], result["errors"]) == ("filter", {"base": error})
    leap.client.search_meters.side_effect = leap.search
    result = await submit(hass, result, {})
    assert result["step_id"] == "meters"


async def test_followed_meters_are_not_offered(hass: HomeAssistant, leap: Leap) -> None:
    """A meter that any entry follows is left out, however its id is written."""
    build_entry(subentries=[meter_subentry(METER_ID.upper())]).add_to_hass(hass)
    result = await submit(hass, await begin(hass, "api_key"), ACCOUNT)
    result = await submit(hass, result, {"partner_reference": "home-0042"})
    assert result["errors"] == {"base": "all_followed"}
    result = await submit(hass, result, {})
    assert set(labels(result)) == {OTHER_METER_ID, DEVICE_METER_ID}


async def test_meter_taken_meanwhile(hass: HomeAssistant, leap: Leap) -> None:
    """A meter that another entry took while the list was open is refused; the others can still be chosen."""
    result = await submit(hass, await begin(hass, "api_key"), ACCOUNT)
    result = await submit(hass, result, {})
    build_entry().add_to_hass(hass)
    result = await submit(hass, result, {"meter_ids": [METER_ID, OTHER_METER_ID]})
    assert (result["step_id"], result["errors"]) == ("meters", {"meter_ids": "meter_followed"})
    result = await submit(hass, result, {"meter_ids": [OTHER_METER_ID]})
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_meter_that_was_not_offered(hass: HomeAssistant, leap: Leap) -> None:
    """Only what is on the list can be chosen."""
    result = await submit(hass, await begin(hass, "api_key"), ACCOUNT)
    result = await submit(hass, result, {"tag": "pilot"})
    with pytest.raises(InvalidData):
        await submit(hass, result, {"meter_ids": [OTHER_METER_ID]})


async def test_account_without_meters(hass: HomeAssistant, leap: Leap) -> None:
    """An empty account passes the key's test, dispatch permission included, and says so at the filter."""
    leap.meters = []
    result = await submit(hass, await begin(hass, "api_key"), ACCOUNT)
    assert leap.client.search_meter_dispatches.await_args.kwargs["meter_ids"] == []
    result = await submit(hass, result, {})
    assert result["errors"] == {"base": "no_meters"}
    leap.meters = [Meter(meter_id=METER_ID, meter_type="NEW_TYPE")]
    result = await submit(hass, result, {})
    assert labels(result) == {METER_ID: "NEW_TYPE · 5b0c1f3e"}


async def test_push_only_relay(hass: HomeAssistant, leap: Leap) -> None:
    """A relay needs ids alone; address and secret for the installer are shown before the entry exists."""
    await async_process_ha_core_config(hass, {"external_url": "https://home.example.com"})
    result = await begin(hass, "relay")
    typed = f"{METER_ID.upper()},\n {OTHER_METER_ID.replace('-', '')} ; {METER_ID}"
    result = await submit(hass, result, {"meter_ids": typed})
    assert result["step_id"] == "address"
    told = result["description_placeholders"]
    assert told is not None
    assert hass.config_entries.async_entries(DOMAIN) == []

    result = await submit(hass, result, {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Leap relay"
    data = result["data"]
    assert told == {
        "url": f"https://home.example.com/api/webhook/{data['webhook_id']}",
        "header": "x-leap-webhook-secret",
        "secret": data["webhook_secret"],
    }
    assert set(data) == {"mode", "webhook_id", "webhook_secret"}
    assert result["options"] == {"push": "manual", "communication_test": "log"}
    followed = [dict(each.data) for each in result["result"].subentries.values()]
    assert followed == [
        {"meter_id": METER_ID, "meter_type": "UTILITY_METER"},
        {"meter_id": OTHER_METER_ID, "meter_type": "UTILITY_METER"},
    ]
    assert not leap.made.called


@pytest.mark.parametrize(("refusal", "error"), REFUSALS)
async def test_refused_relay(hass: HomeAssistant, leap: Leap, refusal: Exception, error: str) -> None:
    """A relay that can be asked is asked once; what it refuses is told, and the same flow succeeds."""
    relay = {"meter_ids": METER_ID, "relay_url": RELAY_URL, "relay_token": "token"}
    leap.client.search_meter_dispatches.side_effect = refusal
    result = await submit(hass, await begin(hass, "relay"), relay)
    assert (result["step_id"], result["errors"]) == ("relay", {"base": error})

    leap.client.search_meter_dispatches.side_effect = None
    result = await submit(hass, result, relay)
    assert leap.client.search_meter_dispatches.await_args.kwargs["meter_ids"] == [METER_ID]
    assert leap.made.call_args.args[2] == RELAY_URL
    assert not leap.client.search_meters.called
    result = await submit(hass, result, {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["relay_url"] == RELAY_URL
    assert result["data"]["relay_token"] == "token"


@pytest.mark.parametrize(
    ("user_input", "errors"),
    [
        ({"meter_ids": "home-0042"}, {"meter_ids": "invalid_meter_id"}),
        ({"meter_ids": f"{OTHER_METER_ID} x"}, {"meter_ids": "invalid_meter_id"}),
        ({"meter_ids": " , "}, {"meter_ids": "invalid_meter_id"}),
        ({"meter_ids": f"{METER_ID} {OTHER_METER_ID}"}, {"meter_ids": "meter_followed"}),
        ({"meter_ids": OTHER_METER_ID, "relay_url": RELAY_URL}, {"relay_token": "token_required"}),
        ({"meter_ids": OTHER_METER_ID, "relay_token": "token"}, {"relay_url": "relay_url_required"}),
        (
            {"meter_ids": OTHER_METER_ID, "relay_url": "http://relay.example.com", "relay_token": "token"},
            {"relay_url": "invalid_url"},
        ),
    ],
)
async def test_relay_form(hass: HomeAssistant, leap: Leap, user_input: dict[str, str], errors: dict[str, str]) -> None:
    """Each mistake in the form is told at its field."""
    build_entry().add_to_hass(hass)
    result = await submit(hass, await begin(hass, "relay"), user_input)
    assert (result["step_id"], result["errors"]) == ("relay", errors)
    assert not leap.made.called
    result = await submit(hass, result, {"meter_ids": OTHER_METER_ID})
    assert result["step_id"] == "address_missing"


async def test_relay_without_an_external_address(hass: HomeAssistant, leap: Leap) -> None:
    """A missing address is said, and keeps nobody from going on."""
    result = await submit(hass, await begin(hass, "relay"), {"meter_ids": METER_ID})
    assert result["step_id"] == "address_missing"
    told = result["description_placeholders"]
    assert told is not None
    result = await submit(hass, result, {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert told["url"] == f"/api/webhook/{result['data']['webhook_id']}"


@pytest.mark.parametrize(("hook", "step_id"), [("https://hooks.example.com/abc", "address"), (None, "address_missing")])
@pytest.mark.parametrize("finished", [True, False])
async def test_relay_with_a_cloud_subscription(
    hass: HomeAssistant, leap: Leap, hook: str | None, step_id: str, finished: bool
) -> None:
    """The cloud's hook is what the installer is told, if there is one; a flow given up takes it back."""
    with (
        patch("custom_components.leap.cloudhook.subscribed", return_value=True),
        patch("custom_components.leap.cloudhook.async_url", return_value=hook) as asked,
        patch("custom_components.leap.cloudhook.async_delete") as deleted,
    ):
        result = await submit(hass, await begin(hass, "relay"), {"meter_ids": METER_ID})
        assert result["step_id"] == step_id
        assert result["description_placeholders"] is not None
        assert hook is None or result["description_placeholders"]["url"] == hook
        if finished:
            result = await submit(hass, result, {})
            assert result["type"] is FlowResultType.CREATE_ENTRY
        else:
            hass.config_entries.flow.async_abort(result["flow_id"])
        await hass.async_block_till_done()
        webhook_id = asked.call_args.args[1]
        assert [call.args[1] for call in deleted.call_args_list] == ([] if finished else [webhook_id])
