"""A Leap that answers as told, for flows that must not set anything up."""

from collections.abc import Iterator
from unittest.mock import AsyncMock, MagicMock, create_autospec, patch

import pytest

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
from custom_components.leap.api.models import Meter, MeterSearch
from tests.builders import METER_ID, OTHER_METER_ID

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
        patch("custom_components.leap.async_setup", AsyncMock(return_value=True), create=True),
        patch("custom_components.leap.async_setup_entry", AsyncMock(return_value=True), create=True) as setup,
        patch("custom_components.leap.async_unload_entry", AsyncMock(return_value=True), create=True),
    ):
        yield setup
