"""The running services that are to serve a version: asked to prepare it, and whether they do."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from service.checks.wait import DONE, Seen, look
from service.promotion.prepare import Prepared, PrepareWish, prepare_all
from service.refs import ModelRef

_LOOK_EVERY = 0.5
_LEAST_SECONDS = 1.0
_AT_ONCE = 16

ServingVerdict = Literal["serves", "refused", "undecided"]


@dataclass(frozen=True, slots=True)
class Serving:
    """Whether one instance serves the version; the sentence says what it serves, or why not.

    `proven`: whether it has baked there, where that was waited for; `failing`: whether it has not,
    and most of its requests have failed; `gave_way`: whether it was refused for doing worse than
    the one before it.
    """

    url: str
    verdict: ServingVerdict
    sentence: str
    proven: bool = True
    gave_way: bool = False
    failing: bool = False


class Instances(Protocol):
    """Those that follow the alias, as far as anybody has said where they are."""

    def prepare(self, ref: ModelRef, version: str, digest: str) -> Sequence[Prepared]:
        """What each has made of it; none where they cannot be asked one by one.

        One that has other files than those of the digest is not ready; empty: any will do.
        """

    def serving(
        self, ref: ModelRef, version: str, is_gone_on: Callable[[], bool]
    ) -> Sequence[Serving]:
        """Of each whether it serves it, once all do, one has refused it, or time is over.

        `is_gone_on` is asked between looks, and ends them: the alias is not there any more.
        """

    def have_proven(self, ref: ModelRef, version: str) -> bool:
        """Whether each is known to serve it now, with its bake behind it; one look, no wait."""


@dataclass(frozen=True, slots=True)
class NoInstances:
    """Nobody has said where services are: nothing is prepared, and nothing is waited for."""

    def prepare(self, ref: ModelRef, version: str, digest: str) -> Sequence[Prepared]:
        """None."""
        return ()

    def serving(
        self, ref: ModelRef, version: str, is_gone_on: Callable[[], bool]
    ) -> Sequence[Serving]:
        """None."""
        return ()

    def have_proven(self, ref: ModelRef, version: str) -> bool:
        """Nobody says so."""
        return False


@dataclass(frozen=True, slots=True)
class InstancesAt:
    """Each at an address of its own.

    Attributes:
        token: the admin token of each.
        seconds: how long each may take to prepare, and then all to serve.
        keep_seconds: how long they keep it warm for the alias to move.
        told: of each that is prepared; `saw` of each that has come to serve.
        reason: why, for their ledgers.
        bakes: whether each is waited for until the version has baked there.
    """

    urls: Sequence[str]
    token: str
    seconds: float
    keep_seconds: float
    told: Callable[[Prepared], None]
    saw: Callable[[Serving], None]
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    reason: str = ""
    bakes: bool = False

    def prepare(self, ref: ModelRef, version: str, digest: str) -> Sequence[Prepared]:
        """What each has made of it."""
        keep, time_for_it = self.keep_seconds, self.seconds
        wish = PrepareWish(ref, version, self.token, keep, time_for_it, digest, self.reason)
        return prepare_all(self.urls, wish, self.told)

    def serving(
        self, ref: ModelRef, version: str, is_gone_on: Callable[[], bool]
    ) -> Sequence[Serving]:
        """Looks at all side by side, until all serve it, one has refused it, or time is over."""
        until = self.monotonic() + self.seconds
        seen: dict[str, Serving] = {}
        with ThreadPoolExecutor(_AT_ONCE) as beside:
            while True:
                left = max(_LEAST_SECONDS, until - self.monotonic())
                waiting = [url for url in self.urls if not _settled(seen.get(url))]
                for each in beside.map(partial(_look, ref, version, left, self.bakes), waiting):
                    self._note(seen, each)
                if self._is_over(seen, until) or is_gone_on():
                    return [seen[url] for url in self.urls]
                self.sleep(_LOOK_EVERY)

    def _note(self, seen: dict[str, Serving], each: Serving) -> None:
        seen[each.url] = each
        if _settled(each):
            self.saw(each)

    def _is_over(self, seen: dict[str, Serving], until: float) -> bool:
        verdicts = {each.verdict for each in seen.values()}
        return "undecided" not in verdicts or "refused" in verdicts or self.monotonic() >= until

    def have_proven(self, ref: ModelRef, version: str) -> bool:
        """Looks at all side by side, once."""
        with ThreadPoolExecutor(_AT_ONCE) as beside:
            asked = partial(_look, ref, version, _LEAST_SECONDS, True)
            found = list(beside.map(asked, self.urls))
        return bool(found) and all(each.verdict == "serves" and each.proven for each in found)


@dataclass(frozen=True, slots=True)
class InstancesBehind:
    """So many behind one address, each told from the others by a word of its own.

    None can be asked by itself, so that nothing is prepared: whatever answers is any of them. The
    word is a process's: one that is started anew has another, and its old word never comes again.
    """

    url: str
    count: int
    seconds: float
    saw: Callable[[Serving], None]
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    bakes: bool = False

    def prepare(self, ref: ModelRef, version: str, digest: str) -> Sequence[Prepared]:
        """None."""
        return ()

    def serving(
        self, ref: ModelRef, version: str, is_gone_on: Callable[[], bool]
    ) -> Sequence[Serving]:
        """Asks the address until so many have said that they serve it, or one has refused it.

        What does not serve it yet may be one that is going away, and is not waited for. Each counts
        once it has answered since the newest was first seen: so that of two words that one instance
        has had, one after the other, the last one counts alone.
        """
        until = self.monotonic() + self.seconds
        seen, living = dict[str, Serving](), set[str]()
        while True:
            left = max(_LEAST_SECONDS, until - self.monotonic())
            found = look(self.url, ref, version, left, baked=self.bakes)
            self._note(seen, living, found)
            if found.status not in {None, DONE}:
                return list(seen.values())
            counted = [seen[each] for each in seen if each in living]
            if len(living) >= self.count:
                return counted
            if self.monotonic() >= until or is_gone_on():
                said = f"{len(living)} of {self.count} instances were seen to serve it"
                return [*counted, Serving(self.url, "undecided", f"{said}; {found.why}")]
            self.sleep(_LOOK_EVERY)

    def _note(self, seen: dict[str, Serving], living: set[str], found: Seen) -> None:
        """`living` are those that have answered since the newest of those seen came."""
        if found.status is None:
            return
        if found.instance not in seen:
            living.clear()
            seen[found.instance] = _serving(f"{self.url} {found.instance}".strip(), found)
            self.saw(seen[found.instance])
        living.add(found.instance)

    def have_proven(self, ref: ModelRef, version: str) -> bool:
        """One answer is not that of all."""
        return False


def _settled(seen: Serving | None) -> bool:
    return seen is not None and seen.verdict != "undecided"


def _look(ref: ModelRef, version: str, seconds: float, bakes: bool, url: str) -> Serving:  # noqa: FBT001 - mapped
    return _serving(url, look(url, ref, version, seconds, baked=bakes))


def _serving(url: str, seen: Seen) -> Serving:
    verdicts: dict[int | None, ServingVerdict] = {DONE: "serves", None: "undecided"}
    verdict = verdicts.get(seen.status, "refused")
    return Serving(url, verdict, seen.why, seen.proven, seen.gave_way, seen.failing)
