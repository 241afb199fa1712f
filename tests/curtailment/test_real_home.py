"""The whole integration against a real climate platform: from a push at the door to the device and back."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, override
from unittest.mock import MagicMock, create_autospec, patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant import loader
from homeassistant.components.climate import ClimateEntity, ClimateEntityFeature, HVACAction, HVACMode
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import ATTR_TEMPERATURE, UnitOfTemperature
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddEntitiesCallback
from homeassistant.helpers.typing import ConfigType, DiscoveryInfoType
from homeassistant.setup import async_setup_component
from homeassistant.util.unit_system import METRIC_SYSTEM, US_CUSTOMARY_SYSTEM
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    MockPlatform,
    RegistryEntryWithDefaults,
    async_fire_time_changed,
    async_test_home_assistant,
    mock_integration,
    mock_platform,
    mock_registry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.leap.api.client import LeapClient
from custom_components.leap.api.errors import LeapPermissionError
from custom_components.leap.api.models import MeterDispatch
from custom_components.leap.const import CONF_EXTERNAL_CHANGE, DOMAIN
from custom_components.leap.curtailment.actuator import DATA_ACTUATOR
from custom_components.leap.curtailment.undo import UNDO
from custom_components.leap.store import DATA_STORE, async_get_store
from tests.builders import CLIMATE_REGISTRY_ID, LOAD_SUBENTRY_ID, METER_ID, build_entry, load_subentry, meter_subentry
from tests.feed.conftest import SECRET, body, slot

from .conftest import NOW, settle

HALL = "climate.hall"


@dataclass
class Device:
    """A thermostat on the wall: it stays as it is whatever Home Assistant does."""

    mode: HVACMode = HVACMode.HEAT
    target: float = 21.0
    asked: list[float] = field(default_factory=list)
    there: bool = True


class Hall(ClimateEntity):
    """The thermostat in Home Assistant."""

    _attr_name = "Hall"
    _attr_unique_id = "hall"
    _attr_temperature_unit = UnitOfTemperature.CELSIUS
    _attr_target_temperature_step = 0.5
    _attr_current_temperature = 20.5
    _attr_supported_features = (
        ClimateEntityFeature.TARGET_TEMPERATURE | ClimateEntityFeature.TURN_ON | ClimateEntityFeature.TURN_OFF
    )
    _attr_should_poll = False

    def __init__(self, device: Device) -> None:
        """Know the device."""
        self._device = device
        self._attr_hvac_modes = [HVACMode.HEAT, HVACMode.COOL, HVACMode.HEAT_COOL, HVACMode.OFF]
        self._read()

    def _read(self) -> None:
        """Read the device; it heats when its room is too cold, and cools when that is too warm."""
        self._attr_available = self._device.there
        self._attr_hvac_mode = self._device.mode
        self._attr_target_temperature = self._device.target
        self._attr_hvac_action = HVACAction.HEATING if self._device.target > 20.5 else HVACAction.COOLING

    def show(self) -> None:
        """Show what the device has become."""
        self._read()
        self.async_write_ha_state()

    @override
    async def async_set_temperature(self, **kwargs: Any) -> None:
        """Move the target."""
        self._device.asked.append(kwargs[ATTR_TEMPERATURE])
        self._device.target = round(kwargs[ATTR_TEMPERATURE] * 2) / 2
        self.show()

    @override
    async def async_set_hvac_mode(self, hvac_mode: HVACMode) -> None:
        """Choose a mode."""
        self._device.mode = hvac_mode
        self.show()


@dataclass
class Home:
    """A running Home Assistant with the integration and the thermostat."""

    hass: HomeAssistant
    device: Device
    hall: Hall
    entry: MockConfigEntry
    freezer: FrozenDateTimeFactory
    send: Callable[[dict[str, Any]], Any] | None = None

    async def push(self, event_id: str, start: int, end: int, **changes: Any) -> None:
        """Have Leap post an event, in minutes from the beginning."""
        assert self.send is not None
        times = {"start_time": NOW + timedelta(minutes=start), "end_time": NOW + timedelta(minutes=end)}
        assert await self.send(body(slot(event_id, **times, **changes))) == 200
        await settle(self.hass)

    async def at(self, minutes: float) -> None:
        """Let it become a time, in minutes from the beginning."""
        self.freezer.move_to(NOW + timedelta(minutes=minutes))
        async_fire_time_changed(self.hass)
        await settle(self.hass)

    async def call(self, service: str, **data: Any) -> None:
        """Do as a person at the dashboard."""
        await self.hass.services.async_call("climate", service, {"entity_id": HALL, **data}, blocking=True)
        await settle(self.hass)

    async def records(self) -> int:
        """Return how many records are on disk."""
        return len(await (await async_get_store(self.hass)).async_load(UNDO))

    def load_state(self) -> str | None:
        """Return what the load's own entity says."""
        registry = er.async_get(self.hass)
        entity_id = registry.async_get_entity_id("sensor", DOMAIN, f"{LOAD_SUBENTRY_ID}_load_state")
        state = self.hass.states.get(entity_id) if entity_id else None
        return state.state if state else None


