"""Tests of what can be changed later: credentials, environment, secret and preferences."""

from typing import Any
from unittest.mock import AsyncMock

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.leap.api.client import PRODUCTION_URL
from custom_components.leap.const import DOMAIN, Mode
from tests.builders import API_KEY, METER_ID, OTHER_METER_ID, WEBHOOK_ID, WEBHOOK_SECRET, build_entry, meter_subentry

from .conftest import REFUSALS, Leap

pytestmark = pytest.mark.usefixtures("setup_entry")

RELAY_URL = "https://relay.example.com"
SEARCHABLE = {"relay_url": RELAY_URL, "relay_token": "old-token"}


async def submit(hass: HomeAssistant, result: ConfigFlowResult, user_input: dict[str, Any]) -> ConfigFlowResult:
    """Fill a form in."""
    return await hass.config_entries.flow.async_configure(result["flow_id"], user_input)


def suggested(result: ConfigFlowResult) -> dict[str, Any]:
    """Return what a form shows as already filled in."""
    assert result["data_schema"] is not None
    keys = result["data_schema"].schema
    return {str(key): key.description["suggested_value"] for key in keys if key.description}


async def loaded(hass: HomeAssistant, **kwargs: Any) -> MockConfigEntry:
    """Set an entry up."""
    entry = build_entry(**kwargs)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    return entry


# Reauthentication


@pytest.mark.parametrize(("refusal", "error"), REFUSALS)
async def test_new_key(hass: HomeAssistant, leap: Leap, setup_entry: AsyncMock, refusal: Exception, error: str) -> None:
    """A new key is tried; a refused one is told, a good one kept and put to use."""
    entry = await loaded(hass)
    result = await entry.start_reauth_flow(hass)
    assert result["step_id"] == "reauth_confirm"
    assert result["description_placeholders"] == {"name": "Leap"}

    leap.client.search_meter_dispatches.side_effect = refusal
    result = await submit(hass, result, {"api_key": "new"})
    assert (result["step_id"], result["errors"]) == ("reauth_confirm", {"base": error})
    assert suggested(result) == {}
    assert entry.data["api_key"] == API_KEY

    leap.client.search_meter_dispatches.side_effect = None
    before = dict(entry.data)
    result = await submit(hass, result, {"api_key": " new "})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    assert dict(entry.data) == before | {"api_key": "new"}
    await hass.async_block_till_done()
    assert setup_entry.await_count == 2


async def test_same_key_again(hass: HomeAssistant, leap: Leap, setup_entry: AsyncMock) -> None:
    """An unchanged key that is accepted again restarts the entry all the same."""
    entry = await loaded(hass)
    result = await submit(hass, await entry.start_reauth_flow(hass), {"api_key": API_KEY})
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert setup_entry.await_count == 2


async def test_key_of_another_account(hass: HomeAssistant, leap: Leap) -> None:
    """A key that sees none of the followed meters is of another account."""
    entry = await loaded(hass)
    result = await entry.start_reauth_flow(hass)
    known, leap.meters = leap.meters, []
    result = await submit(hass, result, {"api_key": "foreign"})
    assert result["errors"] == {"base": "account_mismatch"}
    leap.meters = known
    result = await submit(hass, result, {"api_key": "new"})
    assert result["reason"] == "reauth_successful"


async def test_key_of_another_entry(hass: HomeAssistant, leap: Leap) -> None:
    """Two entries don't share a key."""
    entry = await loaded(hass)
    build_entry(entry_id="other", subentries=[], data={"api_key": "taken", "webhook_id": "other-webhook"}).add_to_hass(
        hass
    )
    result = await entry.start_reauth_flow(hass)
    result = await submit(hass, result, {"api_key": "taken"})
    assert result["errors"] == {"base": "already_configured"}
    result = await submit(hass, result, {"api_key": "new"})
    assert result["reason"] == "reauth_successful"


