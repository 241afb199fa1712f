"""Where Leap posts dispatches to: registration, other people's URLs, health."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
import logging
from typing import Any
from uuid import uuid4

from homeassistant.components import webhook
from homeassistant.const import EVENT_CORE_CONFIG_UPDATE
from homeassistant.core import CALLBACK_TYPE, Event, HassJob, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.network import NoURLAvailableError
from homeassistant.util import dt as dt_util
from yarl import URL

from . import cloudhook
from .api.client import LeapClient
from .api.errors import LeapError, LeapPermissionError
from .api.models import IntegrationTestResult, MeterDispatch, Timeslot, WebhookKind
from .const import CONF_MODE, CONF_PUSH, CONF_WEBHOOK_ID, CONF_WEBHOOK_SECRET, DOMAIN, Mode, PushMode
from .coordinator import DispatchCoordinator, LeapConfigEntry
from .registration import Owner, Registration
from .store import StoreError

_LOGGER = logging.getLogger(__name__)

RETRY = 60.0
REVIEW = 3600.0
REGISTERED_URL = "registered_url"
HTTPS_PORT = 443
ISSUES = ("no_external_url", "url_port", "foreign_webhook", "push_forbidden")


def push_mode(entry: LeapConfigEntry) -> PushMode:
    """Tell who tells Leap where to post; a relay posts by itself."""
    if entry.data[CONF_MODE] == Mode.RELAY:
        return PushMode.MANUAL
    return PushMode(entry.options.get(CONF_PUSH, PushMode.OFF))


def issue_id(name: str, entry_id: str) -> str:
    """Name an entry's repair issue."""
    return f"{name}_{entry_id}"


