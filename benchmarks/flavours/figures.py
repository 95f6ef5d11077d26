"""What was found of the flavours, as one document."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks.figures import Measured, Medians
from benchmarks.machine import Machine


@dataclass(frozen=True, slots=True)
class Ratios:
    """One server's requests a second by the other's, of each round."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """How far from 1 the round is that is furthest from it."""
        return max(abs(each - 1) for each in self.rounds)


@dataclass(frozen=True, slots=True)
class FlavourFigure:
    """One flavour's model on both servers.

    `joined` and `reason` are what Podium says in `/models`, after the load, of whether requests
    share a call. `alone_us` is the processor time of one row's call of the model by itself.
    """

    key: str
    title: str
    versions: Mapping[str, str]
    joined: bool
    reason: str
    ratios: Ratios
    podium: Medians
    mlflow: Medians
    alone_us: float


@dataclass(frozen=True, slots=True)
class FlavourBenchmarks:
    """One run; `same` are Podium's rounds beside another Podium with the same model.

    `skipped` says what could not be installed, made or compared; `failed` what was asked and went
    wrong.
    """

    machine: Machine
    connections: int
    rounds: int
    seconds: int
    same: Ratios
    flavours: tuple[FlavourFigure, ...]
    skipped: tuple[str, ...]
    failed: tuple[str, ...]


def ratios(ours: Sequence[Measured], theirs: Sequence[Measured]) -> Ratios:
    """Of each round; raises ValueError for one in which the other answered nothing."""
    if not all(each.seen.requests for each in theirs):
        raise ValueError("in one of the rounds nothing was answered")
    pairs = zip(ours, theirs, strict=True)
    return Ratios(tuple(mine.seen.per_second / other.seen.per_second for mine, other in pairs))


_DOCUMENT = TypeAdapter(FlavourBenchmarks)


def write_flavours(found: FlavourBenchmarks, target: Path) -> None:
    """As JSON, for `read_flavours`."""
    target.write_bytes(_DOCUMENT.dump_json(found, indent=2) + b"\n")


def read_flavours(source: Path) -> FlavourBenchmarks:
    """What `write_flavours` wrote; raises ValueError for anything else."""
    return _DOCUMENT.validate_json(source.read_bytes())
