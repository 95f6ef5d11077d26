"""How long one callback stops the event loop where versions are wide.

    make bench-loop

A real service on a real registry, whose alias moves between versions of 1,000 columns and of 1,000
nested ones; then one of fifty slots, each with a version of 600 columns of its own, that is asked
for what people and scrapers look at. Told is the processor time of the longest single callback, and
beside it the longest by the clock, in which other processes and threads had their turns too.

Exit status 1: a callback took more processor time than the limit. `--json` keeps every figure.
"""

import json
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click
import httpx
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types.schema import Schema
from rich.console import Console
from rich.table import Table

from benchmarks.machine import this_machine
from benchmarks.measured_service import EVENT
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService
from tests.support.tracking import migrate
from tests.support.waiting import wait_until

LIMIT_MS: Final = 20.0
_PROGRAM: Final = (str(Path(__file__).with_name("measured_service.py")),)
_SECONDS: Final = 600.0
_ALLOWED: Final = {"podium.allow_breaking": "true"}

Entries = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Stop:
    """The longest callback of one situation; milliseconds."""

    situation: str
    cpu_ms: float
    wall_ms: float
    callback: str

    @property
    def holds(self) -> bool:
        """Whether it is short enough."""
        return self.cpu_ms < LIMIT_MS


def flat(columns: int, mark: str) -> Entries:
    """A signature of double columns, every third of which is optional."""
    return [
        {"type": "double", "name": f"{mark}{place}", "required": place % 3 > 0}
        for place in range(columns)
    ]


def nested(columns: int, mark: str) -> Entries:
    """A signature of columns that hold objects, no two of which are alike."""

    def properties(place: int) -> dict[str, Any]:
        text = {"type": "string", "required": True}
        return {
            "amounts": {"type": "array", "items": {"type": "double"}, "required": True},
            "count": {"type": "long", "required": True},
            f"detail_{place}": {"type": "object", "properties": {"key": text}, "required": True},
        }

    return [
        {
            "type": "object",
            "name": f"{mark}{place}",
            "required": True,
            "properties": properties(place),
        }
        for place in range(columns)
    ]


def row(entries: Entries) -> pd.DataFrame:
    """One row that fits."""
    return pd.DataFrame([{entry["name"]: _value(entry) for entry in entries}])


def _value(entry: dict[str, Any]) -> Any:
    if entry["type"] == "object":
        return {name: _value(inner) for name, inner in entry["properties"].items()}
    return {"double": 0.5, "long": 1, "string": "x", "array": [0.5]}[entry["type"]]


def saved(folder: Path, entries: Entries) -> Path:
    """A model with that signature and an example of one row."""
    signature = ModelSignature(inputs=Schema.from_json(json.dumps(entries)))
    return models.save(folder, "echo", signature, row(entries))


@contextmanager
def _serving(refs: Sequence[str], uri: str, folder: Path) -> Iterator[RunningService]:
    service = RunningService(refs, uri, folder, {}, _PROGRAM)
    try:
        url = f"{service.url}/health/ready"
        wait_until(lambda: httpx.get(url, trust_env=False).is_success, _SECONDS, "it is ready")
        yield service
    finally:
        service.stop()


def _longest(service: RunningService, situation: str) -> Stop:
    told = len(service.events(EVENT))
    service.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: len(service.events(EVENT)) > told, _SECONDS, "it tells")
    line = service.events(EVENT)[-1]
    return Stop(situation, line["cpu_ms"], line["wall_ms"], line["callback"])


def swaps(folder: Path, columns: int) -> Iterator[Stop]:
    """An alias that moves to other columns, and back to a version that is still warm."""
    registry = Registry(f"sqlite:///{migrate(folder)}", "wide")
    for kind, entries in (("columns", flat), ("nested columns", nested)):
        for mark in ("first_", "second_"):
            place = saved(folder / f"{kind}{mark}", entries(columns, mark))
            registry.add(place, None, **_ALLOWED)
    registry.move("champion", "1")
    with _serving(["wide@champion"], registry.tracking_uri, folder) as service:
        _longest(service, "the start")
        for version, situation in (
            ("2", f"a swap from {columns:,} columns to {columns:,} others"),
            ("1", "the swap back"),
            ("3", f"a swap to {columns:,} nested columns"),
            ("4", f"a swap from {columns:,} nested columns to {columns:,} others"),
            ("3", "the swap back from nested columns"),
        ):
            registry.move("champion", version)
            _until_serves(service, version)
            yield _longest(service, situation)
        yield from _looked_at(service, "wide@champion", f"{columns:,} nested columns")


def _until_serves(service: RunningService, version: str) -> None:
    def serves() -> bool:
        listed = httpx.get(f"{service.url}/models", trust_env=False).json()["models"]
        return bool(listed[0]["version"] == version)

    wait_until(serves, _SECONDS, f"version {version} serves; its log: {service.log[-3:]}")


def _looked_at(service: RunningService, ref: str, of: str) -> Iterator[Stop]:
    for path in ("/openapi.json", "/openapi.json", "/metrics", f"/models/{ref}", "/models"):
        reply = httpx.get(f"{service.url}{path}", trust_env=False, timeout=_SECONDS)
        length = len(reply.raise_for_status().content) / 1e6
        yield _longest(service, f"{path} of {of}, {length:.2f} MB")


def wide_slots(folder: Path, slots: int, columns: int) -> Iterator[Stop]:
    """Many slots, each with columns of its own."""
    registry = Registry(f"sqlite:///{migrate(folder)}", "wide")
    for number in range(1, slots + 1):
        place = saved(folder / str(number), flat(columns, f"m{number}_"))
        registry.add(place, alias=f"a{number}")
    refs = [f"wide@a{number}" for number in range(1, slots + 1)]
    with _serving(refs, registry.tracking_uri, folder) as service:
        _longest(service, "the start")
        yield from _looked_at(service, refs[-1], f"{slots} slots of {columns} columns")


def _print(stops: Sequence[Stop]) -> None:
    table = Table(title="The longest callback of the loop", caption=str(this_machine()))
    for heading in ("during", "ms of processor time", "ms by the clock"):
        table.add_column(heading, justify="left" if heading == "during" else "right")
    for each in stops:
        style = None if each.holds else "bold red"
        table.add_row(each.situation, f"{each.cpu_ms:.1f}", f"{each.wall_ms:.1f}", style=style)
    console = Console(width=110)
    console.print(table)
    for each in stops:
        if not each.holds:
            console.print(f"{each.situation}: {each.callback}", markup=False)


@click.command()
@click.option("--width", default=1000, show_default=True, help="Columns of versions that swap.")
@click.option("--slots", default=50, show_default=True, help="Slots that are looked at.")
@click.option("--columns", default=600, show_default=True, help="Columns of each of these.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the figures here.")
def main(width: int, slots: int, columns: int, target: Path | None) -> None:
    """Measure how long single callbacks stop the loop."""
    stops: list[Stop] = []
    told = Console(stderr=True)
    parts: Sequence[Callable[[Path], Iterator[Stop]]] = (
        lambda folder: swaps(folder, width),
        lambda folder: wide_slots(folder, slots, columns),
    )
    for part in parts:
        with tempfile.TemporaryDirectory() as folder:
            for stop in part(Path(folder)):
                told.print(f"{stop.situation}: {stop.cpu_ms:.1f} ms", markup=False)
                stops.append(stop)
    _print(stops)
    if target is not None:
        target.write_text(json.dumps([asdict(each) for each in stops], indent=2) + "\n")
    sys.exit(0 if all(each.holds for each in stops) else 1)


if __name__ == "__main__":
    main()