@pytest.fixture
def leap() -> Iterator[MagicMock]:
    """Answer in Leap's place: there is nothing to find."""
    fake = create_autospec(LeapClient, instance=True)
    fake.search_meter_dispatches.return_value = []
    fake.get_webhook.return_value = None
    with patch("custom_components.leap.create_client", return_value=fake):
        yield fake


async def build(
    hass: HomeAssistant, device: Device, freezer: FrozenDateTimeFactory, entry: MockConfigEntry | None = None
) -> Home:
    """Set Home Assistant up: the thermostat's platform, and the integration with a meter and a load."""
    hall = Hall(device)

    async def async_setup_platform(
        hass: HomeAssistant, config: ConfigType, add: AddEntitiesCallback, info: DiscoveryInfoType | None = None
    ) -> None:
        add([hall])

    known = RegistryEntryWithDefaults(
        entity_id=HALL, unique_id="hall", platform="wall", id=CLIMATE_REGISTRY_ID, suggested_object_id="hall"
    )
    mock_registry(hass, {HALL: known})
    mock_integration(hass, MockModule("wall"))
    mock_platform(hass, "wall.climate", MockPlatform(async_setup_platform=async_setup_platform))
    assert await async_setup_component(hass, "climate", {"climate": {"platform": "wall"}})
    await settle(hass)
    entry = entry or build_entry()
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await settle(hass)
    return Home(hass, device, hall, entry, freezer)


@pytest.fixture
async def whole(
    home: HomeAssistant, leap: MagicMock, freezer: FrozenDateTimeFactory, hass_client_no_auth: ClientSessionGenerator
) -> Home:
    """Return a home with everything running."""
    assert await async_setup_component(home, "webhook", {})
    built = await build(home, Device(), freezer)
    assert built.entry.state is ConfigEntryState.LOADED
    http = await hass_client_no_auth()

    async def send(payload: dict[str, Any]) -> int:
        async with http.post(f"/api/webhook/{built.entry.data['webhook_id']}", json=payload, headers=SECRET) as reply:
            return reply.status

    built.send = send
    return built


@asynccontextmanager
async def power_cut(lost: Home) -> AsyncIterator[HomeAssistant]:
    """Take one Home Assistant away without a word to the device, and give another one on the same folder."""
    await lost.hass.config_entries.async_unload(lost.entry.entry_id)
    lost.hass.data[DATA_ACTUATOR].async_shutdown()
    await lost.hass.data[DATA_STORE].async_close()
    async with async_test_home_assistant(config_dir=lost.hass.config.config_dir) as hass:
        hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
        yield hass
        await hass.async_stop(force=True)


async def test_start_update_and_end(whole: Home) -> None:
    """An event moves the target for its length; a later end, told midway, is kept to."""
    await whole.push("one", 60, 120)
    await whole.at(59.9)
    assert (whole.device.target, await whole.records()) == (21.0, 0)
    await whole.at(60)
    assert (whole.device.target, await whole.records()) == (19.0, 1)
    assert whole.load_state() == "curtailed"
    await whole.push("one", 60, 150, energy_kw=0.5)
    await whole.at(149)
    assert whole.device.asked == [19.0]
    await whole.at(150)
    assert (whole.device.target, await whole.records()) == (21.0, 0)
    assert whole.load_state() == "idle"
    assert whole.device.asked == [19.0, 21.0]


async def test_cancelled_midway(whole: Home) -> None:
    """A cancelled event gives the target back at once."""
    await whole.push("one", 0, 60)
    assert whole.device.target == 19.0
    await whole.push("one", 0, 60, cancelled=True)
    assert (whole.device.target, await whole.records()) == (21.0, 0)


