"""A hold that is set while somebody is at a move."""

from dataclasses import replace

import pytest

from service.exits import REFUSED
from service.hold_tag import HOLD_PREFIX
from service.promotion.journal import MoveKind
from service.promotion.stopped import MoveStopped
from tests.promotion.conftest import NAME, Moves
from tests.promotion.test_commands import podium


@pytest.mark.parametrize("kind", ["promote", "rollback"])
def test_hold_that_is_set_after_the_intent_stops_the_move(
    shared_moves: Moves, kind: MoveKind
) -> None:
    """The entry has its end, and nothing of it is left to be made once the alias is released."""
    moves = replace(shared_moves, alias=f"after-{kind}", stages=[])
    for version in ("1", "2"):
        moves.promote(version)
    mover, client = moves.mover(), moves.registry.client
    ours = mover.intend(mover.look(), kind, "1")
    client.set_registered_model_tag(NAME, f"{HOLD_PREFIX}{moves.alias}", "an audit")
    with pytest.raises(MoveStopped) as stopped:
        mover.move(ours)
    assert (stopped.value.status, stopped.value.code) == (REFUSED, "held")
    done, journal = moves.journal[-1].done, moves.mover().look().journal
    assert done is not None
    assert (moves.now, done.moved, done.held) == ("2", False, True)
    assert (journal.open, journal.way_back) == (None, None)
    listed = podium("rollback", NAME, "--alias", moves.alias, "--list", uri=moves.uri).stdout
    assert "held: the alias was not moved" in listed
    client.delete_registered_model_tag(NAME, f"{HOLD_PREFIX}{moves.alias}")
    assert moves.rollback().version == "1"
