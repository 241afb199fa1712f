"""What the demo makes of its evidence."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.harness.demo import conclude
from scripts.harness.play import Play
from scripts.harness.verdict import Asked, Load
from scripts.harness.world import World

T0 = datetime(2026, 7, 1, 17, 0, tzinfo=UTC)
LOAD = Load(
    name="Living room",
    device_id="living_room",
    entity_id="climate.living_room",
    meter_id="meter-1",
    original=23.0,
    curtailed=25.0,
)
SEEN = [
    {"at": T0.isoformat(), "entity_id": "climate.living_room", "state": "cool", "attributes": {"temperature": 25.0}}
]


class FakeWorld:
    """A world after the play: what the devices logged, and what they show."""

    def __init__(self, left_at: float, *commands: tuple[float, float]) -> None:
        self.loads = [LOAD]
        self.control = self
        self._left_at = left_at
        self._commands = commands

    async def set_points(self) -> dict[str, float]:
        return {"living_room": self._left_at}

    async def device_log(self) -> list[dict[str, Any]]:
        return [
            {
                "at": (T0 + timedelta(seconds=seconds)).isoformat(),
                "device": "living_room",
                "set": {"target_temperature": temperature},
            }
            for seconds, temperature in self._commands
        ]

    async def pushes(self) -> list[dict[str, Any]]:
        return []


async def judge(world: FakeWorld, seen: list[dict[str, Any]]) -> tuple[bool, dict[str, Any]]:
    """Conclude a play of one dispatch from 10 s to 30 s."""
    asked = Asked(
        title="1 by push",
        event_id="e1",
        meter_id="meter-1",
        told_by="push",
        created=T0,
        start=T0 + timedelta(seconds=10),
        end=T0 + timedelta(seconds=30),
    )
    play = SimpleNamespace(asked=[asked], outages=[])
    return await conclude(cast(World, world), cast(Play, play), seen)


async def test_everything_answered_and_put_back_passes(capsys: pytest.CaptureFixture[str]) -> None:
    good, report = await judge(FakeWorld(23.0, (10, 25.0), (30, 23.0)), SEEN)
    assert good
    assert report["verdict"] == "passed"
    assert "every set-point came back" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("world", "seen", "said"),
    [
        (FakeWorld(25.0, (10, 25.0)), SEEN, "was left at 25.0 °C"),
        (FakeWorld(22.0, (10, 25.0), (30, 23.0)), SEEN, "was left at 22.0 °C"),
        (FakeWorld(23.0), SEEN, "never curtailed"),
        (FakeWorld(23.0, (10, 25.0), (50, 23.0)), SEEN, "too late"),
        (FakeWorld(23.0, (10, 25.0), (30, 23.0)), [], "never showed 25.0 °C"),
    ],
)
async def test_anything_missing_fails(
    world: FakeWorld, seen: list[dict[str, Any]], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good, report = await judge(world, seen)
    assert not good
    assert report["verdict"] == "failed"
    out = capsys.readouterr().out
    assert said in out
    assert "FAILED" in out
