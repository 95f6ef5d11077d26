"""The same model twice, judged by the real command's own parts, many times: how often it passes.

    python -m tests.validation.same_twice --times 200 --output docs/same-twice.txt

Both are staged anew each time, for it is in their processes that two copies of one model differ.
The model is scikit-learn's, whose predictions take about a millisecond.
"""

import argparse
import asyncio
import datetime as dt
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

from service.validation.findings import verdict_of
from tests.support import tracking
from tests.validation.trials import Trials, failed, trials

_POLICY: Final[Mapping[str, Any]] = {"load.seconds": 1.0, "load.rounds": 8, "load.rows": 100}
_MOST_NOT_PASSED: Final = 1 / 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints each verdict that is not `passed`, and their count at the end; 1 if they are many."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="same-twice-") as folder:
        found = asyncio.run(_repeated(Path(folder), given.times))
    line = (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d} the same model twice, {given.times} times: "
        f"{found['passed']} passed, {found['failed']} failed, {found['undecided']} undecided"
    )
    _say(line)
    if given.output is not None:
        given.output.write_text(f"{line}\n")
    return int(given.times - found["passed"] > given.times * _MOST_NOT_PASSED)


async def _repeated(folder: Path, times: int) -> Counter[str]:
    database = tracking.copy_database(tracking.migrate(folder), folder)
    place, found = _saved(folder / "model"), Counter[str]()
    async with trials(folder, database, "same", seconds=None) as made:
        made.registry.add(place, "champion")
        for number in range(1, times + 1):
            found[await _judged(made, place, number)] += 1
    return found


async def _judged(made: Trials, place: Path, number: int) -> str:
    trial = await made.by(_POLICY, place, "1")
    verdict = verdict_of(trial.judgements)
    if verdict != "passed":
        _say(f"{number}: {verdict}: {failed(trial)}")
    return verdict


def _saved(place: Path) -> Path:
    rows = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [0.0, 1.0, 0.0, 1.0]})
    model = LogisticRegression().fit(rows, ["x", "y", "x", "y"])
    mlflow.sklearn.save_model(
        model,
        str(place),
        signature=infer_signature(rows, model.predict(rows)),
        input_example=rows,
        pip_requirements=["mlflow"],
    )
    return place


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what it is for


if __name__ == "__main__":
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    sys.exit(main())
