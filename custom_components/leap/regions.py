"""Transmission regions of the followed meters, learnt from Leap when they matter."""

from collections.abc import Collection
import logging

from .api.client import LeapClient
from .api.errors import LeapError
from .api.models import MeterSearch

_LOGGER = logging.getLogger(__name__)


class Regions:
    """What Leap says about where each meter is; asked once per meter and start."""

    def __init__(self, client: LeapClient) -> None:
        """Begin knowing nothing."""
        self._client = client
        self._known: dict[str, str | None] = {}

    def of(self, meter_id: str) -> str | None:
        """Tell a meter's region, None if unknown."""
        return self._known.get(meter_id)

    async def async_learn(self, meter_ids: Collection[str]) -> None:
        """Ask for the regions not asked for yet; a refusal is an answer: unknown."""
        unasked = [each for each in meter_ids if each not in self._known]
        if not unasked:
            return
        self._known.update(dict.fromkeys(unasked))
        try:
            found = await self._client.search_meters(MeterSearch(meter_ids=tuple(unasked)))
        except LeapError as err:
            _LOGGER.debug("Meter details could not be read: %s", err)
            return
        regions = {meter.meter_id.lower(): meter.transmission_region for meter in found}
        self._known.update({each: regions.get(each.lower()) for each in unasked})
