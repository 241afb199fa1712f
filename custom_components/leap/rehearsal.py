"""A dispatch the home asks of itself, to see what its loads do."""

from datetime import datetime, timedelta
from typing import Final

from homeassistant.util.ulid import ulid_now

from .dispatch.event import DispatchEvent, Origin, Source

LENGTH: Final = timedelta(minutes=10)


def rehearsal(meter_id: str, now: datetime) -> DispatchEvent:
    """Return an event that runs from now on; it ranks below every event of Leap's."""
    return DispatchEvent(
        event_id=f"local:{ulid_now()}",
        meter_id=meter_id,
        start=now,
        end=now + LENGTH,
        energy_kw=None,
        nomination_kw=None,
        cap="up-to-site-load",
        priority=99,
        voluntary=True,
        types=(),
        programs=(),
        communication_test=False,
        cancelled=False,
        origin=Origin.REHEARSAL,
        source=Source.LOCAL,
    )
