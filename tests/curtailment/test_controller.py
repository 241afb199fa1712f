"""One entry's controller: schedules and settings become claims, and what happens becomes states."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler, ConfigSubentry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.leap.const import CONF_EXPECTED_KW, CONF_KIND, CONF_RANK
from custom_components.leap.curtailment.actuator import Actuator, async_get_actuator
from custom_components.leap.curtailment.controller import Controller, LoadState, LoadStatus, MeterState
from custom_components.leap.dispatch.decisions import Choice, Decision, Policy
from custom_components.leap.dispatch.event import DispatchEvent, Origin, Source
from custom_components.leap.dispatch.schedule import Schedule
from custom_components.leap.store import StoreError
from tests.builders import build_entry, load_subentry, meter_subentry

from .conftest import NOW, FakeClimate, MakeClimate, Restart, Wait, settle

A, B = "meter-a", "meter-b"
HOUR = timedelta(hours=1)


def event(event_id: str, start: datetime, end: datetime, meter_id: str = A, **changes: Any) -> DispatchEvent:
    """Build an event of Leap's."""
    return DispatchEvent(
        **{
            "event_id": event_id,
            "meter_id": meter_id,
            "start": start,
            "end": end,
            "energy_kw": None,
            "nomination_kw": None,
            "cap": "up-to-nomination",
            "priority": 1,
            "voluntary": False,
            "types": (),
            "programs": (),
            "communication_test": False,
            "cancelled": False,
            "origin": Origin.LEAP,
            "source": Source.PUSH,
            **changes,
        }
    )


@dataclass
class FakeCoordinator:
    """Events, decisions and settings in plain sight."""

    events: list[DispatchEvent] = field(default_factory=list)
    decisions: dict[tuple[str, str], Decision] = field(default_factory=dict)
    meter_ids: frozenset[str] = frozenset({A, B})
    manual: set[str] = field(default_factory=set)
    disabled: set[str] = field(default_factory=set)
    listeners: list[CALLBACK_TYPE] = field(default_factory=list)
    broken: bool = False

    def schedule(self, meter_id: str) -> Schedule:
        """Resolve the events of a meter."""
        return Schedule([e for e in self.events if e.meter_id == meter_id], self.decisions.values(), Policy())

    def automatic(self, meter_id: str) -> bool:
        """Return the meter's switch."""
        return meter_id not in self.manual

    def load_enabled(self, load_id: str) -> bool:
        """Return the load's switch."""
        return load_id not in self.disabled

    async def async_opt_out_load(self, meter_id: str, load_id: str) -> None:
        """Leave a load out of the running chain."""
        for each in self.schedule(meter_id).timeline.chain(dt_util.utcnow()):
            self.decide(each, None, loads_out=frozenset({load_id}))
        if self.broken:
            raise StoreError("disk full")

    def decide(self, about: DispatchEvent, choice: Choice | None, loads_out: frozenset[str] = frozenset()) -> None:
        """Put a decision into force."""
        self.decisions[about.key] = Decision(
            meter_id=about.meter_id, event_id=about.event_id, choice=choice, loads_out=loads_out, decided_at=NOW
        )
        self.update()

    def async_add_responder(self, update_callback: CALLBACK_TYPE) -> Callable[[], None]:
        """Take a listener."""
        self.listeners.append(update_callback)
        return lambda: self.listeners.remove(update_callback)

    def update(self) -> None:
        """Say that something changed, or that a boundary was reached."""
        for listener in tuple(self.listeners):
            listener()


@pytest.fixture
def coordinator() -> FakeCoordinator:
    """Return a coordinator that knows nothing yet."""
    return FakeCoordinator()


@pytest.fixture
def entry(home: HomeAssistant, climate: FakeClimate) -> MockConfigEntry:
    """Return an entry with two meters and a thermostat behind the first."""
    entry = build_entry(
        subentries=[
            meter_subentry(A, subentry_id="sub-a"),
            meter_subentry(B, subentry_id="sub-b", title="B"),
            load_subentry(climate.registry_id, subentry_id="load", meter_ids=[A]),
        ]
    )
    entry.add_to_hass(home)
    return entry


