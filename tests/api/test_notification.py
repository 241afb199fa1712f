"""A push: ours is read slot by slot, other homes' meters are never decoded."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from hypothesis import given, strategies as st
import msgspec.json
import pytest

from custom_components.leap.api.models import (
    MeterDispatch,
    Notification,
    NotificationError,
    Timeslot,
    decode_notification,
)

OURS = "5b0c1f3e-7a52-4c0e-9d0b-2f6f0a7f1a01"
OTHER = "7d9e2a10-3c44-4b1f-8e5a-91b2c3d4e502"


def slot(**changes: Any) -> dict[str, Any]:
    """Write a timeslot as Leap does."""
    return {
        "meter_event_id": "c1e7a2d4-0f35-4b7e-8a90-6d5c4b3a2101",
        "start_time": "2026-09-08T01:00:00Z",
        "end_time": "2026-09-08T03:00:00Z",
        "cancelled": False,
        "energy_kw": None,
        "nomination_kw": 4.5,
        "performance_compensation_cap": "grid-exports-allowed",
        "priority": 3,
        "is_voluntary": True,
        "dispatch_event_types": ["standard"],
        "programs": ["ELRP"],
    } | changes


def body(*meters: Any, **top: Any) -> bytes:
    """Write a push."""
    return msgspec.json.encode({"meter_dispatches": list(meters)} | top)


def meter(meter_id: str, *slots: Any, **fields: Any) -> dict[str, Any]:
    """Write a meter of a push."""
    return {"meter_id": meter_id, "timeslots": list(slots)} | fields


def only(notification: Notification) -> MeterDispatch:
    """Return the only meter."""
    (found,) = notification.meters
    return found


def test_a_push_is_read() -> None:
    read = decode_notification(
        body(
            meter(OURS, slot(), partner_reference="home-0042", anything={"new": 1}),
            meter(OTHER, slot()),
            integration_test_notification=False,
            communication_test=False,
            something_new=[1],
        ),
        [OURS],
    )
    assert read == Notification(
        integration_test=False,
        meters=(
            MeterDispatch(
                meter_id=OURS,
                partner_reference="home-0042",
                timeslots=(
                    Timeslot(
                        event_id="c1e7a2d4-0f35-4b7e-8a90-6d5c4b3a2101",
                        start_time=datetime(2026, 9, 8, 1, tzinfo=UTC),
                        end_time=datetime(2026, 9, 8, 3, tzinfo=UTC),
                        cancelled=False,
                        energy_kw=None,
                        nomination_kw=4.5,
                        performance_compensation_cap="grid-exports-allowed",
                        priority=3,
                        is_voluntary=True,
                        dispatch_event_types=("standard",),
                        programs=("ELRP",),
                        communication_test=False,
                    ),
                ),
            ),
        ),
        group_meter_ids=frozenset(),
        malformed=0,
        foreign=1,
    )


def test_unknown_words_survive_and_absent_power_is_none() -> None:
    sent = slot(performance_compensation_cap="new-cap", programs=["NEW"], dispatch_event_types=["15m", "standard"])
    del sent["energy_kw"], sent["nomination_kw"]
    (read,) = only(decode_notification(body(meter(OURS, sent)), [OURS])).timeslots
    assert (read.performance_compensation_cap, read.programs) == ("new-cap", ("NEW",))
    assert read.dispatch_event_types == ("15m", "standard")
    assert (read.energy_kw, read.nomination_kw) == (None, None)


def test_other_zones_become_utc() -> None:
    sent = slot(start_time="2026-09-08T01:00:00.250-07:00", end_time="2026-09-08T03:00:00+00:00")
    assert not only(decode_notification(body(meter(OURS, sent)), [OURS])).timeslots
    sent["end_time"] = "2026-09-08T08:00:01Z"
    (read,) = only(decode_notification(body(meter(OURS, sent)), [OURS])).timeslots
    assert read.start_time == datetime(2026, 9, 8, 8, 0, 0, 250_000, tzinfo=UTC)
    assert read.start_time.tzinfo is UTC


@pytest.mark.parametrize(
    "changes",
    [
        {"meter_event_id": None},
        {"meter_event_id": ""},
        {"meter_event_id": 7},
        {"start_time": "2026-09-08T01:00:00"},
        {"start_time": "soon"},
        {"start_time": None},
        {"start_time": "0001-01-01T00:00:00+14:00"},
        {"end_time": "2026-09-08T01:00:00Z"},
        {"end_time": "2026-09-08T00:00:00Z"},
        {"cancelled": "no"},
        {"cancelled": None},
        {"priority": "high"},
        {"programs": "ELRP"},
        {"energy_kw": -1},
        {"nomination_kw": -0.5},
        {"energy_kw": "3"},
    ],
)
def test_a_malformed_timeslot_costs_only_itself(changes: dict[str, Any]) -> None:
    read = decode_notification(
        body(meter(OURS, slot(meter_event_id="a"), slot(**changes), slot(meter_event_id="b"))), [OURS]
    )
    assert [found.event_id for found in only(read).timeslots] == ["a", "b"]
    assert (only(read).malformed, read.malformed) == (1, 1)


@pytest.mark.parametrize("field", sorted(slot().keys() - {"energy_kw", "nomination_kw"}))
def test_a_timeslot_without_a_required_field_is_malformed(field: str) -> None:
    sent = slot()
    del sent[field]
    read = decode_notification(body(meter(OURS, sent)), [OURS])
    assert (only(read).timeslots, read.malformed) == ((), 1)


@pytest.mark.parametrize("timeslots", [None, {}, "x", 3])
def test_timeslots_that_are_no_list_are_one_mistake(timeslots: Any) -> None:
    read = decode_notification(body({"meter_id": OURS, "timeslots": timeslots}, meter(OTHER)), [OURS])
    assert (only(read).timeslots, read.malformed, read.foreign) == ((), 1, 1)


@pytest.mark.parametrize("broken", [{"meter_id": 7}, {}, 5, None, []])
def test_a_meter_without_a_readable_id_costs_only_itself(broken: Any) -> None:
    read = decode_notification(body(broken, meter(OURS, slot()), meter(OTHER, 1)), [OURS])
    assert len(only(read).timeslots) == 1
    assert (read.malformed, read.foreign) == (1, 1)


def test_a_reference_that_is_no_text_is_left_out() -> None:
    read = only(decode_notification(body(meter(OURS, slot(), partner_reference=7)), [OURS]))
    assert (read.partner_reference, len(read.timeslots)) == (None, 1)


def test_ids_are_compared_in_lower_case_and_keep_our_spelling() -> None:
    read = decode_notification(body(meter(OURS.upper(), slot()), meter("Not-A-UUID", slot())), [OURS, "not-a-uuid"])
    assert [found.meter_id for found in read.meters] == [OURS, "not-a-uuid"]


def test_a_meter_that_comes_twice_is_one() -> None:
    read = only(
        decode_notification(
            body(
                meter(OURS, slot(meter_event_id="a")),
                meter(OURS.upper(), slot(meter_event_id="b"), 1, partner_reference="home-0042"),
            ),
            [OURS],
        )
    )
    assert [found.event_id for found in read.timeslots] == ["a", "b"]
    assert (read.malformed, read.partner_reference) == (1, "home-0042")


@pytest.mark.parametrize("name", ["communication_test", "is_communication_test"])
@pytest.mark.parametrize("place", ["top", "slot"])
def test_a_communication_test_is_known_wherever_it_is_told(name: str, place: str) -> None:
    other = "is_communication_test" if name == "communication_test" else "communication_test"
    told, not_told = {name: True, other: False}, {name: False, other: False}
    top, inner = (told, not_told) if place == "top" else (not_told, told)
    read = decode_notification(body(meter(OURS, slot(**inner)), **top), [OURS])
    assert only(read).timeslots[0].communication_test


def test_a_communication_test_on_one_slot_is_of_that_slot_alone() -> None:
    read = decode_notification(body(meter(OURS, slot(communication_test=True), slot())), [OURS])
    assert [found.communication_test for found in only(read).timeslots] == [True, False]


def test_an_integration_test_is_marked() -> None:
    assert decode_notification(body(meter(OURS, slot()), integration_test_notification=True), [OURS]).integration_test


def test_a_group_names_our_meters_alone() -> None:
    group = {"market_group_id": str(uuid4()), "meter_ids": [OTHER, OURS.upper()], "timeslots": "whatever"}
    read = decode_notification(msgspec.json.encode({"group_dispatches": [group]}), [OURS])
    assert (read.group_meter_ids, read.meters, read.malformed) == (frozenset({OURS}), (), 0)


def test_meters_and_groups_can_come_together_and_a_broken_group_is_counted() -> None:
    groups = [{"meter_ids": [OURS]}, {"meter_ids": 7}]
    read = decode_notification(body(meter(OURS, slot()), group_dispatches=groups), [OURS])
    assert (len(read.meters), read.group_meter_ids, read.malformed) == (1, frozenset({OURS}), 1)


def test_an_empty_push_is_a_push() -> None:
    read = decode_notification('{"meter_dispatches": []}', [OURS])
    assert (read.meters, read.foreign, read.malformed) == ((), 0, 0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"payload": {}}',
        b'{"meter_dispatches": null}',
        b'{"meter_dispatches": {}}',
        b'{"meter_dispatches": [], "group_dispatches": 3}',
        b'{"meter_dispatches": [], "communication_test": "yes"}',
        b'{"meter_dispatches": [',
        b"\xff\xfe",
        "\ud800",
        b'{"meter_dispatches": [{"meter_id": "\xff"}]}',
        b"[" * 500_000,
        b'{"new":' + b"[" * 500_000,
        b'{"meter_dispatches": ' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    ],
)
def test_what_is_no_notification_is_refused(content: bytes | str) -> None:
    with pytest.raises(NotificationError):
        decode_notification(content, [OURS])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
SLOTS = st.builds(
    slot,
    meter_event_id=st.uuids().map(str),
    energy_kw=st.none() | st.floats(0.01, 1e5),
    priority=st.integers(1, 10),
    cancelled=st.booleans(),
    communication_test=st.booleans(),
)
METERS = st.lists(st.builds(meter, st.sampled_from(["a", "A", "b", "c", "d"]), SLOTS, SLOTS | JSON), max_size=8)


@given(sent=METERS)
def test_reading_ours_alone_equals_reading_everything(sent: list[dict[str, Any]]) -> None:
    some = decode_notification(body(*sent), ["a", "b"])
    everything = decode_notification(body(*sent), ["a", "b", "c", "d"])
    assert some.meters == tuple(found for found in everything.meters if found.meter_id in ("a", "b"))
    assert some.foreign == sum(found["meter_id"] in "cd" for found in sent)


@given(sent=METERS, junk=JSON)
def test_what_other_homes_get_changes_nothing(sent: list[dict[str, Any]], junk: Any) -> None:
    spoiled = [found if found["meter_id"] in "aAb" else found | {"timeslots": junk} for found in sent]
    whole, after = (decode_notification(body(*meters), ["a", "b"]) for meters in (sent, spoiled))
    assert after == whole


@given(
    content=JSON
    | st.fixed_dictionaries({"meter_dispatches": JSON})
    | st.fixed_dictionaries({"group_dispatches": st.lists(JSON)})
)
def test_anything_is_read_or_refused(content: Any) -> None:
    try:
        read = decode_notification(msgspec.json.encode(content), ["a"])
    except NotificationError:
        assert not isinstance(content, dict) or not isinstance(content.get("group_dispatches"), list)
    else:
        assert not read.integration_test
        assert read.malformed + read.foreign <= sum(len(value) for value in content.values() if isinstance(value, list))
