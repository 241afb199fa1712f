"""The whole feed over HTTP: a real entry and its controller against the sandbox, in a time of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
import logging
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.leap.const import (
    CONF_API_KEY,
    CONF_BASE_URL,
    CONF_ENVIRONMENT,
    CONF_PUSH,
    DOMAIN,
    WEBHOOK_SECRET_HEADER,
    Environment,
    PushMode,
)
from custom_components.leap.coordinator import DispatchCoordinator
from custom_components.leap.dispatch.event import Source
from sandbox.client import ControlClient
from sandbox.server import create_app
from sandbox.state import FULL_KEY, Request, SandboxState
from tests.builders import ENTRY_ID, METER_ID, WEBHOOK_ID, WEBHOOK_SECRET, build_entry, load_subentry, meter_subentry

from .conftest import NOW, settle

SEARCH = "/v2/dispatch/meter/search"
WEBHOOK = "/v2/dispatch/meter/webhook"
TURNS = 5000
FOREIGN = "https://someone.example.com/hook"


@pytest.fixture(autouse=True)
def sockets(socket_enabled: None, caplog: pytest.LogCaptureFixture) -> None:
    """Let servers on this machine be reached; their access log can't tell a frozen clock's time."""
    caplog.set_level(logging.CRITICAL, "aiohttp.access")


@pytest.fixture(autouse=True)
def actuator() -> None:
    """Have the real one."""


@pytest.fixture(autouse=True)
def controller() -> None:
    """Have the real one, and the platforms."""


class Sleepers:
    """Pauses that end when the test's clock has come so far."""

    def __init__(self) -> None:
        """Begin with nobody asleep."""
        self._asleep: list[tuple[Any, asyncio.Event]] = []

    @property
    def count(self) -> int:
        """Return how many are asleep."""
        return len(self._asleep)

    async def sleep(self, seconds: float) -> None:
        """Wait for the clock."""
        woken = asyncio.Event()
        self._asleep.append((dt_util.utcnow() + timedelta(seconds=seconds), woken))
        await woken.wait()

    def wake(self) -> None:
        """End the pauses that are over."""
        for pause in list(self._asleep):
            until, woken = pause
            if until <= dt_util.utcnow():
                self._asleep.remove(pause)
                woken.set()


class Gateway:
    """What stands between Leap and the home: passes pushes on, and drops as many answers as it is told."""

    def __init__(self, deliver: Callable[[bytes, dict[str, str]], Any]) -> None:
        """Pass on to the home's door."""
        self._deliver = deliver
        self.drops = 0
        self.statuses: list[int] = []

    async def pass_on(self, request: web.Request) -> web.Response:
        """Pass one push on."""
        secret = request.headers.get(WEBHOOK_SECRET_HEADER, "")
        status = await self._deliver(await request.read(), {WEBHOOK_SECRET_HEADER: secret})
        self.statuses.append(status)
        if self.drops:
            self.drops -= 1
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=status)


class Thermostat:
    """A heating thermostat that does as it is told."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Show 21 °C."""
        made = er.async_get(hass).async_get_or_create("climate", "other", "hall")
        self.registry_id = made.id
        self._hass, self._entity_id = hass, made.entity_id
        hass.services.async_register("climate", "set_temperature", self._async_set)
        self._show(21.0)

    @property
    def target(self) -> float:
        """Return what it is set to."""
        state = self._hass.states.get(self._entity_id)
        assert state is not None
        return float(state.attributes["temperature"])

    def _show(self, target: float) -> None:
        shape = {"min_temp": 7, "max_temp": 35, "target_temp_step": 0.5, "hvac_modes": ["heat", "off"]}
        self._hass.states.async_set(self._entity_id, "heat", {**shape, "temperature": target})

    async def _async_set(self, call: ServiceCall) -> None:
        self._show(call.data["temperature"])


class World:
    """Leap, the way to the home, the home, and the time they share."""

    gateway: Gateway
    entry: MockConfigEntry
    leap: ControlClient

    def __init__(self, hass: HomeAssistant, frozen: Any) -> None:
        """Bring them together."""
        self.hass = hass
        self.thermostat = Thermostat(hass)
        self._frozen = frozen
        self._sleepers = Sleepers()
        self.state = SandboxState(meters=3, clock=dt_util.utcnow, sleep=self._sleepers.sleep)

    @property
    def coordinator(self) -> DispatchCoordinator:
        """Return what the entry runs on."""
        found: DispatchCoordinator = self.entry.runtime_data.coordinator
        return found

    async def pass_time(self, seconds: float) -> None:
        """Let time pass once all is at rest, and all that is due happen."""
        await self.come_to_rest()
        self._frozen.tick(seconds)
        self._sleepers.wake()
        async_fire_time_changed(self.hass)
        await self.come_to_rest()

    async def come_to_rest(self) -> None:
        """Wait until no request and no push is under way."""
        for _ in range(TURNS):
            await settle(self.hass)
            await asyncio.sleep(0)
            pending = sum(push.state == "pending" for push in self.state.deliveries)
            if pending == self._sleepers.count and all(request.status for request in self.state.requests):
                await settle(self.hass)
                return
        pytest.fail("There is no end to it")

    def asked(self, path: str) -> list[Request]:
        """Return what Leap was asked there."""
        return [request for request in self.state.requests if request.path == path]


