"""What a move does next, by what is there alone."""

from datetime import datetime, timedelta

import pytest

from service.promotion.deciding import (
    AliasStanding,
    Already,
    Anew,
    Asking,
    GoOn,
    Opening,
    UnderWay,
    may_finish,
    may_move,
    opening,
)
from service.refs import ModelRef
from tests.promotion.writing import BEGIN, CREATED, LEASE, Writing

REF = ModelRef("iris", "champion")
SOON = BEGIN + timedelta(minutes=3)
LATE = BEGIN + timedelta(seconds=LEASE, hours=1)
ADA, BOB = Asking("ada", ""), Asking("bob", "")
BEGUN = Writing().promote("1").begin("promote", "2")


def standing(writing: Writing, alias: str | None) -> AliasStanding:
    """The alias there, with that journal."""
    return AliasStanding(REF, alias, CREATED, writing.journal)


def newest(writing: Writing) -> object:
    """The entry that nothing follows."""
    return writing.journal.newest


@pytest.mark.parametrize(
    ("writing", "alias", "to", "asking", "now", "expected"),
    [
        (Writing(), None, "1", ADA, SOON, Anew()),
        (Writing(), "1", "1", ADA, SOON, Already(seen=True)),
        (Writing().promote("1"), "1", "2", ADA, SOON, Anew()),
        (Writing().promote("1"), "1", "1", BOB, SOON, Already(seen=False)),
        (Writing().see("1"), "1", "1", ADA, SOON, Already(seen=True)),
        (Writing().promote("1"), "2", "2", ADA, SOON, Already(seen=True)),
        # The job that has begun it is tried again; or somebody says that it is gone.
        (BEGUN, "1", "2", ADA, SOON, GoOn(BEGUN.journal.entries[-1])),
        (BEGUN, "2", "2", ADA, SOON, GoOn(BEGUN.journal.entries[-1])),
        (BEGUN, "1", "2", Asking("bob", "", resume=True), SOON, GoOn(BEGUN.journal.entries[-1])),
        (BEGUN, "1", "2", BOB, LATE, GoOn(BEGUN.journal.entries[-1])),
        # Somebody may be at it.
        (BEGUN, "1", "2", BOB, SOON, UnderWay(BEGUN.journal.entries[-1])),
        (BEGUN, "1", "3", ADA, SOON, UnderWay(BEGUN.journal.entries[-1])),
        (BEGUN, "1", "3", Asking("a", "", resume=True), SOON, UnderWay(BEGUN.journal.entries[-1])),
        (BEGUN, "1", "3", ADA, LATE, Anew()),
        # Somebody has moved the alias elsewhere: that has settled it.
        (BEGUN, "7", "2", BOB, SOON, Anew()),
    ],
)
def test_move_begins(  # noqa: PLR0913, PLR0917 - one row
    writing: Writing,
    alias: str | None,
    to: str,
    asking: Asking,
    now: datetime,
    expected: Opening,
) -> None:
    """As the table says."""
    assert opening(standing(writing, alias), to, asking, now) == expected


def test_alias_is_written_only_while_the_move_is_ours() -> None:
    """Not once somebody has gone on, nor where it is elsewhere."""
    ours = BEGUN.journal.entries[-1]
    assert may_move(standing(BEGUN, "1"), ours) == ""
    assert may_move(standing(BEGUN, "2"), ours) == ""
    assert "version 7" in may_move(standing(BEGUN, "7"), ours)
    further = Writing().promote("1").begin("promote", "2").begin("promote", "3")
    assert "gone on" in may_move(standing(further, "1"), ours)


def test_move_is_done_only_where_the_alias_is_there_and_it_is_ours() -> None:
    """As it is read again."""
    ours = BEGUN.journal.entries[-1]
    assert may_finish(standing(BEGUN, "2"), ours) == ""
    assert "version 1" in may_finish(standing(BEGUN, "1"), ours)
    assert "nothing" in may_finish(standing(BEGUN, None), ours)


def test_entry_of_that_number_that_is_another_ones_is_not_ours() -> None:
    """Its text is unlike any other's."""
    ours = BEGUN.journal.entries[-1]
    theirs = Writing().promote("1").begin("promote", "2")
    theirs.params["000002"] = theirs.params["000002"].replace("id2", "other")
    assert "gone on" in may_move(standing(theirs, "1"), ours)
