"""`podium split` and `podium shadow`, as they are typed, on real MLflow."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.cli.steering import SteeredReport
from service.exits import DONE, IN_PART, REFUSED, WRONG_USE
from service.promotion.mover import now
from service.promotion.step_split import StepSplit
from tests.promotion.conftest import NAME, Moves
from tests.promotion.stepping import PLAN
from tests.promotion.test_commands import SCHEMAS, podium, report
from tests.promotion.test_marks import codes, tags
from tests.support.tracking import free_port


@pytest.fixture
def steered(moves: Moves) -> Moves:
    """With a champion, a challenger and a canary."""
    for alias, number in (("champion", "1"), ("challenger", "2"), ("canary", "3")):
        moves.registry.move(alias, number)
    return moves


def told(moves: Moves, *words: str) -> Any:
    """The report of one that ends well."""
    ended = podium(*words, "--json", uri=moves.uri)
    assert ended.exit_code == DONE, ended.output
    return report(ended)


@pytest.mark.parametrize("command", ["split", "shadow"])
def test_report_of_steering_is_as_its_schema_says(command: str) -> None:
    """Programs rely on it."""
    written = json.loads((SCHEMAS / f"{command}.json").read_text())
    assert written == SteeredReport.model_json_schema(mode="serialization")


def test_split_is_written_shown_and_taken_back_once(steered: Moves) -> None:
    """Each told twice changes it once; the tag is what anybody may write on MLflow's page."""
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    words = ("split", NAME, "challenger=10", "v3=5", "--until", until.isoformat())
    assert codes(steered, *words) == ["done", "already"]
    value = f"challenger=10,v3=5,until={until.isoformat().replace('+00:00', 'Z')}"
    assert tags(steered) == {"podium.split.champion": value}
    found = told(steered, "split", NAME)
    assert (found["code"], found["on"], found["rollout"]["tags"]) == ("told", "1", {"split": value})
    assert [
        (each["alias"], each["percent"], each["version"]) for each in found["rollout"]["split"]
    ] == [
        ("challenger", 10.0, "2"),
        ("v3", 5.0, "3"),
    ]
    assert found["rollout"]["set_by"] == {"split": "ada"}
    assert "10% to challenger, version 2, 5% to version 3, the rest to version 1" in (
        podium("split", NAME, uri=steered.uri).output
    )
    assert codes(steered, "split", NAME, "--clear") == ["done", "already"]
    assert tags(steered) == {}
    assert told(steered, "split", NAME)["sentence"] == "all requests go to version 1"


def test_header_by_which_callers_are_told_apart_is_written_and_taken_back(steered: Moves) -> None:
    """With arms or without."""
    assert codes(steered, "split", NAME, "--sticky", "X-User-Id") == ["done", "already"]
    assert tags(steered) == {"podium.sticky.champion": "X-User-Id"}
    assert told(steered, "split", NAME)["rollout"]["sticky"] == "X-User-Id"
    both = ("split", NAME, "canary=1.5", "--sticky", "")
    assert codes(steered, *both) == ["done", "already"]
    assert tags(steered) == {"podium.split.champion": "canary=1.5"}


def test_shadow_is_written_shown_and_taken_back_once(steered: Moves) -> None:
    """All of the requests unless it is said."""
    assert codes(steered, "shadow", NAME, "challenger") == ["done", "already"]
    assert tags(steered) == {"podium.shadow.champion": "challenger"}
    assert codes(steered, "shadow", NAME, "challenger=25%") == ["done", "already"]
    found = told(steered, "shadow", NAME)
    assert found["rollout"]["shadow"] == {"alias": "challenger", "percent": 25.0, "version": "2"}
    assert found["sentence"] == "25% to challenger, version 2 as well, unseen"
    assert codes(steered, "shadow", NAME, "--clear") == ["done", "already"]
    assert tags(steered) == {}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("challenger=101",), WRONG_USE, "is not a percentage"),
        (("challenger",), WRONG_USE, "is not ARM=PERCENT"),
        (("champion=10",), WRONG_USE, "is the alias itself"),
        (("challenger=60", "canary=60"), WRONG_USE, "120 percent together"),
        (("challenger=1", "canary=1", "v4=1"), WRONG_USE, "2 at most"),
        (("nobody=10",), WRONG_USE, "has no alias nobody; it has canary, challenger, champion"),
        (("v9=10",), WRONG_USE, "has no version 9"),
        (("--sticky", "X User"), WRONG_USE, "is not the name of a header"),
        (("challenger=1", "--clear"), WRONG_USE, "--clear"),
        (("--until", "2099-01-01T00:00:00Z"), WRONG_USE, "--until"),
        (("challenger=1", "--until", "2020-01-01T00:00:00Z"), WRONG_USE, "lies in the past"),
        (("",), WRONG_USE, "name an arm"),
    ],
)
def test_split_that_could_not_be_followed_is_not_written(
    shared_moves: Moves, words: tuple[str, ...], status: int, said: str
) -> None:
    """It is told at once, and not by a service."""
    for alias, number in (("champion", "1"), ("challenger", "2"), ("canary", "3")):
        shared_moves.registry.move(alias, number)
    ended = podium("split", NAME, *words, uri=shared_moves.uri)
    assert (ended.exit_code, said in ended.output) == (status, True), ended.output
    assert tags(shared_moves) == {}


