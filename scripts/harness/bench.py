"""How fast a push becomes a command, against a YAML automation in the same Home Assistant."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any
from uuid import uuid4

import aiohttp

from .client import HomeAssistantClient
from .flows import run_config_flow, run_subentry_flow
from .home_assistant import HomeAssistant
from .output import say, step
from .payloads import body, foreign_meters, meter, timeslot
from .processes import REPOSITORY, free_port
from .statistics import Summary, summarize

TARGETS = {"push_to_setpoint_ratio": 1.5, "large_push_ack_ratio": 0.35, "loop_block_ms": 10.0}
WARM_UP = 5
SECRET_HEADER = "x-leap-webhook-secret"
OURS, YAML = "climate.bench_ours", "climate.bench_yaml"
YAML_AUTOMATION = """\
leap_bench:
automation:
  - id: bench_yaml
    alias: Set the set-point
    mode: queued
    triggers:
      - trigger: webhook
        webhook_id: bench_yaml
        allowed_methods: [POST]
        local_only: false
    actions:
      - action: climate.set_temperature
        target:
          entity_id: climate.bench_yaml
        data:
          temperature: 25
"""


@dataclass
class Bench:
    """A Home Assistant set up for measuring."""

    client: HomeAssistantClient
    session: aiohttp.ClientSession
    path: str
    secret: str
    meters: Sequence[str]
    load_state: str
    commanded: dict[str, int] = field(default_factory=dict)

    async def post(self, path: str, content: bytes) -> float:
        """Post a body; return how long the answer took."""
        headers = {SECRET_HEADER: self.secret, "Content-Type": "application/json"}
        begun = monotonic()
        async with self.session.post(self.client.url + path, data=content, headers=headers) as response:
            await response.read()
            took = monotonic() - begun
            response.raise_for_status()
        return took

    async def next_command(self, entity_id: str) -> float:
        """Return when the next command reached a thermostat."""
        count = self.commanded.get(entity_id, 0) + 1
        stamps: list[float] = await self.client.get(f"/api/leap_bench/stamps/{entity_id}/{count}")
        if len(stamps) < count:
            raise RuntimeError(f"no command reached {entity_id}")
        self.commanded[entity_id] = len(stamps)
        return stamps[count - 1]

    async def ours(self) -> float:
        """Push a dispatch that starts now; return the time to the command. Then cancel it."""
        now = datetime.now(UTC)
        terms = (str(uuid4()), now - timedelta(seconds=1), now + timedelta(hours=1))
        push = body(meter(self.meters[0], timeslot(*terms)))
        begun = monotonic()
        await self.post(self.path, push)
        took = await self.next_command(OURS) - begun
        await self.post(self.path, body(meter(self.meters[0], timeslot(*terms, cancelled=True))))
        await self.next_command(OURS)
        await self.client.wait_for_state(self.load_state, "idle")
        return took

    async def yaml(self) -> float:
        """Trigger the automation with the same body; return the time to the command. Then set back."""
        now = datetime.now(UTC)
        push = body(meter(self.meters[0], timeslot(str(uuid4()), now, now + timedelta(hours=1))))
        begun = monotonic()
        await self.post("/api/webhook/bench_yaml", push)
        took = await self.next_command(YAML) - begun
        await self.client.call("climate", "set_temperature", entity_id=YAML, temperature=23)
        await self.next_command(YAML)
        return took

    async def nothing(self) -> float:
        """Post to a webhook that does nothing."""
        return await self.post("/api/webhook/bench_nothing", b"{}")

    async def write(self, size: int) -> float:
        """Make one durable write of the size of an event."""
        took: float = await self.client.post("/api/leap_bench/write", {"key": str(uuid4()), "bytes": size})
        return took


async def measure_push(bench: Bench, rounds: int) -> dict[str, list[float]]:
    """Measure the four in turns, so that all meet the same noise."""
    size = len(json.dumps(timeslot(str(uuid4()), datetime.now(UTC), datetime.now(UTC))))
    taken: dict[str, list[float]] = {"ours": [], "yaml_automation": [], "empty_handler": [], "durable_write": []}
    for number in range(WARM_UP + rounds):
        sample = {
            "ours": await bench.ours(),
            "yaml_automation": await bench.yaml(),
            "empty_handler": await bench.nothing(),
            "durable_write": await bench.write(size),
        }
        if number >= WARM_UP:
            for name, seconds in sample.items():
                taken[name].append(seconds)
    return taken


class LargePush:
    """A push of many homes, two meters of them ours; each body changes what is asked of ours."""

    def __init__(self, ours: Sequence[str]) -> None:
        """Make up the other homes once."""
        start = datetime.now(UTC) + timedelta(days=2)
        self._slots = [[(str(uuid4()), start, start + timedelta(hours=1))] for _ in ours]
        self._ours = ours
        others = foreign_meters(1998, 4, start, start + timedelta(hours=1))
        self._before, self._after = body(*others[:999])[:-2], body(*others[999:])[: -len("]}")]
        self._after = b", " + self._after.partition(b"[")[2]

    def body(self, number: int) -> bytes:
        """Return a body no other one is like."""
        kw = 1 + number / 100
        mine = [
            json.dumps(meter(meter_id, *(timeslot(*terms, energy_kw=kw) for terms in slots))).encode()
            for meter_id, slots in zip(self._ours, self._slots, strict=True)
        ]
        return self._before + b"".join(b", " + each for each in mine) + self._after + b"]}"


async def measure_large(bench: Bench, rounds: int) -> tuple[dict[str, list[float]], int]:
    """Measure how long large pushes take to be acknowledged."""
    large = LargePush(bench.meters)
    taken: dict[str, list[float]] = {"ours": [], "yaml_automation": [], "empty_handler": []}
    for number in range(WARM_UP + rounds):
        content = large.body(number)
        sample = {
            "ours": await bench.post(bench.path, content),
            "yaml_automation": await bench.post("/api/webhook/bench_yaml", content),
            "empty_handler": await bench.post("/api/webhook/bench_nothing", content),
        }
        await bench.next_command(YAML)
        if number >= WARM_UP:
            for name, seconds in sample.items():
                taken[name].append(seconds)
    return taken, len(large.body(0))


def is_ours(name: str) -> bool:
    """Tell whether a step of the loop is our handler's: its request's task, or anything of the integration."""
    return name.startswith(
        ("aiohttp.web_protocol:RequestHandler.", "custom_components.leap.", "custom_components.leap:")
    )


async def measure_loop(bench: Bench, pushes: int) -> dict[str, Any]:
    """Measure the longest step of the loop during each of many large pushes."""
    large = LargePush(bench.meters)
    longest: dict[str, list[float]] = {"ours": [], "ours_without_waiting_for_a_core": [], "any_step": []}
    slowest: dict[str, float] = {}
    await bench.client.post("/api/leap_bench/probe", {"on": True})
    for number in range(pushes):
        content = large.body(number)
        await bench.client.get("/api/leap_bench/probe")
        await bench.post(bench.path, content)
        await asyncio.sleep(0.02)
        steps = await bench.client.get("/api/leap_bench/probe")
        ours = [(took, worked) for took, worked, name in steps if is_ours(name)]
        longest["ours"].append(max((took for took, _ in ours), default=0.0))
        longest["ours_without_waiting_for_a_core"].append(max((worked for _, worked in ours), default=0.0))
        longest["any_step"].append(max((took for took, _, _ in steps), default=0.0))
        for took, _, name in steps:
            slowest[name] = max(slowest.get(name, 0.0), took)
    await bench.client.post("/api/leap_bench/probe", {"on": False})
    worst = sorted(slowest.items(), key=lambda item: -item[1])[:10]
    return {
        **{name: asdict(summarize(seconds)) for name, seconds in longest.items()},
        "slowest_steps_ms": {name: round(took * 1000, 2) for name, took in worst},
    }


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Bench]:
    """Run a Home Assistant with our integration in relay mode, which asks nobody, and the bench's parts."""
    home = HomeAssistant(folder, free_port())
    parts = REPOSITORY / "scripts/harness/bench_parts/custom_components/leap_bench"
    home.install([REPOSITORY / "custom_components/leap", parts], configuration=YAML_AUTOMATION, name="Bench")
    meters = [str(uuid4()), str(uuid4())]
    async with aiohttp.ClientSession() as session:
        client = HomeAssistantClient(session, home.url)
        try:
            with step("Starting Home Assistant"):
                await home.start()
                await client.onboard()
                await client.wait_until_running()
            with step("Setting the integration up"):
                walked = await run_config_flow(
                    client,
                    "leap",
                    {"user": "relay", "relay": {"meter_ids": "\n".join(meters)}, "address": {}, "address_missing": {}},
                )
                thermostat = {"climate": OURS, "meter_ids": meters[:1], "offset": 2}
                await run_subentry_flow(
                    client, walked.entry_id, "load", {"user": "thermostat", "thermostat": thermostat}
                )
                load_state = await _load_state(client)
            yield Bench(client, session, walked.webhook_path, walked.mentioned["secret"], meters, load_state)
        finally:
            await home.stop()


