"""Devices and the common part of the entities: they read, none decides."""

from collections.abc import Callable, Iterable, Mapping
from typing import override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity
from homeassistant.util import dt as dt_util

from .const import (
    CONF_KIND,
    CONF_METER_ID,
    CONF_METER_IDS,
    CONF_METER_TYPE,
    CONF_MODE,
    DOMAIN,
    MANUFACTURER,
    LoadKind,
    MeterType,
    Mode,
    SubentryType,
)
from .coordinator import DispatchCoordinator, LeapConfigEntry, signal_subentries
from .dispatch.event import DispatchEvent
from .dispatch.schedule import Schedule

type Builder = Callable[[ConfigSubentry], Iterable[Entity]]

MODELS: Mapping[str, str] = {
    Mode.API_KEY: "Partner account",
    Mode.RELAY: "Relay",
    MeterType.UTILITY_METER: "Utility meter",
    MeterType.SUBMETER: "Submeter",
    MeterType.DEVICE: "Device meter",
    LoadKind.THERMOSTAT: "Thermostat load",
    LoadKind.SWITCH: "Switch load",
    LoadKind.WATER_HEATER: "Water heater load",
}


def _info(key: str, name: str, model: str) -> DeviceInfo:
    """Describe a device that is no hardware."""
    return DeviceInfo(
        identifiers={(DOMAIN, key)},
        entry_type=DeviceEntryType.SERVICE,
        manufacturer=MANUFACTURER,
        model=MODELS.get(model, model),
        name=name,
    )


@callback
def async_register_account_device(hass: HomeAssistant, entry: LeapConfigEntry) -> str:
    """Create the account's device, or bring it up to date; return its id."""
    info = _info(entry.entry_id, entry.title, entry.data[CONF_MODE])
    return dr.async_get(hass).async_get_or_create(config_entry_id=entry.entry_id, **info).id


@callback
def async_register_devices(hass: HomeAssistant, entry: LeapConfigEntry) -> None:
    """Create the account's, the meters' and the loads' devices, each before the next links to it."""
    account = async_register_account_device(hass, entry)
    meters: dict[str, str] = {}
    for meter in entry.get_subentries_of_type(SubentryType.METER):
        meter_id = meter.data[CONF_METER_ID]
        info = _info(meter_id, meter.title, meter.data.get(CONF_METER_TYPE, ""))
        meters[meter_id] = _register(hass, entry, meter, info, account)
    for load in entry.get_subentries_of_type(SubentryType.LOAD):
        behind = (meters[meter_id] for meter_id in load.data[CONF_METER_IDS] if meter_id in meters)
        info = _info(load.subentry_id, load.title, load.data[CONF_KIND])
        _register(hass, entry, load, info, next(behind, account))


def _register(
    hass: HomeAssistant, entry: LeapConfigEntry, subentry: ConfigSubentry, info: DeviceInfo, via_device_id: str
) -> str:
    """Create a subentry's device, or bring it up to date; return its id."""
    info["via_device_id"] = via_device_id
    registry = dr.async_get(hass)
    return registry.async_get_or_create(
        config_entry_id=entry.entry_id, config_subentry_id=subentry.subentry_id, **info
    ).id


@callback
def async_add_subentry_entities(
    hass: HomeAssistant,
    entry: LeapConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    builders: Mapping[SubentryType, Builder],
) -> None:
    """Add the entities of each meter and load, now and when one joins."""
    known: set[str] = set()

    @callback
    def add() -> None:
        """Add what is new, and let the devices follow what was renamed."""
        async_register_devices(hass, entry)
        known.intersection_update(entry.subentries)
        for subentry_id, subentry in entry.subentries.items():
            builder = builders.get(SubentryType(subentry.subentry_type))
            if builder is not None and subentry_id not in known:
                known.add(subentry_id)
                async_add_entities(builder(subentry), config_subentry_id=subentry_id)

    add()
    entry.async_on_unload(async_dispatcher_connect(hass, signal_subentries(entry.entry_id), add))


class LeapEntity(CoordinatorEntity[DispatchCoordinator]):
    """What all entities have in common; what they show is known here, so it is there without Leap too."""

    _attr_has_entity_name = True

    def __init__(self, entry: LeapConfigEntry, description: EntityDescription, owner: str) -> None:
        """Name the entity after the device it belongs to."""
        super().__init__(entry.runtime_data.coordinator)
        self.entity_description = description
        self.runtime = entry.runtime_data
        self.owner = owner
        self._attr_unique_id = f"{owner}_{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, owner)})

    @property
    @override
    def available(self) -> bool:
        """Stay available whatever becomes of Leap."""
        return True

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the controller and the push too."""
        await super().async_added_to_hass()
        self.async_on_remove(self.runtime.controller.add_listener(self._handle_coordinator_update))
        self.async_on_remove(self.runtime.push.add_listener(self._handle_coordinator_update))


class LeapAccountEntity(LeapEntity):
    """An entity of the account."""

    def __init__(self, entry: LeapConfigEntry, description: EntityDescription) -> None:
        """Belong to the account."""
        super().__init__(entry, description, entry.entry_id)


class LeapMeterEntity(LeapEntity):
    """An entity of a meter."""

    def __init__(self, entry: LeapConfigEntry, subentry: ConfigSubentry, description: EntityDescription) -> None:
        """Belong to a meter."""
        self.meter_id: str = subentry.data[CONF_METER_ID]
        super().__init__(entry, description, self.meter_id)

    @property
    def schedule(self) -> Schedule:
        """Return what the meter does and when."""
        return self.coordinator.schedule(self.meter_id)

    @property
    def dispatch(self) -> DispatchEvent | None:
        """Return the event that gives the instruction now, else the next one joined."""
        return self.schedule.current_or_next(dt_util.utcnow())


class LeapDispatchEntity(LeapMeterEntity):
    """An entity that shows dispatches: unavailable only while Leap is out of reach and none is known."""

    @property
    @override
    def available(self) -> bool:
        """Tell known from unknown."""
        return self.dispatch is not None or self.coordinator.feed_ok(self.meter_id)


class LeapLoadEntity(LeapEntity):
    """An entity of a load."""

    def __init__(self, entry: LeapConfigEntry, subentry: ConfigSubentry, description: EntityDescription) -> None:
        """Belong to a load."""
        self.load_id = subentry.subentry_id
        super().__init__(entry, description, self.load_id)
