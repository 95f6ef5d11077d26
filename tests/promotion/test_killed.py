"""A move that is ended at any stage leaves what the next one understands, and can mend."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest

from service.exits import IN_PART, UNDECIDED
from service.promotion.deciding import Stage
from service.promotion.instances import Serving
from tests.promotion.conftest import NAME, FakeInstances, Moves
from tests.promotion.dying import Dying, Move, dying

# In their order; `reread` comes again before the end is written.
_OTHERS: Final = {Stage.CHECK, Stage.STEP}
PROMOTE: Final = (*((stage, 1) for stage in Stage if stage not in _OTHERS), (Stage.REREAD, 2))
PUT_BACK: Final = (
    *((stage, 2) for stage in (Stage.INTEND, Stage.CONFIRM, Stage.MOVE, Stage.REREAD)),
    (Stage.FINISH, 1),
)
ROLLBACK: Final = tuple(
    (stage, 1)
    for stage in (Stage.LOOK, Stage.INTEND, Stage.CONFIRM, Stage.MOVE, Stage.FINISH, Stage.REREAD)
)
_BEFORE: Final = {Stage.LOOK, Stage.PREPARE, Stage.SEE}


@pytest.fixture(scope="module")
def program() -> Iterator[Dying]:
    """What ends in the middle."""
    with dying() as running:
        yield running


def stood(moves: Moves, *, seen: bool) -> Moves:
    """The alias is on version 2; promoted there after 1, unless somebody has set it."""
    if seen:
        moves.registry.move(moves.alias, "2")
        return moves
    moves.registry.move(moves.alias, "1")
    moves.promote("2")
    return moves


def of(moves: Moves, to: str | None, stage: Stage, nth: int, number: int) -> Move:
    """A move of that alias that ends there."""
    return Move(moves.uri, NAME, moves.alias, to, stage, nth, number)


def assert_whole(moves: Moves) -> None:
    """The alias is where the journal has it, nothing is open, and each entry follows the last."""
    standing = moves.mover().look()
    assert standing.is_explained
    assert standing.journal.open is None
    assert [each.number for each in standing.journal.entries] == [
        *range(1, standing.journal.last + 1)
    ]


@pytest.mark.parametrize(("stage", "nth"), PROMOTE)
def test_promotion_killed_at_any_stage_can_be_finished(
    shared_moves: Moves, program: Dying, stage: Stage, nth: int
) -> None:
    """By somebody else, who says that it is gone."""
    moves = stood(replace(shared_moves, alias=f"p-{stage}-{nth}"), seen=True)
    assert program.move(of(moves, "3", stage, nth, signal.SIGKILL)) == -signal.SIGKILL
    assert moves.mover().look().is_explained or moves.told == []
    moves.promote("3", by="bob", resume=True)
    assert moves.now == "3"
    assert_whole(moves)


class BrokenOff(BaseException):
    """What nobody catches: as if the process were gone."""


class Breaking(list[Stage]):
    """Ends a move in this process before a stage, which takes no process of its own."""

    def __init__(self, stage: Stage, nth: int) -> None:
        super().__init__()
        self._stage, self._nth = stage, nth

    def append(self, told: Stage) -> None:
        """Ends it there."""
        super().append(told)
        if told == self._stage and self.count(told) == self._nth:
            raise BrokenOff


@pytest.mark.parametrize(("stage", "nth"), [each for each in PROMOTE if each[0] not in _BEFORE])
def test_promotion_broken_off_at_any_stage_can_be_undone(
    shared_moves: Moves, stage: Stage, nth: int
) -> None:
    """By a rollback that says that it is gone; a rollback after it goes a step further."""
    moves = stood(replace(shared_moves, alias=f"u-{stage}-{nth}"), seen=False)
    with pytest.raises(BrokenOff):
        replace(moves, stages=Breaking(stage, nth)).promote("3")
    moves.rollback(by="bob", resume=True)
    assert moves.now == "2"
    assert_whole(moves)
    moves.rollback()
    assert moves.now == "1"


@pytest.mark.parametrize(("stage", "nth"), PUT_BACK)
def test_putting_back_that_is_broken_off_at_any_stage_can_be_finished(
    shared_moves: Moves, stage: Stage, nth: int
) -> None:
    """An instance has refused the version, and it is not where it was yet."""
    moves = stood(replace(shared_moves, alias=f"b-{stage}-{nth}"), seen=False)
    instances = FakeInstances(seen=[Serving("http://one", "refused", "no")])
    with pytest.raises(BrokenOff):
        replace(moves, stages=Breaking(stage, nth)).promote("3", instances)
    moves.rollback(by="bob", resume=True)
    assert moves.now == "2"
    assert_whole(moves)


@pytest.mark.parametrize(("stage", "nth"), ROLLBACK)
def test_rollback_broken_off_at_any_stage_can_be_finished(
    shared_moves: Moves, stage: Stage, nth: int
) -> None:
    """It goes one step back in all, however often it is begun."""
    moves = stood(replace(shared_moves, alias=f"r-{stage}-{nth}"), seen=False)
    with pytest.raises(BrokenOff):
        replace(moves, stages=Breaking(stage, nth)).rollback()
    begun = moves.mover().look().journal.open is not None
    moves.rollback(by="bob", resume=begun)
    assert moves.now == "1"
    assert_whole(moves)


@pytest.mark.parametrize(("stage", "nth"), PROMOTE)
def test_promotion_interrupted_at_any_stage_says_whether_anything_was_changed(
    shared_moves: Moves, program: Dying, stage: Stage, nth: int
) -> None:
    """SIGTERM is as Ctrl-C; the same job, tried again, finds its own work."""
    moves = stood(replace(shared_moves, alias=f"t-{stage}-{nth}"), seen=True)
    move = of(moves, "3", stage, nth, signal.SIGTERM)
    assert program.move(move) == (UNDECIDED if stage in _BEFORE else IN_PART)
    moves.promote("3")
    assert moves.now == "3"
    assert_whole(moves)
    assert [each for each in moves.told if each[0] == "promote"] == [("promote", "2", "3")]
