"""The entry's life: set-up, reload, disabling, removal."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock, MagicMock, patch

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.leap import async_migrate_entry
from custom_components.leap.api.errors import LeapAuthError, LeapConnectionError, LeapPermissionError
from custom_components.leap.api.models import Webhook, WebhookKind
from custom_components.leap.const import CONF_API_KEY, CONF_PUSH, CONF_WEBHOOK_ID, DOMAIN, PushMode
from custom_components.leap.dispatch.decisions import Choice
from custom_components.leap.home import DECISIONS, EVENTS, SETTINGS
from custom_components.leap.store import StoreError, StoreVersionError, async_get_store
from tests.builders import LOAD_SUBENTRY_ID, METER_ID, OTHER_METER_ID, WEBHOOK_ID, build_entry, meter_subentry

from .conftest import NOW, Post, body, dispatch, settle, slot


async def hang(*_: Any) -> None:
    """Never answer."""
    await asyncio.Event().wait()


ERRORS = [
    (LeapAuthError("no", status=401), ConfigEntryState.SETUP_ERROR, "invalid_auth"),
    (LeapPermissionError("no", status=403), ConfigEntryState.SETUP_ERROR, "permission"),
    (LeapConnectionError("gone"), ConfigEntryState.SETUP_RETRY, "cannot_search"),
]


@pytest.mark.parametrize(("error", "state", "key"), ERRORS)
async def test_an_entry_that_never_worked_depends_on_leap(
    hass: HomeAssistant, entry: MockConfigEntry, client: MagicMock, error: Exception, state: Any, key: str
) -> None:
    """Refused credentials ask for new ones; anything else is tried again."""
    client.search_meter_dispatches.side_effect = error
    with patch.object(type(entry), "async_start_reauth") as reauth:
        assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is state
    assert entry.error_reason_translation_key == key
    assert reauth.called is (state is ConfigEntryState.SETUP_ERROR)
    client.search_meter_dispatches.side_effect = None
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize("error", [error for error, _, _ in ERRORS])
async def test_an_entry_that_has_worked_runs_on_what_it_knows(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, post: Post, error: Exception
) -> None:
    """No failure of Leap keeps the home from its events."""
    await post(body(slot()))
    client.search_meter_dispatches.side_effect = error
    with patch.object(type(loaded), "async_start_reauth"):
        await hass.config_entries.async_reload(loaded.entry_id)
        await settle(hass)
    assert loaded.state is ConfigEntryState.LOADED
    assert loaded.runtime_data.coordinator.schedule(METER_ID).next(NOW).event_id == "event-1"


async def test_a_slow_leap_does_not_hold_up_a_start(
    hass: HomeAssistant, loaded: MockConfigEntry, client: MagicMock, frozen: Any
) -> None:
    """Its answer is taken in when it comes."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(**_: Any) -> list[Any]:
        asked.set()
        await answer.wait()
        return [dispatch(slot())]

    client.search_meter_dispatches.side_effect = slow
    reload = hass.async_create_task(hass.config_entries.async_reload(loaded.entry_id))
    await asked.wait()
    frozen.tick(11)
    assert await reload
    schedule = loaded.runtime_data.coordinator.schedule
    assert schedule(METER_ID).events == ()
    answer.set()
    await settle(hass)
    assert len(schedule(METER_ID).events) == 1


@pytest.mark.parametrize(
    ("error", "state", "key"),
    [
        (StoreVersionError("newer"), ConfigEntryState.SETUP_ERROR, "store_newer_version"),
        (StoreError("no such device"), ConfigEntryState.SETUP_RETRY, "store_unreadable"),
    ],
)
async def test_without_the_store_nothing_is_promised(
    hass: HomeAssistant, entry: MockConfigEntry, client: MagicMock, post: Post, error: Exception, state: Any, key: str
) -> None:
    """The entry says why, the door answers 503, Home Assistant goes on."""
    with (
        patch("custom_components.leap.async_get_store", side_effect=error),
        patch("custom_components.leap.async_get_actuator", side_effect=error),
    ):
        assert await async_setup_component(hass, DOMAIN, {})
        await settle(hass)
        assert entry.state is state
        assert entry.error_reason_translation_key == key
        assert await post(body(slot())) == 503