@pytest.fixture
async def controller(
    home: HomeAssistant, entry: MockConfigEntry, coordinator: FakeCoordinator, actuator: Actuator
) -> Controller:
    """Start the entry's controller."""
    controller = Controller(home, entry, coordinator, actuator)
    await controller.async_start()
    return controller


def add_load(hass: HomeAssistant, entry: MockConfigEntry, climate: FakeClimate, load_id: str, **data: Any) -> None:
    """Add a load subentry to an entry."""
    built = load_subentry(climate.registry_id, subentry_id=load_id, title=load_id, **{"meter_ids": [A], **data})
    hass.config_entries.async_add_subentry(
        entry,
        ConfigSubentry(
            data=MappingProxyType(dict(built["data"])),
            subentry_id=load_id,
            subentry_type="load",
            title=load_id,
            unique_id=None,
        ),
    )


async def test_one_event(
    home: HomeAssistant, controller: Controller, coordinator: FakeCoordinator, climate: FakeClimate, wait: Wait
) -> None:
    """Scheduled, active, back: device, load and meter say the same."""
    told: list[LoadState] = []
    remove = controller.add_listener(lambda: told.append(controller.load_state("load").state))
    assert controller.meter_state(A, NOW) is MeterState.IDLE
    coordinator.events = [event("e", NOW + HOUR, NOW + 2 * HOUR)]
    coordinator.update()
    await settle(home)
    assert climate.calls == []
    assert controller.meter_state(A, NOW) is MeterState.SCHEDULED
    assert controller.load_state("load") == LoadStatus(LoadState.IDLE)

    await wait(3600)
    coordinator.update()
    await settle(home)
    assert climate.targets == (19.0,)
    assert controller.meter_state(A, dt_util.utcnow()) is MeterState.ACTIVE
    assert controller.load_state("load") == LoadStatus(LoadState.CURTAILED)
    assert controller.controlled("load")
    assert controller.controlled(A)
    assert not controller.controlled(B)

    await wait(3600)
    climate.silent = True
    coordinator.update()
    await settle(home)
    assert controller.meter_state(A, dt_util.utcnow()) is MeterState.RECOVERING
    assert controller.load_state("load").state is LoadState.RESTORING
    climate.write(temperature=21.0)
    await settle(home)
    assert controller.meter_state(A, dt_util.utcnow()) is MeterState.IDLE
    assert controller.load_state("load") == LoadStatus(LoadState.IDLE)
    assert not controller.controlled(A)
    assert {LoadState.CURTAILING, LoadState.CURTAILED, LoadState.RESTORING} <= set(told)
    remove()
    count = len(told)
    coordinator.update()
    assert len(told) == count


async def test_adjacent_events_are_one_hold(
    home: HomeAssistant, controller: Controller, coordinator: FakeCoordinator, climate: FakeClimate, wait: Wait
) -> None:
    """No undo and no second command at the boundary of two slots."""
    coordinator.events = [event("a", NOW, NOW + HOUR), event("b", NOW + HOUR, NOW + 2 * HOUR)]
    coordinator.update()
    await settle(home)
    await wait(3600)
    coordinator.update()
    await settle(home)
    assert len(climate.calls) == 1
    await wait(3600)
    coordinator.update()
    await settle(home)
    assert len(climate.calls) == 2
    assert climate.targets == (21.0,)


