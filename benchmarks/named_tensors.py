"""`make bench-tensors`: what named tensors cost beside MLflow's JSON, on the same model.

One row of four columns by 64 connections: V2's JSON should answer at least 0.85 times as many
requests as `/predict`; each column more is an object more in a body, so that of 20 there is no
bound. 1,000 rows of 20 columns by four: raw bytes, both ways, at least twice as many rows.
The loads take turns, so that what else the machine does falls on both.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import mlflow
import numpy as np
import orjson
import pandas as pd
from mlflow.models import infer_signature
from rich.console import Console
from sklearn.linear_model import LinearRegression

from benchmarks.podium_process import serving
from benchmarks.tools import find_wrk
from benchmarks.wrk import wrk

_PREDICT, _INFER = "/predict", "/v2/models/model/infer"


class _Case(NamedTuple):
    """Which rows, by how many connections, in which form, and the least ratio."""

    rows: int
    columns: int
    connections: int
    raw: bool
    bound: float


_CASES: Final = (
    _Case(1, 4, 64, raw=False, bound=0.85),
    _Case(1, 20, 64, raw=False, bound=0.0),
    _Case(1000, 20, 4, raw=True, bound=2.0),
)


class _Load(NamedTuple):
    """What is sent, and where."""

    path: str
    body: bytes
    json_bytes: int | None = None


def main() -> None:
    """Prints the rates and ratios; exits with 1 where one is below its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="of each load, in each round")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    say = Console(highlight=False).print
    if not find_wrk(say):
        sys.exit("wrk cannot be had")
    few = False
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        for number, case in enumerate(_CASES):
            place = folder / str(number)
            with serving(_saved(place, case.columns), place / "s") as url:
                loads = (_as_json(case), _as_tensors(case))
                rates = _rates(url, loads, place, case.connections, asked.seconds, asked.rounds)
            ratio = median(theirs / ours for ours, theirs in rates)
            ours, theirs = (median(each) * case.rows for each in zip(*rates, strict=True))
            form = "raw bytes" if case.raw else "JSON"
            say(f"{case.rows} rows of {case.columns} columns, {case.connections} connections")
            say(f"    {_PREDICT} {ours:.0f} rows/s, V2 in {form} {theirs:.0f} rows/s")
            say(f"    ratio {ratio:.2f} (at least {case.bound})")
            few = few or ratio < case.bound
    sys.exit(few)


def _saved(folder: Path, columns: int) -> Path:
    random = np.random.default_rng(1)
    rows = pd.DataFrame(
        random.normal(size=(200, columns)), columns=[f"c{at}" for at in range(columns)]
    )
    model = LinearRegression().fit(rows, rows.sum(axis=1))
    place = folder / "model"
    mlflow.sklearn.save_model(
        model,
        str(place),
        signature=infer_signature(rows, model.predict(rows)),
        input_example=rows.head(3),
        pip_requirements=["scikit-learn"],
    )
    return place


def _values(case: _Case) -> "np.ndarray[Any, Any]":
    return np.random.default_rng(2).normal(size=(case.rows, case.columns))


def _as_json(case: _Case) -> _Load:
    names = [f"c{at}" for at in range(case.columns)]
    body = {"dataframe_split": {"columns": names, "data": _values(case).tolist()}}
    return _Load(_PREDICT, orjson.dumps(body))


def _as_tensors(case: _Case) -> _Load:
    inputs, pieces = [], []
    for at, column in enumerate(_values(case).T):
        tensor: dict[str, Any] = {"name": f"c{at}", "shape": [case.rows], "datatype": "FP64"}
        if case.raw:
            pieces.append(column.astype("<f8").tobytes())
            tensor["parameters"] = {"binary_data_size": len(pieces[-1])}
        else:
            tensor["data"] = column.tolist()
        inputs.append(tensor)
    asked = {"parameters": {"binary_data_output": True}} if case.raw else {}
    text = orjson.dumps({"inputs": inputs, **asked})
    return _Load(_INFER, b"".join((text, *pieces)), len(text) if case.raw else None)


def _rates(  # noqa: PLR0913, PLR0917 - one measurement, told once
    url: str, loads: Sequence[_Load], folder: Path, connections: int, seconds: int, rounds: int
) -> list[tuple[float, float]]:
    """Requests a second of the two, round by round; the first round warms up."""
    found = []
    for _ in range(rounds + 1):
        first, second = (_rate(url, load, folder, connections, seconds) for load in loads)
        found.append((first, second))
    return found[1:]


def _rate(url: str, load: _Load, folder: Path, connections: int, seconds: int) -> float:
    file = folder / "body"
    file.write_bytes(load.body)
    seen = wrk(f"{url}{load.path}", str(file), connections, seconds, load.json_bytes)
    if seen.failed:
        raise RuntimeError(f"{seen.failed} requests to {load.path} have failed")
    return seen.requests / seen.seconds


if __name__ == "__main__":
    main()
