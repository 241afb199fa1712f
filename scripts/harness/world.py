"""A whole play: sandbox, simulated home and Home Assistant with the integration, set up over its own API."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp

from sandbox.client import ControlClient

from .client import PASSWORD, USERNAME, HomeAssistantClient
from .flows import Walked, run_config_flow, run_options_flow, run_subentry_flow
from .home_assistant import LOGGING, HomeAssistant
from .output import say, step
from .processes import REPOSITORY, ManagedProcess, ProcessError, free_port, python_module
from .verdict import Load

API_KEY = "sandbox-key"
INTEGRATION = REPOSITORY / "custom_components/leap"
SIMULATED_HOME = REPOSITORY / "sandbox/simulated_home/custom_components/simulated_home"
SECRET_HEADER = "x-leap-webhook-secret"
OFFSET = 2.0
THERMOSTATS: Sequence[Mapping[str, Any]] = (
    {
        "id": "living_room",
        "name": "Living room",
        "kind": "thermostat",
        "state": {"hvac_mode": "cool", "target_temperature": 23.0, "room_temperature": 23.6},
    },
    {
        "id": "guest_house",
        "name": "Guest house",
        "kind": "thermostat",
        "state": {
            "hvac_mode": "heat",
            "target_temperature": 20.5,
            "room_temperature": 19.8,
            "outside_temperature": 4.0,
        },
    },
)


@dataclass
class World:
    """Everything that runs, and what was set up in it."""

    folder: Path
    session: aiohttp.ClientSession
    home: ManagedProcess
    home_url: str
    sandbox: ManagedProcess
    sandbox_url: str
    control: ControlClient
    home_assistant: HomeAssistant
    client: HomeAssistantClient
    entry_id: str = ""
    loads: list[Load] = field(default_factory=list)

    def check(self) -> None:
        """Raise if something has died by itself."""
        self.home.check()
        self.sandbox.check()

    async def device_log(self) -> list[dict[str, Any]]:
        """Return every command the simulated home's devices got."""
        async with self.session.get(f"{self.home_url}/log") as response:
            log: list[dict[str, Any]] = await response.json()
            return log

    async def set_points(self) -> dict[str, float]:
        """Return the true set-point of every thermostat."""
        async with self.session.get(f"{self.home_url}/devices") as response:
            return {device["id"]: device["state"]["target_temperature"] for device in await response.json()}

    async def leap_entities(self) -> dict[str, str]:
        """Return the integration's entities: entity id by unique id."""
        entities = await self.client.command("config/entity_registry/list")
        return {entity["unique_id"]: entity["entity_id"] for entity in entities if entity["platform"] == "leap"}

    async def shut_down(self) -> None:
        """Stop everything, Home Assistant first."""
        await self.home_assistant.stop()
        await self.sandbox.stop()
        await self.home.stop()


@asynccontextmanager
async def running_world(folder: Path, *, link: bool = False) -> AsyncIterator[World]:
    """Start the three and log in; stop them whatever happens."""
    home_port, sandbox_port, port = (free_port() for _ in range(3))
    home_url = f"http://127.0.0.1:{home_port}"
    sandbox_url = f"http://127.0.0.1:{sandbox_port}"
    home_assistant = HomeAssistant(folder, port)
    home_assistant.install(
        [INTEGRATION, SIMULATED_HOME], configuration=f"{LOGGING}simulated_home:\n  url: {home_url}\n", link=link
    )
    async with aiohttp.ClientSession() as session:
        world = World(
            folder=folder,
            session=session,
            home=python_module("sandbox.simulated_home", "--port", str(home_port), log=folder / "simulated_home.log"),
            home_url=home_url,
            sandbox=python_module("sandbox", "--port", str(sandbox_port), log=folder / "sandbox.log"),
            sandbox_url=sandbox_url,
            control=ControlClient(sandbox_url, session),
            home_assistant=home_assistant,
            client=HomeAssistantClient(session, home_assistant.url),
        )
        try:
            with step("Starting a sandbox of Leap and a simulated home with two thermostats"):
                await _start_stand_ins(world)
            with step("Starting a real Home Assistant"):
                await home_assistant.start()
                await world.client.onboard()
                await world.client.wait_until_running()
            yield world
        finally:
            await world.shut_down()


