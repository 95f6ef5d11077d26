"""What a promotion makes of what it finds: a move that was begun, or made past the commands."""

from dataclasses import replace

import pytest

from service.exits import IN_PART, REFUSED, UNDECIDED
from service.promotion.instances import Serving
from service.promotion.prepare import Prepared
from service.promotion.stopped import MoveStopped
from tests.promotion.conftest import DIGEST, NAME, FakeInstances, Moves

SERVES = Serving("http://one", "serves", "serves version 3")
REFUSES = Serving("http://one", "refused", "version 3 was refused: load_failed")
LATE = Serving("http://one", "undecided", "no service answers")
NOT_READY = [
    Prepared("http://one", "refused", "load_failed", "load_failed"),
    Prepared("http://one", "unreachable", "no service answers", "unreachable"),
]


def moved(
    moves: Moves, alias: str, *, digest: str = "", unvalidated: str = "", first: bool = False
) -> Moves:
    """Somebody has moved the alias to version 3, from 2 or from nothing, and is gone."""
    mine = replace(moves, alias=alias, stages=[])
    for each in () if first else ("1", "2"):
        mine.promote(each)
    mine.begin("3", moved=True, digest=digest, unvalidated=unvalidated)
    return mine


def stopped(moves: Moves, instances: FakeInstances | None = None, **wish: str) -> MoveStopped:
    """Why the promotion does not go on, tried again."""
    with pytest.raises(MoveStopped) as caught:
        moves.promote("3", instances, resume=True, unvalidated=wish.get("unvalidated", "a test"))
    return caught.value


@pytest.mark.parametrize("prepared", NOT_READY, ids=lambda each: each.outcome)
def test_alias_that_was_moved_is_put_back_where_an_instance_refuses_by_then(
    shared_moves: Moves, prepared: Prepared
) -> None:
    """Nothing is prepared any more: instances follow the alias, and say what they make of it."""
    moves = moved(shared_moves, f"there-{prepared.outcome}", unvalidated="a test")
    instances = FakeInstances([prepared], [REFUSES])
    stop = stopped(moves, instances)
    assert (stop.status, stop.code) == (REFUSED, "refused_by_instance")
    assert (moves.now, moves.told[-1]) == ("2", ("put_back", "3", "2"))
    assert instances.asked == [f"serving {NAME}@{moves.alias} 3"]
    assert moves.mover().look().journal.open is None


def test_alias_that_was_moved_and_is_not_served_by_all_is_left_in_part(shared_moves: Moves) -> None:
    """An instance that does not answer says nothing of the version."""
    moves = moved(shared_moves, "there-late", unvalidated="a test")
    assert stopped(moves, FakeInstances(NOT_READY, [LATE])).status == IN_PART
    assert moves.promote("3", FakeInstances((), [SERVES]), resume=True).before == "2"


@pytest.mark.parametrize("why", ["blocked", "not_validated", "validated_other_bytes"])
def test_alias_that_was_moved_to_what_would_be_refused_now_is_said_to_be_there(
    shared_moves: Moves, why: str
) -> None:
    """That is no refusal of a move: it is made, and undone by a rollback."""
    moves = moved(shared_moves, f"there-{why}", digest="a" * 64)
    tag, value = {
        "blocked": ("podium.blocked", "leaks"),
        "not_validated": ("validation_status", "failed"),
        "validated_other_bytes": ("nothing", ""),
    }[why]
    moves.validate("3")
    moves.registry.client.set_model_version_tag(NAME, "3", tag, value)
    stop = stopped(replace(moves, digest="b" * 64), unvalidated="")
    moves.registry.client.delete_model_version_tag(NAME, "3", tag)
    assert (stop.status, stop.code, moves.now) == (IN_PART, why, "3")
    assert stop.mend == f"podium rollback iris --alias {moves.alias} --resume undoes it"
    assert moves.rollback(resume=True).version == "2"


def test_move_that_was_made_is_finished_as_it_was_begun(shared_moves: Moves) -> None:
    """Its files were compared before it was made."""
    moves = moved(shared_moves, "finished", digest=DIGEST)
    moves.validate("3")
    assert replace(moves, digest="b" * 64).promote("3", unvalidated="").entry == 3
    assert moves.journal[-1].entry.digest == DIGEST


