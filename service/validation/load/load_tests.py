"""One version under load, in turns with another one if there is one, and what is made of it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from service.validation.findings import Judgement, Verdict
from service.validation.load.deciding import RatioWalk, ratio_of
from service.validation.load.generator import (
    LoadedVersion,
    LoadTurn,
    RequestKind,
    percentile,
    put_under_load,
)
from service.validation.policy.running_bounds import LoadBounds, MemoryBounds
from service.validation.record.trial_record import LoadSamples

# What leaks fills memory at up to some gigabytes a second.
LOOK_SECONDS: Final = 0.1
# It is beyond doubt then, and the machine needs its memory.
_BEYOND: Final = 2
_WARM_UP_SECONDS: Final = 0.1
_MILLION: Final = 1_000_000


@dataclass(slots=True)
class MemoryGrowth:
    """What the largest host of a version holds, looked at again and again.

    Attributes:
        most: how much more than at first is too much; None: anything is allowed.
        held: bytes, at each look.
    """

    version: LoadedVersion
    most: float | None
    held: list[int] = field(default_factory=list)

    @property
    def growth(self) -> int:
        """From the first look to the last; less than nothing where it shrank."""
        return self.held[-1] - self.held[0] if self.held else 0

    @property
    def beyond_doubt(self) -> bool:
        """Whether it has grown so much that more load would tell nothing more."""
        return self.most is not None and self.growth > _BEYOND * max(self.most, 1_000_000)

    async def look(self) -> None:
        """Notes what is held now."""
        self.held.append(await self.version.held_bytes())

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Looks on while it lasts, and once more at its end."""
        await self.look()
        looking = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await self.look()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()


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

    One that fails is asked no more, and the version is measured alone from then on.

    Attributes:
        other: what it is compared with; None: nothing.
        last: until when it may be measured, by `time.monotonic`.
        when_first: the verdict on what compares, where the other fails.
        when_alone: the same where there is no other.
        told: is told of each round: of how many, at least.
    """

    version: LoadedVersion
    other: LoadedVersion | None
    kinds: Sequence[RequestKind]
    load: LoadBounds
    memory: MemoryBounds
    last: float
    when_first: Verdict = "passed"
    when_alone: Verdict = "undecided"
    told: Callable[[int, int], None] = lambda _, __: None

    def __post_init__(self) -> None:
        """Nothing is measured yet."""
        self._own = {kind.name: KindFigures() for kind in self.kinds}
        self._others = {kind.name: KindFigures() for kind in self.kinds}
        self._growth = MemoryGrowth(self.version, self.memory.max_growth_bytes)
        self._others_held = 0
        self._rounds = 0
        self._failures: list[str] = []
        self._others_failures: list[str] = []
        bound = self.load.max_slower
        compared = self.other is not None and bound is not None
        self._walks = {kind.name: RatioWalk(bound or 1.0) for kind in self.kinds if compared}

    async def judgements(self) -> Sequence[Judgement]:
        """All at its end."""
        await self._warm_up()
        async with self._growth.watched():
            while self._goes_on():
                await self._round()
                self._rounds += not self._stopped()
                self.told(self._rounds, self.load.rounds)
        if self._beside is not None:
            self._others_held = await self._beside.held_bytes()
        alone = [self._errors(), *self._long_enough(), *map(self._times, self.kinds)]
        return [*alone, *self._memories(), *self._speeds()]

    @property
    def samples(self) -> LoadSamples:
        """Every time and every look, of what was measured until now."""
        own, others = (
            {kind: figures.times for kind, figures in each.items()}
            for each in (self._own, self._others)
        )
        return LoadSamples(own, others, self._growth.held, LOOK_SECONDS)

    @property
    def _beside(self) -> LoadedVersion | None:
        """The other, as long as it answers."""
        return None if self._others_failures else self.other

    def _stopped(self) -> bool:
        return self._growth.beyond_doubt or time.monotonic() > self.last

    def _goes_on(self) -> bool:
        if self._failures or self._stopped():
            return False
        is_open = any(walk.speed == "open" for walk in self._walks.values())
        return self._rounds < self.load.rounds or (is_open and self._beside is not None)

    async def _warm_up(self) -> None:
        for version in filter(None, (self.other, self.version)):
            for kind in self.kinds:
                if version is self.version or self._beside is not None:
                    await self._turn(version, kind, _WARM_UP_SECONDS)

    async def _round(self) -> None:
        for kind in self.kinds:
            if self._beside is None:
                self._own[kind.name].add(await self._turn(self.version, kind, self._seconds))
            else:
                await self._compared(kind, self._beside)

    async def _compared(self, kind: RequestKind, other: LoadedVersion) -> None:
        middles = []
        for version in (other, self.version, self.version, other):
            if version is other and self._beside is None:
                continue
            turn = await self._turn(version, kind, self._seconds / 2)
            (self._own if version is self.version else self._others)[kind.name].add(turn)
            middles.append(turn.middle)
        failed = self._failures or self._others_failures or self._stopped()
        if kind.name in self._walks and not failed:
            self._walks[kind.name].add(ratio_of(*middles))

    async def _turn(self, version: LoadedVersion, kind: RequestKind, seconds: float) -> LoadTurn:
        turn = await put_under_load(version, kind, seconds, self.load.at_once, self._stopped)
        failures = self._failures if version is self.version else self._others_failures
        failures += turn.failures
        return turn

    @property
    def _seconds(self) -> float:
        """Of one kind in one round, for each version."""
        return self.load.seconds / (self.load.rounds * len(self.kinds))

    def _errors(self) -> Judgement:
        if not self._failures:
            return _judged("answers", "passed", "Under load every request was answered.")
        sentence = f"Under load requests were not answered: {self._failures[0]}"
        return _judged("answers", "failed", sentence)

    def _long_enough(self) -> Iterator[Judgement]:
        """Nothing where load was ended for what it has found."""
        if self._failures or self._growth.beyond_doubt:
            return
        had = sum(each.seconds for each in self._own.values())
        said = f"It was under load for {had:.1f} s; {self.load.seconds:g} s are asked for"
        if self._rounds >= self.load.rounds:
            yield _judged("time", "passed", f"{said}.")
        else:
            yield _judged("time", "undecided", f"{said}, and the time for all of it was over.")

    def _times(self, kind: RequestKind) -> Judgement:
        own, others = self._own[kind.name].figures(kind), self._others[kind.name].figures(kind)
        if not own:
            verdict: Verdict = "failed" if self._failures else "undecided"
            return _judged(kind.name, verdict, "No request was answered under load.")
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

    def _memories(self) -> Iterator[Judgement]:
        yield self._memory()
        if self.memory.max_more is not None and not self._others_held:
            verdict, why = self._without_other()
            yield _judged("memory_more", verdict, f"Memory was not compared: {why}.")

    def _without_other(self) -> tuple[Verdict, str]:
        """The verdict on what compares, and why it could not be."""
        if self.other is None:
            return self.when_alone, "there is no other version to compare with"
        if self._others_failures:
            failure = self._others_failures[0].rstrip(".")
            return self.when_first, f"version {self._other_number} fails under load ({failure})"
        return "undecided", "the time for it was over"

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
        asked = self.load.max_slower is not None and "max_slower" in self.load.model_fields_set
        if self.other is None and asked:  # by the policy's own words, not by the default
            verdict, why = self._without_other()
            yield _judged("slower", verdict, f"Times were not compared: {why}.")
        for kind in self.kinds:
            walk = self._walks.get(kind.name)
            if walk is not None and walk.ratios:
                yield self._speed(kind, walk)
            elif walk is not None:
                verdict, why = self._without_other()
                sentence = f"There was no round in which the two could be compared: {why}."
                yield _judged(f"slower.{kind.name}", verdict, sentence)

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
        if walk.speed in verdicts:
            return _judged(name, verdicts[walk.speed], f"{said}.", figures)
        verdict, why = self._without_other()
        return _judged(name, verdict, f"{said}, and it was not decided: {why}.", figures)


def _above(name: str, found: float, most: float | None) -> Iterator[str]:
    if most is not None and found > most:
        yield f"{name} may be {most:g} ms"


def _judged(
    name: str, verdict: Verdict, sentence: str, figures: Mapping[str, float] | None = None
) -> Judgement:
    return Judgement(f"load.{name}", verdict, sentence, "load", figures or {})
