"""Faults, the log, what outlives a restart, and the programs around it."""

import ast
import asyncio
import json
from pathlib import Path
import sys

import aiohttp
import pytest

from sandbox import cli
from sandbox.client import ControlClient, ControlError
from sandbox.seed import FIRST_METER
from sandbox.state import FULL_KEY, SandboxState

from .conftest import Clock, Leap, Receiver

ROOT = Path(__file__).parents[2]
METER = f"/v2/meters/{FIRST_METER}"


async def test_a_fault_comes_so_many_times(leap: Leap, control: ControlClient) -> None:
    await control.fault("/v2/meters", status=503, times=2, headers={"Retry-After": "5"})
    assert [(await leap.ask("GET", METER))[0] for _ in range(3)] == [503, 503, 200]
    assert await control.faults() == []


async def test_a_fault_lasts_until_it_is_cleared(leap: Leap, control: ControlClient) -> None:
    await control.fault("/v2/dispatch", status=429, headers={"Retry-After": "5"})
    async with aiohttp.ClientSession() as session, session.get(f"{leap.url}/v2/dispatch/meter/webhook") as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "5")
    assert (await leap.ask("GET", METER))[0] == 200
    assert len(await control.faults()) == 1
    await control.clear_faults()
    assert (await leap.ask("GET", "/v2/dispatch/meter/webhook"))[0] == 404


async def test_a_fault_of_one_method(leap: Leap, control: ControlClient) -> None:
    await control.fault("/v2/dispatch/meter/webhook", method="PUT", status=500)
    assert (await leap.ask("GET", "/v2/dispatch/meter/webhook"))[0] == 404
    assert (await leap.ask("PUT", "/v2/dispatch/meter/webhook", {"url": "https://x"}))[0] == 500


async def test_any_answer_at_all(leap: Leap, control: ControlClient) -> None:
    await control.fault("/", status=200, body='"odd"')
    assert await leap.ask("GET", METER) == (200, "odd")


async def test_a_dropped_answer_was_done_all_the_same(leap: Leap, control: ControlClient, state: SandboxState) -> None:
    await control.fault("/v2/dispatch/meter/webhook", drop=True, method="PUT", times=2)
    with pytest.raises(aiohttp.ClientError):
        await leap.ask("PUT", "/v2/dispatch/meter/webhook", {"url": "https://done.example"})
    assert state.webhooks["meter"].url == "https://done.example"
    dropped = (await control.log("/v2/dispatch"))[0]
    assert (dropped["method"], dropped["status"]) == ("PUT", None)


async def test_a_delay_comes_before_the_answer(leap: Leap, control: ControlClient, clock: Clock) -> None:
    await control.fault("/v2", delay=12.5, times=1)
    assert (await leap.ask("GET", METER))[0] == 200
    assert clock.pauses == [12.5]


@pytest.mark.parametrize("fields", [{"status": "x"}, {"times": "y"}])
async def test_a_fault_that_makes_no_sense(control: ControlClient, fields: dict[str, str]) -> None:
    with pytest.raises(ControlError):
        await control.fault("/", **fields)


async def test_the_log_keeps_every_request(leap: Leap, control: ControlClient) -> None:
    await leap.ask("GET", METER)
    await leap.ask("POST", "/v2/meters/search?x=1", {"page_size": 3}, key=None)
    first, second = await control.log()
    assert (first["method"], first["path"], first["status"]) == ("GET", METER, 200)
    assert first["headers"]["Authorization"] == f"Bearer {FULL_KEY}"
    assert (second["query"], json.loads(second["body"]), second["status"]) == ("x=1", {"page_size": 3}, 401)
    assert await control.log(since=first["number"]) == [second]
    assert await control.log("/v2/meters/search") == [second]
    await control.clear_log()
    assert await control.log() == []


async def test_meters_can_be_added_and_changed(leap: Leap, control: ControlClient) -> None:
    fresh = "7d9e2a10-3c44-4b1f-8e5a-91b2c3d4e502"
    await control.put_meter(fresh, partner_reference="home-new", transmission_region="PJM", tags=["mine"])
    status, meter = await leap.ask("GET", f"/v2/meters/{fresh}")
    assert (status, meter["transmission_region"], meter["meter_type"]) == (200, "PJM", "UTILITY_METER")
    assert "added" not in meter
    assert [found["meter_id"] for found in await control.meters(tag="mine")] == [fresh]
    assert len(await control.meters(limit=3, meter_type="DEVICE")) == 3


