"""How long calls take is noted of every pool of a version, and of none while nobody asks."""

import sys
from collections.abc import Callable, Mapping
from types import FrameType

from service.call_times import CallTimes
from service.rollout.durations import LEAST_CALLS
from tests.following.fakes import version
from tests.hosting.rows import Counts

_V1 = version(1)


def _nobody_waits() -> Mapping[str, int]:
    return {}


def _calls(do: Callable[[], None]) -> list[str]:
    """The Python functions that are called meanwhile."""
    called = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.append(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        do()
    finally:
        sys.setprofile(None)
    return called


def test_p20_calls_of_pools_cost_nothing_while_nobody_asks() -> None:
    """No function more than without; nor once nobody asks any more."""
    times, counts = CallTimes(), Counts()
    observer = times.heard_by(lambda _: counts)(_V1)
    observer.opened(_nobody_waits)
    without = _calls(lambda: counts.batch(1, 0.1, ""))
    assert _calls(lambda: observer.batch(1, 0.1, "")) == without
    times.wanted = True
    assert len(_calls(lambda: observer.batch(1, 0.1, ""))) > len(without)
    times.wanted = False
    assert _calls(lambda: observer.batch(1, 0.1, "")) == without


def test_p20_calls_are_noted_from_when_somebody_asks() -> None:
    """Of pools that are there by then, and of those that come."""
    times = CallTimes()
    observer_of = times.heard_by(lambda _: Counts())
    first, second = observer_of(_V1), observer_of(_V1)
    first.opened(_nobody_waits)
    first.batch(1, 0.1, "")
    times.wanted = True
    second.opened(_nobody_waits)
    for _ in range(LEAST_CALLS // 2):
        first.batch(1, 0.1, "")
        second.batch(1, 0.1, "")
    found = times.of(_V1)
    assert found is not None
    assert [calls for _, calls, _ in found.medians()] == [LEAST_CALLS]


def test_p20_calls_are_known_while_any_pool_of_the_version_is_there() -> None:
    """The first one ends once other processes have come in its place."""
    times = CallTimes()
    observer_of = times.heard_by(lambda _: Counts())
    first, second = observer_of(_V1), observer_of(_V1)
    times.wanted = True
    first.opened(_nobody_waits)
    second.opened(_nobody_waits)
    first.closed()
    for _ in range(LEAST_CALLS):
        second.batch(1, 0.1, "")
    found = times.of(_V1)
    assert found is not None
    assert [calls for _, calls, _ in found.medians()] == [LEAST_CALLS]
    second.closed()
    assert times.of(_V1) is None
