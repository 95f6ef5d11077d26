"""What is measured: in full, and in short."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

TITLES: Final[Mapping[str, str]] = {
    "podium": "Podium",
    "mlflow": "mlflow models serve",
    "mlserver": "MLServer, batching",
    "fastapi": "empty FastAPI route",
    "asgi": "bare ASGI function",
}
EVERY_PEER: Final = tuple(TITLES)
_BOTH: Final = ("podium", "mlflow")


@dataclass(frozen=True, slots=True)
class Load:
    """So many rounds of so many seconds on each of the peers, in turn.

    `constant` asks every peer at half of what Podium reached on the same case and connections.
    """

    case: str
    connections: int
    peers: tuple[str, ...]
    rounds: int
    seconds: int
    constant: bool = False

    @property
    def model(self) -> str:
        """Whose case it is."""
        return self.case.rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class Plan:
    """All loads, each model's one after the other; `starts` of each of `started`, in turn."""

    name: str
    loads: tuple[Load, ...]
    starts: int
    started: tuple[str, ...] = ("podium", "mlflow", "mlserver")

    @property
    def models(self) -> tuple[str, ...]:
        """In the order in which they come."""
        return tuple(dict.fromkeys(load.model for load in self.loads))

    def of(self, model: str) -> tuple[Load, ...]:
        """The loads on that model."""
        return tuple(load for load in self.loads if load.model == model)


FULL: Final = Plan(
    "full",
    (
        Load("iris-1", 64, EVERY_PEER, 5, 4),
        Load("iris-1", 1, EVERY_PEER, 3, 3),
        Load("iris-1", 256, EVERY_PEER, 3, 3),
        Load("iris-1", 64, ("podium", "asgi"), 3, 10, constant=True),
        Load("iris-100", 8, _BOTH, 3, 3),
        Load("iris-1000", 8, _BOTH, 3, 4),
        Load("numbers600-1", 1, _BOTH, 3, 4),
        Load("numbers20-1", 64, _BOTH, 3, 3),
        Load("numbers20-1000", 8, _BOTH, 3, 3),
        Load("journeys-1", 64, _BOTH, 3, 3),
        Load("journeys-100", 8, _BOTH, 3, 3),
        Load("forest-1", 64, _BOTH, 3, 3),
        Load("forest-100", 8, _BOTH, 3, 3),
    ),
    starts=3,
)
QUICK: Final = Plan(
    "quick",
    (
        Load("iris-1", 64, EVERY_PEER, 2, 2),
        Load("iris-1", 1, _BOTH, 1, 2),
        Load("iris-1", 64, ("podium", "asgi"), 1, 3, constant=True),
        Load("iris-1000", 8, _BOTH, 1, 2),
        Load("numbers600-1", 1, _BOTH, 1, 2),
    ),
    starts=1,
    started=_BOTH,
)


def narrowed(plan: Plan, peers: Sequence[str], cases: Sequence[str]) -> Plan:
    """The same with these peers and cases alone; naming none leaves all."""
    loads = (
        replace(load, peers=tuple(peer for peer in load.peers if not peers or peer in peers))
        for load in plan.loads
        if not cases or load.case in cases
    )
    kept = tuple(load for load in loads if load.peers)
    return replace(plan, loads=kept, starts=0 if cases else plan.starts)
