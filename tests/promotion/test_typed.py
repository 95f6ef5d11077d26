"""Lines that people are told to type, typed: they act on what was meant."""

import re
import shlex
from collections.abc import Sequence

import pytest
from click.testing import Result

from service.exits import DONE, REFUSED, UNDECIDED
from service.refs import ModelRef
from service.typed import typed, typed_on
from tests.promotion.conftest import Moves, filled
from tests.promotion.test_commands import podium

SPACED = "wine of 'ada'; a test"
# Where `champion` is not the alias that is meant unless another one is named.
HOUSE = {"PODIUM_ALIASES": "live,champion"}
PROMOTE = ("promote", SPACED, "3", "--alias", "champion", "--unvalidated", "a test")


@pytest.fixture
def spaced(tracking_uri: str) -> Moves:
    """Of a model whose name a shell would take apart; each of its aliases is on version 2."""
    moves = Moves(filled(tracking_uri, SPACED))
    for version in ("1", "2"):
        moves.promote(version)
    moves.registry.move("live", "2")
    return moves


def told(result: Result, command: str) -> Sequence[str]:
    """The words that a shell makes of the line that is told."""
    found = re.search(rf"podium {command} .*?(?= (?:takes|finishes|undoes|moves) )", result.output)
    assert found is not None, result.output
    return shlex.split(found[0])[1:]


def test_line_that_releases_releases_what_is_held(spaced: Moves) -> None:
    """And not the alias that is meant where none is named."""
    podium("hold", SPACED, "--alias", "champion", uri=spaced.uri, **HOUSE)
    held = podium(*PROMOTE, uri=spaced.uri, **HOUSE)
    assert held.exit_code == REFUSED
    assert podium(*told(held, "release"), uri=spaced.uri, **HOUSE).exit_code == DONE
    assert podium(*PROMOTE, uri=spaced.uri, **HOUSE).exit_code == DONE


@pytest.mark.parametrize(("command", "on"), [("rollback", "2"), ("promote", "3")])
def test_line_that_goes_on_from_a_move_moves_that_alias(
    spaced: Moves, command: str, on: str
) -> None:
    """To where it was, or to where it was meant to go."""
    spaced.begin("3", moved=False, by="bob")
    stopped = podium(*PROMOTE, uri=spaced.uri, **HOUSE)
    assert stopped.exit_code == UNDECIDED
    assert podium(*told(stopped, command), uri=spaced.uri, **HOUSE).exit_code == DONE
    assert spaced.now == on
    assert spaced.mover().writer.alias(SPACED, "live") == "2"


def test_line_that_promotes_what_was_never_there_names_all_that_it_needs(spaced: Moves) -> None:
    """Of a rollback that is refused."""
    refused = podium("rollback", SPACED, "--alias", "champion", "--to", "5", uri=spaced.uri)
    assert told(refused, "promote") == ["promote", SPACED, "5", "--alias", "champion"]


def test_name_that_begins_as_an_option_does_is_a_name_all_the_same() -> None:
    """Behind what says that no option follows."""
    assert typed("validate", "-x", "1") == "podium validate -- -x 1"
    ref = ModelRef("-x", "champion")
    assert typed_on(ref, "release") == "podium release --alias champion -- -x"