async def test_a_reload_leaves_the_loads_for_a_while(
    hass: HomeAssistant, loaded: MockConfigEntry, actuator: AsyncMock, controller: MagicMock
) -> None:
    """A reload is no end."""
    await hass.config_entries.async_unload(loaded.entry_id)
    controller.async_stop.assert_awaited_once()
    actuator.async_orphan.assert_awaited_once_with([LOAD_SUBENTRY_ID])
    actuator.async_release.assert_not_awaited()


async def test_disabling_lets_go_at_once(hass: HomeAssistant, loaded: MockConfigEntry, actuator: AsyncMock) -> None:
    """It may be for good."""
    await hass.config_entries.async_set_disabled_by(loaded.entry_id, ConfigEntryDisabler.USER)
    actuator.async_release.assert_awaited_once_with([LOAD_SUBENTRY_ID])
    actuator.async_orphan.assert_not_awaited()


async def test_platforms_that_stay_keep_the_entry(
    hass: HomeAssistant, loaded: MockConfigEntry, actuator: AsyncMock
) -> None:
    """A failed unload stops nothing."""
    with patch.object(hass.config_entries, "async_unload_platforms", return_value=False):
        assert not await hass.config_entries.async_unload(loaded.entry_id)
    actuator.async_orphan.assert_not_awaited()
    object.__setattr__(loaded, "state", ConfigEntryState.LOADED)


async def test_removal_leaves_nothing_behind(
    hass: HomeAssistant, client: MagicMock, actuator: AsyncMock, post: Post
) -> None:
    """Loads put back, our URL taken back, rows dropped: ours alone."""
    await hass.config.async_update(external_url="https://home.example.com")
    entry = build_entry(options={CONF_PUSH: PushMode.REGISTER})
    neighbour = build_entry(
        entry_id="neighbour",
        data={CONF_WEBHOOK_ID: "neighbours-hook"},
        subentries=[meter_subentry(OTHER_METER_ID, subentry_id="other")],
    )
    for each in (entry, neighbour):
        each.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    client.search_meter_dispatches.return_value = [dispatch(slot("theirs"), meter_id=OTHER_METER_ID)]
    await neighbour.runtime_data.coordinator.guard.async_poll()
    await post(body(slot()))
    await entry.runtime_data.coordinator.async_decide(METER_ID, Choice.OPTED_OUT)
    client.get_webhook.return_value = Webhook(url=f"https://home.example.com/api/webhook/{WEBHOOK_ID}")
    await hass.config_entries.async_remove(entry.entry_id)
    client.delete_webhook.assert_awaited_once_with(WebhookKind.METER)
    actuator.async_release.assert_awaited_once_with([LOAD_SUBENTRY_ID])
    store = await async_get_store(hass)
    assert [row.event.event_id for row in await store.async_load(EVENTS)] == ["theirs"]
    assert await store.async_load(DECISIONS) == []
    assert {row.key.split("/")[0] for row in await store.async_load(SETTINGS)} == {"neighbour"}
    assert await post(body(slot())) == 200, "Home Assistant's own answer to an id nobody knows"
    assert [row.event.event_id for row in await store.async_load(EVENTS)] == ["theirs"]


@pytest.mark.parametrize("found", [Webhook(url="https://someone.example.com/hook"), LeapConnectionError("gone")])
async def test_removal_spares_a_foreign_url_and_outlives_an_outage(
    hass: HomeAssistant, client: MagicMock, found: Any
) -> None:
    """An entry can always be removed."""
    await hass.config.async_update(external_url="https://home.example.com")
    entry = build_entry(options={CONF_PUSH: PushMode.REGISTER})
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    client.get_webhook.side_effect = [found]
    await hass.config_entries.async_remove(entry.entry_id)
    client.delete_webhook.assert_not_awaited()
    assert hass.config_entries.async_get_entry(entry.entry_id) is None


