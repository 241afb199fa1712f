"""Event entities: each thing that happens to a dispatch, with the whole dispatch as attributes."""

from typing import override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import SubentryType
from .coordinator import DispatchSignal, LeapConfigEntry, signal_dispatch
from .dispatch.decisions import Choice
from .dispatch.event import DispatchEvent
from .entity import LeapMeterEntity, async_add_subentry_entities

PARALLEL_UPDATES = 0

DISPATCH = EventEntityDescription(
    key="dispatch",
    translation_key="dispatch",
    event_types=[signal.value for signal in DispatchSignal],
)


async def async_setup_entry(
    hass: HomeAssistant, entry: LeapConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the event entities of the meters."""

    def of_meter(subentry: ConfigSubentry) -> list[EventEntity]:
        return [DispatchEventEntity(entry, subentry, DISPATCH)]

    async_add_subentry_entities(hass, entry, async_add_entities, {SubentryType.METER: of_meter})


class DispatchEventEntity(LeapMeterEntity, EventEntity):
    """What happened last to a dispatch of this meter."""

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the entry's dispatches."""
        await super().async_added_to_hass()
        signal = signal_dispatch(self.coordinator.config_entry.entry_id)
        self.async_on_remove(async_dispatcher_connect(self.hass, signal, self._take))

    @callback
    def _take(self, meter_id: str, kind: DispatchSignal, event: DispatchEvent, decision: Choice | None) -> None:
        """Show what happened to a dispatch of this meter."""
        if meter_id != self.meter_id:
            return
        attributes = event.as_dict() | {"decision": decision.value if decision else None}
        self._trigger_event(kind.value, attributes)
        self.async_write_ha_state()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Change by what happens alone."""