async def test_adjacent_events_of_a_device_for_both(whole: Home) -> None:
    """What heats and cools by one target is held the same way over all events, and by one command."""
    await whole.call("set_hvac_mode", hvac_mode="heat_cool")
    await whole.push("one", 0, 60, energy_kw=1.0)
    await whole.push("two", 60, 120, energy_kw=None)
    await whole.at(60)
    await whole.push("two", 60, 180, energy_kw=7.0)
    await whole.at(179)
    assert (whole.device.asked, whole.device.target) == ([19.0], 19.0)
    await whole.at(180)
    assert whole.device.asked == [19.0, 21.0]


@pytest.mark.parametrize("how", ["removed", "disabled", "load removed", "meter removed"])
async def test_taken_away_mid_event(whole: Home, how: str) -> None:
    """Removing or disabling puts the target back at once, and later nothing more happens."""
    await whole.push("one", 0, 60)
    entries = whole.hass.config_entries
    if how == "removed":
        await entries.async_remove(whole.entry.entry_id)
    elif how == "disabled":
        await entries.async_set_disabled_by(whole.entry.entry_id, ConfigEntryDisabler.USER)
    else:
        gone = (
            LOAD_SUBENTRY_ID if how == "load removed" else next(iter(set(whole.entry.subentries) - {LOAD_SUBENTRY_ID}))
        )
        entries.async_remove_subentry(whole.entry, gone)
    await settle(whole.hass)
    assert (whole.device.target, await whole.records()) == (21.0, 0)
    await whole.at(61)
    assert whole.device.asked == [19.0, 21.0]


async def test_reloaded_mid_event(whole: Home) -> None:
    """A reload is no end, and the event still has one."""
    await whole.push("one", 0, 60)
    await whole.hass.config_entries.async_reload(whole.entry.entry_id)
    await whole.at(10)
    assert whole.device.asked == [19.0]
    await whole.at(60)
    assert (whole.device.asked, await whole.records()) == ([19.0, 21.0], 0)


async def test_unloaded_mid_event_and_not_back(whole: Home) -> None:
    """After 120 s nobody waits for the entry any longer."""
    await whole.push("one", 0, 60)
    await whole.hass.config_entries.async_unload(whole.entry.entry_id)
    await whole.at(1.9)
    assert whole.device.target == 19.0
    await whole.at(2.1)
    assert (whole.device.target, await whole.records()) == (21.0, 0)


async def test_restart_with_leap_answering_403(whole: Home, leap: MagicMock) -> None:
    """A home that Leap refuses at start-up goes on with what it knows, and ends it."""
    await whole.push("one", 0, 60)
    leap.search_meter_dispatches.side_effect = LeapPermissionError("no", status=403)
    async with power_cut(whole) as hass:
        back = await build(hass, whole.device, whole.freezer)
        assert back.entry.state is ConfigEntryState.LOADED
        await back.at(30)
        assert back.device.asked == [19.0]
        await back.at(60)
        assert (back.device.asked, await back.records()) == ([19.0, 21.0], 0)


@pytest.mark.parametrize("minutes", [60, 90])
async def test_restart_after_the_end(whole: Home, minutes: int) -> None:
    """An event that ended in the dark, or at this very second, is undone at start."""
    await whole.push("one", 0, 60)
    async with power_cut(whole) as hass:
        whole.freezer.move_to(NOW + timedelta(minutes=minutes))
        back = await build(hass, whole.device, whole.freezer)
        assert (back.device.asked, await back.records()) == ([19.0, 21.0], 0)


async def test_restart_without_the_entry(whole: Home) -> None:
    """Home Assistant comes back with the entry disabled: the device is put back after 120 s."""
    await whole.push("one", 0, 60)
    async with power_cut(whole) as hass:
        data = dict(build_entry().data)
        entry = MockConfigEntry(domain=DOMAIN, data=data, disabled_by=ConfigEntryDisabler.USER)
        back = await build(hass, whole.device, whole.freezer, entry)
        await back.at(3)
        assert (back.device.asked, await back.records()) == ([19.0, 21.0], 0)


