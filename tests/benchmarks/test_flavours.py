"""Of the bench of flavours, what is made of figures and reports of others."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from benchmarks.figures import Measured, Medians, medians
from benchmarks.flavours.bounds import is_named, verdict, why
from benchmarks.flavours.environment import brings_cuda
from benchmarks.flavours.figures import (
    FlavourBenchmarks,
    FlavourFigure,
    Ratios,
    ratios,
    read_flavours,
    write_flavours,
)
from benchmarks.flavours.flavour import FLAVOURS, named
from benchmarks.flavours.making import plain
from benchmarks.flavours.models import MODELS
from benchmarks.flavours.plot import draw_flavours
from benchmarks.flavours.report import flavours_markdown, print_flavours
from benchmarks.loads import Seen
from tests.benchmarks.figures import MACHINE

_PINS = Path(__file__).parents[2] / "benchmarks" / "flavours.txt"


def _measured(requests: int) -> Measured:
    return Measured(Seen(requests, 1, 1, 1), 0.5, 10)


_ROUND: Medians = medians([_measured(100)])
_FIGURE = FlavourFigure(
    key="onnx",
    title="ONNX",
    versions={"onnx": "1.2"},
    joined=False,
    reason="its flavour may look at several rows",
    ratios=Ratios((1.5, 1.4, 1.6)),
    podium=_ROUND,
    mlflow=_ROUND,
    alone_us=700,
)
_SAME = Ratios((0.99, 1.0, 1.02))


def _figure(ratio: float, *, joined: bool = False, failed: int = 0) -> FlavourFigure:
    podium = replace(_ROUND, failed=failed)
    return replace(_FIGURE, ratios=Ratios((ratio,)), joined=joined, podium=podium)


def _found(*flavours: FlavourFigure, **changes: Any) -> FlavourBenchmarks:
    skipped = ("PyTorch: it could not be installed",)
    found = FlavourBenchmarks(MACHINE, 32, 3, 2, _SAME, flavours, skipped, ())
    return replace(found, **changes)


@pytest.mark.parametrize(
    ("ratio", "joined", "spread", "right"),
    [
        (10.0, True, 0.02, "kept"),
        (9.9, True, 0.02, "missed"),
        (9.9, True, 0.3, "missed"),
        (0.9, False, 0.02, "kept"),
        (0.89, False, 0.05, "missed"),
        (0.89, False, 0.06, "undecided"),
        (0.87, False, 0.06, "missed"),
    ],
)
def test_bound_is_nowhere_nearer_to_one_than_twice_the_spread(
    ratio: float, spread: float, right: str, *, joined: bool
) -> None:
    """Joined ones are so far from 1 that no spread excuses them."""
    assert verdict(_figure(ratio, joined=joined), spread) == right


def test_request_that_failed_is_a_miss() -> None:
    """However fast the others were."""
    assert verdict(_figure(50, failed=1), 0.0) == "missed"


@pytest.mark.parametrize(
    ("ratio", "spread", "right"),
    [(1.2, 0.02, False), (1.19, 0.02, True), (1.29, 0.15, True), (1.31, 0.15, False)],
)
def test_what_is_not_clearly_faster_is_named(ratio: float, spread: float, *, right: bool) -> None:
    """With Podium's own reason, and what the model takes of the time."""
    assert is_named(_figure(ratio), spread) is right
    assert "(its flavour may look at several rows)" in why(_figure(ratio))
    assert "700 µs" in why(_figure(ratio))


def test_ratio_is_of_each_round_and_spread_the_furthest_from_one() -> None:
    """A slow moment of the machine is in both sides of one round."""
    ours, theirs = [_measured(each) for each in (30, 10, 8)], [_measured(10)] * 3

    found = ratios(ours, theirs)

    assert (found.rounds, found.median, found.spread) == ((3.0, 1.0, 0.8), 1.0, 2.0)
    with pytest.raises(ValueError, match="nothing was answered"):
        ratios(theirs, [_measured(0)] * 3)


def test_tables_tell_verdict_names_and_what_was_left_out() -> None:
    """For a terminal as for the page."""
    output = io.StringIO()
    found = _found(_figure(0.95), _figure(12, joined=True), failed=("XGBoost: it ended",))
    print_flavours(found, Console(file=output, width=250))

    for text in (output.getvalue(), flavours_markdown(found)):
        for words in ("kept", "spread of 0.020", "ONNX, 0.950 times", "PyTorch", "XGBoost"):
            assert words in text
        assert "Undecided" not in text
    assert "Undecided" in flavours_markdown(_found(same=Ratios((0.8, 1.0))))


def test_document_of_flavours_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Nothing is lost on the way."""
    write_flavours(_found(_FIGURE), tmp_path / "figures.json")

    assert read_flavours(tmp_path / "figures.json") == _found(_FIGURE)


def test_picture_of_flavours_is_the_same_for_the_same_figures(tmp_path: Path) -> None:
    """And there is none where nothing was measured."""
    pictures = [tmp_path / f"{name}.svg" for name in "ab"]
    for picture in pictures:
        draw_flavours(_found(_FIGURE, _figure(40, joined=True)), picture)
    draw_flavours(_found(), tmp_path / "none.svg")

    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert not (tmp_path / "none.svg").exists()


def test_each_flavour_has_a_model() -> None:
    """Under one key, by which it can be chosen."""
    assert [each.key for each in FLAVOURS] == list(MODELS)
    assert [each.key for each in named(["onnx", "xgboost"])] == ["xgboost", "onnx"]
    assert named([]) == FLAVOURS


def test_each_package_of_a_flavour_is_pinned() -> None:
    """There, or where Podium's own are."""
    pins = _PINS.read_text() + _PINS.parents[1].joinpath("constraints.txt").read_text()
    pinned = {line.partition("==")[0].lower() for line in pins.splitlines()}

    assert {name for each in FLAVOURS for name in each.packages} <= pinned


@pytest.mark.parametrize(("name", "right"), [("nvidia-nccl-cu13", True), ("networkx", False)])
def test_libraries_of_cuda_are_seen_before_they_are_fetched(name: str, *, right: bool) -> None:
    """In what pip says that it would install."""
    report = {"install": [{"metadata": {"name": each}} for each in ("torch", name)]}

    assert brings_cuda(report) is right


def test_answers_are_taken_as_mlflow_writes_them() -> None:
    """Arrays as lists, what has an index as records."""
    assert plain(np.array([[1.5], [2.5]])) == [[1.5], [2.5]]
    assert plain(pd.Series([1.5])) == plain(pd.DataFrame({0: [1.5]})) == [{"0": 1.5}]
