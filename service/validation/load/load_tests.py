"""One version under load, in turns with another one if there is one, and what is made of it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from service.validation.findings import Judgement, Verdict
from service.validation.load.deciding import RatioWalk, ratio_of
from service.validation.load.generator import LoadTurn, RequestKind, percentile, put_under_load
from service.validation.load.growth import LOOK_SECONDS, MemoryGrowth
from service.validation.policy.running_bounds import LoadBounds, MemoryBounds
from service.validation.record.trial_record import LoadSamples
from service.validation.trial.version_on_trial import VersionOnTrial

_WARM_UP_SECONDS: Final = 0.1
_MILLION: Final = 1_000_000


@dataclass(slots=True)
class KindFigures:
    """Of one version under requests of one kind: all turns together."""

    times: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, turn: LoadTurn) -> None:
        """One turn more."""
        self.times += turn.times
        self.seconds += turn.seconds

    def figures(self, kind: RequestKind) -> Mapping[str, float]:
        """Milliseconds, and rows a second; nothing where nothing was answered."""
        if not self.times:
            return {}
        return {
            "p50_ms": 1000 * percentile(self.times, 0.5),
            "p99_ms": 1000 * percentile(self.times, 0.99),
            "rows_per_second": len(self.times) * kind.rows / self.seconds,
            "requests": float(len(self.times)),
        }


@dataclass(eq=False)
class LoadTests:
    """Puts load on a version, and on another in turns.

    Attributes:
        other: what it is compared with; None: nothing.
        last: until when it may be measured, by `time.monotonic`.
        told: is told of each round: of how many, at least.
    """

    version: VersionOnTrial
    other: VersionOnTrial | None
    kinds: Sequence[RequestKind]
    load: LoadBounds
    memory: MemoryBounds
    last: float
    told: Callable[[int, int], None] = lambda _, __: None

    def __post_init__(self) -> None:
        """Nothing is measured yet."""
        self._own = {kind.name: KindFigures() for kind in self.kinds}
        self._others = {kind.name: KindFigures() for kind in self.kinds}
        self._growth = MemoryGrowth(self.version, self.memory.max_growth_bytes)
        self._others_held = 0
        self._failures: list[str] = []
        self._others_failures: list[str] = []
        bound = self.load.max_slower
        compared = self.other is not None and bound is not None
        self._walks = {kind.name: RatioWalk(bound or 1.0) for kind in self.kinds if compared}

    async def judgements(self) -> Sequence[Judgement]:
        """All at its end."""
        await self._warm_up()
        async with self._growth.watched():
            rounds = 0
            while self._goes_on(rounds):
                await self._round()
                rounds += 1
                self.told(rounds, self.load.rounds)
        if self.other is not None:
            self._others_held = await self.other.held_bytes()
        return [self._errors(), *map(self._times, self.kinds), self._memory(), *self._speeds()]

    @property
    def samples(self) -> LoadSamples:
        """Every time and every look, of what was measured until now."""
        own, others = (
            {kind: figures.times for kind, figures in each.items()}
            for each in (self._own, self._others)
        )
        return LoadSamples(own, others, self._growth.held, LOOK_SECONDS)

    def _goes_on(self, rounds: int) -> bool:
        if self._failures or self._others_failures:
            return False
        if self._growth.beyond_doubt or time.monotonic() > self.last:
            return False
        is_open = any(walk.speed == "open" for walk in self._walks.values())
        return rounds < self.load.rounds or is_open

    async def _warm_up(self) -> None:
        for version in filter(None, (self.other, self.version)):
            for kind in self.kinds:
                await self._turn(version, kind, _WARM_UP_SECONDS)

    async def _round(self) -> None:
        for kind in self.kinds:
            if self.other is None:
                self._own[kind.name].add(await self._turn(self.version, kind, self._seconds))
            else:
                await self._compared(kind, self.other)

    async def _compared(self, kind: RequestKind, other: VersionOnTrial) -> None:
        middles = []
        for version in (other, self.version, self.version, other):
            turn = await self._turn(version, kind, self._seconds / 2)
            (self._own if version is self.version else self._others)[kind.name].add(turn)
            middles.append(turn.middle)
        failed = self._failures or self._others_failures or self._growth.beyond_doubt
        if kind.name in self._walks and not failed:
            self._walks[kind.name].add(ratio_of(*middles))

    async def _turn(self, version: VersionOnTrial, kind: RequestKind, seconds: float) -> LoadTurn:
        def stopped() -> bool:
            return self._growth.beyond_doubt

        turn = await put_under_load(version, kind, seconds, self.load.at_once, stopped)
        failures = self._failures if version is self.version else self._others_failures
        failures += turn.failures
        return turn

    @property
    def _seconds(self) -> float:
        """Of one kind in one round, for each version."""
        return self.load.seconds / (self.load.rounds * len(self.kinds))

    def _errors(self) -> Judgement:
        deaths = self.version.hosts.deaths
        if not self._failures and not deaths:
            return _judged("answers", "passed", "Under load every request was answered.")
        died = f" {deaths} of its processes ended." if deaths else ""
        first = self._failures[0] if self._failures else "each was tried a second time."
        return _judged("answers", "failed", f"Under load requests were not answered: {first}{died}")

    def _times(self, kind: RequestKind) -> Judgement:
        own, others = self._own[kind.name].figures(kind), self._others[kind.name].figures(kind)
        if not own:
            return _judged(kind.name, "failed", "No request was answered under load.")
        figures = {
            **{f"load.{kind.name}.{name}": value for name, value in own.items()},
            **{f"against.load.{kind.name}.{name}": value for name, value in others.items()},
        }
        rows = "1 row" if kind.rows == 1 else f"{kind.rows} rows"
        said = (
            f"{rows} a request: p50 {own['p50_ms']:.2f} ms, p99 {own['p99_ms']:.2f} ms, "
            f"{own['rows_per_second']:.0f} rows/s"
        )
        wrong = "; ".join(self._exceeded(kind, own))
        if wrong:
            return _judged(kind.name, "failed", f"{said}: {wrong}.", figures)
        return _judged(kind.name, "passed", f"{said}.", figures)

    def _exceeded(self, kind: RequestKind, own: Mapping[str, float]) -> Iterator[str]:
        bounds = self.load
        if kind.rows == 1 or len(self.kinds) == 1:
            yield from _above("p50", own["p50_ms"], bounds.max_p50_ms)
            yield from _above("p99", own["p99_ms"], bounds.max_p99_ms)
        if kind.rows != 1 or len(self.kinds) == 1:
            yield from _above("p99", own["p99_ms"], bounds.max_p99_ms_many)
            least = bounds.min_rows_per_second
            if least is not None and own["rows_per_second"] < least:
                yield f"at least {least:g} rows/s are asked for"

    def _memory(self) -> Judgement:
        held, growth = max(self._growth.held, default=0), self._growth.growth
        figures = {"load.memory_bytes": float(held), "load.memory_growth_bytes": float(growth)}
        said = f"A process holds {held / _MILLION:.0f} MB, {growth / _MILLION:+.0f} MB under load"
        wrong = "; ".join(self._too_much(held, growth))
        if self._others_held:
            figures["against.load.memory_bytes"] = float(self._others_held)
        if wrong:
            return _judged("memory", "failed", f"{said}: {wrong}.", figures)
        return _judged("memory", "passed", f"{said}.", figures)

    def _too_much(self, held: int, growth: int) -> Iterator[str]:
        bounds = self.memory
        if bounds.max_growth_bytes is not None and growth > bounds.max_growth_bytes:
            most = bounds.max_growth_bytes / _MILLION
            yield f"it may grow by {most:g} MB, so it leaks memory, or keeps what it was asked"
        if bounds.max_bytes is not None and held > bounds.max_bytes:
            yield f"at most {bounds.max_bytes / _MILLION:g} MB are allowed"
        most_more = bounds.max_more
        if most_more is not None and self._others_held and held > most_more * self._others_held:
            yield f"version {self._other_number} takes {self._others_held / _MILLION:.0f} MB"

    @property
    def _other_number(self) -> str:
        return "" if self.other is None else self.other.number

    def _speeds(self) -> Iterator[Judgement]:
        for kind in self.kinds:
            walk = self._walks.get(kind.name)
            if walk is not None and walk.ratios:
                yield self._speed(kind, walk)
            elif walk is not None:
                why = f": version {self._other_number} fails" if self._others_failures else ""
                sentence = f"There was no round in which the two could be compared{why}."
                yield _judged(f"slower.{kind.name}", "undecided", sentence)

    def _speed(self, kind: RequestKind, walk: RatioWalk) -> Judgement:
        found, name = walk.interval, f"slower.{kind.name}"
        figures = {
            f"against.{kind.name}.ratio": found.middle,
            f"against.{kind.name}.ratio_low": found.low,
            f"against.{kind.name}.ratio_high": found.high,
            f"against.{kind.name}.rounds": float(len(walk.ratios)),
        }
        said = (
            f"A request takes {found.middle:.2f} times what it takes version {self._other_number} "
            f"({found.low:.2f} to {found.high:.2f}, {len(walk.ratios)} rounds); "
            f"{walk.bound:g} times are allowed"
        )
        verdicts: Mapping[str, Verdict] = {"within": "passed", "slower": "failed"}
        verdict = verdicts.get(walk.speed, "undecided")
        ended = ", and it was not decided in time" if verdict == "undecided" else ""
        return _judged(name, verdict, f"{said}{ended}.", figures)


def _above(name: str, found: float, most: float | None) -> Iterator[str]:
    if most is not None and found > most:
        yield f"{name} may be {most:g} ms"


def _judged(
    name: str, verdict: Verdict, sentence: str, figures: Mapping[str, float] | None = None
) -> Judgement:
    return Judgement(f"load.{name}", verdict, sentence, "load", figures or {})
