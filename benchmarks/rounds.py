"""Runs a plan: servers are started and checked, then loaded in turns, one at a time."""

import contextlib
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks.cases import Case, Prepared
from benchmarks.checking import check
from benchmarks.figures import Figure, Measured, Start, medians
from benchmarks.k6 import ConstantRate, k6
from benchmarks.loads import Seen
from benchmarks.peers import Peer
from benchmarks.plan import Load, Plan
from benchmarks.processes import cpu_seconds, pss_bytes
from benchmarks.running import NotReadyError, Running, running
from benchmarks.wrk import wrk

_WARM_SECONDS: Final = 1
_REST_SECONDS: Final = 2
_START_CASE: Final = "iris-1"

Advance = Callable[[str], None]


class Rounds:
    """One run of a plan; `advance` is called with words before each step, `steps` times in all."""

    def __init__(
        self,
        plan: Plan,
        prepared: Prepared,
        peers: Mapping[str, Peer],
        k6_program: Path | None,
        advance: Advance,
    ) -> None:
        self._plan = plan
        self._prepared = prepared
        self._peers = peers
        self._k6 = k6_program
        self._advance = advance
        self.figures: list[Figure] = []
        self.starts: list[Start] = []
        self.skipped: list[str] = []

    def run(self) -> None:
        """Everything; raises `WrongAnswerError` before anything wrong is timed."""
        for model in self._plan.models:
            with self.started(model) as servers:
                for load in self._plan.of(model):
                    self.load(load, servers)
        if self._plan.starts:
            self._start_in_turns()

    @contextlib.contextmanager
    def started(self, model: str) -> Iterator[Mapping[str, Running]]:
        """Every peer that the model's loads ask, once its answers were right."""
        loads, servers = self._plan.of(model), dict[str, Running]()
        with contextlib.ExitStack() as stack:
            for peer in self._asked(loads):
                self._advance(f"{peer.title} starts with {model}")
                try:
                    server = stack.enter_context(running(peer, self._prepared, model))
                except NotReadyError as error:
                    self._leave_out(peer, error)
                    continue
                for name in {load.case: None for load in loads if peer.key in load.peers}:
                    check(server, self._prepared.case(name))
                servers[peer.key] = server
            yield servers

    def _asked(self, loads: tuple[Load, ...]) -> list[Peer]:
        keys = dict.fromkeys(key for load in loads for key in load.peers)
        return [self._peers[key] for key in keys if key in self._peers]

    def _leave_out(self, peer: Peer, error: NotReadyError) -> None:
        if peer.key == "podium":
            raise error
        self.skipped.append(f"{peer.title}: {error.sentence}")

    def load(self, load: Load, servers: Mapping[str, Running]) -> Mapping[str, Sequence[Measured]]:
        """Every round of each of the servers that the load asks; notes their medians."""
        case, rate = self._prepared.case(load.case), self._rate(load)
        if load.constant and rate is None:
            return {}
        found: dict[str, list[Measured]] = defaultdict(list)
        for turn in range(load.rounds):
            for key in _turned(load.peers, turn):
                if key not in servers:
                    continue
                title = self._peers[key].title
                self._advance(f"{case.name}, {load.connections} connections: {title}")
                if turn == 0:
                    self._send(load, case, servers[key], rate, _WARM_SECONDS)
                found[key].append(self._measure(load, case, servers[key], rate))
        self.figures += [
            _figure(load, case, rate, key, found[key]) for key in _in_order(load, found)
        ]
        return found

    def _rate(self, load: Load) -> int | None:
        """Half of Podium's peak, where k6 is there and the peak was measured."""
        if not load.constant:
            return None
        for each in self.figures:
            at = (each.peer, each.case, each.connections, each.rate)
            if self._k6 and at == ("podium", load.case, load.connections, None):
                return max(1, round(each.per_second / 2))
        return None

    def _measure(self, load: Load, case: Case, server: Running, rate: int | None) -> Measured:
        before = cpu_seconds(server.pid)
        seen = self._send(load, case, server, rate, load.seconds)
        return Measured(seen, cpu_seconds(server.pid) - before, pss_bytes(server.pid))

    def _send(
        self, load: Load, case: Case, server: Running, rate: int | None, seconds: int
    ) -> Seen:
        url, body = f"{server.url}{server.peer.path(case)}", server.peer.bodies(case)[0]
        if rate is None or self._k6 is None:
            return wrk(url, body, load.connections, seconds)
        return k6(self._k6, url, body, ConstantRate(rate, seconds, load.connections))

    def _start_in_turns(self) -> None:
        found: dict[str, list[tuple[float, int]]] = defaultdict(list)
        keys = [key for key in self._plan.started if key in self._peers]
        for _ in range(self._plan.starts):
            for key in keys:
                self._advance(f"{self._peers[key].title} starts alone")
                with contextlib.suppress(NotReadyError):
                    found[key].append(self._start(self._peers[key]))
        for key, each in found.items():
            seconds, sizes = zip(*each, strict=True)
            middle = statistics.median(seconds), int(statistics.median(sizes))
            self.starts.append(Start(key, len(each), *middle))

    def _start(self, peer: Peer) -> tuple[float, int]:
        """Memory is that at rest, after the first answers: what is loaded late counts too."""
        case = self._prepared.case(_START_CASE)
        with running(peer, self._prepared, case.model) as server:
            check(server, case)
            time.sleep(_REST_SECONDS)
            return server.start_seconds, pss_bytes(server.pid)


def steps(plan: Plan, peers: Mapping[str, Peer]) -> int:
    """How often a run of the plan advances, if nothing is left out."""
    starts = sum(
        len({key for load in plan.of(model) for key in load.peers if key in peers})
        for model in plan.models
    )
    alone = plan.starts * sum(key in peers for key in plan.started)
    return starts + alone + sum(load.rounds * _count(load, peers) for load in plan.loads)


def _count(load: Load, peers: Mapping[str, Peer]) -> int:
    return sum(key in peers for key in load.peers)


def _turned(peers: tuple[str, ...], turn: int) -> tuple[str, ...]:
    """Another comes first in each round: nobody is always measured right after the same."""
    first = turn % len(peers)
    return peers[first:] + peers[:first]


def _in_order(load: Load, found: Mapping[str, list[Measured]]) -> list[str]:
    """The peers that were measured, in the order of the plan."""
    return [key for key in load.peers if key in found]


def _figure(load: Load, case: Case, rate: int | None, key: str, rounds: list[Measured]) -> Figure:
    return Figure(
        peer=key,
        case=case.name,
        rows=case.rows,
        columns=case.columns,
        connections=load.connections,
        rate=rate,
        rounds=len(rounds),
        **asdict(medians(rounds)),
    )