async def _load_state(client: HomeAssistantClient) -> str:
    """Return the entity that tells the state of the load."""
    for _ in range(100):
        for entity in await client.command("config/entity_registry/list"):
            if entity["platform"] == "leap" and entity["unique_id"].endswith("_load_state"):
                return str(entity["entity_id"])
        await asyncio.sleep(0.1)
    raise RuntimeError("the load has no state")


def ratios(push: Mapping[str, Summary], large: Mapping[str, Summary]) -> dict[str, float]:
    """Compare ours with what it is measured against."""

    def against(percentile: str) -> float:
        ours, automation, write = (
            float(asdict(push[name])[percentile]) for name in ("ours", "yaml_automation", "durable_write")
        )
        return round(ours / (automation + write), 3)

    return {
        "push_to_setpoint_ratio": against("median_ms"),
        "push_to_setpoint_ratio_p99": against("p99_ms"),
        "large_push_ack_ratio": round(large["ours"].median_ms / large["yaml_automation"].median_ms, 3),
        "large_push_ack_ratio_p99": round(large["ours"].p99_ms / large["yaml_automation"].p99_ms, 3),
    }


async def measure(folder: Path, *, rounds: int, pushes: int) -> dict[str, Any]:
    """Measure everything and return the report."""
    async with running(folder) as bench:
        with step(f"{rounds} pushes of a dispatch that starts now, in turns with a YAML automation"):
            push = {name: summarize(taken) for name, taken in (await measure_push(bench, rounds)).items()}
        with step(f"{rounds // 2} large pushes of 2,000 meters, in turns with a YAML automation"):
            taken, size = await measure_large(bench, rounds // 2)
            large = {name: summarize(seconds) for name, seconds in taken.items()}
        with step(f"{pushes} large pushes with a clock around every step of the loop"):
            loop = await measure_loop(bench, pushes)
    return {
        **ratios(push, large),
        "loop_block_ms": loop["ours"]["p99_ms"],
        "push_to_setpoint": {name: asdict(summary) for name, summary in push.items()},
        "large_push_ack": {"bytes": size, **{name: asdict(summary) for name, summary in large.items()}},
        "loop": loop,
    }


def show(report: Mapping[str, Any]) -> bool:
    """Print the report; tell whether every target is met."""
    say()
    for title, part in (("Push to set-point", "push_to_setpoint"), ("Large push", "large_push_ack")):
        say(f"{title} (median, p99 in ms):")
        for name, summary in report[part].items():
            if name != "bytes":
                say(f"  {name:18} {summary['median_ms']:9.2f} {summary['p99_ms']:9.2f}")
    say(f"Longest steps of the loop in ms: {json.dumps(report['loop']['slowest_steps_ms'], indent=2)}")
    say()
    met = True
    for name, target in TARGETS.items():
        good = report[name] <= target
        met = met and good
        say(f"{'met   ' if good else 'MISSED'} {name} = {report[name]} (target: at most {target})")
    return met


def main() -> int:
    """Run the bench; the status tells whether all targets are met."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report to FILE")
    parser.add_argument("--rounds", type=int, default=100, help="pushes of a single dispatch (default: 100)")
    parser.add_argument("--pushes", type=int, default=200, help="large pushes timed step by step (default: 200)")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="leap-bench-") as folder:
        report = asyncio.run(measure(Path(folder), rounds=arguments.rounds, pushes=arguments.pushes))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if show(report) else 1


if __name__ == "__main__":
    sys.exit(main())
