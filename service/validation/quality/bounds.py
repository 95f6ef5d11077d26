"""One metric beside its bounds: what is asked, what is there, and the sentence that says so."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from service.validation.findings import Verdict
from service.validation.policy.quality_bounds import METRICS, MetricBounds, Task

ComparedWith = Literal["other", "first", "broken", "none"]
"""What there is to compare with: a version; none yet under that alias; one that fails by itself;
none was asked for."""
DEFAULTS: Final[Mapping[Task, Mapping[str, MetricBounds]]] = {
    "classifier": {"accuracy_score": MetricBounds(min_absolute_change=-0.01)},
    "regressor": {"root_mean_squared_error": MetricBounds(min_relative_change=-0.05)},
}
"""Where the policy names no metrics, and there is a version to compare with."""
# Nobody fails by the last bits of a float: 0.9 - 0.91 is less than -0.01.
_LAST_BITS: Final = 1e-12
# As MLflow has it for a relative change from 0 (mlflow/models/evaluation/validation.py).
_LEAST_CHANGE: Final = 1e-10


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric of the version and, on the rows that both answer, of both.

    Attributes:
        value: on all rows that the version answers; None where they do not define it.
        shared: on the rows that the other answers too.
        other: the other's, on these.
    """

    value: float | None
    shared: float | None = None
    other: float | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """What came of one metric's bounds."""

    verdict: Verdict
    sentence: str


def greater_is_better(name: str, bounds: MetricBounds) -> bool:
    """Whether more of it is better."""
    return METRICS[name] if bounds.greater_is_better is None else bounds.greater_is_better


def weighed(
    name: str, bounds: MetricBounds, measured: Measured, beside: ComparedWith, when_first: Verdict
) -> Weighed:
    """The verdict on one metric, by all of its bounds."""
    if measured.value is None:
        return Weighed("undecided", f"{name} is not defined by these rows and answers.")
    sign = 1 if greater_is_better(name, bounds) else -1
    found = [_by_threshold(bounds, measured.value, sign), _by_change(bounds, measured, sign)]
    if bounds.compares and beside != "other":
        found[1] = _without_other(beside, when_first)
    told = [each for each in found if each is not None]
    sentence = f"{name} is {measured.value:.6g}" + "".join(f"; {each.sentence}" for each in told)
    return Weighed(_worst([each.verdict for each in told]), f"{sentence}.")


def _worst(verdicts: list[Verdict]) -> Verdict:
    if "failed" in verdicts:
        return "failed"
    return "undecided" if "undecided" in verdicts else "passed"


def _by_threshold(bounds: MetricBounds, value: float, sign: int) -> Weighed | None:
    if bounds.threshold is None:
        return None
    good = _at_least(sign * value, sign * bounds.threshold)
    word = "at least" if sign > 0 else "at most"
    return Weighed("passed" if good else "failed", f"{word} {bounds.threshold:g} is asked for")


def _by_change(bounds: MetricBounds, measured: Measured, sign: int) -> Weighed | None:
    if not bounds.compares:
        return None
    if measured.shared is None or measured.other is None:
        return Weighed("undecided", "the other version's is not defined by these rows")
    gain, other = sign * (measured.shared - measured.other), measured.other
    good = all(_at_least(gain, least) for least in _least_gains(bounds, other))
    said = f"the other's is {other:.6g}, and this is {_better(gain)}; {_asked(bounds)}"
    return Weighed("passed" if good else "failed", said)


def _least_gains(bounds: MetricBounds, other: float) -> list[float]:
    gains = [] if bounds.min_absolute_change is None else [bounds.min_absolute_change]
    relative = bounds.min_relative_change
    if relative is not None:
        gains.append(_LEAST_CHANGE if other == 0 and relative > 0 else relative * abs(other))
    return gains


def _better(gain: float) -> str:
    if abs(gain) <= _LAST_BITS:
        return "the same"
    return f"better by {gain:.3g}" if gain > 0 else f"worse by {-gain:.3g}"


def _asked(bounds: MetricBounds) -> str:
    absolute, relative = bounds.min_absolute_change, bounds.min_relative_change
    said = [] if absolute is None else [f"{absolute:+g}"]
    said += [] if relative is None else [f"{100 * relative:+g}%"]
    return f"a change of {' and '.join(said)} is asked for"


def _without_other(beside: ComparedWith, when_first: Verdict) -> Weighed:
    if beside == "first":
        return Weighed(when_first, "there is no other version yet to compare with")
    if beside == "broken":
        return Weighed(
            when_first, "the other version fails, so that there is nothing to compare with"
        )
    return Weighed("undecided", "a change is asked for: name a version to compare with")


def _at_least(value: float, bound: float) -> bool:
    return value >= bound or math.isclose(value, bound, rel_tol=_LAST_BITS, abs_tol=_LAST_BITS)