async def _start_stand_ins(world: World) -> None:
    """Start simulated home and sandbox, and put the thermostats in."""
    await world.home.start()
    await world.sandbox.start()
    await _wait_for(world, world.home, f"{world.home_url}/devices")
    await _wait_for(world, world.sandbox, world.sandbox_url)
    for thermostat in THERMOSTATS:
        async with world.session.post(f"{world.home_url}/devices", json=thermostat) as response:
            response.raise_for_status()


async def _wait_for(world: World, process: ManagedProcess, url: str, within: float = 30) -> None:
    """Wait until a server answers anything at all."""
    give_up = monotonic() + within
    while monotonic() < give_up:
        process.check()
        try:
            async with world.session.get(url):
                return
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)
    raise ProcessError(f"{process.name} did not answer")


async def set_up_integration(world: World) -> None:
    """Add the integration, two meters and a thermostat behind each, and tell the sandbox where to push."""
    meters = await some_meters(world, len(THERMOSTATS))
    walked = await run_config_flow(
        world.client,
        "leap",
        {
            "user": "api_key",
            "api_key": {"environment": "custom", "base_url": world.sandbox_url, "api_key": API_KEY},
            "filter": {},
            "meters": {"meter_ids": meters},
        },
    )
    world.entry_id = walked.entry_id
    for thermostat, meter_id in zip(THERMOSTATS, meters, strict=True):
        await add_thermostat(world, thermostat, meter_id)
    await push_by_hand(world)


async def some_meters(world: World, count: int) -> list[str]:
    """Return the first of the account's utility meters: the sandbox's demo homes."""
    return [meter["meter_id"] for meter in await world.control.meters(count, meter_type="UTILITY_METER")]


async def add_thermostat(world: World, thermostat: Mapping[str, Any], meter_id: str) -> None:
    """Put a thermostat behind a meter."""
    entity_id = f"climate.{thermostat['id']}"
    answers = {"climate": entity_id, "meter_ids": [meter_id], "offset": OFFSET, "expected_kw": 3.0}
    await run_subentry_flow(world.client, world.entry_id, "load", {"user": "thermostat", "thermostat": answers})
    original = thermostat["state"]["target_temperature"]
    cooling = thermostat["state"]["hvac_mode"] == "cool"
    world.loads.append(
        Load(
            name=thermostat["name"],
            device_id=thermostat["id"],
            entity_id=entity_id,
            meter_id=meter_id,
            original=original,
            curtailed=original + OFFSET if cooling else original - OFFSET,
        )
    )


async def push_by_hand(world: World) -> None:
    """Switch push to manual and register the local webhook at the sandbox.

    Leap itself posts to HTTPS on port 443 only, which a machine without an address on the internet does not have.
    """
    options = {"push": "manual", "communication_test": "log"}
    answers = {"init": options, "address": {}, "address_missing": {}}
    walked: Walked = await run_options_flow(world.client, world.entry_id, answers)
    url = world.home_assistant.url + walked.webhook_path
    await world.control.set_webhook(url, headers={SECRET_HEADER: walked.mentioned["secret"]})


def invite(world: World) -> None:
    """Say where to look and how to log in."""
    say()
    say(f"Home Assistant:  {world.home_assistant.url}   user name {USERNAME}, password {PASSWORD}")
    say("                 Settings > Devices & services > Leap")
    say(f"Folder:          {world.folder}")
    if world.loads:
        say("A dispatch that starts in 10 seconds and lasts 2 minutes:")
        say(f"                 {dispatch_hint(world)}")
    else:
        say(f"Leap's sandbox:  environment custom, base URL {world.sandbox_url}, API key {API_KEY}")
    say("Stop everything with Ctrl-C.")


def dispatch_hint(world: World) -> str:
    """Return a command that sends a dispatch."""
    meter_id = world.loads[0].meter_id
    cli = f".venv/bin/python -m sandbox.cli --url {world.sandbox_url}"
    return f"{cli} create {meter_id} start_in=10 duration=120"
