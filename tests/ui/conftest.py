"""What Leap and the rest of the integration say to flows and entities."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, MagicMock, create_autospec, patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.leap.api.client import LeapClient
from custom_components.leap.api.errors import (
    LeapAuthError,
    LeapConnectionError,
    LeapError,
    LeapNotFoundError,
    LeapPermissionError,
    LeapRateLimitError,
)
from custom_components.leap.api.meters import Device
from custom_components.leap.api.models import Meter, MeterDispatch, MeterSearch, Notification, Timeslot
from custom_components.leap.coordinator import DispatchCoordinator, LeapConfigEntry, LeapRuntimeData
from custom_components.leap.curtailment.controller import Controller
from custom_components.leap.curtailment.status import LoadState, LoadStatus, MeterState
from custom_components.leap.push import PushManager
from custom_components.leap.store import async_get_store
from tests.builders import METER_ID, OTHER_METER_ID, build_entry

NOW = datetime(2026, 9, 8, 1, 0, tzinfo=UTC)
PLATFORMS = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CALENDAR,
    Platform.EVENT,
    Platform.SENSOR,
    Platform.SWITCH,
)
DEVICE_METER_ID = "0f6d2b7c-9a41-4f3e-8c2d-5e1a7b9c3d04"

REFUSALS: tuple[tuple[Exception, str], ...] = (
    (LeapAuthError("no such key", status=401), "invalid_auth"),
    (LeapPermissionError("forbidden", status=403), "permission"),
    (LeapRateLimitError("slow down"), "rate_limited"),
    (LeapConnectionError("no answer"), "cannot_connect"),
    (LeapNotFoundError("nothing here", status=404), "unexpected_answer"),
    (LeapError("odd"), "unexpected_answer"),
    (RuntimeError("a bug"), "unknown"),
)


def account() -> list[Meter]:
    """Return the meters of an account: two of homes, one of a battery."""
    return [
        Meter(
            meter_id=METER_ID,
            meter_type="UTILITY_METER",
            partner_reference="home-0042",
            transmission_region="CAISO",
            tags=("pilot", "north"),
        ),
        Meter(meter_id=OTHER_METER_ID, meter_type="SUBMETER"),
        Meter(
            meter_id=DEVICE_METER_ID,
            meter_type="DEVICE",
            tags=("pilot",),
            device=Device(type="BATTERY", manufacturer="Acme", model="Cell 10"),
        ),
    ]


class Leap:
    """What the account holds; `client` is the one every flow gets."""

    def __init__(self) -> None:
        """Begin with three meters."""
        self.made = MagicMock()
        self.meters = account()
        self.client: MagicMock = create_autospec(LeapClient, instance=True)
        self.client.search_meters.side_effect = self.search
        self.client.search_meter_dispatches.return_value = []

    async def search(self, search: MeterSearch, *, limit: int | None = None) -> list[Meter]:
        """Answer a meter search by the conditions the flows use."""
        found = [
            meter
            for meter in self.meters
            if (not search.tags or set(search.tags) & set(meter.tags))
            and (not search.partner_references or meter.partner_reference in search.partner_references)
            and (search.meter_ids is None or meter.meter_id in search.meter_ids)
        ]
        return found[:limit]


@pytest.fixture
def leap() -> Iterator[Leap]:
    """Answer the flows in Leap's place."""
    stand_in = Leap()
    with patch("custom_components.leap.flow_access.LeapClient", autospec=True) as made:
        made.return_value = stand_in.client
        stand_in.made = made
        yield stand_in


@pytest.fixture
def setup_entry() -> Iterator[AsyncMock]:
    """Keep entries from being set up."""
    with (
        patch("custom_components.leap.async_setup", AsyncMock(return_value=True)),
        patch("custom_components.leap.async_setup_entry", AsyncMock(return_value=True)) as setup,
        patch("custom_components.leap.async_unload_entry", AsyncMock(return_value=True)),
    ):
        yield setup


