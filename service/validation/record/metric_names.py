"""What is measured as metrics of a run: names that MLflow takes, each once."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Final

from service.validation.quality.found import PartScores
from service.validation.record.trial_record import TrialRecord

# mlflow/utils/validation.py, `validate_param_and_metric_name`, and nothing that reads as a path.
_REFUSED: Final = re.compile(r"[^\w.\-: ]")
_LONGEST: Final = 100


def metrics_of_data(record: TrialRecord) -> Mapping[str, float]:
    """Those of the version: `accuracy_score`, `slice/NAME/accuracy_score`."""
    return dict(_of_parts(record, theirs=False))


def metrics_of_other(record: TrialRecord) -> Mapping[str, float]:
    """The compared version's on the same data, below `against/`."""
    return {f"against/{name}": value for name, value in _of_parts(record, theirs=True)}


def metrics_without_data(record: TrialRecord) -> Mapping[str, float]:
    """Times, memory, counts of rows: every figure that is none of a metric's."""
    measured = {*metrics_of_data(record), *metrics_of_other(record)}
    told = {
        _named(name): value
        for each in record.judgements
        for name, value in each.figures.items()
        if name not in measured and math.isfinite(value)
    }
    return {name: value for name, value in told.items() if name not in measured}


def _of_parts(record: TrialRecord, *, theirs: bool) -> Iterator[tuple[str, float]]:
    taken = set[str]()
    for part in record.quality.parts if record.quality is not None else ():
        prefix = _prefix(part, taken)
        scores = part.theirs if theirs else part.ours
        yield from ((f"{prefix}{_named(name)}", value) for name, value in scores.items())


def _prefix(part: PartScores, taken: set[str]) -> str:
    if part.label is None:
        return ""
    name, count = _named(part.label.replace("=", ": ")), 1
    while name in taken:
        count += 1
        name = f"{name[: _LONGEST - 4]} {count}"
    taken.add(name)
    return f"slice/{name}/"


def _named(text: str) -> str:
    """A name of one part; two texts may become one, never a path that leads elsewhere."""
    name = _REFUSED.sub("_", text)
    return name[:_LONGEST].strip(". ") or "_"