@pytest.mark.parametrize("how", ["cancelled", "opted_out", "automatic", "disabled", "load_out", "unfollowed"])
async def test_ways_to_end_early(
    home: HomeAssistant,
    controller: Controller,
    coordinator: FakeCoordinator,
    climate: FakeClimate,
    how: str,
) -> None:
    """Cancel, opt-out and each switch put the device back at once."""
    running = event("e", NOW, NOW + HOUR)
    coordinator.events = [running]
    coordinator.update()
    await settle(home)
    assert climate.targets == (19.0,)
    match how:
        case "cancelled":
            coordinator.events = [event("e", NOW, NOW + HOUR, cancelled=True)]
        case "opted_out":
            coordinator.decide(running, Choice.OPTED_OUT)
        case "automatic":
            coordinator.manual.add(A)
        case "disabled":
            coordinator.disabled.add("load")
        case "load_out":
            coordinator.decide(running, None, frozenset({"load"}))
        case "unfollowed":
            coordinator.meter_ids = frozenset({B})
    coordinator.update()
    await settle(home)
    assert climate.targets == (21.0,)
    states = {"disabled": LoadState.DISABLED, "load_out": LoadState.OPTED_OUT}
    assert controller.load_state("load").state is states.get(how, LoadState.IDLE)
    if how == "opted_out":
        assert controller.meter_state(A, NOW) is MeterState.OPTED_OUT


async def test_two_meters_one_load(
    home: HomeAssistant,
    entry: MockConfigEntry,
    coordinator: FakeCoordinator,
    actuator: Actuator,
    climate: FakeClimate,
    wait: Wait,
) -> None:
    """A load behind two meters is held while either asks."""
    home.config_entries.async_remove_subentry(entry, "load")
    add_load(home, entry, climate, "both", meter_ids=[A, B])
    controller = Controller(home, entry, coordinator, actuator)
    await controller.async_start()
    coordinator.events = [event("a", NOW, NOW + HOUR), event("b", NOW, NOW + 2 * HOUR, B)]
    coordinator.update()
    await settle(home)
    record = actuator.record("both")
    assert record is not None
    assert (record.claims, record.ends) == (frozenset({A, B}), NOW + 2 * HOUR)
    assert controller.controlled(B)
    await wait(3600)
    coordinator.update()
    await settle(home)
    assert climate.targets == (19.0,)
    record = actuator.record("both")
    assert record is not None
    assert record.claims == {B}
    await wait(3600)
    coordinator.update()
    await settle(home)
    assert climate.targets == (21.0,)


@pytest.mark.parametrize("broken", [False, True])
async def test_a_persons_hand_opts_out_of_the_chain(
    home: HomeAssistant,
    controller: Controller,
    coordinator: FakeCoordinator,
    climate: FakeClimate,
    wait: Wait,
    broken: bool,
) -> None:
    """A changed target stays through adjacent events, disk or no disk; a fresh opt-in takes it as the new original."""
    coordinator.broken = broken
    first, second = event("a", NOW, NOW + HOUR), event("b", NOW + HOUR, NOW + 2 * HOUR)
    coordinator.events = [first, second]
    coordinator.update()
    await settle(home)
    await wait(60)
    climate.write(temperature=22.0)
    await settle(home)
    assert {key for key, made in coordinator.decisions.items() if "load" in made.loads_out} == {first.key, second.key}
    assert controller.load_state("load") == LoadStatus(LoadState.OPTED_OUT, "external_change")
    await wait(3600)
    coordinator.update()
    await settle(home)
    assert climate.targets == (22.0,)
    assert len(climate.calls) == 1

    coordinator.decisions.clear()
    coordinator.update()
    await settle(home)
    assert climate.targets == (20.0,)
    await wait(3600)
    coordinator.update()
    await settle(home)
    assert climate.targets == (22.0,)


async def test_longest_time_ends_it_for_the_chain(
    home: HomeAssistant,
    entry: MockConfigEntry,
    controller: Controller,
    coordinator: FakeCoordinator,
    climate: FakeClimate,
    wait: Wait,
) -> None:
    """A load that was held for as long as it may be is left alone until the events are over."""
    limits = {"offset": 2.0, "max_off_minutes": 20}
    data = {**entry.subentries["load"].data, "limits": limits}
    home.config_entries.async_update_subentry(entry, entry.subentries["load"], data=data)
    await controller.async_apply_changes()
    coordinator.events = [event("a", NOW, NOW + HOUR), event("late", NOW + 3 * HOUR, NOW + 4 * HOUR)]
    coordinator.update()
    await settle(home)
    await wait(1199)
    assert climate.targets == (19.0,)
    await wait(2)
    assert climate.targets == (21.0,)
    assert controller.load_state("load") == LoadStatus(LoadState.NOT_NEEDED, "longest")
    coordinator.update()
    await settle(home)
    assert climate.targets == (21.0,)
    await wait(3 * 3600)
    coordinator.update()
    await settle(home)
    assert climate.targets == (19.0,)


