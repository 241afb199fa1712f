"""Sensors: what Leap asks of a meter, what a load does about it, and when Leap was heard of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory, UnitOfPower
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .const import SubentryType
from .coordinator import DispatchCoordinator, LeapConfigEntry
from .curtailment.status import LoadState, MeterState
from .dispatch.event import DispatchEvent
from .entity import (
    LeapAccountEntity,
    LeapDispatchEntity,
    LeapLoadEntity,
    LeapMeterEntity,
    async_add_subentry_entities,
)

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class DispatchSensorDescription(SensorEntityDescription):
    """How a sensor reads the current or next event."""

    value_fn: Callable[[DispatchEvent], StateType | datetime]
    attributes_fn: Callable[[DispatchEvent], Mapping[str, Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class AccountSensorDescription(SensorEntityDescription):
    """How a sensor reads the coordinator."""

    value_fn: Callable[[DispatchCoordinator], datetime | None]
    searching: bool = False


LOAD_STATES: Mapping[LoadState, str] = {
    state: state.value if state is not LoadState.UNAVAILABLE else "device_unavailable" for state in LoadState
}
"""What a load's state is called here, where `unavailable` says something about the sensor itself."""

DISPATCH_SENSORS: tuple[DispatchSensorDescription, ...] = (
    DispatchSensorDescription(
        key="dispatch_start",
        translation_key="dispatch_start",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda event: event.start,
    ),
    DispatchSensorDescription(
        key="dispatch_end",
        translation_key="dispatch_end",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda event: event.end,
    ),
    DispatchSensorDescription(
        key="target_power",
        translation_key="target_power",
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.KILO_WATT,
        value_fn=lambda event: event.energy_kw,
        attributes_fn=lambda event: {"maximum": event.energy_kw is None},
    ),
    DispatchSensorDescription(
        key="nomination",
        translation_key="nomination",
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.KILO_WATT,
        value_fn=lambda event: event.nomination_kw,
    ),
    DispatchSensorDescription(
        key="program",
        translation_key="program",
        value_fn=lambda event: ", ".join(event.programs) or None,
    ),
    DispatchSensorDescription(
        key="priority",
        translation_key="priority",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda event: event.priority,
    ),
    DispatchSensorDescription(
        key="compensation_cap",
        translation_key="compensation_cap",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda event: event.cap,
    ),
)
DISPATCH_STATE = SensorEntityDescription(
    key="dispatch_state",
    translation_key="dispatch_state",
    device_class=SensorDeviceClass.ENUM,
    options=[state.value for state in MeterState],
)
LOAD_STATE = SensorEntityDescription(
    key="load_state",
    translation_key="load_state",
    device_class=SensorDeviceClass.ENUM,
    options=list(LOAD_STATES.values()),
)
ACCOUNT_SENSORS: tuple[AccountSensorDescription, ...] = (
    AccountSensorDescription(
        key="last_notification",
        translation_key="last_notification",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda coordinator: coordinator.last_notification,
    ),
    AccountSensorDescription(
        key="last_poll",
        translation_key="last_poll",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        searching=True,
        value_fn=lambda coordinator: coordinator.last_poll,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: LeapConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensors of account, meters and loads."""

    def of_meter(subentry: ConfigSubentry) -> list[SensorEntity]:
        return [
            DispatchStateSensor(entry, subentry, DISPATCH_STATE),
            *(DispatchSensor(entry, subentry, description) for description in DISPATCH_SENSORS),
        ]

    def of_load(subentry: ConfigSubentry) -> list[SensorEntity]:
        return [LoadStateSensor(entry, subentry, LOAD_STATE)]

    searching = entry.runtime_data.client is not None
    async_add_subentry_entities(
        hass, entry, async_add_entities, {SubentryType.METER: of_meter, SubentryType.LOAD: of_load}
    )
    async_add_entities(
        AccountSensor(entry, description) for description in ACCOUNT_SENSORS if searching or not description.searching
    )


class DispatchSensor(LeapDispatchEntity, SensorEntity):
    """One thing about the current or next event; unknown if nothing is scheduled."""

    entity_description: DispatchSensorDescription

    @property
    @override
    def native_value(self) -> StateType | datetime:
        """Read the event."""
        event = self.dispatch
        return None if event is None else self.entity_description.value_fn(event)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Read what the value can't say."""
        read, event = self.entity_description.attributes_fn, self.dispatch
        return None if read is None or event is None else read(event)


class DispatchStateSensor(LeapMeterEntity, SensorEntity):
    """Where a meter stands between two events, or in one."""

    @property
    @override
    def available(self) -> bool:
        """Tell known from unknown: only "nothing scheduled" needs Leap to be heard of."""
        return self.native_value != MeterState.IDLE or self.coordinator.feed_ok(self.meter_id)

    @property
    @override
    def native_value(self) -> str:
        """Read the controller."""
        return self.runtime.controller.meter_state(self.meter_id, dt_util.utcnow()).value


class LoadStateSensor(LeapLoadEntity, SensorEntity):
    """What a load does, and why."""

    @property
    @override
    def native_value(self) -> str:
        """Read the controller."""
        return LOAD_STATES[self.runtime.controller.load_state(self.load_id).state]

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """Tell the reason."""
        return {"reason": str(self.runtime.controller.load_state(self.load_id).reason) or None}


class AccountSensor(LeapAccountEntity, SensorEntity):
    """When Leap was last heard of."""

    entity_description: AccountSensorDescription

    @property
    @override
    def native_value(self) -> datetime | None:
        """Read the coordinator."""
        return self.entity_description.value_fn(self.coordinator)
