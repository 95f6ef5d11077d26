"""Weights, arms and aliases change under load while hosts are killed; every answer is checked."""

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx

from service.split_tag import WHOLE, ArmShare, Split
from tests.rollout_soak.versions import NAME, NUMBERS, REF, STICKY, Wanted
from tests.support.registered import Registry
from tests.support.services import RunningService, descendants_of
from tests.support.waiting import wait_until

CLIENTS: Final = 4
SECONDS: Final = 300.0
_PROBED: Final = 40
_CALLERS: Final = 5000
_MOST_PAUSE: Final = 0.02
_BETWEEN_KILLS: Final = 0.5
_ALIASES: Final = ("champion", "challenger", "canary")
ODD: Final = ("challenger=101%", "<b>=1", "a=1,b=1,c=1", "x" * 4000, "champion=5", "nobody")


@dataclass(slots=True)
class Seen:
    """What has been counted; of what went wrong, what it was."""

    answers: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    probed: int = 0
    wrong: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Nothing was wrong, and every request was answered."""
        return not self.wrong and not self.dropped

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{self.changes.total()} changes: {_counted(self.changes)}"
        yield f"{self.killed} hosts killed"
        yield f"{self.answers.total()} answers: {_counted(self.answers)}"
        yield f"{self.probed} callers were looked for once all was as wished"
        yield f"{len(self.wrong)} wrong answers, {len(self.dropped)} dropped"
        yield from (f"  {each}" for each in (*self.wrong, *self.dropped)[:8])


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))


class Changing:
    """Changes what the registry says of a running service, one thing after the other."""

    def __init__(self, service: RunningService, registry: Registry, seed: int) -> None:
        self.seen = Seen()
        self._service = service
        self._registry = registry
        self._random = Random(seed)  # noqa: S311 - it must be the same again
        self._stop = threading.Event()
        # Held by whoever kills, and while it is looked whether all is as wished.
        self._calm = threading.Lock()
        self._wanted = Wanted(dict(zip(_ALIASES, NUMBERS, strict=True)))
        # Where each alias was since the last time that all was as wished.
        self._since: Mapping[str, set[str]] = {}
        self._settle()

    def run(self, changes: int, told: Callable[[], None] = lambda: None) -> None:
        """So many changes, each followed until it is as wished; returns when nobody asks."""
        works = [*[self._ask] * CLIENTS, self._kill]
        threads = [threading.Thread(target=self._work, args=each) for each in enumerate(works)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(changes):
                self._change()
                self._settle()
                told()
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _work(self, number: int, work: Callable[[Random], None]) -> None:
        try:
            work(Random(number))  # noqa: S311 - as above
        except Exception as error:  # noqa: BLE001 - a thread that died in silence saw nothing wrong
            self.seen.wrong.append(f"{work.__name__}: {error!r}")

    def _change(self) -> None:
        draw: list[tuple[str, Callable[[], None]]] = [
            ("weights", self._share),
            ("weights", self._share),
            ("alias", self._move),
            ("odd tag", self._odd),
            ("no split", self._clear),
            ("shadow and bake", self._others),
        ]
        name, change = self._random.choice(draw)
        self.seen.changes[name] += 1
        change()

    def _move(self) -> None:
        alias = self._random.choice(_ALIASES)
        version = self._random.choice(
            [each for each in NUMBERS if each != self._wanted.aliases[alias]]
        )
        self._want(Wanted({**self._wanted.aliases, alias: version}, self._wanted.arms))
        self._registry.move(alias, version)

    def _share(self) -> None:
        known = self._random.sample(("challenger", "canary", "v1", "v2", "v3"), 2)
        first = self._random.randrange(0, WHOLE + 1, 50)
        second = self._random.randrange(0, WHOLE - first + 1, 50)
        both = (ArmShare(known[0], first), ArmShare(known[1], second))
        arms = both[: self._random.randint(1, 2)]
        self._want(Wanted(self._wanted.aliases, arms))
        self._tag("split", Split(arms).value)

    def _odd(self) -> None:
        self._tag("split", self._random.choice(ODD))

    def _clear(self) -> None:
        self._want(Wanted(self._wanted.aliases))
        self._tag("split", "")

    def _others(self) -> None:
        self._tag("shadow", self._random.choice(("challenger", "v3=25%", "", "champion")))
        self._tag("bake", self._random.choice(("1s,errors", "5s", "x", "0s")))

    def _tag(self, kind: str, value: str) -> None:
        self._registry.client.set_registered_model_tag(NAME, f"podium.{kind}.champion", value)

    def _want(self, wanted: Wanted) -> None:
        for alias, version in wanted.aliases.items():
            self._since[alias].add(version)
        self._wanted = wanted

    def _settle(self) -> None:
        """Returns when all is as wished; then each caller gets whom it is to get."""
        with self._calm:
            wait_until(self._is_settled, SECONDS, lambda: f"{self._wanted}: {self._shown()}")
            self._since = {alias: {version} for alias, version in self._wanted.aliases.items()}
            with self._client() as client:
                for _ in range(_PROBED):
                    self._probe(client, f"user-{self._random.randrange(_CALLERS)}")

    def _shown(self) -> dict[str, Any]:
        return self._service.slot(REF)

    def _is_settled(self) -> bool:
        slot, wanted = self._shown(), self._wanted
        arms = [(arm["alias"], arm["version"], arm["weight"]) for arm in slot["arms"]]
        serves = slot["version"] == wanted.aliases["champion"] and slot["ready"]
        return serves and arms == wanted.shown and all(arm["ready"] for arm in slot["arms"])

    def _probe(self, client: httpx.Client, caller: str) -> None:
        got = self._ask_once(client, caller, 1.0)
        self.seen.probed += 1
        if got is not None and got != (expected := self._wanted.who(caller)):
            self.seen.wrong.append(f"{caller} got {got} instead of {expected}: {self._shown()}")

    def _ask(self, random: Random) -> None:
        with self._client() as client:
            while not self._stop.wait(random.uniform(0, _MOST_PAUSE)):
                caller = f"user-{random.randrange(_CALLERS)}"
                self._ask_once(client, caller, float(random.randrange(1000)))

    def _ask_once(self, client: httpx.Client, caller: str, sent: float) -> tuple[str, str] | None:
        row = {"dataframe_records": [{"x": sent}]}
        try:
            answer = client.post("/predict", json=row, headers={STICKY: caller})
        except httpx.HTTPError as error:
            self.seen.dropped.append(repr(error))
            return None
        if answer.status_code != httpx.codes.OK:
            self.seen.dropped.append(answer.text[:200])
            return None
        said = answer.json()
        alias, version = said["model"]["alias"], said["model"]["version"]
        self.seen.answers[alias] += 1
        named = answer.headers["podium-alias"], answer.headers["podium-version"]
        computed = said["predictions"] == [[int(version), sent]]
        there = {version} if alias == f"v{version}" else self._since.get(alias, set())
        if not computed or named != (alias, version) or version not in there:
            self.seen.wrong.append(f"{named}, may be {sorted(there)}: {answer.text[:200]}")
        return alias, version

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self._service.url, timeout=120, trust_env=False)

    def _kill(self, random: Random) -> None:
        while not self._stop.wait(random.uniform(0, _BETWEEN_KILLS)):
            with self._calm:
                found = [pid for pid in descendants_of(self._service.process.pid) if _is_host(pid)]
                if found:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(random.choice(found), signal.SIGKILL)
                        self.seen.killed += 1
                        # A request is tried a second time, not a third.
                        time.sleep(_BETWEEN_KILLS)


def _is_host(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().startswith("host")
    return False
