"""`make bench-tensors`: what named tensors cost beside MLflow's JSON, on the same model.

One row by 64 connections: V2's JSON should answer at least 0.85 times as many requests as
`/predict`. 1,000 rows of 20 columns by four: raw bytes, both ways, at least twice as many rows.
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

_COLUMNS: Final = 20
_PREDICT, _INFER = "/predict", "/v2/models/model/infer"


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
        with serving(_saved(folder), folder / "s") as url:
            for rows, connections, raw, bound in ((1, 64, False, 0.85), (1000, 4, True, 2.0)):
                loads = (_as_json(rows), _as_tensors(rows, raw=raw))
                rates = _rates(url, loads, folder, connections, asked.seconds, asked.rounds)
                ratio = median(theirs / ours for ours, theirs in rates)
                ours, theirs = (median(each) * rows for each in zip(*rates, strict=True))
                form = "raw bytes" if raw else "JSON"
                say(f"{rows:5} rows, {connections:3} connections: {_PREDICT} {ours:9.0f} rows/s")
                say(f"{'':31} V2, {form} {theirs:9.0f} rows/s")
                say(f"{'':31} ratio {ratio:.2f} (at least {bound})")
                few = few or ratio < bound
    sys.exit(few)


def _saved(folder: Path) -> Path:
    random = np.random.default_rng(1)
    rows = pd.DataFrame(
        random.normal(size=(200, _COLUMNS)), columns=[f"c{at}" for at in range(_COLUMNS)]
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


def _values(rows: int) -> "np.ndarray[Any, Any]":
    return np.random.default_rng(2).normal(size=(rows, _COLUMNS))


def _as_json(rows: int) -> _Load:
    names = [f"c{at}" for at in range(_COLUMNS)]
    body = {"dataframe_split": {"columns": names, "data": _values(rows).tolist()}}
    return _Load(_PREDICT, orjson.dumps(body))


def _as_tensors(rows: int, *, raw: bool) -> _Load:
    inputs, pieces = [], []
    for at, column in enumerate(_values(rows).T):
        tensor: dict[str, Any] = {"name": f"c{at}", "shape": [rows], "datatype": "FP64"}
        if raw:
            pieces.append(column.astype("<f8").tobytes())
            tensor["parameters"] = {"binary_data_size": len(pieces[-1])}
        else:
            tensor["data"] = column.tolist()
        inputs.append(tensor)
    text = orjson.dumps({"inputs": inputs, "parameters": {"binary_data_output": raw}})
    return _Load(_INFER, b"".join((text, *pieces)), len(text) if raw else None)


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
