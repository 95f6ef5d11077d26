"""What checking a request costs, beside what it costs others to read it at all.

    make bench-validation

Three measurements: a body of 1,000 rows and 20 columns against `json.loads` and `pandas.DataFrame`;
one row of 600 columns against MLflow's own enforcement of the signature; and how long bodies of
16 MB stop the loop of a running service. The first two are timed in turns, so that a slow moment of
the machine slows both sides; the figures are medians.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
import pandas as pd
from mlflow.models.utils import _enforce_schema
from mlflow.types.schema import Schema
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.loop_stops import Stops, loop_stops
from service.contract.contract import Contract, RequestLimits, compile_contract

_SEED: Final = 1
_LARGE_BYTES: Final = 16 * 1024**2 - 4096


@dataclass(frozen=True, slots=True)
class Comparison:
    """Medians in microseconds, over `rounds` turns."""

    name: str
    podium_us: float
    other: str
    other_us: float
    rounds: int

    @property
    def times_faster(self) -> float:
        """How many times as long the other takes."""
        return self.other_us / self.podium_us


def columns(number: int) -> list[dict[str, Any]]:
    """A signature of that many double columns."""
    return [{"type": "double", "name": f"c{place}", "required": True} for place in range(number)]


def split_body(rows: int, width: int) -> bytes:
    """Random numbers in `dataframe_split`, as pandas and every JSON library write them."""
    data = np.random.default_rng(_SEED).normal(size=(rows, width)).tolist()
    names = [f"c{place}" for place in range(width)]
    return json.dumps({"dataframe_split": {"columns": names, "data": data}}).encode()


def contract_of(width: int) -> Contract:
    """What Podium compiles of that signature."""
    return compile_contract(
        {"inputs": json.dumps(columns(width))}, RequestLimits(max_rows=1_000_000)
    )


def many_rows(rounds: int, rows: int = 1000, width: int = 20) -> Comparison:
    """A whole body: parsed and validated, against parsed and put into a DataFrame."""
    body, contract = split_body(rows, width), contract_of(width)

    def read() -> None:
        payload = json.loads(body)["dataframe_split"]
        pd.DataFrame(payload["data"], columns=payload["columns"])

    def checked() -> None:
        contract.parse(body, "application/json")

    ours, theirs = _in_turns(checked, read, rounds)
    name = f"{rows:,} rows of {width} columns"
    return Comparison(name, ours, "json.loads and pandas.DataFrame", theirs, rounds)


def wide_row(rounds: int, width: int = 600) -> Comparison:
    """One row, from bytes to checked columns, against MLflow's check of a DataFrame alone."""
    body, contract = split_body(1, width), contract_of(width)
    payload = json.loads(body)["dataframe_split"]
    frame = pd.DataFrame(payload["data"], columns=payload["columns"])
    schema = Schema.from_json(json.dumps(columns(width)))

    def enforced() -> None:
        _enforce_schema(frame, schema)

    def checked() -> None:
        contract.parse(body, "application/json")

    ours, theirs = _in_turns(checked, enforced, rounds)
    return Comparison(f"1 row of {width} columns", ours, "mlflow's _enforce_schema", theirs, rounds)


def large_body() -> bytes:
    """Nearly as long as the default limit, `PODIUM_MAX_BODY_BYTES`, allows."""
    row = len(split_body(1001, 20)) - len(split_body(1, 20))
    return split_body(_LARGE_BYTES * 1000 // row, 20)


def _in_turns(
    ours: Callable[[], None], theirs: Callable[[], None], rounds: int
) -> tuple[float, float]:
    both: tuple[list[float], list[float]] = ([], [])
    for _ in track(range(rounds), "In turns", console=Console(stderr=True)):
        for work, times in zip((ours, theirs), both, strict=True):
            started = time.perf_counter()
            work()
            times.append((time.perf_counter() - started) * 1e6)
    return statistics.median(both[0]), statistics.median(both[1])


def _print(comparisons: list[Comparison], stops: Stops | None) -> None:
    table = Table(title="Validation", caption="Microseconds; medians")
    for heading in ("body", "Podium", "beside it", "takes", "times faster"):
        table.add_column(heading, justify="left" if heading in ("body", "beside it") else "right")
    for each in comparisons:
        figures = f"{each.podium_us:,.0f}", f"{each.other_us:,.0f}", f"{each.times_faster:.1f}"
        table.add_row(each.name, figures[0], each.other, figures[1], figures[2])
    console = Console(file=sys.stdout)
    console.print(table)
    if stops is not None:
        console.print(
            f"Bodies of {stops.body_bytes / 1e6:.1f} MB, {stops.requests} in turn: the loop stood "
            f"still for at most {stops.cpu_ms:.1f} ms of its own work, {stops.wall_ms:.1f} ms by "
            f"the clock; at rest {stops.rest_cpu_ms:.1f} and {stops.rest_wall_ms:.1f} ms. "
            f"An answer took {stops.answer_seconds:.2f} s."
        )


def _document(comparisons: list[Comparison], stops: Stops | None) -> Mapping[str, Any]:
    found = [{**asdict(each), "times_faster": each.times_faster} for each in comparisons]
    return {"comparisons": found, "loop": None if stops is None else asdict(stops)}


@click.command()
@click.option("--rounds", default=200, show_default=True, help="Turns of the first two.")
@click.option("--requests", default=20, show_default=True, help="Large bodies; 0 sends none.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the figures here.")
def main(rounds: int, requests: int, target: Path | None) -> None:
    """Measure what checking requests costs."""
    comparisons = [many_rows(rounds), wide_row(rounds)]
    stops = loop_stops(large_body(), columns(20), requests) if requests else None
    _print(comparisons, stops)
    if target is not None:
        target.write_text(json.dumps(_document(comparisons, stops), indent=2) + "\n")


if __name__ == "__main__":
    main()
