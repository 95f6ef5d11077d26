"""What is measured is what is required, and what is prepared."""

import pytest

from benchmarks.cases import ROWS
from benchmarks.plan import FULL, QUICK, Load, Plan, narrowed
from benchmarks.ratios import REQUIRED


def _measured(plan: Plan) -> set[tuple[str, int, bool, str]]:
    return {
        (load.case, load.connections, load.constant, peer)
        for load in plan.loads
        for peer in load.peers
    }


@pytest.mark.parametrize("plan", [FULL, QUICK], ids=["full", "quick"])
def test_every_required_ratio_is_measured_on_both_sides(plan: Plan) -> None:
    """In short as in full."""
    wanted = {
        (required.case, required.connections, required.constant, peer)
        for required in REQUIRED
        if required.case
        for peer in ("podium", required.to)
    }

    assert wanted <= _measured(plan)
    assert plan.starts > 0


@pytest.mark.parametrize("plan", [FULL, QUICK], ids=["full", "quick"])
def test_constant_rates_come_after_the_peak_that_they_are_half_of(plan: Plan) -> None:
    """And only Podium's peak sets them."""
    peaks = set()
    for load in plan.loads:
        if load.constant:
            assert (load.case, load.connections) in peaks
        elif "podium" in load.peers:
            peaks.add((load.case, load.connections))


@pytest.mark.parametrize("plan", [FULL, QUICK], ids=["full", "quick"])
def test_every_case_is_prepared(plan: Plan) -> None:
    """Their names say model and rows."""
    prepared = {f"{model}-{rows}" for model, counts in ROWS.items() for rows in counts}

    assert {load.case for load in plan.loads} <= prepared


def test_full_plan_has_everything_that_the_quick_one_has() -> None:
    """The quick one takes fewer rounds, and leaves cases out."""
    assert _measured(QUICK) <= _measured(FULL)


def test_plan_can_be_narrowed_to_peers_and_cases() -> None:
    """For who works on one thing."""
    plan = Plan(
        "any", (Load("a-1", 1, ("podium", "mlflow"), 1, 1), Load("b-1", 1, ("mlflow",), 1, 1)), 2
    )

    assert narrowed(plan, ("podium",), ()).loads == (Load("a-1", 1, ("podium",), 1, 1),)
    assert narrowed(plan, (), ("b-1",)) == Plan("any", (Load("b-1", 1, ("mlflow",), 1, 1),), 0)