async def test_comfort_ends_it_for_the_chain(
    home: HomeAssistant, controller: Controller, coordinator: FakeCoordinator, climate: FakeClimate, wait: Wait
) -> None:
    """A room that gets too cold has its heat back until the events are over."""
    coordinator.events = [event("a", NOW, NOW + HOUR), event("late", NOW + 3 * HOUR, NOW + 4 * HOUR)]
    coordinator.update()
    await settle(home)
    await wait(60)
    climate.write(current_temperature=15.0)
    await settle(home)
    assert climate.targets == (21.0,)
    assert controller.load_state("load") == LoadStatus(LoadState.NOT_NEEDED, "comfort")
    climate.write(current_temperature=20.0)
    coordinator.update()
    await settle(home)
    assert climate.targets == (21.0,)
    await wait(3 * 3600)
    coordinator.update()
    await settle(home)
    assert climate.targets == (19.0,)


async def test_target_met_by_others(
    home: HomeAssistant,
    entry: MockConfigEntry,
    controller: Controller,
    coordinator: FakeCoordinator,
    climate: FakeClimate,
    make_climate: MakeClimate,
) -> None:
    """With a target in kW a load of a later rank is not needed."""
    other = make_climate(object_id="attic")
    add_load(home, entry, other, "attic", **{CONF_RANK: 60, CONF_EXPECTED_KW: 1.0})
    await controller.async_apply_changes()
    coordinator.events = [event("e", NOW, NOW + HOUR, energy_kw=1.2)]
    coordinator.update()
    await settle(home)
    assert climate.targets == (19.0,)
    assert other.calls == []
    assert controller.load_state("attic") == LoadStatus(LoadState.NOT_NEEDED, "target_met")
    coordinator.events = [event("e", NOW, NOW + HOUR, energy_kw=2.5)]
    coordinator.update()
    await settle(home)
    assert other.targets == (19.0,)


async def test_live_changes(
    home: HomeAssistant,
    entry: MockConfigEntry,
    controller: Controller,
    coordinator: FakeCoordinator,
    climate: FakeClimate,
    make_climate: MakeClimate,
) -> None:
    """Loads added, changed, replaced and removed mid-event are followed without a reload."""
    coordinator.events = [event("e", NOW, NOW + HOUR)]
    coordinator.update()
    await settle(home)

    attic = make_climate(object_id="attic")
    add_load(home, entry, attic, "attic")
    await controller.async_apply_changes()
    await settle(home)
    assert attic.targets == (19.0,)

    changed = load_subentry(climate.registry_id, meter_ids=[A], limits={"offset": 1.0})["data"]
    home.config_entries.async_update_subentry(entry, entry.subentries["load"], data=changed)
    await controller.async_apply_changes()
    await settle(home)
    assert climate.targets == (20.0,)

    cellar = make_climate(object_id="cellar")
    moved = load_subentry(cellar.registry_id, meter_ids=[A])["data"]
    home.config_entries.async_update_subentry(entry, entry.subentries["load"], data=moved)
    await controller.async_apply_changes()
    await settle(home)
    assert (climate.targets, cellar.targets) == ((21.0,), (19.0,))

    home.config_entries.async_remove_subentry(entry, "attic")
    await controller.async_apply_changes()
    await settle(home)
    assert attic.targets == (21.0,)
    assert controller.load_state("attic") == LoadStatus(LoadState.IDLE)

    unknown = {**moved, CONF_KIND: "fridge"}
    home.config_entries.async_update_subentry(entry, entry.subentries["load"], data=unknown)
    await controller.async_apply_changes()
    await settle(home)
    assert cellar.targets == (21.0,)


