"""Tests of diagnostics and system health: useful, and without a secret."""

from http import HTTPStatus
import json
from typing import Any
from unittest.mock import create_autospec

from aiohttp import ClientError
from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.core import HomeAssistant
import pytest
from syrupy.assertion import SnapshotAssertion

from custom_components.leap.api.client import PRODUCTION_URL, STAGING_URL
from custom_components.leap.const import Mode
from custom_components.leap.diagnostics import async_get_config_entry_diagnostics
from custom_components.leap.system_health import async_register, async_system_health_info
from tests.builders import (
    API_KEY,
    METER_ID,
    OTHER_METER_ID,
    WEBHOOK_ID,
    WEBHOOK_SECRET,
    build_entry,
    load_subentry,
    meter_subentry,
)

from .conftest import Home, timeslot

PLANTED = "planted"


async def test_diagnostics(hass: HomeAssistant, home: Home, snapshot: SnapshotAssertion) -> None:
    """Settings, counts and health are there; nothing planted is."""
    home.entry = build_entry(
        data={
            "account_id": "planted-account",
            "base_url": "https://planted.example.com",
            "relay_url": "https://planted.example.com",
            "relay_token": "planted-token",
            "added_later": "planted-unforeseen",
        },
        options={"added_later": "planted-option"},
        subentries=[
            meter_subentry(title="planted-reference", site_power_entity="sensor.planted", transmission_region="CAISO"),
            meter_subentry(OTHER_METER_ID, subentry_id="planted-subentry", partner_reference="planted-too"),
            load_subentry("planted-registry-id", title="planted-load", power_entity="sensor.planted"),
        ],
    )
    await home.start()
    home.push.url = "https://planted.example.com/api/webhook/planted"
    await home.push_event(timeslot("planted-event"), timeslot("planted-2", communication_test=True))
    found = await async_get_config_entry_diagnostics(hass, home.entry)
    text = json.dumps(found)
    assert PLANTED not in text
    for secret in (METER_ID, OTHER_METER_ID, API_KEY, WEBHOOK_ID, WEBHOOK_SECRET, home.entry.entry_id):
        assert secret not in text
        assert secret[:8] not in text
    assert found == snapshot


async def test_diagnostics_before_anything_happened(hass: HomeAssistant, home: Home) -> None:
    """Nothing heard yet is told as nothing."""
    home.entry = build_entry(mode=Mode.RELAY, subentries=[meter_subentry()])
    await home.start()
    found = await async_get_config_entry_diagnostics(hass, home.entry)
    assert set(found["feed"].values()) == {None}
    assert found["meters"][0]["next_change"] is None
    assert found["loads"] == []


@pytest.mark.parametrize("reachable", [True, False])
async def test_system_health(hass: HomeAssistant, aioclient_mock: Any, reachable: bool) -> None:
    """Each address in use is tried, and nothing tells which home it is."""
    build_entry().add_to_hass(hass)
    build_entry(entry_id="two", data={"environment": "production", "webhook_id": "two"}).add_to_hass(hass)
    build_entry(mode=Mode.RELAY, entry_id="three", data={"webhook_id": "three"}).add_to_hass(hass)
    for url in (PRODUCTION_URL, STAGING_URL):
        aioclient_mock.get(url, status=HTTPStatus.NOT_FOUND, exc=None if reachable else ClientError())
    register = create_autospec(SystemHealthRegistration, instance=True)
    async_register(hass, register)
    register.async_register_info.assert_called_once_with(async_system_health_info)
    info = await async_system_health_info(hass)
    assert (info["meters"], info["loads"]) == (3, 3)
    assert info["version"]
    assert info["msgspec_version"]
    answers = {key: await value for key, value in info.items() if key.startswith("can_reach")}
    assert answers.keys() == {"can_reach_production", "can_reach_staging"}
    assert all((answer == "ok") is reachable for answer in answers.values())
