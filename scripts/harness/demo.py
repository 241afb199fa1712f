"""Plays dispatches through on a real Home Assistant and says whether every set-point came back."""

import argparse
import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any

from . import observer
from .narrator import Narrator
from .output import say, step
from .play import Play, perform
from .stopping import until_stopped
from .verdict import Outcome, as_json, commands_of, judge, left_behind
from .world import World, invite, running_world, set_up_integration

WELCOME = """\
Leap asks homes to use less power for a while (a "dispatch"). This demo runs everything for real on this machine alone:
a sandbox that speaks Leap's API, a real Home Assistant with this integration, and two simulated thermostats: the living
room is being cooled, the guest house heated.
Leap can push only to an address on the internet, so the sandbox is told Home Assistant's local address instead.
It takes about two and a half minutes."""


async def run(folder: Path, arguments: argparse.Namespace) -> int:
    """Play, judge, and stop everything."""
    async with running_world(folder) as world:
        with step("Setting the integration up: API key, two meters, a thermostat behind each"):
            await set_up_integration(world)
            entities = await world.leap_entities()
        names = {load.meter_id: load.name for load in world.loads}
        states = {
            entity_id: names[unique_id.removesuffix("_dispatch_state")]
            for unique_id, entity_id in entities.items()
            if unique_id.removesuffix("_dispatch_state") in names
        }
        seen = folder / "observed.jsonl"
        watched = {*states, *(load.entity_id for load in world.loads)}
        watcher = observer.start(world.client.url, world.client.tokens["access_token"], watched, seen)
        await watcher.start()
        try:
            play = await _perform(world, seen, states)
        finally:
            await watcher.stop()
        good, report = await conclude(world, play, observer.read(seen))
        report["log"] = world.home_assistant.complaints("custom_components.leap")
        for line in report["log"]:
            say(f"Home Assistant's log: {line}")
        if arguments.json is not None:
            arguments.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
        if arguments.keep:
            invite(world)
            await world.home_assistant.keep_running()
        with step("Stopping everything"):
            await world.shut_down()
    return 0 if good else 1


async def _perform(world: World, seen: Path, states: dict[str, str]) -> Play:
    """Play with the timeline running."""
    say()
    say("The timeline (minutes:seconds; who; what). What the thermostats do comes from their own log.")
    say()
    begun = (datetime.now(UTC) + timedelta(seconds=1)).replace(microsecond=0)
    narrator = Narrator(world, seen, states, begun)
    telling = asyncio.create_task(narrator.watch())
    play = Play(world, narrator, begun)
    try:
        await perform(play)
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
    await narrator.catch_up()
    return play


async def conclude(world: World, play: Play, seen: list[dict[str, Any]]) -> tuple[bool, dict[str, Any]]:
    """Compare asked, planned and observed, and print the verdict."""
    log = await world.device_log()
    loads = {load.meter_id: load for load in world.loads}
    commands = commands_of(log)
    asked = sorted(play.asked, key=lambda each: each.title)
    outcomes = [judge(each, loads[each.meter_id], commands, play.outages) for each in asked]
    problems = left_behind(world.loads, await world.set_points())
    problems += unseen(outcomes, seen)
    show(outcomes)
    good = not problems and not any(outcome.problems for outcome in outcomes)
    for problem in problems:
        say(f"PROBLEM: {problem}")
    say()
    say(
        f"Verdict: all {len(outcomes)} dispatches were answered, and every set-point came back."
        if good
        else "Verdict: FAILED. Not every dispatch was answered, or not every set-point came back."
    )
    return good, {
        "verdict": "passed" if good else "failed",
        "events": [as_json(outcome) for outcome in outcomes],
        "problems": problems,
        "outages": [{"from": each.began.isoformat(), "to": each.ended.isoformat()} for each in play.outages],
        "pushes": [
            {name: push[name] for name in ("created", "state", "attempts")} for push in await world.control.pushes()
        ],
        "device_log": log,
        "home_assistant": seen,
    }


def unseen(outcomes: list[Outcome], seen: list[dict[str, Any]]) -> list[str]:
    """Name every load whose curtailed set-point never showed in Home Assistant itself."""
    shown = {(each["entity_id"], each["attributes"].get("temperature")) for each in seen if "entity_id" in each}
    loads = {outcome.load.entity_id: outcome.load for outcome in outcomes}
    return [
        f"Home Assistant never showed {load.curtailed} °C for {load.name}"
        for load in loads.values()
        if (load.entity_id, load.curtailed) not in shown
    ]


def show(outcomes: list[Outcome]) -> None:
    """Print one line for each dispatch and load."""
    say()
    say(f"{'dispatch':22} {'load':12} {'set-point':13} {'curtailed':>18} {'put back':>18}")
    for outcome in outcomes:
        load = outcome.load
        delays = [
            "never" if at is None else f"{(at - due).total_seconds():+.1f} s"
            for at, due in (
                (outcome.curtailed_at, outcome.curtail_due),
                (outcome.restored_at, outcome.restore_due),
            )
        ]
        moved = f"{load.original} → {load.curtailed}"
        problems = "  PROBLEM: " + ", ".join(outcome.problems) if outcome.problems else ""
        say(f"{outcome.asked.title:22} {load.name:12} {moved:13} {delays[0]:>18} {delays[1]:>18}{problems}")
    say(
        "(seconds after it was due; what was due while the power was cut counts from when Home Assistant is fully up again, and may\n"
        " happen a little earlier, while it still starts)"
    )


def main() -> int:
    """Run the demo."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write asked, planned and observed to FILE")
    parser.add_argument("--keep", action="store_true", help="leave everything running for a look in the browser")
    arguments = parser.parse_args()
    say(WELCOME)
    say()
    with TemporaryDirectory(prefix="leap-demo-", ignore_cleanup_errors=True) as folder:
        return asyncio.run(until_stopped(run(Path(folder), arguments)))


if __name__ == "__main__":
    sys.exit(main())