@pytest.mark.parametrize(("refusal", "error"), REFUSALS)
async def test_new_relay_token(hass: HomeAssistant, leap: Leap, refusal: Exception, error: str) -> None:
    """A relay's token is replaced the same way."""
    entry = await loaded(hass, mode=Mode.RELAY, data=SEARCHABLE)
    result = await entry.start_reauth_flow(hass)
    assert result["step_id"] == "reauth_relay"
    leap.client.search_meter_dispatches.side_effect = refusal
    result = await submit(hass, result, {"relay_token": "new"})
    assert (result["step_id"], result["errors"]) == ("reauth_relay", {"base": error})
    leap.client.search_meter_dispatches.side_effect = None
    result = await submit(hass, result, {"relay_token": "new"})
    assert result["reason"] == "reauth_successful"
    assert entry.data["relay_token"] == "new"
    assert leap.client.search_meter_dispatches.await_args.kwargs["meter_ids"] == [METER_ID]


# Reconfiguration of an account


async def test_other_environment(hass: HomeAssistant, leap: Leap, setup_entry: AsyncMock) -> None:
    """Another environment needs its own key, is tried, and takes the title along."""
    entry = await loaded(hass, data={"environment": "custom", "base_url": "https://api.example.com"})
    hass.config_entries.async_update_entry(entry, title="Leap api.example.com")
    result = await entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure"
    assert suggested(result) == {"environment": "custom", "base_url": "https://api.example.com"}

    changed = {"environment": "production", "new_secret": False}
    result = await submit(hass, result, changed)
    assert result["errors"] == {"api_key": "api_key_required"}
    assert not leap.made.called

    leap.client.search_meters.side_effect = REFUSALS[1][0]
    result = await submit(hass, result, changed | {"api_key": "new"})
    assert (result["step_id"], result["errors"]) == ("reconfigure", {"base": "permission"})
    assert suggested(result)["environment"] == "production"

    leap.client.search_meters.side_effect = leap.search
    result = await submit(hass, result, changed | {"api_key": "new"})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert dict(entry.data) == {
        "mode": "api_key",
        "environment": "production",
        "api_key": "new",
        "webhook_id": WEBHOOK_ID,
        "webhook_secret": WEBHOOK_SECRET,
    }
    assert leap.made.call_args.args[2] == PRODUCTION_URL
    assert entry.title == "Leap"
    await hass.async_block_till_done()
    assert setup_entry.await_count == 2


async def test_new_secret_of_an_account(hass: HomeAssistant, leap: Leap) -> None:
    """Rotating the secret asks Leap nothing, so it works while Leap is away; the key stays."""
    entry = await loaded(hass)
    result = await entry.start_reconfigure_flow(hass)
    result = await submit(hass, result, {"environment": "staging", "new_secret": True})
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["webhook_secret"] != WEBHOOK_SECRET
    assert len(entry.data["webhook_secret"]) >= 43
    assert entry.data["api_key"] == API_KEY
    assert not leap.made.called


async def test_nothing_changed(hass: HomeAssistant, leap: Leap, setup_entry: AsyncMock) -> None:
    """A form sent as it was leaves everything running."""
    entry = await loaded(hass)
    before = dict(entry.data)
    result = await entry.start_reconfigure_flow(hass)
    result = await submit(hass, result, {"environment": "staging", "new_secret": False})
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert dict(entry.data) == before
    assert setup_entry.await_count == 1


async def test_listener_reloads(hass: HomeAssistant, leap: Leap, setup_entry: AsyncMock) -> None:
    """With an update listener, a change is its business, and is made once."""
    entry = await loaded(hass)
    listener = AsyncMock()
    entry.add_update_listener(listener)
    result = await submit(hass, await entry.start_reauth_flow(hass), {"api_key": "new"})
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert listener.await_count == 1
    assert setup_entry.await_count == 1


