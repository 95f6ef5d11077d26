"""The tag `podium.validation`: written and read the same, and nonsense told apart."""

import pytest

from service.validation_tag import VALIDATION_TAG, BadValidation, Validation

WRITTEN = Validation("run", "0" * 64, "1" * 64, "iris", "3", "passed")


def test_what_is_written_is_read_again() -> None:
    """The text of the tag says all of it."""
    assert Validation.of({VALIDATION_TAG: WRITTEN.text()}) == WRITTEN


def test_a_version_without_the_tag_has_not_been_validated() -> None:
    """Other tags say nothing of it."""
    assert Validation.of({"validation_status": "passed"}) is None


_NOT_OURS = (
    *("", "passed", "[]", "{}", '{"run": 1}', WRITTEN.text() + "x"),
    WRITTEN.text().replace('"passed"', '"undecided"'),
    WRITTEN.text().replace(', "verdict": "passed"', ""),
    *(WRITTEN.text().replace('"3"', "3"), "[" * 3000, '{"run": "' + "x" * 5000 + '"}'),
)


@pytest.mark.parametrize("text", _NOT_OURS)
def test_a_tag_that_somebody_else_has_written_is_told_apart(text: str) -> None:
    """Anybody may write tags; none of them breaks who reads them."""
    with pytest.raises(BadValidation, match=VALIDATION_TAG):
        Validation.of({VALIDATION_TAG: text})
