"""Promotions of one alias to different versions at once, each a command in a process of its own.

`make races` runs two hundred against MLflow on SQLite and on PostgreSQL; `test_races` a few. Every
other race is for an alias that has no journal yet, so that its run is raced for, too.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn

from service.cli.main import main as podium
from service.config.addresses import MlflowAddresses
from service.exits import DONE, UNDECIDED
from service.origin import Origin
from service.promotion.deciding import AliasStanding
from service.promotion.mover import Mover
from service.refs import ModelRef
from service.registry.writer.writer import Writer
from tests.promotion.conftest import filled
from tests.support.postgres import postgres_server
from tests.support.tracking import free_port, migrate, mlflow_process, mlflow_server

NAME: Final = "raced"
RACERS: Final = ("1", "2", "3")
_RACES: Final = 200


@dataclass(frozen=True, slots=True)
class Ended:
    """One command's end: its exit status, and what its report says."""

    status: int
    report: Mapping[str, Any]


def race(uri: str, alias: str, versions: Sequence[str] = RACERS) -> Sequence[Ended]:
    """All at once; returns when all have ended."""
    gate, starter = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, version) for version in versions]
        children = [
            _fork(uri, alias, version, file, gate, starter)
            for version, file in zip(versions, files, strict=True)
        ]
        os.close(gate)
        os.close(starter)  # they are off
        statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        reports = [_report(file) for file in files]
    return [Ended(*pair) for pair in zip(statuses, reports, strict=True)]


def _report(file: Path) -> Mapping[str, Any]:
    said = file.read_text()
    assert said, file.with_suffix(".errors").read_text()
    report: Mapping[str, Any] = json.loads(said)
    return report


def _fork(  # noqa: PLR0913, PLR0917 - what a child gets
    uri: str, alias: str, version: str, file: Path, gate: int, starter: int
) -> int:
    child = os.fork()
    if child == 0:
        os.close(starter)
        _promote(uri, alias, version, file, gate)
    return child


def _promote(uri: str, alias: str, version: str, file: Path, gate: int) -> NoReturn:
    for descriptor, path in ((1, file), (2, file.with_suffix(".errors"))):
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY), descriptor)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    os.environ["MLFLOW_TRACKING_URI"] = uri
    os.read(gate, 1)
    named = ["promote", NAME, version, "--alias", alias, "--by", version]
    status = 70
    try:
        podium([*named, "--unvalidated", "a race", "--first", "--json"])
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else status
    except BaseException:  # noqa: BLE001 - it goes no further than this process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def stands(uri: str, alias: str) -> AliasStanding:
    """The alias and its journal."""
    writer = Writer(MlflowAddresses(uri, uri))
    return Mover(writer, ModelRef(NAME, alias), Origin("", "", ""), 600.0).look()


def wrong_with(uri: str, alias: str, races: Sequence[Sequence[Ended]]) -> str:
    """What is wrong after these races for the alias; empty if nothing is."""
    standing = stands(uri, alias)
    entries, ends = standing.journal.entries, [end for race in races for end in race]
    if {end.status for end in ends} - {DONE, UNDECIDED}:
        return f"they ended with {[(end.status, end.report['sentence']) for end in ends]}"
    if [each.number for each in entries] != [*range(1, standing.journal.last + 1)]:
        return f"the journal has {[each.number for each in entries]}"
    if not entries or any(each.done is None for each in entries):
        return "the journal has an entry without its end"
    path = [None, *(each.entry.to for each in entries)]
    if [each.entry.before for each in entries] != path[:-1] or standing.alias != path[-1]:
        return f"the journal goes by {path}, and the alias is on {standing.alias}"
    won = sorted(
        (end.report["entry"], end.report["version"]) for end in ends if end.report["code"] == "done"
    )
    if won != [(each.number, each.entry.to) for each in entries]:
        return f"these have won: {won}; the journal has {path}"
    return (
        "" if all(any(end.status == DONE for end in race) for race in races) else "nobody has won"
    )


def raced(uri: str, races: int, *, prefix: str = "race") -> Counter[int]:
    """How many races had so many winners, one after another. Raises `AssertionError`."""
    winners = Counter[int]()
    for number in range(races // 2):
        alias = f"{prefix}-{number}"
        both = [race(uri, alias), race(uri, alias)]
        wrong = wrong_with(uri, alias, both)
        assert not wrong, f"{alias}: {wrong}"
        winners.update(sum(end.status == DONE for end in each) for each in both)
    return winners


@contextlib.contextmanager
def _on_sqlite(folder: Path) -> Iterator[str]:
    with mlflow_server(migrate(folder), folder) as server:
        yield server.url


@contextlib.contextmanager
def on_postgresql(folder: Path) -> Iterator[str]:
    """MLflow's address, on a PostgreSQL of its own."""
    port = free_port()
    with postgres_server() as database:
        server = mlflow_process(folder, port=port, backend_store_uri=database)
        server.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.stop()


def _tell(line: str) -> None:
    # Before the next fork, which would have it once more.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--races", type=int, default=_RACES)
    races = parser.parse_args().races
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    _tell(f"make races, {today}: {len(RACERS)} promotions at once, by commands in processes")
    for name, server in (("SQLite", _on_sqlite), ("PostgreSQL", on_postgresql)):
        with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as uri:
            filled(uri, NAME)
            began = time.monotonic()
            winners = raced(uri, races)
        told = ", ".join(f"{winners[many]} with {many}" for many in sorted(winners))
        _tell(f"{name}: {winners.total()} races in {time.monotonic() - began:.0f} s")
        _tell(f"  by how many have won, one after another: {told}")
        _tell("  two from one state: 0; journals that are not whole: 0")


if __name__ == "__main__":
    _main()