async def test_renamed_entry_keeps_its_name(hass: HomeAssistant, leap: Leap) -> None:
    """A title the user chose stays."""
    entry = await loaded(hass)
    hass.config_entries.async_update_entry(entry, title="My account")
    result = await entry.start_reconfigure_flow(hass)
    result = await submit(hass, result, {"environment": "production", "api_key": "new", "new_secret": False})
    assert result["reason"] == "reconfigure_successful"
    assert entry.title == "My account"


async def test_manual_push_shows_the_address(hass: HomeAssistant, leap: Leap) -> None:
    """Who enters the address at Leap by hand is shown it, with the new secret, before that is valid."""
    await async_process_ha_core_config(hass, {"external_url": "https://home.example.com"})
    entry = await loaded(hass, options={"push": "manual"})
    result = await entry.start_reconfigure_flow(hass)
    result = await submit(hass, result, {"environment": "staging", "new_secret": True})
    assert result["step_id"] == "address"
    told = result["description_placeholders"]
    assert told is not None
    assert told["url"] == f"https://home.example.com/api/webhook/{WEBHOOK_ID}"
    assert told["secret"] != WEBHOOK_SECRET
    assert entry.data["webhook_secret"] == WEBHOOK_SECRET
    result = await submit(hass, result, {})
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["webhook_secret"] == told["secret"]


# Reconfiguration of a relay


async def test_relay_shows_its_address_again(hass: HomeAssistant, leap: Leap) -> None:
    """The present secret is shown once more; nothing changes."""
    entry = await loaded(hass, mode=Mode.RELAY, options={"push": "manual"})
    before = dict(entry.data)
    result = await entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure_relay"
    result = await submit(hass, result, {"new_secret": False})
    assert result["step_id"] == "address_missing"
    assert result["description_placeholders"] is not None
    assert result["description_placeholders"]["secret"] == WEBHOOK_SECRET
    result = await submit(hass, result, {})
    assert result["reason"] == "reconfigure_successful"
    assert dict(entry.data) == before


async def test_relay_becomes_searchable(hass: HomeAssistant, leap: Leap) -> None:
    """Address and token can be added, kept, moved and taken away; a token never goes to another address."""
    entry = await loaded(hass, mode=Mode.RELAY, options={"push": "manual"})

    async def change(user_input: dict[str, Any]) -> ConfigFlowResult:
        result = await entry.start_reconfigure_flow(hass)
        return await submit(hass, result, {"new_secret": False, **user_input})

    result = await change({"relay_url": RELAY_URL})
    assert result["errors"] == {"relay_token": "token_required"}
    result = await submit(hass, result, {"new_secret": False, **SEARCHABLE})
    await submit(hass, result, {})
    assert entry.data["relay_url"] == RELAY_URL

    asked = leap.made.call_count
    result = await change({"relay_url": RELAY_URL})
    await submit(hass, result, {})
    assert entry.data["relay_token"] == "old-token"
    assert leap.made.call_count == asked

    result = await change({"relay_url": "https://other.example.com"})
    assert result["errors"] == {"relay_token": "token_required"}
    result = await submit(hass, result, {"new_secret": False})
    await submit(hass, result, {})
    assert set(entry.data) == {"mode", "webhook_id", "webhook_secret"}


# Preferences


@pytest.mark.parametrize("push", ["off", "register"])
async def test_preferences(hass: HomeAssistant, push: str) -> None:
    """Push mode and communication tests are kept."""
    entry = await loaded(hass)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["step_id"] == "init"
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {"push": push, "communication_test": "respond"}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert dict(entry.options) == {"push": push, "communication_test": "respond"}


