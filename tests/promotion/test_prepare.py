"""What instances say of a version that they are to have ready, and what is made of it."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from service.promotion.instance import InstanceFinding
from service.promotion.plan import Foreseen, foreseen_at, question_of
from service.promotion.prepare import Prepared, PrepareWish, prepare_all
from service.refs import ModelRef
from tests.checks.scripted import Answer, scripted
from tests.support.tracking import free_port

IRIS = ModelRef("a/b iris", "champion")
PATH = "/models/a%2Fb%20iris@champion/prepare"
FINDING = {"gate": "compatible", "code": "column_added", "sentence": "A column `x` is new."}
REFUSAL = {
    "stage": "load",
    "code": "load_failed",
    "message": "It could not be loaded.",
    "detail": "ImportError: no x",
    "gate": None,
    "passing": False,
}


def told(state: str, **more: Any) -> Answer:
    """As `service.http.preparation` reports it."""
    report = {
        "model": IRIS.name,
        "alias": IRIS.alias,
        "version": "3",
        "dry_run": False,
        "state": state,
        "stage": "load" if state == "preparing" else None,
        "stages": {"fetch": 0.5},
        "findings": [FINDING],
        "refusals": [],
        "why": None,
        "asked_at": "2026-11-30T00:00:00Z",
        "keep_seconds": 60.0,
        "warm_until": None,
        "digest": "a" * 64,
        "artifact_bytes": 2048,
        "serves": "1",
        "serving_memory_bytes": 4096,
    }
    return 202, {**report, **more}


def problem(status: int, code: str) -> Answer:
    """As Podium refuses a request."""
    return status, {"code": code, "detail": "In words.", "request_id": "1"}


def prepared(
    *scripts: Sequence[Answer], seconds: float = 60.0, digest: str = ""
) -> tuple[Sequence[Prepared], Sequence[Sequence[tuple[str, str, str | None]]]]:
    """What came of it for each service, and what each was asked."""
    known: list[Prepared] = []
    with ExitStack() as ending:
        services = [ending.enter_context(scripted(answers)) for answers in scripts]
        urls = [service.url for service in services]
        wish = PrepareWish(IRIS, "3", "token", 9000.0, seconds, digest)
        found = prepare_all(urls, wish, known.append)
    assert sorted(map(str, known)) == sorted(map(str, found))
    assert [each.url for each in found] == urls
    return found, [service.asked for service in services]


def test_hold_of_the_alias_is_said_with_what_is_ready() -> None:
    """Ready it is all the same; and one that is older than that answer says nothing of holds."""
    (one, other), _ = prepared([told("ready", held="until it is released: audit")], [told("ready")])
    assert one.outcome == other.outcome == "ready"
    assert one.sentence.endswith("not followed yet: it is held until it is released: audit")
    assert other.sentence == "version 3 is ready"


def test_all_are_asked_and_followed_until_each_has_it_ready() -> None:
    """With the token; the names are anybody's."""
    found, asked = prepared([told("ready")], [told("preparing"), told("preparing"), told("ready")])
    assert [each.outcome for each in found] == ["ready", "ready"]
    assert asked[0] == [("POST", PATH, "Bearer token")]
    look = f"{PATH}?version=3&dry_run=false"
    assert [each[:2] for each in asked[1]] == [("POST", PATH), ("GET", look), ("GET", look)]
    assert (found[1].stages, [each.code for each in found[1].findings]) == (
        {"fetch": 0.5},
        ["column_added"],
    )


def test_one_that_refuses_it_says_why_and_the_others_are_told_of() -> None:
    """What may pass by itself is not decided."""
    passing = {**REFUSAL, "code": "registry_unreachable", "passing": True, "detail": None}
    found, _ = prepared(
        [told("ready")],
        [told("preparing"), told("refused", refusals=[REFUSAL])],
        [told("refused", refusals=[passing])],
        [told("ended", why="version 4 was asked for")],
    )
    assert [(each.outcome, each.code) for each in found] == [
        ("ready", ""),
        ("refused", "load_failed"),
        ("undecided", "registry_unreachable"),
        ("undecided", "ended"),
    ]
    assert found[1].sentence == "load_failed: It could not be loaded. (ImportError: no x)"
    assert found[3].sentence == "it is not kept ready: version 4 was asked for"


