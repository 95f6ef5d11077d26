"""Where a rollback goes: back, step by step, and never to what was rolled back."""

import pytest

from service.promotion.history import candidates, has_stood_on, history
from tests.promotion.writing import Writing


def target(writing: Writing, *unfit: str) -> str | None:
    """The version that a rollback would go to, where those are gone or blocked."""
    found = candidates(writing.journal, lambda number: "unfit" if number in unfit else "")
    return next((each.version for each in found if not each.why_not), None)


def test_promoted_thrice_and_rolled_back_twice_is_at_the_first() -> None:
    """1, never 3."""
    writing = Writing().promote("1", "2", "3")
    assert target(writing) == "2"
    assert target(writing.rollback("2")) == "1"
    assert target(writing.rollback("1")) is None


@pytest.mark.parametrize(
    ("writing", "expected"),
    [
        (Writing(), None),
        (Writing().promote("1"), None),
        (Writing().see("1"), None),
        (Writing().see("1").promote("2"), "1"),
        (Writing().promote("1", "2", "3").rollback("2").promote("4"), "2"),
        (Writing().promote("1", "2", "3").rollback("2").promote("3"), "2"),
        (Writing().promote("1", "2", "3").rollback("1").promote("4"), "1"),
        # Promoted back on purpose: that is a move forward.
        (Writing().promote("1", "2", "3", "2"), "3"),
        # Moved back on MLflow's page: what was left so was left for a reason.
        (Writing().promote("1", "2", "3").see("2"), "1"),
        (Writing().promote("1", "2").see("5"), "2"),
        # The alias was deleted on MLflow's page.
        (Writing().promote("1", "2").see(None), "2"),
        # Refused by an instance, and put back.
        (Writing().promote("1", "2").begin("promote", "3").at("3").move("put_back", "2"), "1"),
        # Refused by the registry: the alias has never moved.
        (Writing().promote("1", "2").begin("promote", "3").end(moved=False), "1"),
        # Begun, never finished, and gone on from.
        (Writing().promote("1").begin("promote", "2").promote("3"), "1"),
        (Writing().promote("1").begin("promote", "2").at("2").promote("3"), "1"),
        # Nobody served it.
        (Writing().promote("1").move("promote", "2", served=False).promote("3"), "1"),
    ],
)
def test_rollback_goes_to(writing: Writing, expected: str | None) -> None:
    """The newest that was not rolled back itself, and has served."""
    assert target(writing) == expected


def test_what_is_gone_or_blocked_is_passed_over_with_its_reason() -> None:
    """The next one before it is as good as any."""
    writing = Writing().promote("1", "2", "3", "4")
    assert target(writing, "3", "2") == "1"
    assert target(writing, "3", "2", "1") is None
    why = [each.why_not for each in candidates(writing.journal, lambda _: "blocked")]
    assert why == ["blocked"] * 3


def test_version_that_was_rolled_back_has_stood_there() -> None:
    """Who names it may go there again."""
    journal = Writing().promote("1", "2").rollback("1").journal
    assert has_stood_on(journal, "2") is not None
    assert has_stood_on(journal, "3") is None
    assert [each.version for each in history(journal)] == ["1"]
