"""Devices of other kinds than thermostats, made of states and services."""

from collections.abc import Callable
from dataclasses import dataclass, field
import json
from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er

from custom_components.leap.curtailment.load import Load

from .conftest import METER, ZOO

type Behaviour = Callable[[str, dict[str, Any]], tuple[str | None, dict[str, Any]]]


def switched(service: str, data: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Turn on with the settings given, and off without any."""
    if service == "turn_on":
        return "on", data
    return "off", {"brightness": None, "percentage": None, "preset_mode": None}


def heated(service: str, data: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Take a mode as the state, and a target as it is."""
    if service == "set_operation_mode":
        return data["operation_mode"], data
    return None, data


@dataclass
class Device:
    """One entity that does as its behaviour lets it."""

    hass: HomeAssistant
    entity_id: str
    registry_id: str
    role: str
    state: str
    attributes: dict[str, Any]
    behave: Behaviour
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refuse: bool = False
    silent: bool = False

    def write(self, state: str | None = None, *, context: Any = None, **attributes: Any) -> None:
        """Show a state; unavailable hides the values but keeps them."""
        self.attributes.update(attributes)
        if state == "unavailable":
            self.hass.states.async_set(self.entity_id, state, {}, context=context)
            return
        self.state = state or self.state
        self.hass.states.async_set(self.entity_id, self.state, dict(self.attributes), context=context)

    async def async_call(self, call: ServiceCall) -> None:
        """Take a service call."""
        data = {key: value for key, value in call.data.items() if key != "entity_id"}
        self.calls.append((call.service, data))
        if self.refuse:
            raise HomeAssistantError("no")
        if not self.silent:
            state, changed = self.behave(call.service, data)
            self.write(state, context=call.context, **changed)

    @property
    def shown(self) -> tuple[str, Any]:
        """Return state and target, brightness or speed."""
        state = self.hass.states.get(self.entity_id)
        assert state is not None
        keys = ("temperature", "brightness", "percentage", "preset_mode")
        return state.state, next((state.attributes[key] for key in keys if state.attributes.get(key) is not None), None)


def make_device(hass: HomeAssistant, domain: str, state: str, /, **attributes: Any) -> Device:
    """Make the one entity of a domain, and the services it answers."""
    entry = er.async_get(hass).async_get_or_create(domain, "test", "one", suggested_object_id="one")
    heater = domain == "water_heater"
    role, behave = ("water_heater", heated) if heater else ("switch", switched)
    device = Device(hass, entry.entity_id, entry.id, role, state, dict(attributes), behave)
    for service in ("set_operation_mode", "set_temperature") if heater else ("turn_on", "turn_off"):
        hass.services.async_register(domain, service, device.async_call)
    device.write(state)
    return device


def load_of(device: Device, **limits: float | str) -> Load:
    """Describe a device as a load."""
    return Load(
        load_id="load",
        name="One",
        kind=device.role,
        meter_ids=frozenset({METER}),
        entities={device.role: device.registry_id},
        limits=limits,
    )


def zoo_entities(pattern: str) -> dict[str, dict[str, Any]]:
    """Return the entities of the zoo whose files match, by entity id."""
    return {
        entity["entity_id"]: entity
        for file in sorted(ZOO.glob(pattern))
        for entity in json.loads(file.read_text(encoding="utf-8"))["entities"]
    }
