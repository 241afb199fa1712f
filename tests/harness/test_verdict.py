"""The demo's verdict: it must not be kind."""

from datetime import UTC, datetime, timedelta

import pytest

from scripts.harness.verdict import Asked, Command, Load, Outage, as_json, commands_of, judge, left_behind

T0 = datetime(2026, 7, 1, 17, 0, tzinfo=UTC)
LOAD = Load(
    name="Living room",
    device_id="living_room",
    entity_id="climate.living_room",
    meter_id="meter-1",
    original=23.0,
    curtailed=25.0,
)


def at(seconds: float) -> datetime:
    """Return an instant of the play."""
    return T0 + timedelta(seconds=seconds)


def asked(**changes: datetime) -> Asked:
    """Return a dispatch from 10 s to 30 s."""
    usual = {"created": at(0), "start": at(10), "end": at(30)}
    return Asked(title="A dispatch", event_id="e1", meter_id="meter-1", told_by="push", **{**usual, **changes})


def command(seconds: float, temperature: float, device_id: str = "living_room", *, refused: bool = False) -> Command:
    """Return a command the device logged."""
    return Command(at=at(seconds), device_id=device_id, temperature=temperature, refused=refused)


def test_a_dispatch_answered_and_undone_has_no_problems() -> None:
    outcome = judge(asked(), LOAD, [command(10.1, 25.0), command(30.2, 23.0)], [])
    assert outcome.problems == ()
    assert (outcome.curtailed_at, outcome.restored_at) == (at(10.1), at(30.2))


@pytest.mark.parametrize(
    ("commands", "problems"),
    [
        ([], ("never curtailed", "never restored")),
        ([command(10, 25.0)], ("never restored",)),
        ([command(10, 25.0), command(30, 22.5)], ("never restored",)),
        ([command(10, 25.0), command(30, 23.0, refused=True)], ("never restored",)),
        ([command(10, 24.0), command(30, 23.0)], ("never curtailed", "never restored")),
        ([command(10, 25.0, "bedroom"), command(30, 23.0, "bedroom")], ("never curtailed", "never restored")),
        ([command(14, 25.0), command(30, 23.0)], ("curtailed 1.0 s too late",)),
        ([command(10, 25.0), command(40, 23.0)], ("restored 5.0 s too late",)),
        ([command(8.5, 25.0), command(30, 23.0)], ("curtailed 1.5 s too early",)),
        ([command(10, 25.0), command(20, 23.0)], ("restored 10.0 s too early",)),
    ],
)
def test_whatever_went_wrong_is_a_problem(commands: list[Command], problems: tuple[str, ...]) -> None:
    assert judge(asked(), LOAD, commands, []).problems == problems


@pytest.mark.parametrize(
    ("changes", "until"),
    [
        ({"updated_at": at(15), "updated_end": at(20)}, 20),
        ({"cancelled_at": at(18)}, 18),
        ({"updated_at": at(15), "updated_end": at(40), "cancelled_at": at(35)}, 35),
    ],
)
def test_an_update_and_a_cancellation_move_the_end(changes: dict[str, datetime], until: float) -> None:
    event = asked(**changes)
    assert judge(event, LOAD, [command(10, 25.0), command(until, 23.0)], []).problems == ()
    assert judge(event, LOAD, [command(10, 25.0), command(until + 6, 23.0)], []).problems == (
        "restored 1.0 s too late",
    )


def test_while_home_assistant_is_down_nothing_is_due() -> None:
    outages = [Outage(began=at(20), ended=at(45))]
    commands = [command(10, 25.0), command(46, 23.0)]
    assert judge(asked(), LOAD, commands, outages).problems == ()
    assert judge(asked(), LOAD, commands, []).problems == ("restored 11.0 s too late",)


def test_an_undo_while_home_assistant_is_still_starting_is_not_too_early() -> None:
    outages = [Outage(began=at(20), ended=at(45))]
    assert judge(asked(), LOAD, [command(10, 25.0), command(44, 23.0)], outages).problems == ()


def test_a_set_point_that_did_not_come_back_is_named() -> None:
    assert left_behind([LOAD], {"living_room": 23.0}) == []
    assert left_behind([LOAD], {"living_room": 25.0}) == ["Living room was left at 25.0 °C instead of 23.0 °C"]


def test_commands_are_read_out_of_the_devices_log() -> None:
    log = [
        {"at": at(1).isoformat(), "device": "living_room", "set": {"target_temperature": 25.0}},
        {"at": at(2).isoformat(), "device": "living_room", "set": {"hvac_mode": "off"}},
        {"at": at(3).isoformat(), "device": "living_room", "set": {"target_temperature": 90.0}, "refused": "limits"},
    ]
    assert commands_of(log) == [command(1, 25.0), command(3, 90.0, refused=True)]


def test_the_file_tells_asked_planned_and_observed() -> None:
    content = as_json(judge(asked(), LOAD, [command(10.1, 25.0)], []))
    assert content["asked"]["start"] == at(10).isoformat()
    assert content["planned"] == {
        "from": at(10).isoformat(),
        "until": at(30).isoformat(),
        "set_point": 25.0,
        "original": 23.0,
    }
    assert content["observed"] == {"curtailed_at": at(10.1).isoformat(), "restored_at": None}
    assert content["problems"] == ["never restored"]
