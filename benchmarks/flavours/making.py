"""Makes the model of one flavour, in the flavours' environment, and a case of one row.

    python -m benchmarks.flavours.making FOLDER FLAVOUR

The folder has a store of MLflow and cases already (`benchmarks.preparing`); the case is added.
"""

import statistics
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature

from benchmarks.cases import read_cases, write_cases
from benchmarks.flavours.flavour import named
from benchmarks.flavours.made import Made, write_made
from benchmarks.flavours.models import MODELS, Trained
from benchmarks.preparing import case_of, register

_WARM: Final = 5
_ALONE_SECONDS: Final = 2


def make(folder: Path, key: str) -> None:
    """The model is registered, the case can be asked, and what is known of both is noted."""
    trained = MODELS[key]()
    place = folder / "models" / key
    _save(trained, place)
    register(folder, key, {})
    loaded = mlflow.pyfunc.load_model(str(place))
    case = case_of(folder, key, trained.frame, 1, lambda frame: plain(loaded.predict(frame)))
    write_cases(folder, [*read_cases(folder).cases, case])
    (flavour,) = named([key])
    versions = {package: version(package) for package in flavour.packages}
    write_made(folder, key, Made(versions, _alone_us(loaded, trained.frame)))


def _save(trained: Trained, place: Path) -> None:
    trained.save(
        trained.model,
        str(place),
        signature=infer_signature(trained.frame),
        input_example=trained.frame.head(3),
        # It runs where it was made.
        pip_requirements=["mlflow"],
    )


def plain(answers: Any) -> Sequence[Any]:
    """A model's answers as MLflow writes them: records where they have columns."""
    if isinstance(answers, np.ndarray):
        listed: list[Any] = answers.tolist()
        return listed
    return [
        {str(name): value for name, value in record.items()}
        for record in pd.DataFrame(answers).to_dict(orient="records")
    ]


def _alone_us(loaded: Any, frame: pd.DataFrame) -> float:
    """Median processor time of one row's call behind all that MLflow checks."""
    model = loaded._model_impl  # noqa: SLF001 - MLflow has no other name for it
    row, spent, deadline = frame.head(1), list[int](), time.monotonic() + _ALONE_SECONDS
    while len(spent) <= _WARM or time.monotonic() < deadline:
        before = time.process_time_ns()
        model.predict(row)
        spent.append(time.process_time_ns() - before)
    return statistics.median(spent[_WARM:]) / 1e3


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2])
