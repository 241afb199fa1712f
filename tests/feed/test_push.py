"""Where Leap posts to: ours is kept in order, another's is left alone."""

from collections.abc import Iterator
from datetime import timedelta
import sys
from types import ModuleType
from typing import Any
from unittest.mock import AsyncMock, MagicMock, patch

from homeassistant.const import EVENT_CORE_CONFIG_UPDATE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.leap.api.errors import LeapConnectionError, LeapPermissionError
from custom_components.leap.api.models import Header, IntegrationTestResult, Webhook, WebhookKind
from custom_components.leap.const import CONF_PUSH, CONF_WEBHOOK_SECRET, DOMAIN, WEBHOOK_SECRET_HEADER, Mode, PushMode
from tests.builders import ENTRY_ID, METER_ID, WEBHOOK_ID, WEBHOOK_SECRET, build_entry

from .conftest import NOW, is_healthy, settle

HOME = "https://home.example.com"
URL = f"{HOME}/api/webhook/{WEBHOOK_ID}"
OURS = Webhook(url=URL, headers=(Header(name="X-Leap-Webhook-Secret", value=WEBHOOK_SECRET),))
FOREIGN = Webhook(url="https://someone.example.com/hook")
CLOUD_URL = "https://hooks.nabu.casa/planted"


async def set_up(hass: HomeAssistant, push: PushMode = PushMode.REGISTER, url: str | None = HOME, **more: Any) -> Any:
    """Load an entry, with this external URL."""
    if url:
        await hass.config.async_update(external_url=url)
    entry = build_entry(options={CONF_PUSH: push}, **more)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    return entry


async def pass_time(hass: HomeAssistant, frozen: Any, seconds: float) -> None:
    """Let time pass."""
    frozen.tick(timedelta(seconds=seconds))
    async_fire_time_changed(hass)
    await settle(hass)


def is_registered(entry: Any) -> bool | None:
    """Tell what the entry thinks of its registration."""
    found: bool | None = entry.runtime_data.push.registered
    return found


def issues(hass: HomeAssistant) -> set[str]:
    """Name the entry's open issues."""
    suffix = f"_{ENTRY_ID}"
    return {key.removesuffix(suffix) for domain, key in ir.async_get(hass).issues if domain == DOMAIN}


async def test_a_free_place_is_taken(hass: HomeAssistant, client: MagicMock) -> None:
    """Looked at first, then written, with the secret under the header Leap lower-cases anyway."""
    entry = await set_up(hass)
    calls = [name for name, *_ in client.method_calls if "webhook" in name]
    assert calls == ["get_webhook", "put_webhook"]
    wanted = Webhook(url=URL, headers=(Header(name=WEBHOOK_SECRET_HEADER, value=WEBHOOK_SECRET),))
    client.put_webhook.assert_awaited_once_with(WebhookKind.METER, wanted)
    push = entry.runtime_data.push
    assert (push.url, push.registered, push.foreign, push.healthy) == (URL, True, False, True)


async def test_ours_is_kept(hass: HomeAssistant, client: MagicMock) -> None:
    """Over reloads too: nothing is written for nothing, and unloading takes nothing back."""
    client.get_webhook.return_value = OURS
    entry = await set_up(hass)
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    client.put_webhook.assert_not_awaited()
    client.delete_webhook.assert_not_awaited()
    assert is_registered(entry) is True


async def test_a_new_secret_is_told_to_leap(hass: HomeAssistant, client: MagicMock) -> None:
    """Our URL with the former secret is ours to write."""
    client.get_webhook.return_value = OURS
    entry = await set_up(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_WEBHOOK_SECRET: "rotated"})
    await settle(hass)
    assert client.put_webhook.await_args.args[1].headers[0].value == "rotated"


async def test_a_new_external_url_is_registered(hass: HomeAssistant, client: MagicMock) -> None:
    """What we registered before is ours, though it no longer is our URL."""
    entry = await set_up(hass)
    client.get_webhook.return_value = OURS
    await hass.config.async_update(external_url="https://new.example.com")
    await settle(hass)
    assert client.put_webhook.await_args.args[1].url == f"https://new.example.com/api/webhook/{WEBHOOK_ID}"
    client.put_webhook.reset_mock()
    await hass.config.async_update(location_name="Elsewhere")
    await settle(hass)
    client.put_webhook.assert_not_awaited()
    assert is_registered(entry) is True


