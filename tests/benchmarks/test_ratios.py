"""The required ratios, of figures that are known."""

from dataclasses import replace

import pytest

from benchmarks.figures import Start
from benchmarks.ratios import REQUIRED
from benchmarks.report import ratios_table
from tests.benchmarks.figures import FIGURE, benchmarks, peer


def _row(measure: str, to: str, *arguments: object, **named: object) -> tuple[str, str]:
    """What was measured, and the verdict, of one line of the table."""
    rows = ratios_table(benchmarks(*arguments, **named)).rows  # type: ignore[arg-type]
    (row,) = [row for row in rows if row[0] == measure and row[1] == to]
    return row[3], row[4]


_PEAK = "one row, 64 connections, requests/s"
_MLFLOW = "mlflow models serve"


@pytest.mark.parametrize(("theirs", "verdict"), [(200.0, "reached"), (200.1, "missed")])
def test_at_least_is_the_limit_itself_or_more(theirs: float, verdict: str) -> None:
    """Forty times 200 is 8,000."""
    assert _row(_PEAK, _MLFLOW, FIGURE, peer("mlflow", per_second=theirs)) == ("40", verdict)


@pytest.mark.parametrize(("theirs", "verdict"), [(22.5, "reached"), (22.4, "missed")])
def test_at_most_is_the_limit_itself_or_less(theirs: float, verdict: str) -> None:
    """A third of 22.5 ms is 7.5."""
    figures = peer("podium", connections=1), peer("mlflow", connections=1, p50_ms=theirs)

    assert _row("one row, 1 connection, p50", _MLFLOW, *figures)[1] == verdict


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    """A peer may be left out."""
    assert _row(_PEAK, "MLServer, batching", FIGURE) == ("", "not measured")


def test_peak_and_constant_rate_are_not_mixed_up() -> None:
    """The same case and connections, but p99 at a rate."""
    measure = "one row, 64 connections, constant half of Podium's peak, p99"
    at_rate = [
        peer("podium", rate=4000, per_second=4000, p99_ms=10),
        peer("asgi", rate=4000, per_second=4000, p99_ms=5),
    ]
    figures = FIGURE, peer("asgi", p99_ms=1), *at_rate

    assert _row(measure, "bare ASGI function", *figures) == ("2", "reached")


def test_rate_that_was_not_kept_is_said() -> None:
    """Otherwise the slower a server is, the fewer slow requests it would be asked."""
    measure = "one row, 64 connections, constant half of Podium's peak, p99"
    kept = peer("asgi", rate=4000, per_second=4000, p99_ms=40)
    late = peer("podium", rate=4000, per_second=3000)

    assert _row(measure, "bare ASGI function", kept, late)[1] == "reached, rate not kept"


def test_start_and_rest_are_compared_too() -> None:
    """They belong to no load."""
    starts = Start("podium", 3, 3.0, 300), Start("mlflow", 3, 6.0, 300)

    assert _row("start to ready, model cached", _MLFLOW, starts=starts) == ("0.5", "reached")
    memory = _row("memory at rest (PSS of all processes)", _MLFLOW, starts=starts)
    assert memory == ("1", "missed")


def test_each_requirement_finds_its_figures() -> None:
    """No ratio without a measurement, one for each where both sides were measured."""
    cases = {(each.case, each.connections, each.constant) for each in REQUIRED if each.case}
    found = benchmarks(
        *(
            replace(FIGURE, peer=key, case=case, connections=count, rate=8000 if constant else None)
            for case, count, constant in cases
            for key in ("podium", "mlflow", "mlserver", "fastapi", "asgi")
        ),
        starts=(Start("podium", 1, 1, 1), Start("mlflow", 1, 1, 1)),
    )

    assert [each.ratio(found) for each in REQUIRED] == [1.0] * len(REQUIRED)
    assert [each.ratio(benchmarks()) for each in REQUIRED] == [None] * len(REQUIRED)
