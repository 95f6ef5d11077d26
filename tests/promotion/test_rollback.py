"""A rollback, on real MLflow: where it goes, and that it goes there once."""

from dataclasses import replace

import pytest

from service.exits import REFUSED, WRONG_USE
from service.promotion.stopped import MoveStopped, stopped_by
from service.registry.writer.faults import WriteRefused
from tests.promotion.conftest import NAME, Moves, filled


def promoted(moves: Moves, alias: str, *versions: str) -> Moves:
    """An alias of a test's own that was on these versions."""
    mine = replace(moves, alias=alias, stages=[])
    for each in versions:
        mine.promote(each)
    return mine


def test_promoted_thrice_and_rolled_back_twice_serves_the_first(shared_moves: Moves) -> None:
    """1, never 3; and then there is nothing to go back to."""
    moves = promoted(shared_moves, "thrice", "1", "2", "3")
    assert [moves.rollback().version, moves.now] == ["2", "2"]
    assert [moves.rollback().version, moves.now] == ["1", "1"]
    with pytest.raises(MoveStopped) as caught:
        moves.rollback()
    assert (caught.value.status, caught.value.code) == (REFUSED, "nothing_before")
    assert moves.now == "1"


def test_rollback_of_a_job_that_is_tried_again_goes_one_step(shared_moves: Moves) -> None:
    """It is known by its link."""
    moves = promoted(shared_moves, "job", "1", "2", "3")
    assert moves.rollback(link="https://ci/7").outcome == "rolled_back"
    assert moves.rollback(link="https://ci/7").outcome == "already"
    assert moves.now == "2"
    assert moves.rollback(link="https://ci/8").version == "1"


def test_rollback_to_a_version_twice_is_one_move(shared_moves: Moves) -> None:
    """It may be one that was rolled back, if somebody names it."""
    moves = promoted(shared_moves, "named", "1", "2", "3")
    moves.rollback("1")
    assert moves.rollback("1").outcome == "already"
    assert moves.rollback("3").version == "3"
    assert moves.told[-2:] == [("rollback", "3", "1"), ("rollback", "1", "3")]


def test_version_that_was_never_there_is_no_rollback(shared_moves: Moves) -> None:
    """It would be a promotion that nobody has validated."""
    moves = promoted(shared_moves, "never", "1", "2")
    with pytest.raises(MoveStopped) as caught:
        moves.rollback("5")
    assert (caught.value.status, caught.value.code) == (REFUSED, "never_there")


def test_version_that_nobody_can_promote_is_no_way_out_of_a_rollback(shared_moves: Moves) -> None:
    """There is none of that number; where there is no alias either, one has to be made."""
    moves = promoted(shared_moves, "nobody", "1", "2")
    with pytest.raises(WriteRefused, match=f"the model {NAME} has no version 99") as caught:
        moves.rollback("99")
    assert stopped_by(caught.value).status == WRONG_USE
    with pytest.raises(MoveStopped, match=f"podium promote {NAME} 1 --alias absent --first makes"):
        replace(moves, alias="absent").rollback("1")


def test_versions_that_are_blocked_or_gone_are_passed_over(moves: Moves) -> None:
    """Each with its reason."""
    for each in ("1", "2", "3", "4"):
        moves.promote(each)
    moves.registry.client.set_model_version_tag(NAME, "3", "podium.blocked", "leaks")
    moves.registry.client.delete_model_version(NAME, "2")
    done = moves.rollback()
    assert (done.version, moves.now) == ("1", "1")
    assert [(each.version, each.why_not) for each in done.passed] == [
        ("3", "it is blocked: leaks"),
        ("2", "it is not there any more"),
    ]


def test_model_that_was_made_anew_has_nothing_to_go_back_to(moves: Moves) -> None:
    """The numbers of the one before mean other versions."""
    moves.promote("1")
    moves.promote("2")
    moves.registry.client.delete_registered_model(NAME)
    filled(moves.uri)
    moves.promote("3")
    with pytest.raises(MoveStopped) as caught:
        moves.rollback()
    assert caught.value.code == "nothing_before"


def test_alias_that_was_made_by_a_promotion_is_removed_by_undoing_it(shared_moves: Moves) -> None:
    """There was none before."""
    moves = replace(shared_moves, alias="undone", stages=[])
    moves.begin("1", moved=True)
    assert moves.rollback(resume=True).version is None
    assert moves.now is None


def test_nothing_is_undone_where_nothing_was_begun(shared_moves: Moves) -> None:
    """A mend of what is whole changes nothing."""
    moves = promoted(shared_moves, "whole", "1", "2")
    assert moves.rollback(resume=True).outcome == "already"
    assert moves.now == "2"
