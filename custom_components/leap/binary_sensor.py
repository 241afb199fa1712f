"""Binary sensors: what runs, what is held, and whether push works."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .const import SubentryType
from .coordinator import LeapConfigEntry, LeapRuntimeData
from .entity import (
    LeapAccountEntity,
    LeapDispatchEntity,
    LeapLoadEntity,
    LeapMeterEntity,
    async_add_subentry_entities,
)

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class AccountBinarySensorDescription(BinarySensorEntityDescription):
    """How a binary sensor reads what the entry runs on."""

    value_fn: Callable[[LeapRuntimeData], bool | None]


DISPATCH_ACTIVE = BinarySensorEntityDescription(key="dispatch_active", translation_key="dispatch_active")
CONTROLLED = BinarySensorEntityDescription(key="controlled", translation_key="controlled")
ACCOUNT_BINARY_SENSORS: tuple[AccountBinarySensorDescription, ...] = (
    AccountBinarySensorDescription(
        key="push_healthy",
        translation_key="push_healthy",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda runtime: runtime.push.healthy,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: LeapConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the binary sensors of account, meters and loads."""

    def of_meter(subentry: ConfigSubentry) -> list[BinarySensorEntity]:
        return [
            DispatchActiveSensor(entry, subentry, DISPATCH_ACTIVE),
            MeterControlledSensor(entry, subentry, CONTROLLED),
        ]

    def of_load(subentry: ConfigSubentry) -> list[BinarySensorEntity]:
        return [LoadControlledSensor(entry, subentry, CONTROLLED)]

    async_add_subentry_entities(
        hass, entry, async_add_entities, {SubentryType.METER: of_meter, SubentryType.LOAD: of_load}
    )
    async_add_entities(AccountBinarySensor(entry, description) for description in ACCOUNT_BINARY_SENSORS)


class DispatchActiveSensor(LeapDispatchEntity, BinarySensorEntity):
    """On from a joined event's first instant to its last."""

    @property
    @override
    def is_on(self) -> bool:
        """Read the schedule."""
        return self.schedule.active(dt_util.utcnow()) is not None


class MeterControlledSensor(LeapMeterEntity, BinarySensorEntity):
    """On while a load of the meter is held."""

    @property
    @override
    def is_on(self) -> bool:
        """Read the controller."""
        return self.runtime.controller.controlled(self.meter_id)


class LoadControlledSensor(LeapLoadEntity, BinarySensorEntity):
    """On while the load is held."""

    @property
    @override
    def is_on(self) -> bool:
        """Read the controller."""
        return self.runtime.controller.controlled(self.load_id)


class AccountBinarySensor(LeapAccountEntity, BinarySensorEntity):
    """A fact about the account; unknown while nothing tells."""

    entity_description: AccountBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        """Read what the entry runs on."""
        return self.entity_description.value_fn(self.runtime)
