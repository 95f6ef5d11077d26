"""Podium beside itself, then beside `mlflow models serve`, with one flavour's model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from benchmarks.cases import Prepared
from benchmarks.figures import medians
from benchmarks.flavours.environment import Environment
from benchmarks.flavours.figures import FlavourFigure, Ratios, ratios
from benchmarks.flavours.flavour import Flavour
from benchmarks.flavours.made import Made
from benchmarks.peers import MlflowServe, Peer, Podium
from benchmarks.plan import Load, Plan
from benchmarks.rounds import Advance, Rounds

CONNECTIONS: Final = 32
_SAME: Final = "iris"


class NotComparedError(Exception):
    """The other server could not be asked; the message says why."""


class PodiumAgain(Podium):
    """The same with a home of its own."""

    key: str = "podium-again"
    title: str = "Podium, another"


@dataclass(frozen=True, slots=True)
class Length:
    """So many rounds of so many seconds on each of two servers."""

    rounds: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Bench:
    """What every comparison has in common; `advance` is called with words before each step."""

    prepared: Prepared
    where: Environment
    length: Length
    advance: Advance

    def same(self) -> Ratios:
        """Podium beside another Podium, on iris; raises as `compared` does."""
        podium, again = Podium(self.where.programs), PodiumAgain(self.where.programs)
        load, rounds = self._rounds(f"{_SAME}-1", podium, again)
        with rounds.started(load.model) as servers:
            _both(rounds)
            found = rounds.load(load, servers)
        return ratios(found[podium.key], found[again.key])

    def compared(self, flavour: Flavour, known: Made) -> FlavourFigure:
        """Both servers with the flavour's model.

        Raises `WrongAnswerError`, `NotReadyError` where Podium is not, `NotComparedError`.
        """
        podium, mlflow = Podium(self.where.programs), MlflowServe(self.where.programs)
        load, rounds = self._rounds(flavour.case, podium, mlflow)
        with rounds.started(load.model) as servers:
            _both(rounds)
            found = rounds.load(load, servers)
            slot = _slot(servers[podium.key].url)
        return FlavourFigure(
            key=flavour.key,
            title=flavour.title,
            versions=known.versions,
            joined=slot["row_wise"],
            reason=slot["row_wise_reason"],
            ratios=ratios(found[podium.key], found[mlflow.key]),
            podium=medians(found[podium.key]),
            mlflow=medians(found[mlflow.key]),
            alone_us=known.alone_us,
        )

    def _rounds(self, case: str, *peers: Peer) -> tuple[Load, Rounds]:
        by_key = {peer.key: peer for peer in peers}
        load = Load(case, CONNECTIONS, tuple(by_key), self.length.rounds, self.length.seconds)
        plan = Plan("flavours", (load,), 0)
        return load, Rounds(plan, self.prepared, by_key, None, self.advance)


def _both(rounds: Rounds) -> None:
    if rounds.skipped:
        raise NotComparedError("; ".join(rounds.skipped))


def _slot(url: str) -> Mapping[str, Any]:
    """What Podium says of its only slot."""
    answer = httpx.get(f"{url}/models", trust_env=False).raise_for_status()
    found: Mapping[str, Any] = answer.json()["models"][0]
    return found
