"""What tags say of a rollout is shown by every command that is asked about an alias or version."""

import pytest

from service.cli.where import WhereService
from service.exits import DONE
from service.promotion.mover import now
from service.promotion.step_split import StepSplit
from tests.checks.scripted import scripted
from tests.promotion.conftest import NAME, Moves
from tests.promotion.stepping import PLAN
from tests.promotion.test_commands import podium, report
from tests.promotion.test_steering import told
from tests.promotion.test_stepped import stop_of


@pytest.fixture
def steered(moves: Moves) -> Moves:
    """A champion whose requests are split, and heard by somebody."""
    for alias, number in (("champion", "1"), ("challenger", "2")):
        moves.registry.move(alias, number)
    tag = moves.registry.client.set_registered_model_tag
    tag(NAME, "podium.split.champion", "challenger=10,v3=5")
    tag(NAME, "podium.shadow.champion", "v4=25%")
    tag(NAME, "podium.bake.champion", "soon")
    return moves


def test_where_shows_who_gets_and_who_hears(steered: Moves) -> None:
    """And what is wrong, and whose alias is not there."""
    steered.registry.client.set_registered_model_tag(NAME, "podium.split.chamipon", "v2=1")
    (found,) = told(steered, "where", NAME)["models"]
    aliases = {each["alias"]: each for each in found["aliases"]}
    rollout = aliases["champion"]["rollout"]
    assert [each["version"] for each in rollout["split"]] == ["2", "3"]
    assert (rollout["shadow"]["alias"], rollout["shadow"]["percent"]) == ("v4", 25.0)
    assert list(rollout["wrong"]) == ["bake"]
    assert aliases["challenger"]["rollout"] is None
    assert aliases["chamipon"]["version"] is None
    said = podium("where", NAME, uri=steered.uri).output
    assert "@champion  10% to challenger, version 2, 5% to version 3, the rest to version 1" in said
    assert "podium.bake.champion" in said


def test_hold_says_that_a_split_goes_on(steered: Moves) -> None:
    """Whoever holds an alias for an audit wants to know."""
    found = told(steered, "hold", NAME, "--reason", "an audit")
    assert found["split"] == "challenger=10,v3=5"
    assert "podium split iris --alias champion --clear ends that" in found["sentence"]
    assert told(steered, "hold", NAME, "--alias", "challenger")["split"] == ""


def test_block_names_the_aliases_of_which_the_version_has_a_share(steered: Moves) -> None:
    """They give it back, or go unheard."""
    shares = [{"alias": "champion", "percent": 10.0, "hears": False}]
    assert told(steered, "block", NAME, "2", "--reason", "unfair")["shares"] == shares
    assert told(steered, "unblock", NAME, "2")["shares"] == shares
    (hears,) = told(steered, "block", NAME, "4")["shares"]
    assert (hears["percent"], hears["hears"]) == (25.0, True)
    assert "has 10% of @champion" in podium("block", NAME, "2", uri=steered.uri).output
    assert told(steered, "block", NAME, "5")["shares"] == []


@pytest.mark.parametrize("over", [False, True])
def test_move_that_came_by_steps_says_how_far_it_came(moves: Moves, *, over: bool) -> None:
    """And whether its share still lasts."""
    moves.registry.move("champion", "1")
    mover = moves.mover()
    ours = mover.intend(mover.settle(mover.look()), "promote", "3", unvalidated="x", steps=PLAN)
    assert "its first step is not begun" in str(stop_of(lambda: moves.promote("4", by="bob")))
    ours = mover.step(ours, mover.new_step(5.0))
    until = StepSplit.lasting("3", 5.0, now())
    if over:
        until = StepSplit("3", 5.0, now())
    mover.write_split(ours, mover.look(), until)
    said = str(stop_of(lambda: moves.promote("4", by="bob")))
    ends = "has ended by itself" if over else "share of 5% lasts until"
    assert "it has come to 5%" in said
    assert ends in said
    listed = podium("rollback", NAME, "--list", "--json", uri=moves.uri)
    assert [each["share"] for each in report(listed)["journal"][0]["steps"]] == [5.0]
    line = podium("rollback", NAME, "--list", uri=moves.uri).output
    assert "by steps of 5, 25, 50%: came to 5%  begun, not finished" in line


def test_where_shows_what_each_service_does_of_it(steered: Moves) -> None:
    """Shares as they are beside those that are wished, and what has given way."""
    arm = {"alias": "champion", "version": "1", "weight": 100.0, "wished": 85.0, "failure": None}
    late = {"alias": "v3", "version": None, "weight": 0.0, "wished": 5.0}
    slot = {
        "name": NAME,
        "alias": "champion",
        "version": "1",
        "state": "serving",
        "last_failure": None,
        "arms": [arm, {**late, "failure": {"code": "load_failed"}}],
        "bake": {"since": "now"},
        "verdict": {"version": "2", "code": "fails_more", "message": "It fails more."},
        "shadow": {"alias": "v4", "version": "4", "percent": 25.0, "state": "listening"},
    }
    models = {"models": [slot, {**slot, "alias": "v3", "arm": True}]}
    with scripted([(200, models)]) as service:
        found = told(steered, "where", NAME, "--url", service.url)["services"]
    (shown,) = WhereService.model_validate(found[0]).slots
    assert [(each.weight, each.wished, each.code) for each in shown.arms] == [
        (100.0, 85.0, None),
        (0.0, 5.0, "load_failed"),
    ]
    assert (shown.bakes, shown.verdict and shown.verdict.code) == (True, "fails_more")
    assert shown.shadow is not None
    with scripted([(200, models)]) as service:
        said = podium("where", NAME, "--url", service.url, uri=steered.uri)
    assert said.exit_code == DONE
    assert "0% instead of 5% to v3, nothing: load_failed" in said.output
    assert "version 2 has given way: It fails more." in said.output
