"""The operator's own metrics: found by name, called as MLflow calls them.

Their code runs in the command's process, with all that the command may do: a policy is to be
trusted like the script of a pipeline, and its digest holds that of the code.
"""

import importlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from service.validation.policy.code import MissingCode, file_of
from service.validation.policy.quality_bounds import MetricBounds
from service.validation.quality.evaluation_data import EvaluationData, listed
from service.validation.quality.predicted import Predicted
from service.validation.quality.scores import OwnMetric

_AGGREGATES: Final = "aggregate_results"


class BadMetric(Exception):
    """Code of an own metric that cannot be found or run, or gives no number."""


def own_metrics(
    bounds: Mapping[str, MetricBounds], folder: Path, data: EvaluationData, truth: Any
) -> Mapping[str, OwnMetric]:
    """Those of the policy, ready to be called. Raises `BadMetric` with every mistake."""
    found, wrong = {}, []
    for name, each in bounds.items():
        if each.make_metric is None:
            continue
        try:
            found[name] = _metric(name, _loaded(each.make_metric, folder), data, truth)
        except BadMetric as error:
            wrong.append(f"metrics.{name}: {error}")
    if wrong:
        raise BadMetric("\n".join(wrong))
    return found


def _loaded(reference: str, folder: Path) -> Callable[..., Any]:
    """What is called: the `eval_fn` of a metric of MLflow's, or the function itself."""
    try:
        file, name = file_of(reference, folder)
        module = _module(reference, file)
        found = getattr(module, name)
    except (MissingCode, AttributeError) as error:
        raise BadMetric(str(error)) from error
    except (Exception, SystemExit) as error:  # what the author's own lines raise
        raise BadMetric(f"its code raises {type(error).__name__} when it is read") from error
    called = getattr(found, "eval_fn", found)
    if not callable(called):
        raise BadMetric(f"{reference} is neither a metric nor a function")
    return called  # type: ignore[no-any-return]


@cache
def _module(reference: str, file: Path) -> Any:
    """Run once, however many slices ask for it."""
    place = reference.rpartition(":")[0]
    if not place.endswith(".py"):
        return importlib.import_module(place)
    spec = importlib.util.spec_from_file_location(f"podium_metric_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise BadMetric(f"{file.name} is not a file of Python")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _metric(name: str, called: Callable[..., Any], data: EvaluationData, truth: Any) -> OwnMetric:
    wanted = _parameters(called)
    known = {"predictions", "targets", "metrics", *map(str, data.frame.columns)}
    missing = [
        e.name for e in wanted if e.name not in known and e.default is inspect.Parameter.empty
    ]
    if missing:
        there = listed(data.frame.columns)
        raise BadMetric(
            f"the data has no column {', '.join(missing)}, which it asks for; it has {there}"
        )

    def measured(rows: Sequence[int], found: Predicted, metrics: Mapping[str, float]) -> float:
        at = list(rows)
        given = {
            "predictions": found.predictions.loc[at],
            "targets": truth.loc[at],
            "metrics": metrics,
        }
        # A copy each: what an author changes in one is changed for nobody else.
        arguments = {
            each.name: given[each.name] if each.name in given else data.frame[each.name].loc[at]
            for each in wanted
            if each.name in known
        }
        try:
            return _number(called(**{key: _copied(value) for key, value in arguments.items()}))
        except BadMetric as error:
            raise BadMetric(f"metrics.{name}: {error}") from error
        except (Exception, SystemExit) as error:  # its text may hold values
            raise BadMetric(f"metrics.{name}: its code raises {type(error).__name__}") from error

    return measured


def _parameters(called: Callable[..., Any]) -> Sequence[inspect.Parameter]:
    try:
        found = inspect.signature(called).parameters.values()
    except (TypeError, ValueError):  # what is written in C may not say
        raise BadMetric("nobody can tell what its code asks for") from None
    return [each for each in found if _is_named(each)]


def _is_named(parameter: inspect.Parameter) -> bool:
    return parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}


def _copied(value: Any) -> Any:
    return value.copy() if hasattr(value, "copy") else dict(value)


def _number(result: Any) -> float:
    """A number, or the one that a `MetricValue` of MLflow's has for all rows."""
    aggregates = getattr(result, _AGGREGATES, None)
    if aggregates:
        result = aggregates.get("mean") if len(aggregates) > 1 else next(iter(aggregates.values()))
    if isinstance(result, bool | np.bool_) or not isinstance(result, int | float | np.number):
        raise BadMetric("gives no number")
    return float(result)