async def test_removal_does_not_wait_for_a_leap_that_hangs(
    hass: HomeAssistant, client: MagicMock, caplog: pytest.LogCaptureFixture
) -> None:
    """The URL stays, and that is said."""
    entry = build_entry(options={CONF_PUSH: PushMode.REGISTER})
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    client.get_webhook.side_effect = hang
    with patch("custom_components.leap.WITHDRAWN_WITHIN", 0):
        await hass.config_entries.async_remove(entry.entry_id)
    client.delete_webhook.assert_not_awaited()
    assert "could not be taken back from Leap: no answer" in caplog.text


async def test_removal_takes_back_a_url_of_ours_that_was_not_remembered(hass: HomeAssistant, client: MagicMock) -> None:
    """The disk was full when it was registered."""
    entry = build_entry(options={CONF_PUSH: PushMode.REGISTER})
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    assert entry.runtime_data.coordinator.home.setting("registered_url") is None
    client.get_webhook.return_value = Webhook(url=f"https://home.example.com/api/webhook/{WEBHOOK_ID}")
    await hass.config_entries.async_remove(entry.entry_id)
    client.delete_webhook.assert_awaited_once_with(WebhookKind.METER)


async def test_removal_drops_rows_of_meters_that_left_before(
    hass: HomeAssistant, loaded: MockConfigEntry, post: Post
) -> None:
    """As those of a meter removed while the entry was disabled."""
    await post(body(slot()))
    await hass.config_entries.async_unload(loaded.entry_id)
    (meter,) = loaded.get_subentries_of_type("meter")
    hass.config_entries.async_remove_subentry(loaded, meter.subentry_id)
    store = await async_get_store(hass)
    assert len(await store.async_load(EVENTS)) == 1
    await hass.config_entries.async_remove(loaded.entry_id)
    assert await store.async_load(EVENTS) == []


async def test_removal_without_the_store(
    hass: HomeAssistant, loaded: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """What could not be dropped is said."""
    await hass.config_entries.async_unload(loaded.entry_id)
    with (
        patch("custom_components.leap.async_get_store", side_effect=StoreError("gone")),
        patch("custom_components.leap.async_get_actuator", side_effect=StoreError("gone")),
    ):
        await hass.config_entries.async_remove(loaded.entry_id)
    assert "stay on disk" in caplog.text
    assert "can't be read" in caplog.text


async def test_new_credentials_reload(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    """A new title does not."""
    coordinator = loaded.runtime_data.coordinator
    hass.config_entries.async_update_entry(loaded, title="Another")
    await settle(hass)
    assert loaded.runtime_data.coordinator is coordinator
    hass.config_entries.async_update_entry(loaded, data={**loaded.data, CONF_API_KEY: "new"})
    await settle(hass)
    assert loaded.runtime_data.coordinator is not coordinator
    assert loaded.state is ConfigEntryState.LOADED


async def test_a_new_webhook_id_moves_the_door(hass: HomeAssistant, loaded: MockConfigEntry, post: Post) -> None:
    """The former id is nobody's."""
    hass.config_entries.async_update_entry(loaded, data={**loaded.data, CONF_WEBHOOK_ID: "another"})
    await settle(hass)
    assert await post(body(slot())) == 200
    assert loaded.runtime_data.coordinator.last_notification is None


async def test_entries_of_a_later_version_are_refused(hass: HomeAssistant) -> None:
    """This version's are taken as they are."""
    assert await async_migrate_entry(hass, MockConfigEntry(domain=DOMAIN, version=1))
    assert not await async_migrate_entry(hass, MockConfigEntry(domain=DOMAIN, version=2))
