"""Watches entities over Home Assistant's API in a process of its own, and writes down what it sees."""

import argparse
import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
import json
import os
from pathlib import Path
from typing import Any

import aiohttp

from .client import ApiError, HomeAssistantClient
from .processes import ManagedProcess, python_module

TOKEN = "HOME_ASSISTANT_TOKEN"
_ATTRIBUTES = ("temperature", "target_temp_low", "target_temp_high", "hvac_action", "reason", "event_type")


class Observer:
    """Appends one JSON line for each change."""

    def __init__(self, entity_ids: Collection[str], out: Path) -> None:
        """Remember what to watch."""
        self._entity_ids = entity_ids
        self._out = out
        self._last: dict[str, Any] = {}

    def note(self, **seen: Any) -> None:
        """Write down what was seen now."""
        line = json.dumps({"at": datetime.now(UTC).isoformat(), **seen})
        with self._out.open("a") as file:
            file.write(line + "\n")

    def look(self, state: Mapping[str, Any] | None) -> None:
        """Write a state down if it differs from the last one."""
        if state is None or state["entity_id"] not in self._entity_ids:
            return
        attributes = {name: state["attributes"][name] for name in _ATTRIBUTES if name in state["attributes"]}
        seen = {"state": state["state"], "attributes": attributes}
        if self._last.get(state["entity_id"]) != seen:
            self._last[state["entity_id"]] = seen
            self.note(entity_id=state["entity_id"], **seen)

    async def watch(self, client: HomeAssistantClient) -> None:
        """Watch for ever, through restarts of Home Assistant."""
        back = True
        while True:
            try:
                async with client.websocket() as socket:
                    if not back:
                        self.note(home_assistant="back")
                    back = True
                    await socket.command("subscribe_events", event_type="state_changed")
                    for state in await socket.command("get_states"):
                        self.look(state)
                    async for event in socket.events():
                        self.look(event["data"]["new_state"])
            except ApiError, aiohttp.ClientError, OSError, TypeError:
                pass
            if back:
                self.note(home_assistant="gone")
            back = False
            await asyncio.sleep(0.2)


def start(url: str, token: str, entity_ids: Collection[str], out: Path) -> ManagedProcess:
    """Prepare the observer's process."""
    watched = ",".join(sorted(entity_ids))
    return python_module(
        "scripts.harness.observer",
        *("--url", url, "--entities", watched, "--out", str(out)),
        log=out.with_suffix(".log"),
        env={TOKEN: token},
    )


def read(out: Path) -> list[dict[str, Any]]:
    """Read what an observer has written so far."""
    return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--entities", required=True)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    async with aiohttp.ClientSession() as session:
        client = HomeAssistantClient(session, arguments.url)
        client.tokens = {"access_token": os.environ[TOKEN]}
        await Observer(arguments.entities.split(","), arguments.out).watch(client)


if __name__ == "__main__":
    asyncio.run(_main())