class PushManager:
    """Keeps one entry's push URL in order, in the background: set-up never waits for it."""

    def __init__(
        self, hass: HomeAssistant, entry: LeapConfigEntry, coordinator: DispatchCoordinator, client: LeapClient | None
    ) -> None:
        """Prepare; `async_start` begins."""
        self.url: str | None = None
        self.foreign = False
        self._hass = hass
        self._entry = entry
        self._coordinator = coordinator
        self._client = client
        self._listeners: list[Callable[[], None]] = []
        self._unsubs: list[CALLBACK_TYPE] = []
        self._timer: CALLBACK_TYPE | None = None
        self._lock = asyncio.Lock()
        self._retrying = False
        self._no_url_logged = False
        self._stopped = False

    @property
    def healthy(self) -> bool | None:
        """Tell whether dispatches arrive by push; None while that is unknown."""
        return self._coordinator.health.healthy(dt_util.utcnow())

    @property
    def registered(self) -> bool | None:
        """Tell whether Leap posts to us, as far as we have registered ourselves."""
        return self._coordinator.health.registered

    @callback
    def add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call back when any of the above may have changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_start(self) -> None:
        """Reconcile in the background, now and whenever an address changes."""
        webhook_id = self._entry.data[CONF_WEBHOOK_ID]
        self._unsubs = [
            self._hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, self._core_config_updated),
            *cloudhook.async_listen(self._hass, webhook_id, self.async_request),
        ]
        self.async_request()

    async def async_stop(self) -> None:
        """Stop; what is registered at Leap stays."""
        self._stopped = True
        self._cancel_timer()
        while self._unsubs:
            self._unsubs.pop()()

    @callback
    def async_request(self) -> None:
        """Reconcile in the background."""
        if not self._stopped:
            self._entry.async_create_background_task(
                self._hass, self.async_reconcile(), f"leap push {self._entry.entry_id}"
            )

    async def async_reconcile(self) -> None:
        """Bring Leap's side in line with the mode and our present URL."""
        async with self._lock:
            if self._stopped:
                return
            self._cancel_timer()
            mode = push_mode(self._entry)
            if mode is PushMode.OFF:
                self.url = None
                self._clear(*ISSUES)
            else:
                self.url = await self._async_url()
            try:
                again = await self._async_align(mode)
            except LeapPermissionError as err:
                self._issue("push_forbidden")
                again = self._failed(err, REVIEW)
            except LeapError as err:
                again = self._failed(err, RETRY)
            self._schedule(again)
        self._changed()

    async def async_replace_foreign(self) -> None:
        """Register our URL in place of another's, as the user said."""
        async with self._lock:
            url = self.url or await self._async_url()
            if self._client is None or url is None:
                raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_push_url")
            try:
                await self._registration.async_replace(self._client, url)
            except LeapError as err:
                raise HomeAssistantError(
                    translation_domain=DOMAIN,
                    translation_key="push_not_registered_error",
                    translation_placeholders={"error": str(err)},
                ) from err
            await self._async_registered(url)
        self._changed()

    async def async_send_test(self) -> IntegrationTestResult:
        """Have Leap send an integration test for a followed meter, if it would come to us."""
        meter_ids = sorted(self._coordinator.meter_ids)
        if self._client is None or not meter_ids:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="push_not_registered")
        try:
            found = await self._client.get_webhook(WebhookKind.METER)
            match self._registration.owner(found, self.url, self._last_url):
                case Owner.NOBODY:
                    raise ServiceValidationError(translation_domain=DOMAIN, translation_key="push_not_registered")
                case Owner.FOREIGN:
                    raise ServiceValidationError(translation_domain=DOMAIN, translation_key="foreign_webhook")
            result = await self._client.send_integration_test(WebhookKind.METER, [_test_dispatch(meter_ids[0])])
        except LeapError as err:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="test_not_sent",
                translation_placeholders={"error": str(err)},
            ) from err
        if not result.delivered:
            self._coordinator.health.note_failed_test()
            self._changed()
        return result

    async def async_remove(self) -> None:
        """Take our URL back from Leap; another's stays."""
        if self._client is not None and self._last_url is not None:
            await self._registration.async_withdraw(self._client, self.url, self._last_url)
            await self._async_remember(None)

    @property
    def _registration(self) -> Registration:
        """Return what to register, with the secret that is valid now."""
        data = self._entry.data
        return Registration(data[CONF_WEBHOOK_ID], data[CONF_WEBHOOK_SECRET])

    @property
    def _last_url(self) -> str | None:
        """Return what we registered last, over restarts."""
        url = self._coordinator.home.setting(REGISTERED_URL)
        return url if isinstance(url, str) else None

    async def _async_align(self, mode: PushMode) -> float | None:
        """Register, or take back; returns when to look again."""
        if mode is not PushMode.REGISTER or self._client is None:
            self._clear("foreign_webhook", "push_forbidden")
            self.foreign = False
            self._coordinator.health.registered = None
            await self.async_remove()
            return RETRY if mode is not PushMode.OFF and self.url is None else None
        if self.url is None:
            self._coordinator.health.registered = False
            return RETRY
        owner = await self._registration.async_ensure(self._client, self.url, self._last_url)
        if owner is Owner.FOREIGN:
            self._found_foreign()
        else:
            await self._async_registered(self.url)
        return REVIEW

    async def _async_registered(self, url: str) -> None:
        """Take note that Leap posts to us."""
        if self._retrying:
            _LOGGER.info("The push URL is registered with Leap again")
        self._retrying = self.foreign = False
        self._coordinator.health.registered = True
        self._clear("foreign_webhook", "push_forbidden")
        if self._last_url != url:
            await self._async_remember(url)

    async def _async_remember(self, url: str | None) -> None:
        """Keep what is registered, for the day it has to be taken back."""
        with suppress(StoreError):
            await self._coordinator.home.async_set(REGISTERED_URL, url)

    def _found_foreign(self) -> None:
        """Leave another's URL alone, and ask the user."""
        self.foreign = True
        self._retrying = False
        self._coordinator.health.registered = False
        self._clear("push_forbidden")
        self._issue("foreign_webhook", fixable=True)

    def _failed(self, err: LeapError, again: float) -> float:
        """Say a failure once; what was known about the registration stays."""
        if not self._retrying:
            _LOGGER.info("The push URL could not be registered with Leap: %s", err)
        self._retrying = True
        return again

    async def _async_url(self) -> str | None:
        """Find the URL we can be reached at: the cloud's hook, else the external one; Leap insists on port 443."""
        webhook_id = self._entry.data[CONF_WEBHOOK_ID]
        if cloudhook.subscribed(self._hass):
            self._clear("no_external_url", "url_port")
            return await cloudhook.async_url(self._hass, webhook_id)
        try:
            url = webhook.async_generate_url(self._hass, webhook_id, allow_internal=False, allow_ip=False)
        except NoURLAvailableError:
            self._clear("url_port")
            self._no_url("no_external_url")
            return None
        self._clear("no_external_url")
        parsed = URL(url)
        by_relay = self._entry.data[CONF_MODE] == Mode.RELAY
        if parsed.scheme != "https" or (parsed.port != HTTPS_PORT and not by_relay):
            self._no_url("url_port")
            return None
        self._clear("url_port")
        self._no_url_logged = False
        return url

    def _no_url(self, issue: str) -> None:
        """Say once that Leap can't reach us."""
        if not self._no_url_logged:
            _LOGGER.warning("Leap can't push to Home Assistant: no external HTTPS address on port 443 is known")
        self._no_url_logged = True
        self._issue(issue)

    def _issue(self, name: str, *, fixable: bool = False) -> None:
        """Show a repair issue of this entry."""
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id(name, self._entry.entry_id),
            is_fixable=fixable,
            severity=ir.IssueSeverity.WARNING,
            translation_key=name,
            translation_placeholders={"title": self._entry.title},
            data={"entry_id": self._entry.entry_id, "title": self._entry.title},
        )

    def _clear(self, *names: str) -> None:
        """Take repair issues back."""
        for name in names:
            ir.async_delete_issue(self._hass, DOMAIN, issue_id(name, self._entry.entry_id))

    @callback
    def _core_config_updated(self, event: Event[dict[str, Any]]) -> None:
        """Look again when the external URL changes."""
        if "external_url" in event.data:
            self.async_request()

    @callback
    def _tick(self, _now: datetime) -> None:
        """Look again in due time."""
        self._timer = None
        self.async_request()

    def _schedule(self, delay: float | None) -> None:
        """Set the timer of the next look."""
        if delay is not None and not self._stopped:
            self._timer = async_call_later(self._hass, delay, HassJob(self._tick, cancel_on_shutdown=True))

    def _cancel_timer(self) -> None:
        """Cancel the timer of the next look."""
        if self._timer is not None:
            self._timer()
            self._timer = None

    def _changed(self) -> None:
        """Let the listeners look."""
        for listener in list(self._listeners):
            listener()


def _test_dispatch(meter_id: str) -> MeterDispatch:
    """Make up an integration test: an hour of tomorrow that nobody asks for."""
    start = dt_util.utcnow().replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    slot = Timeslot(
        event_id=str(uuid4()),
        start_time=start,
        end_time=start + timedelta(hours=1),
        cancelled=False,
        energy_kw=None,
        nomination_kw=None,
        performance_compensation_cap="up-to-site-load",
        priority=10,
        is_voluntary=True,
        dispatch_event_types=("standard",),
        programs=("ELRP",),
        communication_test=False,
    )
    return MeterDispatch(meter_id=meter_id, partner_reference=None, timeslots=(slot,), malformed=0)


@callback
def async_clear_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Take back every repair issue of a removed entry."""
    for name in ISSUES:
        ir.async_delete_issue(hass, DOMAIN, issue_id(name, entry_id))