async def test_what_does_not_exist_cannot_be_changed(control: ControlClient) -> None:
    for call in (
        control.update("unknown"),
        control.cancel("unknown"),
        control.push(event_ids=["unknown"]),
        control.create([]),
        control.create([FIRST_METER, "b"], event_id="one"),
        control.create(FIRST_METER, deliver="pigeon"),
    ):
        with pytest.raises(ControlError):
            await call


async def test_everything_begins_anew(control: ControlClient, receiver: Receiver) -> None:
    await control.set_webhook(receiver.url)
    await control.revoke(FULL_KEY)
    await control.create(FIRST_METER)
    await control.reset()
    account = await control.account()
    assert (account["events"], account["webhooks"], account["keys"][FULL_KEY]["revoked"]) == (0, {}, False)


async def test_waiting_for_a_push_has_an_end(control: ControlClient, state: SandboxState, receiver: Receiver) -> None:
    over = asyncio.Event()

    async def sleep(_: float) -> None:
        await over.wait()

    state.sleep = sleep
    receiver.statuses = [503, 200]
    await control.set_webhook(receiver.url)
    await control.create(FIRST_METER)
    with pytest.raises(ControlError, match="pending"):
        await control.wait_pushed(timeout=0.05)
    over.set()
    assert [push["state"] for push in await control.wait_pushed()] == ["delivered"]


def test_the_account_outlives_a_restart(tmp_path: Path) -> None:
    from sandbox.events import create_events
    from sandbox.state import Home, Key, Webhook

    before = SandboxState(meters=3, state_dir=tmp_path / "new")
    (event,) = create_events(before, {"meter_ids": [FIRST_METER], "energy_kw": 2})
    before.webhooks["meter"] = Webhook("https://x")
    before.keys["own"] = Key(["meters"], revoked=True)
    before.homes["house"] = Home("t", [FIRST_METER])
    before.meters["m"] = {**before.meters[FIRST_METER], "meter_id": "m", "added": True}
    before.save()
    after = SandboxState(meters=3, state_dir=tmp_path / "new")
    assert after.events == {event.event_id: event}
    assert (after.webhooks, after.keys, after.homes) == (before.webhooks, before.keys, before.homes)
    assert after.meters["m"] == before.meters["m"]


async def run_cli(capsys: pytest.CaptureFixture[str], url: str, *arguments: str) -> tuple[int, str]:
    """Run one command of the command line."""
    status = await cli.run(["--url", url, *arguments])
    return status, capsys.readouterr().out


async def test_the_command_line(leap: Leap, receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run_cli(capsys, leap.url, "webhook", receiver.url) == (0, "")
    status, text = await run_cli(capsys, leap.url, "create", FIRST_METER, "start-in=5", "energy_kw=2", "deliver=push")
    (event,) = json.loads(text)
    assert status == 0
    await run_cli(capsys, leap.url, "update", event, "energy_kw=3")
    await run_cli(capsys, leap.url, "cancel", event, "deliver=none")
    _, text = await run_cli(capsys, leap.url, "list")
    (known,) = json.loads(text)
    assert [version.get("energy_kw") for version in known["versions"]] == [2, 3, 3]
    assert known["versions"][-1]["cancelled"] is True
    await run_cli(capsys, leap.url, "fault", "/v2", "status=500")
    assert (await leap.ask("GET", METER))[0] == 500
    await run_cli(capsys, leap.url, "clear")
    await run_cli(capsys, leap.url, "outage", "on")
    assert json.loads((await run_cli(capsys, leap.url, "account"))[1])["outage"] is True
    assert len(json.loads((await run_cli(capsys, leap.url, "log"))[1])) == 1


async def test_the_command_line_tells_what_went_wrong(
    leap: Leap, unused_tcp_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for url, arguments in (
        (leap.url, ("cancel", "unknown")),
        (leap.url, ("reset", "what=1")),
        (f"http://127.0.0.1:{unused_tcp_port}", ("account",)),
    ):
        assert await cli.run(["--url", url, *arguments]) == 1
        assert arguments[0] in capsys.readouterr().err
    with pytest.raises(SystemExit):
        await cli.run(["--url", leap.url, "create", FIRST_METER, "no-value"])


async def test_the_program_tells_where_it_is(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "--meters", "5", "--state-dir", str(tmp_path),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    told = json.loads(await process.stdout.readline())
    async with ControlClient(told["url"]) as control:
        assert (await control.account())["meters"] == 5
        await control.create(told["meter"])
    process.terminate()
    assert await process.wait() == 0
    assert (tmp_path / "account.json").exists()


def test_it_stands_alone() -> None:
    for file in (ROOT / "sandbox").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                assert top in {"aiohttp", "msgspec"} or top in sys.stdlib_module_names, (file.name, name)
