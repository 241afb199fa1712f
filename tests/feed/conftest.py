"""A loaded entry over a client that answers as told, with the real store under a folder of the test."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, MagicMock, create_autospec, patch

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.setup import async_setup_component
import msgspec
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.leap.api.client import LeapClient
from custom_components.leap.api.models import MeterDispatch, Timeslot
from custom_components.leap.const import WEBHOOK_SECRET_HEADER
from custom_components.leap.coordinator import DispatchSignal, signal_dispatch
from custom_components.leap.dispatch.event import DispatchEvent
from tests.builders import ENTRY_ID, METER_ID, WEBHOOK_ID, WEBHOOK_SECRET, build_entry

NOW = datetime(2026, 9, 8, 1, 0, tzinfo=UTC)
SECRET = {WEBHOOK_SECRET_HEADER: WEBHOOK_SECRET}


def slot(event_id: str = "event-1", **changes: Any) -> Timeslot:
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


def dispatch(*slots: Timeslot, meter_id: str = METER_ID, malformed: int = 0) -> MeterDispatch:
    """Build one meter's part of a search reply."""
    return MeterDispatch(meter_id=meter_id, timeslots=slots, malformed=malformed)


def wire(slot: Timeslot) -> dict[str, Any]:
    """Write a timeslot as Leap posts it."""
    fields: dict[str, Any] = msgspec.to_builtins(slot)
    return {"meter_event_id": fields.pop("event_id"), **fields}


def body(*slots: Timeslot, meter_id: str = METER_ID, **top: Any) -> dict[str, Any]:
    """Write a push for one meter."""
    dispatches = [{"meter_id": meter_id, "timeslots": [wire(each) for each in slots]}]
    return {"integration_test_notification": False, "communication_test": False, "meter_dispatches": dispatches, **top}


@pytest.fixture(autouse=True)
def own_folder(hass: HomeAssistant, tmp_path: Path) -> None:
    """Keep the database in the test's folder."""
    (tmp_path / ".storage").mkdir()
    hass.config.config_dir = str(tmp_path)


@pytest.fixture(autouse=True)
def frozen(freezer: Any) -> Any:
    """Begin every test at the same instant."""
    freezer.move_to(NOW)
    return freezer


@pytest.fixture
def client() -> Iterator[MagicMock]:
    """Answer every call of the client; searches find nothing, and no push URL is registered."""
    fake = create_autospec(LeapClient, instance=True)
    fake.search_meter_dispatches.return_value = []
    fake.search_meters.return_value = []
    fake.get_webhook.return_value = None
    with patch("custom_components.leap.create_client", return_value=fake):
        yield fake


@pytest.fixture(autouse=True)
def actuator() -> Iterator[AsyncMock]:
    """Stand in for the loads' side."""
    fake = AsyncMock()
    with (
        patch("custom_components.leap.async_get_actuator", return_value=fake),
        patch("custom_components.leap.repairs.async_get_actuator", return_value=fake),
    ):
        yield fake


@pytest.fixture(autouse=True)
def controller() -> Iterator[MagicMock]:
    """Stand in for the controller, and leave the platforms out."""
    fake = MagicMock(async_start=AsyncMock(), async_stop=AsyncMock(), async_apply_changes=AsyncMock())
    with patch("custom_components.leap.Controller", return_value=fake), patch("custom_components.leap.PLATFORMS", []):
        yield fake


@pytest.fixture
def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Add an entry with one meter and one load, push off."""
    made = build_entry()
    made.add_to_hass(hass)
    return made


def is_healthy(entry: Any) -> bool | None:
    """Tell what the entry thinks of its push."""
    found: bool | None = entry.runtime_data.push.healthy
    return found


async def settle(hass: HomeAssistant) -> None:
    """Let everything under way come to rest."""
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.fixture
async def loaded(hass: HomeAssistant, entry: MockConfigEntry, client: MagicMock) -> MockConfigEntry:
    """Load the entry."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    return entry


@pytest.fixture
def signals(hass: HomeAssistant) -> list[tuple[DispatchSignal, str]]:
    """Collect what the entry tells about events."""
    heard: list[tuple[DispatchSignal, str]] = []

    @callback
    def hear(_meter_id: str, kind: DispatchSignal, event: DispatchEvent, _choice: object) -> None:
        heard.append((kind, event.event_id))

    async_dispatcher_connect(hass, signal_dispatch(ENTRY_ID), hear)
    return heard


type Post = Callable[..., Any]


@pytest.fixture
async def post(hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator) -> Post:
    """Post to the door over HTTP; returns the status."""
    assert await async_setup_component(hass, "webhook", {})
    http = await hass_client_no_auth()

    async def send(payload: Any, headers: dict[str, str] | None = None, method: str = "POST") -> int:
        content = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        url = f"/api/webhook/{WEBHOOK_ID}"
        async with http.request(method, url, data=content, headers=SECRET if headers is None else headers) as reply:
            await settle(hass)
            return reply.status

    return send
