"""Property tests explore other cases each day, and show that they have explored something.

The seed is the date, printed above the tests and again below those that failed. To see yesterday's
cases again: `TEST_SEED=20260131 make test`; to see many more: `TEST_EXAMPLES=2000`, for each test.
"""

import functools
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, Phase, settings

_Test = TypeVar("_Test", bound=Callable[..., Any])

# Not what hypothesis makes of a machine for continuous integration: the same cases for ever. No
# files; and no time for an explanation of a failure, which would take a minute.
_EXPLORING: Final = settings(
    derandomize=False,
    database=None,
    deadline=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
# Of the tests that have a floor and run now; the last one is the innermost.
_done: list[int] = []


def seed_of_today() -> int:
    """The variable `TEST_SEED`, or the date as a number."""
    return int(os.environ.get("TEST_SEED") or f"{datetime.now(UTC):%Y%m%d}")


def exploring(examples: int, *allowed: HealthCheck) -> settings:
    """So many cases, unless `TEST_EXAMPLES` says how many; `allowed` are not complained of."""
    suppressed = [HealthCheck.too_slow, *allowed]
    wanted = int(os.environ.get("TEST_EXAMPLES") or examples)
    return settings(_EXPLORING, max_examples=wanted, suppress_health_check=suppressed)


def did_something() -> None:
    """The case of this moment has reached what the test is about; no matter if nobody asks."""
    if _done:
        _done[-1] += 1


def floor(share: float, of: settings) -> Callable[[_Test], _Test]:
    """The test fails if fewer than that share of its cases called `did_something`.

    A property that holds of whatever gets through holds of nothing as well.
    """

    def decorate(test: _Test) -> _Test:
        @functools.wraps(test)
        def counted(*arguments: Any, **named: Any) -> Any:
            _done.append(0)
            try:
                result = test(*arguments, **named)
            finally:
                done = _done.pop()
            least = share * of.max_examples
            assert done >= least, f"{done} cases of {of.max_examples} did something, not {least:g}"
            return result

        return counted  # type: ignore[return-value]  # it is called as the test is

    return decorate