class Home:
    """A loaded entry: the real coordinator over a silent Leap, with a controller and a push that say what they are told."""

    def __init__(self, hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory) -> None:
        """Say little: nothing is held, and push is unknown."""
        self.hass = hass
        self.entry = entry
        self.freezer = freezer
        self.client: MagicMock = create_autospec(LeapClient, instance=True)
        self.client.search_meter_dispatches.return_value = []
        self.client.search_meters.return_value = []
        self.controller: MagicMock = create_autospec(Controller, instance=True)
        self.controller.load_state.return_value = LoadStatus(LoadState.IDLE)
        self.controller.meter_state.return_value = MeterState.IDLE
        self.controller.controlled.return_value = False
        self.push: MagicMock = create_autospec(PushManager, instance=True, healthy=None, registered=None)
        self.push.foreign, self.push.url = False, None
        self.platforms: list[Platform] = list(PLATFORMS)

    @property
    def coordinator(self) -> DispatchCoordinator:
        """Return the entry's coordinator."""
        coordinator: DispatchCoordinator = self.entry.runtime_data.coordinator
        return coordinator

    async def setup_entry(self, hass: HomeAssistant, entry: LeapConfigEntry) -> bool:
        """Set the entry up in the integration's place."""
        store = await async_get_store(hass)
        searching = "api_key" in entry.data or "relay_url" in entry.data
        client = self.client if searching else None
        coordinator = DispatchCoordinator(hass, entry, client, store)
        await coordinator.async_load()
        if coordinator.guard:
            await coordinator.guard.async_poll()
        entry.runtime_data = LeapRuntimeData(coordinator, self.controller, self.push, client)
        coordinator.async_start()
        await hass.config_entries.async_forward_entry_setups(entry, self.platforms)
        entry.async_on_unload(coordinator.async_stop)
        return True

    async def unload_entry(self, hass: HomeAssistant, entry: LeapConfigEntry) -> bool:
        """Unload the platforms."""
        return await hass.config_entries.async_unload_platforms(entry, self.platforms)

    async def start(self, *platforms: Platform) -> None:
        """Load the entry with these platforms, or with all."""
        self.platforms = list(platforms) or self.platforms
        self.entry.add_to_hass(self.hass)
        assert await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.settle()

    async def settle(self) -> None:
        """Let everything under way come to rest."""
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def push_event(self, *slots: Timeslot, meter_id: str = METER_ID, test: bool = False) -> None:
        """Have Leap push timeslots of a meter."""
        notification = Notification(
            integration_test=test,
            meters=(MeterDispatch(meter_id=meter_id, timeslots=slots),),
            group_meter_ids=frozenset(),
            malformed=0,
            foreign=0,
        )
        await self.coordinator.async_receive(notification, dt_util.utcnow())
        await self.settle()

    async def at(self, moment: datetime) -> None:
        """Go to an instant; whatever is due then happens."""
        self.freezer.move_to(moment)
        async_fire_time_changed(self.hass, moment)
        await self.settle()

    def changed(self) -> None:
        """Have controller and push tell that something changed."""
        for source in (self.controller, self.push):
            for call in source.add_listener.call_args_list:
                call.args[0]()


def timeslot(event_id: str = "event-1", **changes: Any) -> Timeslot:
    """Build an hour that begins in an hour."""
    terms: dict[str, Any] = {
        "event_id": event_id,
        "start_time": NOW + timedelta(hours=1),
        "end_time": NOW + timedelta(hours=2),
        "cancelled": False,
        "energy_kw": 3.5,
        "nomination_kw": 4.5,
        "performance_compensation_cap": "up-to-site-load",
        "priority": 3,
        "is_voluntary": False,
        "dispatch_event_types": ("standard",),
        "programs": ("ELRP",),
        "communication_test": False,
    }
    return Timeslot(**terms | changes)


@pytest.fixture
async def home(hass: HomeAssistant, tmp_path: Path, freezer: FrozenDateTimeFactory) -> AsyncIterator[Home]:
    """Prepare an entry with a meter and a load; a test starts it."""
    freezer.move_to(NOW)
    (tmp_path / ".storage").mkdir()
    hass.config.config_dir = str(tmp_path)
    prepared = Home(hass, build_entry(), freezer)
    with (
        patch("custom_components.leap.async_setup", AsyncMock(return_value=True)),
        patch("custom_components.leap.async_setup_entry", prepared.setup_entry),
        patch("custom_components.leap.async_unload_entry", prepared.unload_entry),
    ):
        yield prepared
        if prepared.entry.state is ConfigEntryState.LOADED:
            assert await hass.config_entries.async_unload(prepared.entry.entry_id)


@pytest.fixture
def all_entities() -> Iterator[None]:
    """Enable what is off by default too."""
    with patch("homeassistant.helpers.entity.Entity.entity_registry_enabled_default", True):
        yield