async def test_preference_for_manual_push(hass: HomeAssistant) -> None:
    """Choosing manual push shows the address once."""
    entry = await loaded(hass)
    chosen = {"push": "manual", "communication_test": "log"}
    result = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(result["flow_id"], chosen)
    assert result["step_id"] == "address_missing"
    assert result["description_placeholders"] is not None
    assert result["description_placeholders"]["secret"] == WEBHOOK_SECRET
    assert entry.options["push"] == "off"
    result = await hass.config_entries.options.async_configure(result["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options["push"] == "manual"

    result = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(result["flow_id"], chosen)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_preferences_of_a_relay(hass: HomeAssistant) -> None:
    """A relay posts by itself: there is nothing to register."""
    entry = await loaded(hass, mode=Mode.RELAY, options={"push": "manual"})
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["step_id"] == "relay"
    with pytest.raises(InvalidData):
        await hass.config_entries.options.async_configure(
            result["flow_id"], {"push": "register", "communication_test": "log"}
        )
    result = await hass.config_entries.options.async_configure(result["flow_id"], {"communication_test": "respond"})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert dict(entry.options) == {"push": "manual", "communication_test": "respond"}


# More meters


async def add_meter(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Start adding meters."""
    return await hass.config_entries.subentries.async_init((entry.entry_id, "meter"), context={"source": SOURCE_USER})


async def fill(hass: HomeAssistant, result: Any, user_input: dict[str, Any]) -> Any:
    """Fill a subentry's form in."""
    return await hass.config_entries.subentries.async_configure(result["flow_id"], user_input)


async def test_add_meters(hass: HomeAssistant, leap: Leap) -> None:
    """Several more meters can be followed in one go; a refusal and an empty choice lead back."""
    entry = await loaded(hass)
    result = await add_meter(hass, entry)
    assert result["step_id"] == "filter"
    leap.client.search_meters.side_effect = REFUSALS[3][0]
    result = await fill(hass, result, {"tag": "pilot"})
    assert (result["step_id"], result["errors"]) == ("filter", {"base": "cannot_connect"})
    leap.client.search_meters.side_effect = leap.search

    result = await fill(hass, result, {})
    assert result["description_placeholders"]["count"] == "2"
    result = await fill(hass, result, {"meter_ids": []})
    assert (result["step_id"], result["errors"]) == ("filter", {"base": "none_chosen"})
    result = await fill(hass, result, {})
    offered = [meter.meter_id for meter in leap.meters if meter.meter_id != METER_ID]
    result = await fill(hass, result, {"meter_ids": offered})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    followed = entry.get_subentries_of_type("meter")
    assert {each.unique_id for each in followed} == {METER_ID, *offered}
    assert {each.data["meter_type"] for each in followed} == {"UTILITY_METER", "SUBMETER", "DEVICE"}

    result = await add_meter(hass, entry)
    result = await fill(hass, result, {})
    assert result["errors"] == {"base": "all_followed"}


async def test_add_meter_taken_meanwhile(hass: HomeAssistant, leap: Leap) -> None:
    """A meter another entry took while the list was open is refused."""
    entry = await loaded(hass)
    result = await fill(hass, await add_meter(hass, entry), {})
    other = build_entry(entry_id="other", data={"webhook_id": "other"}, subentries=[meter_subentry(OTHER_METER_ID)])
    other.add_to_hass(hass)
    result = await fill(hass, result, {"meter_ids": [OTHER_METER_ID]})
    assert (result["step_id"], result["errors"]) == ("meters", {"meter_ids": "meter_followed"})
    result = await fill(hass, result, {"meter_ids": [leap.meters[2].meter_id]})
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_add_meter_of_a_relay(hass: HomeAssistant, leap: Leap) -> None:
    """A relay's meters are typed in."""
    entry = await loaded(hass, mode=Mode.RELAY)
    result = await add_meter(hass, entry)
    assert result["step_id"] == "relay"
    result = await fill(hass, result, {"meter_ids": METER_ID})
    assert result["errors"] == {"meter_ids": "meter_followed"}
    result = await fill(hass, result, {"meter_ids": "nonsense"})
    assert result["errors"] == {"meter_ids": "invalid_meter_id"}
    result = await fill(hass, result, {"meter_ids": OTHER_METER_ID})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert {each.unique_id for each in entry.get_subentries_of_type("meter")} == {METER_ID, OTHER_METER_ID}
    assert DOMAIN in hass.config.components
