"""Calendars: past, running and coming dispatches of a meter."""

from datetime import datetime
from typing import override

from homeassistant.components.calendar import CalendarEntity, CalendarEntityDescription, CalendarEvent
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .const import SubentryType
from .coordinator import LeapConfigEntry
from .dispatch.decisions import Choice
from .dispatch.event import DispatchEvent, Origin
from .entity import LeapMeterEntity, async_add_subentry_entities

PARALLEL_UPDATES = 0

DISPATCHES = CalendarEntityDescription(key="dispatches", translation_key="dispatches")
ORIGINS = {Origin.LEAP: "Leap", Origin.MANUAL: "Manual", Origin.REHEARSAL: "Rehearsal"}
NOT_JOINED = {Choice.SKIP: "skipped", Choice.OPTED_OUT: "opted out"}


async def async_setup_entry(
    hass: HomeAssistant, entry: LeapConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the calendars of the meters."""

    def of_meter(subentry: ConfigSubentry) -> list[CalendarEntity]:
        return [DispatchCalendar(entry, subentry, DISPATCHES)]

    async_add_subentry_entities(hass, entry, async_add_entities, {SubentryType.METER: of_meter})


class DispatchCalendar(LeapMeterEntity, CalendarEntity):
    """The dispatches of a meter, joined or not; cancelled ones are left out."""

    @property
    @override
    def available(self) -> bool:
        """Stay as long as anything to come is known, joined or not."""
        return self._current_or_next() is not None or self.coordinator.feed_ok(self.meter_id)

    @property
    @override
    def event(self) -> CalendarEvent | None:
        """Return the running event, else the next."""
        event = self._current_or_next()
        return None if event is None else self._entry(event)

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        """Return what overlaps a span."""
        return [self._entry(event) for event in self._events() if event.end > start_date and event.start < end_date]

    def _events(self) -> list[DispatchEvent]:
        """Return what has a place in a calendar, by start."""
        return [event for event in self.schedule.events if not event.cancelled and event.takes_time]

    def _current_or_next(self) -> DispatchEvent | None:
        """Return the event that gives the instruction, else any that runs, else the next."""
        now = dt_util.utcnow()
        if (segment := self.schedule.active(now)) is not None:
            return segment.event
        return next((event for event in self._events() if event.end > now), None)

    def _entry(self, event: DispatchEvent) -> CalendarEvent:
        """Write an event for people."""
        parts = [
            "/".join(event.programs) or ORIGINS[event.origin],
            "maximum" if event.energy_kw is None else f"{event.energy_kw:g} kW",
            NOT_JOINED.get(self.schedule.choice(event)),
        ]
        return CalendarEvent(
            start=event.start,
            end=event.end,
            summary=" · ".join(filter(None, parts)),
            description="Voluntary" if event.voluntary else "Commitment",
            uid=event.event_id,
        )
