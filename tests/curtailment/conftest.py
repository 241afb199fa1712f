"""A thermostat made of states and services, a real store, and actuators that can be lost."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.leap.const import CONF_MAX_TEMP, CONF_MIN_TEMP, CONF_OFFSET
from custom_components.leap.curtailment.actuator import DATA_ACTUATOR, Actuator, async_get_actuator
from custom_components.leap.curtailment.load import Load
from custom_components.leap.store import DATA_STORE, async_get_store

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
ENDS = NOW + timedelta(hours=1)
METER, OTHER_METER = "meter-a", "meter-b"
ZOO = Path(__file__).parent.parent / "fixtures" / "device_zoo"
WIDE = {CONF_OFFSET: 2.0}


@dataclass
class FakeClimate:
    """One climate entity that does as its shape lets it."""

    hass: HomeAssistant
    entity_id: str
    registry_id: str
    state: str
    attributes: dict[str, Any]
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    behave: Callable[[str, dict[str, Any]], dict[str, Any] | None] | None = None
    refuse: bool = False
    silent: bool = False

    def write(self, state: str | None = None, *, context: Any = None, **attributes: Any) -> None:
        """Show a state; unavailable hides the values but keeps them."""
        self.attributes.update(attributes)
        if state not in (None, "unavailable"):
            self.state = state
        shown = self.attributes
        if state == "unavailable":
            hidden = ("temperature", "target_temp_low", "target_temp_high", "current_temperature", "preset_mode")
            shown = {key: value for key, value in self.attributes.items() if key not in hidden}
        self.hass.states.async_set(self.entity_id, state or self.state, dict(shown), context=context)

    async def async_call(self, call: ServiceCall) -> None:
        """Take a service call."""
        data = {key: value for key, value in call.data.items() if key != "entity_id"}
        self.calls.append((call.service, data))
        if self.refuse:
            raise HomeAssistantError("challenge lock")
        if self.silent:
            return
        changed = self.behave(call.service, data) if self.behave else data
        if changed is not None:
            self.write(context=call.context, **changed)

    @property
    def targets(self) -> tuple[Any, ...]:
        """Return the targets shown now."""
        state = self.hass.states.get(self.entity_id)
        assert state is not None
        return tuple(
            state.attributes[key]
            for key in ("temperature", "target_temp_low", "target_temp_high")
            if state.attributes.get(key) is not None
        )


type MakeClimate = Callable[..., FakeClimate]


@pytest.fixture
def home(hass: HomeAssistant, tmp_path: Path, freezer: FrozenDateTimeFactory) -> HomeAssistant:
    """Give Home Assistant a folder of its own and a known time."""
    hass.config.config_dir = str(tmp_path)
    (tmp_path / ".storage").mkdir()
    freezer.move_to(NOW)
    return hass


@pytest.fixture
def make_climate(home: HomeAssistant) -> MakeClimate:
    """Make climate entities that answer the climate services."""
    devices: dict[str, FakeClimate] = {}

    async def async_call(call: ServiceCall) -> None:
        entity_ids = call.data["entity_id"]
        for entity_id in [entity_ids] if isinstance(entity_ids, str) else entity_ids:
            await devices[entity_id].async_call(call)

    for service in ("set_temperature", "set_preset_mode", "set_hvac_mode"):
        home.services.async_register("climate", service, async_call)

    def make(state: str = "heat", *, object_id: str = "hall", **attributes: Any) -> FakeClimate:
        entry = er.async_get(home).async_get_or_create("climate", "test", object_id, suggested_object_id=object_id)
        shape = attributes or {
            "temperature": 21.0,
            "current_temperature": 20.5,
            "min_temp": 7,
            "max_temp": 35,
            "target_temp_step": 0.5,
            "hvac_modes": ["heat", "off"],
        }
        device = FakeClimate(home, entry.entity_id, entry.id, state, dict(shape))
        devices[entry.entity_id] = device
        device.write(state)
        return device

    return make


@pytest.fixture
def climate(make_climate: MakeClimate) -> FakeClimate:
    """Make a heating thermostat at 21 °C, to half degrees."""
    return make_climate()


@pytest.fixture
async def actuator(home: HomeAssistant) -> Actuator:
    """Return Home Assistant's actuator."""
    return await async_get_actuator(home)


def make_load(climate: FakeClimate, load_id: str = "load", /, **limits: float) -> Load:
    """Describe a climate entity as a load."""
    return Load(
        load_id=load_id,
        name="Hall",
        kind="thermostat",
        meter_ids=frozenset({METER}),
        entities={"climate": climate.registry_id},
        limits=limits or {CONF_OFFSET: 2.0, CONF_MIN_TEMP: 16.0, CONF_MAX_TEMP: 28.0},
    )


async def settle(hass: HomeAssistant) -> None:
    """Wait for all that is going on."""
    await hass.async_block_till_done(wait_background_tasks=True)


type Wait = Callable[[float], Awaitable[None]]


@pytest.fixture
def wait(home: HomeAssistant, freezer: FrozenDateTimeFactory) -> Wait:
    """Let time pass."""

    async def async_wait(seconds: float) -> None:
        freezer.tick(seconds)
        async_fire_time_changed(home)
        await settle(home)

    return async_wait


type Restart = Callable[[], Awaitable[Actuator]]


@pytest.fixture
def restart(home: HomeAssistant) -> Restart:
    """Lose actuator and store as a power cut does, and start again from what is on disk."""

    async def async_restart() -> Actuator:
        if DATA_ACTUATOR in home.data:
            home.data.pop(DATA_ACTUATOR).async_shutdown()
        await home.data.pop(DATA_STORE).async_close()
        await async_get_store(home)
        actuator = await async_get_actuator(home)
        await settle(home)
        return actuator

    return async_restart


def zoo(name: str, index: int = 0) -> dict[str, Any]:
    """Return an entity of the device zoo."""
    entities = json.loads((ZOO / f"climate_{name}.json").read_text(encoding="utf-8"))["entities"]
    return dict(entities[index])