@pytest.mark.parametrize("policy", ["opt_out", "adopt", "reassert_once", "of a later version"])
async def test_changed_by_a_person_mid_event(whole: Home, policy: str) -> None:
    """A person's target is kept, in the adjacent event too; the one after that is answered, from there."""
    entries = whole.hass.config_entries
    data = {**load_subentry()["data"], CONF_EXTERNAL_CHANGE: policy}
    entries.async_update_subentry(whole.entry, whole.entry.subentries[LOAD_SUBENTRY_ID], data=data)
    await settle(whole.hass)
    await whole.push("one", 0, 60)
    await whole.push("two", 60, 120)
    await whole.push("three", 180, 240)
    await whole.at(10)
    await whole.call("set_temperature", temperature=22.0)
    assert whole.load_state() == "opted_out"
    await whole.push("two", 60, 130, energy_kw=9.0)
    for minutes in (60, 90, 130, 179):
        await whole.at(minutes)
        assert (whole.device.asked, await whole.records()) == ([19.0, 22.0], 0)
    await whole.at(180)
    await whole.at(240)
    assert whole.device.asked == [19.0, 22.0, 20.0, 22.0]


async def test_turned_off_by_a_person_mid_event(whole: Home) -> None:
    """Off stays off; the target we left in it goes back when it is turned on, and the event is over for it."""
    await whole.push("one", 0, 60)
    await whole.at(10)
    await whole.call("turn_off")
    assert whole.load_state() == "opted_out"
    await whole.at(60)
    assert (whole.device.mode, whole.device.asked) == (HVACMode.OFF, [19.0])
    assert whole.load_state() == "idle"
    await whole.call("set_hvac_mode", hvac_mode="heat")
    assert (whole.device.target, await whole.records()) == (21.0, 0)


async def test_turned_on_by_a_person_mid_event(whole: Home) -> None:
    """What is off when an event starts is left alone, though it is turned on and the event grows."""
    whole.device.mode = HVACMode.OFF
    whole.hall.show()
    await whole.push("one", 0, 60)
    assert whole.load_state() == "not_needed"
    await whole.call("set_hvac_mode", hvac_mode="heat")
    await whole.push("one", 0, 90, energy_kw=9.0)
    await whole.at(89)
    assert whole.device.asked == []
    await whole.at(90)
    await whole.push("two", 120, 180)
    await whole.at(120)
    assert whole.device.asked == [19.0]


async def test_away_at_the_end(whole: Home) -> None:
    """A device that is away at the end is put back when it returns."""
    await whole.push("one", 0, 60)
    whole.device.there = False
    whole.hall.show()
    await whole.at(60)
    await whole.at(80)
    assert whole.device.asked == [19.0]
    whole.device.there = True
    whole.hall.show()
    await settle(whole.hass)
    assert (whole.device.asked, await whole.records()) == ([19.0, 21.0], 0)


@pytest.mark.parametrize("shown", [False, True])
async def test_units_changed_mid_event(whole: Home, shown: bool) -> None:
    """The home turns to °F in an event: the device gets its °C back, whether or not it has been shown in °F."""
    assert whole.hass.config.units is METRIC_SYSTEM
    await whole.push("one", 0, 60)
    await whole.at(10)
    await whole.hass.config.async_update(unit_system="us_customary")
    assert whole.hass.config.units is US_CUSTOMARY_SYSTEM
    await settle(whole.hass)
    if shown:
        whole.hall.show()
        await settle(whole.hass)
    await whole.at(60)
    assert (whole.device.target, len(whole.device.asked), await whole.records()) == (21.0, 2, 0)
    await whole.at(61)
    whole.hall.show()
    await settle(whole.hass)
    assert (whole.device.target, len(whole.device.asked)) == (21.0, 2)


async def test_two_loads_on_one_thermostat(
    home: HomeAssistant, leap: MagicMock, freezer: FrozenDateTimeFactory
) -> None:
    """Were they ever set up, only one of them holds it."""
    loads = [load_subentry(), load_subentry(subentry_id="other", title="Other", limits={"offset": 4.0})]
    entry = build_entry(subentries=[meter_subentry(), *loads])
    built = await build(home, Device(), freezer, entry)
    start = NOW + timedelta(minutes=1)
    found = slot("one", start_time=start, end_time=start + timedelta(hours=1), energy_kw=None)
    leap.search_meter_dispatches.return_value = [MeterDispatch(meter_id=METER_ID, timeslots=(found,), malformed=0)]
    await built.at(1.1)
    states = [entry.runtime_data.controller.load_state(load["subentry_id"]) for load in loads]
    assert sorted(f"{state.state} {state.reason}".strip() for state in states) == ["curtailed", "failed in_use"]
    assert len(built.device.asked) == 1
    await built.at(62)
    assert (built.device.target, await built.records()) == (21.0, 0)