async def test_a_foreign_url_is_never_touched(hass: HomeAssistant, client: MagicMock, frozen: Any) -> None:
    """An issue asks the user; when it is gone by itself, the place is taken."""
    client.get_webhook.return_value = FOREIGN
    entry = await set_up(hass)
    push = entry.runtime_data.push
    assert (push.registered, push.foreign, push.healthy) == (False, True, False)
    assert issues(hass) == {"foreign_webhook"}
    told: list[bool] = []
    unsub = push.add_listener(lambda: told.append(push.foreign))
    await pass_time(hass, frozen, 3600)
    client.put_webhook.assert_not_awaited()
    client.get_webhook.return_value = None
    await pass_time(hass, frozen, 3600)
    client.put_webhook.assert_awaited_once()
    assert issues(hass) == set()
    assert told == [True, False]
    unsub()


async def test_failures_are_retried_and_said_once(
    hass: HomeAssistant, client: MagicMock, frozen: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Set-up does not wait for it."""
    client.get_webhook.side_effect = LeapConnectionError("gone")
    entry = await set_up(hass)
    for _ in range(3):
        await pass_time(hass, frozen, 60)
    assert client.get_webhook.await_count == 4
    assert is_registered(entry) is None
    client.get_webhook.side_effect = None
    await pass_time(hass, frozen, 60)
    assert is_registered(entry) is True
    assert caplog.text.count("could not be registered") == 1
    assert caplog.text.count("is registered with Leap again") == 1


async def test_a_key_without_the_permission_keeps_its_dispatches(
    hass: HomeAssistant, client: MagicMock, frozen: Any
) -> None:
    """An issue says what is missing; the search goes on, the place is looked at hourly."""
    client.get_webhook.side_effect = LeapPermissionError("no", status=403)
    entry = await set_up(hass)
    assert issues(hass) == {"push_forbidden"}
    await pass_time(hass, frozen, 60)
    assert client.get_webhook.await_count == 1
    assert client.search_meter_dispatches.await_count == 2
    client.get_webhook.side_effect = None
    await pass_time(hass, frozen, 3540)
    assert issues(hass) == set()
    assert is_registered(entry) is True


@pytest.mark.parametrize(
    ("url", "issue"),
    [
        (None, "no_external_url"),
        ("http://home.example.com", "url_port"),
        ("https://home.example.com:8123", "url_port"),
    ],
)
async def test_without_a_fit_address_dispatches_go_on(
    hass: HomeAssistant, client: MagicMock, caplog: pytest.LogCaptureFixture, url: str | None, issue: str, frozen: Any
) -> None:
    """A warning and an issue, and nothing is asked of Leap; a fit address solves it."""
    entry = await set_up(hass, url=url)
    await pass_time(hass, frozen, 60)
    assert issues(hass) == {issue}
    assert caplog.text.count("Leap can't push") == 1
    assert is_registered(entry) is False
    client.get_webhook.assert_not_awaited()
    await hass.config.async_update(external_url=HOME)
    await settle(hass)
    assert issues(hass) == set()
    assert is_registered(entry) is True
    await hass.config.async_update(external_url=None)
    await settle(hass)
    with pytest.raises(ServiceValidationError) as raised:
        await entry.runtime_data.push.async_replace_foreign()
    assert raised.value.translation_key == "no_push_url"


async def test_manual_mode_shows_the_url_and_leaves_leap_alone(hass: HomeAssistant, client: MagicMock) -> None:
    """So does a relay."""
    entry = await set_up(hass, PushMode.MANUAL)
    push = entry.runtime_data.push
    assert (push.url, push.registered, push.healthy) == (URL, None, None)
    client.get_webhook.assert_not_awaited()


async def test_a_relay_needs_no_option(hass: HomeAssistant) -> None:
    """It posts by itself, to whatever port the home is at."""
    entry = await set_up(hass, PushMode.OFF, mode=Mode.RELAY)
    assert entry.runtime_data.push.url == URL
    await hass.config.async_update(external_url=f"{HOME}:8123")
    await settle(hass)
    assert entry.runtime_data.push.url == URL.replace(HOME, f"{HOME}:8123")
    assert issues(hass) == set()
    await hass.config.async_update(external_url="http://home.example.com")
    await settle(hass)
    assert issues(hass) == {"url_port"}


async def test_switching_push_off_takes_ours_back(hass: HomeAssistant, client: MagicMock) -> None:
    """Live, without a reload; what nobody registered is not asked about."""
    entry = await set_up(hass)
    coordinator = entry.runtime_data.coordinator
    client.get_webhook.return_value = OURS
    hass.config_entries.async_update_entry(entry, options={**entry.options, CONF_PUSH: PushMode.OFF})
    await settle(hass)
    client.delete_webhook.assert_awaited_once_with(WebhookKind.METER)
    assert entry.runtime_data.coordinator is coordinator
    assert entry.runtime_data.push.url is None
    client.get_webhook.reset_mock()
    await entry.runtime_data.push.async_reconcile()
    client.get_webhook.assert_not_awaited()


async def test_a_test_goes_only_to_us(hass: HomeAssistant, client: MagicMock) -> None:
    """Refused if nothing or another's URL is registered."""
    entry = await set_up(hass)
    push: Any = entry.runtime_data.push
    with pytest.raises(ServiceValidationError) as raised:
        await push.async_send_test()
    assert raised.value.translation_key == "push_not_registered"
    client.get_webhook.return_value = FOREIGN
    with pytest.raises(ServiceValidationError) as raised:
        await push.async_send_test()
    assert raised.value.translation_key == "foreign_webhook"
    client.send_integration_test.assert_not_awaited()
    client.get_webhook.return_value = OURS
    client.send_integration_test.return_value = IntegrationTestResult(sent_time=NOW, http_status=200)
    assert (await push.async_send_test()).delivered
    assert is_healthy(entry) is True
    kind, (sent,) = client.send_integration_test.await_args.args
    assert (kind, sent.meter_id) == (WebhookKind.METER, METER_ID)
    client.send_integration_test.return_value = IntegrationTestResult(sent_time=NOW, http_status=502)
    assert not (await push.async_send_test()).delivered
    assert is_healthy(entry) is False
    client.send_integration_test.side_effect = LeapConnectionError("gone")
    with pytest.raises(HomeAssistantError) as failed:
        await push.async_send_test()
    assert failed.value.translation_key == "test_not_sent"


async def test_no_test_without_meters(hass: HomeAssistant, client: MagicMock) -> None:
    """There is nobody to test for."""
    entry = await set_up(hass, subentries=[])
    with pytest.raises(ServiceValidationError):
        await entry.runtime_data.push.async_send_test()


async def test_stopping_is_final(hass: HomeAssistant, client: MagicMock) -> None:
    """A look that comes late finds the door closed, and nothing listens any more."""
    before = hass.bus.async_listeners()
    entry = await set_up(hass)
    push = entry.runtime_data.push
    await hass.config_entries.async_unload(entry.entry_id)
    after = hass.bus.async_listeners()
    assert after.get(EVENT_CORE_CONFIG_UPDATE) == before.get(EVENT_CORE_CONFIG_UPDATE)
    client.get_webhook.reset_mock()
    await push.async_reconcile()
    push.async_request()
    await settle(hass)
    client.get_webhook.assert_not_awaited()


@pytest.fixture
def cloud(hass: HomeAssistant) -> Iterator[MagicMock]:
    """Stand in for Home Assistant Cloud, whose own packages tests do not have."""
    fake = MagicMock(
        spec=ModuleType,
        async_active_subscription=MagicMock(return_value=True),
        async_is_logged_in=MagicMock(return_value=True),
        async_get_or_create_cloudhook=AsyncMock(return_value=CLOUD_URL),
        async_delete_cloudhook=AsyncMock(),
        async_listen_connection_change=MagicMock(return_value=lambda: None),
        async_listen_cloudhook_change=MagicMock(return_value=lambda: None),
    )
    hass.config.components.add("cloud")
    with patch.dict(sys.modules, {"homeassistant.components.cloud": fake}):
        yield fake


async def test_a_subscription_s_cloud_hook_comes_first(
    hass: HomeAssistant, client: MagicMock, cloud: MagicMock
) -> None:
    """And it is deleted with the entry."""
    entry: MockConfigEntry = await set_up(hass)
    assert client.put_webhook.await_args.args[1].url == CLOUD_URL
    client.get_webhook.return_value = Webhook(url=CLOUD_URL)
    await hass.config_entries.async_remove(entry.entry_id)
    client.delete_webhook.assert_awaited_once()
    cloud.async_delete_cloudhook.assert_awaited_once_with(hass, WEBHOOK_ID)


async def test_a_cloud_that_is_not_connected_yet_is_waited_for(
    hass: HomeAssistant, client: MagicMock, cloud: MagicMock
) -> None:
    """The connection's return registers the hook."""
    cloud.async_get_or_create_cloudhook.side_effect = TimeoutError
    entry = await set_up(hass)
    assert is_registered(entry) is False
    client.put_webhook.assert_not_awaited()
    cloud.async_get_or_create_cloudhook.side_effect = None
    connected = cloud.async_listen_connection_change.call_args.args[1]
    connected("cloud_connected")
    await settle(hass)
    assert entry.runtime_data.push.url == CLOUD_URL


async def test_a_cloud_that_fails_does_not_keep_an_entry(
    hass: HomeAssistant, client: MagicMock, cloud: MagicMock
) -> None:
    """Removal goes through."""
    entry = await set_up(hass)
    cloud.async_delete_cloudhook.side_effect = ValueError("Hook is not enabled for the cloud.")
    await hass.config_entries.async_remove(entry.entry_id)
    assert hass.config_entries.async_get_entry(entry.entry_id) is None
