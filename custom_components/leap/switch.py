"""Switches: whether the home answers by itself, and which loads do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import SubentryType
from .coordinator import DispatchCoordinator, LeapConfigEntry
from .entity import LeapEntity, LeapLoadEntity, LeapMeterEntity, async_add_subentry_entities

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class LeapSwitchDescription(SwitchEntityDescription):
    """How a switch reads and sets what belongs to a meter or a load."""

    value_fn: Callable[[DispatchCoordinator, str], bool]
    set_fn: Callable[[DispatchCoordinator, str, bool], Awaitable[None]]


METER_SWITCHES: tuple[LeapSwitchDescription, ...] = (
    LeapSwitchDescription(
        key="automatic_curtailment",
        translation_key="automatic_curtailment",
        value_fn=lambda coordinator, meter_id: coordinator.automatic(meter_id),
        set_fn=lambda coordinator, meter_id, on: coordinator.async_set_automatic(meter_id, on),
    ),
)
LOAD_SWITCHES: tuple[LeapSwitchDescription, ...] = (
    LeapSwitchDescription(
        key="load_enabled",
        translation_key="load_enabled",
        value_fn=lambda coordinator, load_id: coordinator.load_enabled(load_id),
        set_fn=lambda coordinator, load_id, on: coordinator.async_set_load_enabled(load_id, on),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: LeapConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the switches of meters and loads."""

    def of_meter(subentry: ConfigSubentry) -> list[SwitchEntity]:
        return [MeterSwitch(entry, subentry, description) for description in METER_SWITCHES]

    def of_load(subentry: ConfigSubentry) -> list[SwitchEntity]:
        return [LoadSwitch(entry, subentry, description) for description in LOAD_SWITCHES]

    async_add_subentry_entities(
        hass, entry, async_add_entities, {SubentryType.METER: of_meter, SubentryType.LOAD: of_load}
    )


class LeapSwitch(LeapEntity, SwitchEntity):
    """A remembered yes or no."""

    entity_description: LeapSwitchDescription

    @property
    @override
    def is_on(self) -> bool:
        """Read the setting."""
        return self.entity_description.value_fn(self.coordinator, self.owner)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Say yes."""
        await self.entity_description.set_fn(self.coordinator, self.owner, True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Say no."""
        await self.entity_description.set_fn(self.coordinator, self.owner, False)


class MeterSwitch(LeapMeterEntity, LeapSwitch):
    """A switch of a meter."""


class LoadSwitch(LeapLoadEntity, LeapSwitch):
    """A switch of a load."""
