"""Which moves nobody has finished, of many aliases by one question."""

from service.promotion.unfinished import unfinished
from service.refs import ModelRef
from tests.promotion.conftest import NAME, Moves


def told(moves: Moves, *aliases: str) -> dict[str, str]:
    """By alias."""
    refs = [ModelRef(NAME, alias) for alias in aliases]
    found = unfinished(moves.mover().writer, refs)
    return {ref.alias: sentence for ref, sentence in found.items()}


def test_move_that_was_begun_is_told_until_it_is_finished(moves: Moves) -> None:
    """By whom, from where to where, and the command that finishes it; others are not named."""
    assert told(moves, "champion", "nobody") == {}
    moves.promote("1")
    moves.begin("2", moved=True, by="eve")
    found = told(moves, "champion", "nobody")
    assert list(found) == ["champion"]
    assert "eve has begun to move iris@champion from 1 to 2" in found["champion"]
    assert (
        "podium promote iris 2 --alias champion --unvalidated 'a test' --resume"
        in found["champion"]
    )
    moves.promote("2", resume=True)
    assert told(moves, "champion") == {}


def test_begun_move_is_not_told_once_somebody_has_moved_the_alias_past_the_commands(
    moves: Moves,
) -> None:
    """There is nothing left to finish."""
    moves.promote("1")
    moves.begin("2", moved=True)
    moves.registry.client.set_registered_model_alias(NAME, "champion", "4")
    assert told(moves, "champion") == {}
