"""Trains the models, fills a store of MLflow with them, and writes requests with right answers.

    python -m benchmarks.preparing FOLDER MODEL [MODEL ...]

It runs in a process of its own: what measures memory must not share the pages of pandas, MLflow and
scikit-learn with the servers, since shared pages are counted in parts.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from pathlib import Path
from typing import Any, Final

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from benchmarks.cases import ALIAS, ROWS, Case, store_of, write_cases

# So many different requests are asked at once when answers are checked.
_ASKED: Final = 64
_SEED: Final = 1
_FAR: Final = 400

Answers = Callable[[pd.DataFrame], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Trained:
    """An estimator, rows like those it has learnt, and the tags of its version."""

    estimator: Any
    frame: pd.DataFrame
    tags: Mapping[str, str] = field(default_factory=dict)


def _iris(estimator: Any) -> Trained:
    frame, target = load_iris(return_X_y=True, as_frame=True)
    return Trained(estimator.fit(frame, target), frame)


def _numbers(width: int) -> Trained:
    random = np.random.default_rng(_SEED)
    frame = pd.DataFrame(
        random.normal(size=(300, width)), columns=[f"column {at}" for at in range(width)]
    )
    target = (frame.sum(axis="columns") > 0).astype(int)
    return Trained(LogisticRegression(max_iter=1000).fit(frame, target), frame)


def _journeys() -> Trained:
    random = np.random.default_rng(_SEED)
    frame = pd.DataFrame({
        "from": random.choice(["Berlin", "Kraków", "Lyon", "Porto"], 300),
        "class": random.choice(["first", "second"], 300),
        # In nanoseconds, as MLflow gives them to a model.
        "leaves": pd.Series(1_767_225_600 + random.integers(0, 10**6, 300))
        .mul(10**9).astype("datetime64[ns]"),
        "kilometres": random.uniform(1, 900, 300),
    })  # fmt: skip
    target = (frame["kilometres"] > _FAR).astype(int) + (frame["class"] == "first")
    columns = ColumnTransformer([
        ("words", OneHotEncoder(handle_unknown="ignore"), ["from", "class"]),
        # A function of the standard library: every server can load it.
        ("times", make_pipeline(FunctionTransformer(methodcaller("astype", "int64")),
                                StandardScaler()), ["leaves"]),
        ("numbers", StandardScaler(), ["kilometres"]),
    ])  # fmt: skip
    fitted = make_pipeline(columns, LogisticRegression()).fit(frame, target)
    # What its function does is not known to Podium, but to who has written it.
    return Trained(fitted, frame, {"podium.batching": "rows"})


MODELS: Final[Mapping[str, Callable[[], Trained]]] = {
    "iris": lambda: _iris(LogisticRegression(max_iter=200)),
    "forest": lambda: _iris(RandomForestClassifier(100, random_state=_SEED)),
    "numbers20": lambda: _numbers(20),
    "numbers600": lambda: _numbers(600),
    "journeys": _journeys,
}


def prepare(folder: Path, models: list[str]) -> None:
    """Everything that `read_cases` finds in the folder."""
    cases = []
    for name in models:
        trained = MODELS[name]()
        _register(folder, name, trained)
        cases += [
            case_of(folder, name, trained.frame, rows, _answers_of(trained.estimator))
            for rows in ROWS[name]
        ]
    write_cases(folder, cases)


def _answers_of(estimator: Any) -> Answers:
    return lambda frame: estimator.predict(frame).tolist()


def _register(folder: Path, name: str, trained: Trained) -> None:
    place = folder / "models" / name
    mlflow.sklearn.save_model(
        trained.estimator,
        str(place),
        signature=infer_signature(trained.frame, trained.estimator.predict(trained.frame)),
        input_example=trained.frame.head(3),
        pip_requirements=["scikit-learn"],
        serialization_format="cloudpickle",
    )
    register(folder, name, trained.tags)


def register(folder: Path, name: str, tags: Mapping[str, str]) -> None:
    """The alias is on what was saved in the folder's `models/NAME`."""
    client = mlflow.MlflowClient(store_of(folder))
    client.create_registered_model(name)
    made = client.create_model_version(name, str(folder / "models" / name))
    for key, value in tags.items():
        client.set_model_version_tag(name, str(made.version), key, value)
    client.set_registered_model_alias(name, ALIAS, str(made.version))


def case_of(folder: Path, model: str, frame: pd.DataFrame, rows: int, answers: Answers) -> Case:
    """Requests of so many of the frame's rows each, written below the folder.

    `answers` are what the model answers to such rows.
    """
    name = f"{model}-{rows}"
    (folder / name).mkdir()
    frames = [
        frame.sample(rows, replace=True, random_state=seed)
        for seed in range(max(2, _ASKED // rows))
    ]
    return Case(
        name,
        model,
        rows,
        len(frame.columns),
        tuple(_write(folder / name / f"{at}.json", _split(each)) for at, each in enumerate(frames)),
        tuple(_write(folder / name / f"{at}-v2.json", _v2(each)) for at, each in enumerate(frames))
        if model == "iris"
        else (),
        tuple(tuple(answers(each)) for each in frames),
    )


def _write(path: Path, document: Mapping[str, Any]) -> str:
    path.write_text(json.dumps(document))
    return str(path)


def _split(frame: pd.DataFrame) -> Mapping[str, Any]:
    split = json.loads(frame.to_json(orient="split", date_format="iso", date_unit="s"))
    return {"dataframe_split": {"columns": split["columns"], "data": split["data"]}}


def _v2(frame: pd.DataFrame) -> Mapping[str, Any]:
    inputs = [
        {"name": name, "shape": [len(frame), 1], "datatype": "FP64", "data": frame[name].tolist()}
        for name in frame.columns
    ]
    return {"parameters": {"content_type": "pd"}, "inputs": inputs}


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), sys.argv[2:])
