"""An event's key, phase, terms and names."""

from dataclasses import replace
from datetime import datetime, timedelta
import json
from typing import Any

import pytest

from custom_components.leap.dispatch.event import Origin, Phase, Source

from .builders import METER, at, event

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("instant", "phase"),
    [
        (at(10) - SECOND, Phase.SCHEDULED),
        (at(10), Phase.ACTIVE),
        (at(20) - SECOND, Phase.ACTIVE),
        (at(20), Phase.ENDED),
    ],
)
def test_phase_holds_its_start_and_not_its_end(instant: datetime, phase: Phase) -> None:
    asked = event(start=10, end=20)
    assert asked.phase(instant) is phase
    assert replace(asked, cancelled=True).phase(instant) is Phase.CANCELLED


def test_an_event_that_ends_before_it_starts_never_runs() -> None:
    backwards = event(start=20, end=10)
    assert [backwards.phase(at(minute)) for minute in (5, 10, 15, 20)] == [
        Phase.SCHEDULED,
        Phase.ENDED,
        Phase.ENDED,
        Phase.ENDED,
    ]
    assert not backwards.takes_time
    assert not event(start=10, end=10).takes_time
    assert event(start=10, end=11).takes_time


def test_key_and_local() -> None:
    assert event("e9").key == (METER, "e9")
    assert [event(origin=origin).local for origin in (Origin.LEAP, Origin.MANUAL, Origin.REHEARSAL)] == [
        False,
        True,
        True,
    ]


def test_terms_are_all_but_the_source() -> None:
    asked = event()
    assert asked.same_terms(replace(asked, source=Source.POLL))
    changes: dict[str, Any] = {
        "start": at(1),
        "end": at(61),
        "energy_kw": 1.0,
        "nomination_kw": None,
        "cap": "up-to-site-load",
        "priority": 2,
        "voluntary": True,
        "types": (),
        "programs": (),
        "communication_test": True,
        "cancelled": True,
        "origin": Origin.MANUAL,
    }
    for name, value in changes.items():
        assert not asked.same_terms(replace(asked, **{name: value})), name


def test_as_dict_has_the_names_of_the_contract_and_is_json() -> None:
    told = event(energy_kw=1.5, source=Source.POLL).as_dict()
    assert json.loads(json.dumps(told)) == {
        "event_id": "e1",
        "meter_id": METER,
        "start": "2026-11-01T00:00:00+00:00",
        "end": "2026-11-01T01:00:00+00:00",
        "energy_kw": 1.5,
        "nomination_kw": 2.0,
        "cap": "up-to-nomination",
        "priority": 1,
        "voluntary": False,
        "types": ["energy"],
        "programs": ["CAISO"],
        "communication_test": False,
        "cancelled": False,
        "origin": "leap",
        "source": "poll",
    }
    assert {type(told["origin"]), type(told["source"])} == {str}
