"""What an instance says of a version's share is read from the page of all its slots."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from service.promotion.instance_arms import ArmsAt
from service.promotion.steps import ArmState
from service.refs import ModelRef
from service.rollout.verdict import Sample
from tests.checks.scripted import scripted
from tests.support.tracking import free_port

REF = ModelRef("iris", "champion")
SERVES: Mapping[str, Any] = {
    "alias": "v2",
    "version": "2",
    "weight": 5.0,
    "requests": 120,
    "failures": 3,
    "failure": None,
}
OWN: Mapping[str, Any] = {**SERVES, "alias": "champion", "version": "1", "requests": 900}
FAILED = {"code": "load_failed", "message": "It cannot be loaded."}
LATE = {**SERVES, "version": None, "weight": 0.0, "requests": None, "failures": None}
REFUSALS: Mapping[str, str | None] = {"quarantined": None, "blocked": None, "withdrawn": None}


def page(arms: list[Mapping[str, Any]], **of_arm: str) -> dict[str, Any]:
    """Of a slot with these arms, of which the second is a slot as well."""
    slot = {"name": "iris", "alias": "champion", "version": "1", "arms": arms, **REFUSALS}
    arm: dict[str, Any] = {
        "name": "iris",
        "alias": "v2",
        "version": "2",
        "arms": [],
        **REFUSALS,
        **of_arm,
    }
    other = {**slot, "name": "wine", "arms": []}
    return {"instance": "one", "models": [arm, slot, other]}


@pytest.mark.parametrize(
    ("told", "state", "arm"),
    [
        (page([OWN, SERVES]), "serves", Sample(120, 3)),
        (page([]), "coming", None),
        (page([OWN, LATE]), "coming", None),
        (page([OWN, {**LATE, "failure": FAILED}]), "coming", None),
        (page([OWN, {**LATE, "failure": FAILED}], quarantined="2"), "refused", None),
        (page([OWN, LATE], blocked="2"), "refused", None),
        ({"instance": "one", "models": []}, "refused", None),
        ({"models": [{}]}, "silent", None),
        ([], "silent", None),
    ],
)
def test_state_of_an_arm_is_that_of_its_share_and_its_slot(
    told: Any, state: ArmState, arm: Sample | None
) -> None:
    """A refusal is one that does not pass by itself; what fails and is tried again is coming."""
    with scripted([(200, told)]) as service:
        (seen,) = ArmsAt(REF, [service.url], "token").seen("2")
    assert (seen.state, seen.arm) == (state, arm), seen
    if state == "serves":
        assert (seen.instance, seen.serves, seen.own) == ("one", "1", Sample(900, 3))


def test_instance_that_takes_no_arms_says_so() -> None:
    """Whoever waits for it is told what to wait for, or not to."""
    told = page([])
    off = {"tag": "podium.split.champion", "message": "PODIUM_ARMS is off."}
    other = {"tag": "podium.shadow.champion", "message": "It is gone."}
    told["models"][1]["wrong_tags"] = [other, off]
    with scripted([(200, told)]) as service:
        (seen,) = ArmsAt(REF, [service.url], "token").seen("2")
    assert (seen.state, seen.sentence) == (
        "coming",
        "it gives version 2 no share yet: PODIUM_ARMS is off.",
    )


@pytest.mark.parametrize("judges", ["2", "3"])
@pytest.mark.parametrize("where", [0, 1])
def test_verdict_of_the_slot_and_of_the_arm_is_heard(judges: str, where: int) -> None:
    """Of that very version alone."""
    told = page([OWN, SERVES])
    verdict = {"version": judges, "code": "fails_more", "message": "It fails more."}
    told["models"][where]["verdict"] = verdict
    with scripted([(200, told)]) as service:
        (seen,) = ArmsAt(REF, [service.url], "token").seen("2")
    assert seen.worse == ("It fails more." if judges == "2" else "")


@pytest.mark.parametrize("how", ["quarantined", "blocked", "withdrawn"])
def test_slot_that_refuses_what_its_alias_is_on_says_so(how: str) -> None:
    """Although an arm of that version answers there."""
    told = page([OWN, SERVES])
    told["models"][1][how] = "2"
    with scripted([(200, told)]) as service:
        (seen,) = ArmsAt(REF, [service.url], "token").seen("2")
    assert (seen.state, seen.refuses) == ("serves", True)


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_clock_of_an_instance_is_that_of_its_answer(hours: int) -> None:
    """Told as that by which it is ahead."""
    clock = time.time() + hours * 3600
    with scripted([(200, page([OWN, SERVES]))], clock) as service:
        (seen,) = ArmsAt(REF, [service.url], "token").seen("2")
    assert round(seen.ahead / 3600) == hours


def test_instance_that_does_not_answer_is_silent() -> None:
    """In the place of its address."""
    with scripted([(200, page([OWN, SERVES]))]) as service:
        urls = [f"http://127.0.0.1:{free_port()}", service.url]
        found = ArmsAt(REF, urls, "token").seen("2")
    assert [each.state for each in found] == ["silent", "serves"]


def test_every_instance_is_told_to_look_with_the_admin_token() -> None:
    """One that cannot be told sees it at its next look."""
    with scripted([(202, {})]) as service:
        ArmsAt(REF, [f"http://127.0.0.1:{free_port()}", service.url], "token").tell()
    assert service.asked == [("POST", "/models/iris@champion/reload", "Bearer token")]
