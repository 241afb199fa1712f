"""What one entry knows, when the disk is slower than Leap."""

import asyncio
from dataclasses import replace
from typing import Any
from unittest.mock import AsyncMock, create_autospec

import pytest

from custom_components.leap.convert import to_events
from custom_components.leap.dispatch.event import Source
from custom_components.leap.home import Home
from custom_components.leap.store import LeapStore, Put, StoreError
from tests.builders import ENTRY_ID, METER_ID

from .conftest import NOW, dispatch, slot


async def test_a_copy_that_comes_during_a_write_is_not_taken_for_written() -> None:
    """Its own write fails, so the next one must bring it, though the former write went well."""
    written: list[float | None] = []
    room = asyncio.Event()
    failing = False

    async def write(*changes: Put) -> None:
        if failing:
            raise StoreError("full")
        values: list[Any] = [change.item for change in changes]
        await room.wait()
        written.extend(entry.event.energy_kw for entry in values)

    store = create_autospec(LeapStore, instance=True, async_write=AsyncMock(side_effect=write))
    home = Home(store, ENTRY_ID)
    (event,) = to_events([dispatch(slot(energy_kw=1.0))], {METER_ID: METER_ID}, Source.PUSH)
    home.merge_push([event], received_at=NOW)
    first = asyncio.create_task(home.async_keep())
    await asyncio.sleep(0)
    home.merge_push([replace(event, energy_kw=2.0)], received_at=NOW)
    failing = True
    with pytest.raises(StoreError):
        await home.async_keep()
    failing = False
    room.set()
    await first
    await home.async_keep()
    assert written == [1.0, 2.0]