@pytest.mark.parametrize("is_moved", [False, True])
def test_move_that_was_begun_for_another_reason_is_told_anew(
    shared_moves: Moves, *, is_moved: bool
) -> None:
    """The journal says by what the version was taken; a rollback goes to where it was before."""
    moves = replace(shared_moves, alias=f"anew-{is_moved}", stages=[])
    moves.promote("1")
    moves.promote("2")
    moves.begin("3", moved=is_moved, digest="a" * 64, unvalidated="")
    moves.promote("3", unvalidated="hotfix")
    begun, told = moves.journal[-2:]
    assert (begun.entry.digest, begun.entry.unvalidated) == ("a" * 64, "")
    assert (told.entry.digest, told.entry.unvalidated) == ("", "hotfix")
    assert [each.entry.before for each in (begun, told)] == ["2", "2"]
    assert moves.rollback().version == "2"


def test_rollback_that_was_begun_is_no_promotion(shared_moves: Moves) -> None:
    """Nobody has looked at its files; whoever promotes there does, and says so."""
    moves = replace(shared_moves, alias="other-kind", stages=[])
    for each in ("1", "2"):
        moves.promote(each)
    mover = moves.mover()
    mover.move(mover.intend(mover.look(), "rollback", "1"))
    moves.validate("1")
    moves.promote("1", unvalidated="")
    assert moves.told[-2:] == [("rollback", "2", "1"), ("promote", "2", "1")]
    assert moves.journal[-1].entry.digest == DIGEST


def test_rollback_says_nothing_of_files_that_nobody_has_looked_at(shared_moves: Moves) -> None:
    """Also where they were compared once."""
    moves = replace(shared_moves, alias="unlooked", stages=[])
    moves.validate("1")
    moves.promote("1", unvalidated="")
    moves.promote("2")
    moves.rollback()
    assert moves.told[-1] == ("rollback", "2", "1")
    assert [each.entry.digest for each in moves.journal] == [DIGEST, "", ""]


def test_move_past_the_commands_is_written_down_also_where_nothing_is_to_be_moved(
    shared_moves: Moves,
) -> None:
    """So that it is gone back through, whoever moves the alias next."""
    moves = replace(shared_moves, alias="already", stages=[])
    for each in ("1", "2"):
        moves.promote(each)
    moves.registry.move(moves.alias, "3")
    assert moves.promote("3").outcome == "already"
    moves.registry.move(moves.alias, "4")
    moves.promote("5")
    assert moves.told[2:] == [("seen", "2", "3"), ("seen", "3", "4"), ("promote", "4", "5")]
    assert [moves.rollback().version for _ in range(3)] == ["4", "3", "2"]


def test_move_past_the_commands_is_written_down_also_by_one_that_is_refused(
    shared_moves: Moves,
) -> None:
    """It has looked, and the next one may not see it any more."""
    moves = replace(shared_moves, alias="also-refused", stages=[])
    moves.promote("1")
    moves.registry.move(moves.alias, "2")
    moves.registry.client.set_model_version_tag(NAME, "4", "validation_status", "failed")
    with pytest.raises(MoveStopped, match="not validated"):
        moves.promote("4", unvalidated="")
    assert moves.told[-1] == ("seen", "1", "2")


def test_version_that_was_validated_by_another_policy_is_refused(shared_moves: Moves) -> None:
    """As services would that have the same setting; a reason lets it pass."""
    moves = replace(shared_moves, alias="policy", stages=[], policy="c" * 64)
    moves.validate("3", policy="a" * 64)
    with pytest.raises(MoveStopped) as caught:
        moves.promote("3", unvalidated="")
    assert (caught.value.status, caught.value.code) == (REFUSED, "validated_by_other_policy")
    assert moves.now is None
    replace(moves, policy="a" * 64).promote("3", unvalidated="")
    assert moves.now == "3"


def test_instances_are_told_which_files_were_validated(shared_moves: Moves) -> None:
    """Those that have others are not ready."""
    moves = replace(shared_moves, alias="files", stages=[])
    moves.validate("3")
    instances = FakeInstances()
    moves.promote("3", instances, unvalidated="")
    assert instances.asked[0] == f"prepare {NAME}@files 3 of {DIGEST}"


NOT_YET = Prepared("http://one", "undecided", "once the registry has it", "not_there_yet")


def test_alias_that_services_follow_by_a_pattern_is_made_all_the_same(shared_moves: Moves) -> None:
    """They have nothing to prepare it for before it is there; one that is there they know."""
    moves = replace(shared_moves, alias="pattern", stages=[])
    done = moves.promote("1", FakeInstances([NOT_YET], [SERVES]))
    assert (moves.now, done.prepared, done.serving) == ("1", [NOT_YET], [SERVES])
    with pytest.raises(MoveStopped) as caught:
        moves.promote("2", FakeInstances([NOT_YET]))
    assert (caught.value.status, moves.now) == (UNDECIDED, "1")
