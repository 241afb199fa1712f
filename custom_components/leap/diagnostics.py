"""Diagnostics: health and counts; no secret, no address, no id and no name."""

from collections import Counter
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .const import (
    CONF_COMMUNICATION_TEST,
    CONF_ENTITIES,
    CONF_ENVIRONMENT,
    CONF_EXPECTED_KW,
    CONF_EXTERNAL_CHANGE,
    CONF_KIND,
    CONF_LIMITS,
    CONF_METER_ID,
    CONF_METER_IDS,
    CONF_METER_TYPE,
    CONF_MODE,
    CONF_PUSH,
    CONF_RANK,
    CONF_RELAY_URL,
    CONF_VOLUNTARY_DEFAULT,
    SubentryType,
)
from .coordinator import DispatchCoordinator, LeapConfigEntry, LeapRuntimeData
from .flow_meters import CONF_REGION

ENTRY_KEYS = (CONF_MODE, CONF_ENVIRONMENT)
OPTION_KEYS = (CONF_PUSH, CONF_COMMUNICATION_TEST)
METER_KEYS = (CONF_METER_TYPE, CONF_REGION, CONF_VOLUNTARY_DEFAULT)
LOAD_KEYS = (
    CONF_KIND,
    CONF_LIMITS,
    CONF_EXPECTED_KW,
    CONF_RANK,
    CONF_EXTERNAL_CHANGE,
)


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: LeapConfigEntry) -> dict[str, Any]:
    """Return only what is named here, so that nothing added later can leak."""
    runtime = entry.runtime_data
    meters = list(entry.get_subentries_of_type(SubentryType.METER))
    numbers = {meter.data[CONF_METER_ID]: number for number, meter in enumerate(meters)}
    return {
        "entry": {
            **{key: entry.data.get(key) for key in ENTRY_KEYS},
            "relay_searchable": CONF_RELAY_URL in entry.data,
            "options": {key: entry.options.get(key) for key in OPTION_KEYS},
        },
        "feed": _feed(runtime.coordinator),
        "push": {
            "healthy": runtime.push.healthy,
            "registered": runtime.push.registered,
            "foreign": runtime.push.foreign,
            "has_url": runtime.push.url is not None,
        },
        "meters": [_meter(runtime, meter) for meter in meters],
        "loads": [_load(runtime, load, numbers) for load in entry.get_subentries_of_type(SubentryType.LOAD)],
    }


def _feed(coordinator: DispatchCoordinator) -> dict[str, Any]:
    """Tell when Leap was last heard of."""
    moments = {
        "last_poll": coordinator.last_poll,
        "last_good_poll": coordinator.last_good_poll,
        "last_notification": coordinator.last_notification,
        "last_test": coordinator.last_test,
    }
    return {name: moment.isoformat() if moment else None for name, moment in moments.items()}


def _meter(runtime: LeapRuntimeData, meter: ConfigSubentry) -> dict[str, Any]:
    """Describe a meter by its settings and its events' counts."""
    coordinator, meter_id, now = runtime.coordinator, meter.data[CONF_METER_ID], dt_util.utcnow()
    schedule = coordinator.schedule(meter_id)
    change = schedule.next_change(now)
    return {
        **{key: meter.data.get(key) for key in METER_KEYS},
        "feed_ok": coordinator.feed_ok(meter_id),
        "automatic": coordinator.automatic(meter_id),
        "state": runtime.controller.meter_state(meter_id, now).value,
        "controlled": runtime.controller.controlled(meter_id),
        "next_change": change.isoformat() if change else None,
        "events": {
            "phases": dict(Counter(event.phase(now).value for event in schedule.events)),
            "choices": dict(Counter(schedule.choice(event).value for event in schedule.events)),
            "sources": dict(Counter(event.source.value for event in schedule.events)),
        },
    }


def _load(runtime: LeapRuntimeData, load: ConfigSubentry, numbers: dict[str, int]) -> dict[str, Any]:
    """Describe a load by its settings and what it does; its meters by their place in the list."""
    status = runtime.controller.load_state(load.subentry_id)
    return {
        **{key: load.data.get(key) for key in LOAD_KEYS},
        "roles": sorted(load.data[CONF_ENTITIES]),
        "meters": [numbers.get(meter_id) for meter_id in load.data[CONF_METER_IDS]],
        "enabled": runtime.coordinator.load_enabled(load.subentry_id),
        "state": status.state.value,
        "reason": status.reason,
    }
