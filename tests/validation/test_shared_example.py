"""The example that two versions are compared by, and why there may be none."""

import pytest

from service.errors import InvalidInput, ModelFailed, ServiceError
from service.validation.smoke.shared_example import shared_example

OWN, OTHERS = b"own", b"others"


class FakeAnswering:
    """An `AnswersExample`: what it says of each body, an error or nothing."""

    def __init__(self, example: bytes, **says: ServiceError | None) -> None:
        self.example = example
        self._says = says

    async def answer(self, body: bytes) -> bytes:
        """The request."""
        error = self._says.get(body.decode())
        if error is not None:
            raise error
        return body


REFUSED, FAILS = InvalidInput((), "no"), ModelFailed("no")


@pytest.mark.parametrize(
    ("version", "other", "both", "broken"),
    [
        ({}, {}, True, False),
        ({}, {"own": REFUSED}, True, False),
        ({"others": REFUSED}, {"own": REFUSED}, False, False),
        ({}, {"own": FAILS, "others": FAILS}, False, True),
        ({}, {"own": REFUSED, "others": FAILS}, False, True),
        ({"others": REFUSED}, {"own": FAILS}, False, False),
        ({}, {"own": REFUSED, "others": REFUSED}, False, False),
    ],
)
async def test_what_both_answer_is_found_and_who_fails_by_itself(
    version: dict[str, ServiceError],
    other: dict[str, ServiceError],
    *,
    both: bool,
    broken: bool,
) -> None:
    """What refuses is another contract; what fails on what it takes is broken."""
    found = await shared_example(FakeAnswering(OWN, **version), FakeAnswering(OTHERS, **other))
    assert (found.both, found.broken) == (both, broken)
    assert found.example == (OTHERS if both and other else OWN)
