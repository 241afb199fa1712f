"""Leap asks, the home answers, the meter tells."""

import asyncio
from collections.abc import Awaitable
import logging

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryError, ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.typing import ConfigType

from . import cloudhook
from .api.errors import LeapAuthError, LeapError, LeapPermissionError
from .const import CONF_WEBHOOK_ID, CONF_WEBHOOK_SECRET, DOMAIN, PushMode, SubentryType
from .coordinator import DispatchCoordinator, LeapConfigEntry, LeapRuntimeData, signal_subentries
from .curtailment.actuator import async_get_actuator
from .curtailment.controller import Controller
from .flow_access import create_client
from .home import SETTINGS, async_erase, setting_key
from .household import meter_subentries
from .push import REGISTERED_URL, PushManager, async_clear_issues, push_mode
from .registration import Registration
from .store import LeapStore, StoreError, StoreVersionError, async_get_store
from .webhook import async_close_door, async_open_door

_LOGGER = logging.getLogger(__name__)

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CALENDAR,
    Platform.EVENT,
    Platform.SENSOR,
    Platform.SWITCH,
]

WITHDRAWN_WITHIN = 30.0

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Answer at every entry's door, and undo what an earlier run left, with or without entries."""
    for entry in hass.config_entries.async_entries(DOMAIN):
        async_open_door(hass, entry)
    try:
        await async_get_actuator(hass)
    except StoreError as err:
        _LOGGER.error("What devices were set to before can't be read: %s", err)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: LeapConfigEntry) -> bool:
    """Set up one account or relay: what is known runs, whatever Leap says."""
    async_open_door(hass, entry)
    client = create_client(hass, entry.data)
    coordinator = DispatchCoordinator(hass, entry, client, await _async_read(async_get_store(hass)))
    await _async_first_search(coordinator)
    controller = Controller(hass, entry, coordinator, await _async_read(async_get_actuator(hass)))
    push = PushManager(hass, entry, coordinator, client)
    entry.runtime_data = LeapRuntimeData(coordinator=coordinator, controller=controller, push=push, client=client)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    await controller.async_start()
    coordinator.async_start()
    push.async_start()
    entry.async_on_unload(entry.add_update_listener(_Updates(entry).async_apply))
    return True


async def async_unload_entry(hass: HomeAssistant, entry: LeapConfigEntry) -> bool:
    """Unload; a disabled entry lets go of its loads at once, a reload leaves them for a while."""
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    runtime = entry.runtime_data
    await runtime.push.async_stop()
    await runtime.coordinator.async_stop()
    await runtime.controller.async_stop()
    actuator = await async_get_actuator(hass)
    if entry.disabled_by:
        await actuator.async_release(load_ids(entry))
    else:
        await actuator.async_orphan(load_ids(entry))
    return True


async def async_remove_entry(hass: HomeAssistant, entry: LeapConfigEntry) -> None:
    """Leave nothing behind: devices as they were, no URL of ours at Leap, no rows."""
    async_close_door(hass, entry)
    async_clear_issues(hass, entry.entry_id)
    try:
        actuator = await async_get_actuator(hass)
        await actuator.async_release(load_ids(entry))
    except StoreError as err:
        _LOGGER.warning("What the loads of a removed entry were set to before can't be read: %s", err)
    try:
        store = await async_get_store(hass)
        await _async_withdraw(hass, entry, store)
        kept = _meters_of_others(hass, entry)
        await async_erase(store, entry.entry_id, lambda meter_id: meter_id not in kept)
    except StoreError as err:
        _LOGGER.warning("Rows of a removed entry stay on disk: %s", err)
    await cloudhook.async_delete(hass, entry.data[CONF_WEBHOOK_ID])


async def async_migrate_entry(hass: HomeAssistant, entry: LeapConfigEntry) -> bool:
    """Accept this version's entries, refuse those of a later one."""
    return entry.version == 1


def load_ids(entry: LeapConfigEntry) -> list[str]:
    """Return the ids of the entry's loads."""
    return [subentry.subentry_id for subentry in entry.get_subentries_of_type(SubentryType.LOAD)]


def _meters_of_others(hass: HomeAssistant, entry: LeapConfigEntry) -> set[str]:
    """Return the meters that other entries follow."""
    others = (other for other in hass.config_entries.async_entries(DOMAIN) if other.entry_id != entry.entry_id)
    return {meter_id for other in others for meter_id in meter_subentries(other)}


async def _async_read[T](reading: Awaitable[T]) -> T:
    """Read the store, or say why the entry can't run."""
    try:
        return await reading
    except StoreVersionError as err:
        raise ConfigEntryError(translation_domain=DOMAIN, translation_key="store_newer_version") from err
    except StoreError as err:
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN, translation_key="store_unreadable", translation_placeholders={"error": str(err)}
        ) from err


async def _async_first_search(coordinator: DispatchCoordinator) -> None:
    """Read the disk, then ask Leap; only an entry that never worked depends on the answer."""
    worked = await _async_read(coordinator.async_load())
    if worked:
        await coordinator.async_first_poll()
        return
    try:
        await coordinator.async_first_search()
    except LeapAuthError as err:
        raise ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="invalid_auth") from err
    except LeapPermissionError as err:
        raise ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="permission") from err
    except LeapError as err:
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN, translation_key="cannot_search", translation_placeholders={"error": str(err)}
        ) from err


async def _async_withdraw(hass: HomeAssistant, entry: LeapConfigEntry, store: LeapStore) -> None:
    """Take our URL back from Leap, if we may have registered one and Leap can be reached; nobody waits for long."""
    key = setting_key(entry.entry_id, REGISTERED_URL)
    url = next((row.value for row in await store.async_load(SETTINGS) if row.key == key), None)
    known = url if isinstance(url, str) else None
    client = create_client(hass, entry.data)
    if client is None or (known is None and push_mode(entry) is not PushMode.REGISTER):
        return
    registration = Registration(entry.data[CONF_WEBHOOK_ID], entry.data[CONF_WEBHOOK_SECRET])
    try:
        async with asyncio.timeout(WITHDRAWN_WITHIN):
            await registration.async_withdraw(client, known)
    except (LeapError, TimeoutError) as err:
        _LOGGER.warning("The push URL could not be taken back from Leap: %s", str(err) or "no answer")


class _Updates:
    """Follows changes of an entry while it is loaded: credentials by a reload, all else live."""

    def __init__(self, entry: LeapConfigEntry) -> None:
        """Remember what the entry was set up with."""
        self._data = dict(entry.data)

    async def async_apply(self, hass: HomeAssistant, entry: LeapConfigEntry) -> None:
        """Apply one change."""
        if self._data != entry.data:
            hass.config_entries.async_schedule_reload(entry.entry_id)
            return
        runtime = entry.runtime_data
        await runtime.coordinator.async_apply_changes()
        await runtime.controller.async_apply_changes()
        async_dispatcher_send(hass, signal_subentries(entry.entry_id))
        runtime.push.async_request()
