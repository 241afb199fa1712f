"""Which loads act for an instruction."""

from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.leap.curtailment.plan import LoadPlan, LoadSpec, Reason, plan
from custom_components.leap.dispatch.timeline import Segment
from tests.dispatch.builders import at, event


def segment(energy_kw: float | None) -> Segment:
    """Return an instruction that asks for so many kW."""
    return Segment(start=at(0), end=at(60), event=event(energy_kw=energy_kw), energy_kw=energy_kw, served=())


def load(load_id: str, rank: int = 0, expected_kw: float | None = 1.0, **state: Any) -> LoadSpec:
    """Return a load that is there to act."""
    return LoadSpec(
        load_id=load_id, rank=rank, expected_kw=expected_kw, **{"enabled": True, "opted_out": False} | state
    )


def reasons(asked: Segment | None, *loads: LoadSpec) -> dict[str, Reason]:
    """Return the reason of each load."""
    return {made.load_id: made.reason for made in plan(asked, loads)}


def test_no_event_moves_nothing() -> None:
    assert plan(None, [load("a")]) == (LoadPlan(load_id="a", act=False, reason=Reason.NO_EVENT),)


def test_the_maximum_takes_all_that_may_act() -> None:
    loads = [load("a"), load("b", expected_kw=None), load("off", enabled=False), load("out", opted_out=True)]
    assert plan(segment(None), loads) == (
        LoadPlan(load_id="a", act=True, reason=Reason.MAXIMUM),
        LoadPlan(load_id="b", act=True, reason=Reason.MAXIMUM),
        LoadPlan(load_id="off", act=False, reason=Reason.DISABLED),
        LoadPlan(load_id="out", act=False, reason=Reason.OPTED_OUT),
    )


@pytest.mark.parametrize(
    ("target", "acting"),
    [(0.0, ""), (0.1, "c"), (1.0, "c"), (1.1, "ca"), (2.0, "ca"), (2.5, "cab"), (9.0, "cab")],
)
def test_a_target_takes_loads_by_rank_then_id_until_it_is_met(target: float, acting: str) -> None:
    plans = plan(segment(target), [load("a", 2), load("b", 2), load("c", 1)])
    assert [made.load_id for made in plans] == ["a", "b", "c"]
    assert {made.load_id for made in plans if made.act} == set(acting)
    assert {made.reason for made in plans if made.act} <= {Reason.TARGET}
    assert {made.reason for made in plans if not made.act} <= {Reason.TARGET_MET}


def test_what_a_load_gives_counts_only_if_it_acts_and_is_known() -> None:
    assert reasons(
        segment(1.0),
        load("a", 1, enabled=False),
        load("b", 2, opted_out=True),
        load("c", 3, expected_kw=None),
        load("d", 4),
        load("e", 5),
    ) == {
        "a": Reason.DISABLED,
        "b": Reason.OPTED_OUT,
        "c": Reason.TARGET,
        "d": Reason.TARGET,
        "e": Reason.TARGET_MET,
    }


@given(
    st.floats(0, 10),
    st.lists(st.tuples(st.integers(0, 3), st.one_of(st.none(), st.floats(0, 5))), max_size=6),
)
def test_a_target_is_met_with_no_load_to_spare(target: float, loads: list[tuple[int, float | None]]) -> None:
    specs = [load(str(number), rank, kw) for number, (rank, kw) in enumerate(loads)]
    acting = [spec for spec in specs if {p.load_id: p.act for p in plan(segment(target), specs)}[spec.load_id]]
    acting.sort(key=lambda spec: (spec.rank, spec.load_id))
    before_last = sum(spec.expected_kw or 0 for spec in acting[:-1])
    assert not acting or before_last < target
    if len(acting) < len(specs):
        assert sum(spec.expected_kw or 0 for spec in acting) >= target