@pytest.mark.parametrize("disabled", [False, True])
async def test_stop(
    home: HomeAssistant,
    entry: MockConfigEntry,
    controller: Controller,
    coordinator: FakeCoordinator,
    climate: FakeClimate,
    wait: Wait,
    disabled: bool,
) -> None:
    """A reload leaves the device for 120 s; a disabled entry puts it back at once."""
    coordinator.events = [event("e", NOW, NOW + HOUR)]
    coordinator.update()
    await settle(home)
    if disabled:
        object.__setattr__(entry, "disabled_by", ConfigEntryDisabler.USER)
    await controller.async_stop()
    await settle(home)
    assert climate.targets == ((21.0,) if disabled else (19.0,))
    await wait(121)
    assert climate.targets == (21.0,)
    coordinator.update()
    await settle(home)
    assert len(climate.calls) == 2


@pytest.mark.parametrize("still_running", [True, False])
async def test_restart_mid_event(
    home: HomeAssistant,
    entry: MockConfigEntry,
    controller: Controller,
    coordinator: FakeCoordinator,
    climate: FakeClimate,
    restart: Restart,
    wait: Wait,
    still_running: bool,
) -> None:
    """After a power cut the event goes on without a command, or ends if it was cancelled meanwhile."""
    coordinator.events = [event("e", NOW, NOW + HOUR, cancelled=False)]
    coordinator.update()
    await settle(home)
    coordinator.listeners.clear()
    actuator = await restart()
    if not still_running:
        coordinator.events = [event("e", NOW, NOW + HOUR, cancelled=True)]
    again = Controller(home, entry, coordinator, actuator)
    await again.async_start()
    await settle(home)
    await wait(300)
    assert climate.targets == ((19.0,) if still_running else (21.0,))
    assert len(climate.calls) == (1 if still_running else 2)
    assert await async_get_actuator(home) is actuator


async def test_device_that_returns_mid_event(
    home: HomeAssistant, controller: Controller, coordinator: FakeCoordinator, climate: FakeClimate
) -> None:
    """A device that was away at the start is curtailed when it is there."""
    climate.write("unavailable")
    coordinator.events = [event("e", NOW, NOW + HOUR)]
    coordinator.update()
    await settle(home)
    assert controller.load_state("load") == LoadStatus(LoadState.UNAVAILABLE, "unavailable")
    climate.write("heat")
    await settle(home)
    assert climate.targets == (19.0,)


async def test_device_that_refuses_is_asked_again(
    home: HomeAssistant, controller: Controller, coordinator: FakeCoordinator, climate: FakeClimate, wait: Wait
) -> None:
    """A refusal is tried again after one and two minutes, no more; the event's end clears the failure."""
    climate.refuse = True
    coordinator.events = [event("e", NOW, NOW + HOUR)]
    coordinator.update()
    await settle(home)
    assert controller.load_state("load") == LoadStatus(LoadState.FAILED, "refused")
    await wait(61)
    await wait(121)
    await wait(600)
    assert len(climate.calls) == 3
    coordinator.events = []
    coordinator.update()
    await settle(home)
    assert controller.load_state("load") == LoadStatus(LoadState.IDLE)


async def test_latest_wish_wins(
    home: HomeAssistant, controller: Controller, coordinator: FakeCoordinator, climate: FakeClimate
) -> None:
    """Wishes that change faster than they can be carried out end in the last one."""
    for _ in range(5):
        coordinator.events = [event("e", NOW, NOW + HOUR)]
        coordinator.update()
        coordinator.events = []
        coordinator.update()
    await settle(home)
    assert climate.targets == (21.0,)
    coordinator.events = [event("e", NOW, NOW + HOUR)]
    coordinator.update()
    await settle(home)
    assert climate.targets == (19.0,)