def test_arm_that_is_blocked_is_refused(steered: Moves) -> None:
    """No service would give it anything."""
    steered.registry.client.set_model_version_tag(NAME, "2", "podium.blocked", "unfair")
    for command in (("split", NAME, "challenger=10"), ("shadow", NAME, "v2")):
        ended = podium(*command, "--json", uri=steered.uri)
        assert (ended.exit_code, report(ended)["code"]) == (REFUSED, "blocked"), ended.output
    assert tags(steered) == {}


def test_held_alias_is_not_split_and_its_split_is_taken_back(steered: Moves) -> None:
    """It stays on what it serves; who takes an arm away brings it there."""
    told(steered, "split", NAME, "challenger=10")
    told(steered, "hold", NAME, "--reason", "an audit")
    ended = podium("split", NAME, "challenger=20", "--json", uri=steered.uri)
    assert (ended.exit_code, report(ended)["code"]) == (REFUSED, "held")
    assert told(steered, "split", NAME, "--clear")["code"] == "done"


def test_alias_that_comes_by_steps_is_not_split_meanwhile(steered: Moves) -> None:
    """Until the steps are over; `--clear` ends them."""
    mover = steered.mover()
    ours = mover.intend(mover.settle(mover.look()), "promote", "3", unvalidated="x", steps=PLAN)
    mover.write_split(ours, mover.look(), StepSplit.lasting("3", 25, now()))
    ended = podium("split", NAME, "challenger=20", "--json", uri=steered.uri)
    assert (ended.exit_code, report(ended)["code"]) == (REFUSED, "under_way"), ended.output
    assert (
        "25% to version 3" in report(podium("split", NAME, "--json", uri=steered.uri))["sentence"]
    )
    assert told(steered, "split", NAME, "--clear")["code"] == "done"


def test_split_of_a_version_that_ends_by_itself_is_people_s_own(steered: Moves) -> None:
    """It reads as a step's does: it can be told again, grown, and is not rolled back."""
    until = "2099-12-24T00:00:00Z"
    words = ("split", NAME, "v3=10", "--until", until)
    assert codes(steered, *words) == ["done", "already"]
    assert told(steered, "split", NAME)["rollout"]["steps"] is None
    assert told(steered, "split", NAME, "v3=20", "--until", until)["code"] == "done"
    steered.begin("3", moved=False)
    steered.rollback(resume=True)
    assert tags(steered) == {"podium.split.champion": f"v3=20,until={until}"}


@pytest.mark.parametrize(
    "value", ["x" * 5000, "<b>challenger</b>=10", "challenger=101%", "champion=5"]
)
def test_tag_that_nobody_can_follow_is_shown_with_what_is_wrong(steered: Moves, value: str) -> None:
    """Whatever people have written on MLflow's page; it can be written over."""
    steered.registry.client.set_registered_model_tag(NAME, "podium.split.champion", value)
    found = told(steered, "split", NAME)
    assert found["rollout"]["wrong"]["split"]
    assert found["rollout"]["split"] == []
    assert told(steered, "split", NAME, "challenger=10")["rollout"]["wrong"] == {}


def test_instance_that_cannot_be_told_is_named(steered: Moves) -> None:
    """The tag is there all the same: it sees it at its next look."""
    url = f"http://127.0.0.1:{free_port()}"
    words = ("split", NAME, "challenger=10", "--url", url, "--json")
    ended = podium(*words, uri=steered.uri, PODIUM_ADMIN_TOKEN="token")
    assert (ended.exit_code, report(ended)["code"]) == (IN_PART, "not_all_told")
    assert report(ended)["instances"][0]["told"] is False
    assert tags(steered) == {"podium.split.champion": "challenger=10"}
