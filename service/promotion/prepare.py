"""Has every instance of a service make a version ready, before the alias moves there."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from service.following.gates.gate import GateFinding
from service.promotion.instance import (
    InstanceRefusal,
    InstanceTold,
    NotTold,
    Outcome,
    Question,
    follow,
)
from service.refs import ModelRef
from service.typed import typed

_AT_ONCE: Final = 16
MOST_KEEP_SECONDS: Final = 3600.0
"""For which instances keep a version warm at most (`service.http.preparation`)."""
_Known = TypeVar("_Known")

TellStage = Callable[[str, str], None]
"""Told of the address of an instance, and of what it has begun."""


@dataclass(frozen=True, slots=True)
class PrepareWish:
    """What instances are to make ready, and how.

    Attributes:
        token: the admin token of each.
        keep_seconds: how long they keep it warm, an hour at most.
        seconds: how long they have for it.
        digest: of the files that it has to have; empty: any will do.
        reason: why, for the ledgers of instances.
    """

    ref: ModelRef
    version: str
    token: str
    keep_seconds: float
    seconds: float
    digest: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one instance has made of it.

    Attributes:
        url: the instance's address, as it was given.
        outcome: `ready`: it is loaded and kept warm; `refused`: by this instance, until something
            is changed; `undecided`: not by then, or for what may pass; `unreachable`: no Podium
            answers there.
        sentence: how it stands, for people; the instance's reason where it is not ready.
        code: the stable code of that reason; empty where there is none.
        findings: what its gates have seen.
        digest: of the files that it has; empty where it does not say.
        stages: the seconds of each stage so far.
    """

    url: str
    outcome: Outcome
    sentence: str
    code: str = ""
    digest: str = ""
    findings: Sequence[GateFinding] = ()
    stages: Mapping[str, float] = field(default_factory=dict)


def prepare_all(
    urls: Sequence[str],
    wish: PrepareWish,
    told: Callable[[Prepared], None],
    stage: TellStage = lambda _url, _stage: None,
) -> Sequence[Prepared]:
    """What each has made of it, in the order of the addresses; `told` of each as it is known.

    Asks all side by side, and returns when all have answered, or time is up.
    """
    until, keep = time.monotonic() + wish.seconds, min(wish.keep_seconds, MOST_KEEP_SECONDS)
    question = Question(
        wish.ref, wish.version, wish.token, until, keep_seconds=keep, reason=wish.reason
    )

    def known(url: str, answer: InstanceTold | NotTold) -> Prepared:
        prepared = _prepared(url, answer, wish)
        told(prepared)
        return prepared

    return ask_all(urls, question, known, stage)


def ask_all(
    urls: Sequence[str],
    question: Question,
    known: Callable[[str, InstanceTold | NotTold], _Known],
    stage: TellStage = lambda _url, _stage: None,
) -> Sequence[_Known]:
    """What `known` makes of the answer of each, in their order; it is called as each is known."""
    stop = threading.Event()

    def one(url: str) -> _Known:
        return known(url, follow(url, question, stop, partial(stage, url)))

    with ThreadPoolExecutor(_AT_ONCE) as beside:
        try:
            return list(beside.map(one, urls))
        finally:
            # Whoever is interrupted waits for no instance.
            stop.set()


def _prepared(url: str, answer: InstanceTold | NotTold, wish: PrepareWish) -> Prepared:
    if isinstance(answer, NotTold):
        return Prepared(url, answer.outcome, answer.sentence, answer.code)
    outcome, code, sentence = _said(url, answer, wish)
    findings = [GateFinding(each.gate, each.code, each.sentence) for each in answer.findings]
    return Prepared(url, outcome, sentence, code, answer.digest or "", findings, answer.stages)


def _said(url: str, told: InstanceTold, wish: PrepareWish) -> tuple[Outcome, str, str]:
    if told.state == "ready":
        # A cache knows a version by its number: it may be older than an alteration of the files.
        if wish.digest and told.digest != wish.digest:
            return "refused", "validated_other_bytes", _other_bytes(url, told, wish)
        return "ready", "", f"version {told.version} is ready{_but_held(told)}"
    if told.state == "refused" and told.refusals:
        first = told.refusals[0]
        return "undecided" if first.passing else "refused", first.code, sentence_of(first)
    if told.state == "ended":
        return "undecided", "ended", f"it is not kept ready: {told.why}"
    where = f" ({told.stage})" if told.stage else ""
    return "undecided", "preparing", f"not ready within {wish.seconds:g} s{where}"


def _but_held(told: InstanceTold) -> str:
    if told.held is None:
        return ""
    return f", and a move of the alias there is not followed yet: it is held {told.held}"


def _other_bytes(url: str, told: InstanceTold, wish: PrepareWish) -> str:
    withdraw = typed("withdraw", wish.ref.name, told.version, options=["--url", url])
    has = f"it has {told.digest[:12]}" if told.digest else "it does not say which it has"
    return (
        f"not with the files that were validated: those are {wish.digest[:12]}, {has}, from before "
        "they were altered. Register them as a new version; or have it fetch them again, by "
        f"{withdraw} and the same with --undo"
    )


def sentence_of(refusal: InstanceRefusal) -> str:
    """The reason, with the exception's text where there is one."""
    detail = f" ({refusal.detail})" if refusal.detail else ""
    return f"{refusal.code}: {refusal.message}{detail}"