@pytest.fixture
async def world(hass: HomeAssistant, frozen: Any, hass_client_no_auth: Any) -> AsyncIterator[World]:
    """Run Leap and a home whose webhook it can reach."""
    assert await async_setup_component(hass, "webhook", {})

    async def deliver(body: bytes, headers: dict[str, str]) -> int:
        async with door.post(f"/api/webhook/{WEBHOOK_ID}", data=body, headers=headers) as reply:
            return int(reply.status)

    made = World(hass, frozen)
    made.gateway = Gateway(deliver)
    way = web.Application()
    way.router.add_post("/hook", made.gateway.pass_on)
    async with TestServer(create_app(made.state)) as leap, TestServer(way) as front, ClientSession() as session:
        made.leap = ControlClient(str(leap.make_url("")), session)
        made.entry = build_entry(
            data={
                CONF_ENVIRONMENT: Environment.CUSTOM,
                CONF_BASE_URL: str(leap.make_url("")).rstrip("/"),
                CONF_API_KEY: FULL_KEY,
            },
            options={CONF_PUSH: PushMode.MANUAL},
            subentries=[meter_subentry(), load_subentry(made.thermostat.registry_id)],
        )
        made.entry.add_to_hass(hass)
        await made.leap.set_webhook(str(front.make_url("/hook")), headers={WEBHOOK_SECRET_HEADER: WEBHOOK_SECRET})
        assert await hass.config_entries.async_setup(ENTRY_ID)
        door = await hass_client_no_auth()
        await made.come_to_rest()
        yield made
        if made.entry.state is ConfigEntryState.LOADED:
            await hass.config_entries.async_unload(ENTRY_ID)


async def test_a_push_outage_of_an_hour_is_made_good_by_the_search(world: World) -> None:
    """Leap gives up on its pushes; the thermostat answers and comes back all the same, and push counts as ill."""
    await world.leap.outage(True)
    (event_id,) = await world.leap.create(METER_ID, start_in=1800, duration=900)
    for _ in range(30):
        await world.pass_time(60)
    (event,) = world.coordinator.schedule(METER_ID).events
    assert (event.event_id, event.source) == (event_id, Source.POLL)
    assert world.thermostat.target == 19.0
    for _ in range(15):
        await world.pass_time(60)
    assert world.thermostat.target == 21.0
    for _ in range(15):
        await world.pass_time(60)
    (push,) = world.state.deliveries
    assert (push.state, len(push.attempts)) == ("lost", 50)
    assert world.gateway.statuses == []


async def test_a_dropped_answer_makes_one_event_of_two_pushes(world: World) -> None:
    """Leap hears nothing, posts again a minute later, and the home knows the event already."""
    world.gateway.drops = 1
    (event_id,) = await world.leap.create(METER_ID, start_in=3600)
    await world.come_to_rest()
    (before,) = world.coordinator.home.ledger.entries()
    await world.pass_time(60)
    (push,) = world.state.deliveries
    assert [attempt.status for attempt in push.attempts] == [None, 200]
    assert world.gateway.statuses == [200, 200]
    (after,) = world.coordinator.home.ledger.entries()
    assert after.event.event_id == event_id
    assert (after.event, after.first_seen, after.first_source) == (before.event, NOW, Source.PUSH)


async def test_a_stale_push_is_corrected_by_the_confirming_search(world: World) -> None:
    """A former version holds for as long as it takes to ask for the event by its id, and no longer."""
    (event_id,) = await world.leap.create(METER_ID, start_in=3600, duration=3600, energy_kw=2.0)
    await world.leap.update(event_id, energy_kw=5.0)
    await world.pass_time(10)
    (event,) = world.coordinator.schedule(METER_ID).events
    assert event.energy_kw == 5.0
    before = len(world.asked(SEARCH))
    await world.leap.push(event_ids=[event_id], version=0)
    await world.come_to_rest()
    (event,) = world.coordinator.schedule(METER_ID).events
    assert (event.energy_kw, event.source) == (2.0, Source.PUSH)
    await world.pass_time(6)
    (event,) = world.coordinator.schedule(METER_ID).events
    assert (event.energy_kw, event.source) == (5.0, Source.POLL)
    (search,) = world.asked(SEARCH)[before:]
    assert event_id in search.body


async def test_a_stale_push_brings_no_cancelled_event_back(world: World) -> None:
    """Not even for a moment."""
    (event_id,) = await world.leap.create(METER_ID, duration=3600)
    await world.pass_time(1)
    assert world.thermostat.target == 19.0
    await world.leap.cancel(event_id)
    await world.pass_time(1)
    assert world.thermostat.target == 21.0
    await world.leap.push(event_ids=[event_id], version=0, copies=3)
    for _ in range(3):
        await world.pass_time(60)
        assert world.thermostat.target == 21.0
    (event,) = world.coordinator.schedule(METER_ID).events
    assert event.cancelled


async def test_a_foreign_webhook_is_never_touched(world: World, issue_registry: ir.IssueRegistry) -> None:
    """Looked at when registering and when the entry goes, and left as it is; dispatches come by search."""
    hass = world.hass
    await world.leap.set_webhook(FOREIGN)
    await hass.config.async_update(external_url="https://home.example.com")
    hass.config_entries.async_update_entry(world.entry, options={**world.entry.options, CONF_PUSH: PushMode.REGISTER})
    await world.come_to_rest()
    assert issue_registry.async_get_issue(DOMAIN, f"foreign_webhook_{ENTRY_ID}") is not None
    await world.leap.create(METER_ID, start_in=3000, deliver="none")
    await world.pass_time(3600)
    assert world.thermostat.target == 19.0
    await hass.config_entries.async_remove(ENTRY_ID)
    await world.come_to_rest()
    assert [request.method for request in world.asked(WEBHOOK)] == ["GET"] * 3
    assert world.state.webhooks["meter"].url == FOREIGN