def test_one_that_has_other_files_than_those_that_were_validated_is_not_ready() -> None:
    """It has fetched them before they were altered, or does not say; and what mends that is told.

    Where nobody says which files were validated, any will do.
    """
    answers = [[told("ready")], [told("ready", digest="b" * 64)], [told("ready", digest=None)]]
    found, _ = prepared(*answers, digest="a" * 64)
    assert [(each.outcome, each.code) for each in found] == [
        ("ready", ""),
        ("refused", "validated_other_bytes"),
        ("refused", "validated_other_bytes"),
    ]
    assert f"podium withdraw 'a/b iris' 3 --url {found[1].url}" in found[1].sentence
    assert [each.digest for each in found] == ["a" * 64, "b" * 64, ""]
    found, _ = prepared(*answers)
    assert [each.outcome for each in found] == ["ready"] * 3


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        (problem(401, "unauthorized"), "refused", "unauthorized"),
        (problem(403, "forbidden"), "refused", "forbidden"),
        (problem(404, "unknown_model"), "refused", "unknown_model"),
        (problem(404, "not_there_yet"), "undecided", "not_there_yet"),
        (problem(404, "not_found"), "refused", "not_found"),
        (problem(404, "not_prepared"), "undecided", "not_prepared"),
        (problem(503, "unavailable"), "undecided", "unavailable"),
    ],
)
def test_instance_that_does_not_take_it_is_told_by_its_code(
    answer: Answer, outcome: str, code: str
) -> None:
    """Whoever answers, it is not asked again and again."""
    (found,), (asked,) = prepared([answer])
    assert (found.outcome, found.code, len(asked)) == (outcome, code, 1)


def test_nobody_and_somebody_else_are_unreachable_and_time_ends_it() -> None:
    """What is not ready by then is not decided."""
    nobody = f"http://127.0.0.1:{free_port()}"
    with scripted([(200, {"hello": "world"})]) as other, scripted([told("preparing")]) as slow:
        urls = [nobody, other.url, slow.url]
        found = prepare_all(urls, PrepareWish(IRIS, "3", "token", 60.0, 0.2), lambda _: None)
    assert [each.outcome for each in found] == ["unreachable", "unreachable", "undecided"]
    assert found[2].sentence == "not ready within 0.2 s (load)"


def test_plan_tells_of_an_instance_what_its_report_has() -> None:
    """With all that is known of it, so that the two never contradict each other."""
    said: list[Foreseen] = []
    with scripted([told("passed", serves="3")]) as service:
        question = question_of(IRIS, "3", "token", 60.0)
        judged = partial(replace, forecast="refused")
        found = foreseen_at([service.url], question, said.append, lambda *_: None, judged)
    assert (said, [each.forecast for each in said]) == (found, ["refused"])


def test_plan_asks_for_a_dry_run_and_tells_what_differs() -> None:
    """Every gate that is closed; one that already serves it says so."""
    closed = {**REFUSAL, "code": "not_validated", "gate": "validation"}
    scripts = (
        [told("passed")],
        [told("passed", serves="3")],
        [told("refused", refusals=[closed, REFUSAL])],
    )
    with ExitStack() as ending:
        services = [ending.enter_context(scripted(answers)) for answers in scripts]
        question = question_of(IRIS, "3", "token", 60.0)
        urls = [service.url for service in services]
        found = foreseen_at(urls, question, lambda _: None, lambda *_: None)
    assert [(each.forecast, each.code) for each in found] == [
        ("would_serve", ""),
        ("serves", ""),
        ("refused", "not_validated"),
    ]
    assert "load_failed" in found[2].sentence
    assert (found[0].differences, found[0].environment) == (["A column `x` is new."], [])
    assert found[0].told is not None
    assert found[0].told.findings == [InstanceFinding.model_validate(FINDING)]
