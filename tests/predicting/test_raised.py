"""What is told of an exception over a request: all of it but its words."""

import pytest

from service.predicting.raised import without_words

SECRET = "4111 1111 1111 1111"


def during() -> None:
    """Two of them, both with a value."""
    try:
        float(SECRET)
    except ValueError:
        raise KeyError(SECRET)  # noqa: B904 - as it happens


def because() -> None:
    """One the other's reason."""
    try:
        float(SECRET)
    except ValueError as error:
        raise RuntimeError(SECRET) from error


def several() -> None:
    """A group of them."""
    raise ExceptionGroup(SECRET, [ValueError(SECRET), TypeError(SECRET)])


def hidden() -> None:
    """One whose reason nobody is to know."""
    try:
        float(SECRET)
    except ValueError:
        raise RuntimeError(SECRET) from None


@pytest.mark.parametrize(
    ("work", "names"),
    [
        (during, ["ValueError", "KeyError"]),
        (because, ["ValueError", "RuntimeError"]),
        (several, ["ExceptionGroup", "ValueError", "TypeError"]),
        (hidden, ["RuntimeError"]),
    ],
)
def test_p14_types_and_places_are_told_and_words_are_not(work: object, names: list[str]) -> None:
    """Of all that led to it, the first one first."""
    assert callable(work)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is
        work()
    told = without_words(raised.value)
    assert SECRET not in told
    assert told.count("(what it says is left out") == len(names)
    assert all(f"{name} (" in told for name in names)
    assert f"in {work.__name__}" in told  # type: ignore[attr-defined]


def test_chain_that_bites_its_tail_ends() -> None:
    """Anybody may make one."""
    one, two = ValueError(SECRET), KeyError(SECRET)
    one.__context__, two.__context__ = two, one
    assert without_words(one).count("Traceback") == 2
