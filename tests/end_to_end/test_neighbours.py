"""P16 in the whole service: 48 clients at once, each answered as if it were alone."""

import asyncio
import contextlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import cloudpickle
import httpx
import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, DataType, Schema
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.host import neighbours
from tests.host.neighbours import CLASSES, FRAME, NEIGHBOURS, TARGET
from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service

CLIENTS: Final = 48
# An ordinary crowd, and one who stands out.
ROWS: Final = pd.DataFrame(
    {"a": [50.0, *np.linspace(1, 2, CLIENTS - 1)], "b": [0.5, *np.linspace(0.2, 0.8, CLIENTS - 1)]}
)
SPARSE: Final = ROWS.assign(b=np.where(np.arange(CLIENTS) % 3 == 1, np.nan, 0.5))
# Each of them alone, and inside another; of all others a host says that they are not known.
ASKED: Final = (
    *("clips", "clips_in_columns_searched", "fills", "fills_voting"),
    *("kernel", "kernel_one_vs_rest", "replaced", "replaced_within"),
    *("patched_class", "subclass", "inverse"),
)
NATIVE: Final = frozenset({"catboost", "lightgbm", "xgboost"})
SIGNATURE: Final = ModelSignature(
    inputs=Schema([ColSpec(DataType.double, "a"), ColSpec(DataType.double, "b", required=False)])
)
TEXTS: Final = FRAME.assign(s=np.where(FRAME["b"] > 0.5, "high", "low"))


def _columns() -> Any:
    columns = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(), StandardScaler()),
                make_column_selector(dtype_include="number"),
            ),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["s"]),
        ],
        remainder="passthrough",
    )
    return make_pipeline(columns, LogisticRegression()).fit(TEXTS, CLASSES)


def _xgboost() -> Any:
    return import_module("xgboost").XGBClassifier(n_estimators=5).fit(FRAME, CLASSES)


def _lightgbm() -> Any:
    return import_module("lightgbm").LGBMRegressor(n_estimators=5, verbose=-1).fit(FRAME, TARGET)


def _catboost() -> Any:
    made = import_module("catboost").CatBoostRegressor(5, verbose=0, allow_writing_files=False)
    return made.fit(FRAME, TARGET)


KNOWN: Final[Mapping[str, Callable[[], Any]]] = {
    "logistic": lambda: LogisticRegression().fit(FRAME, CLASSES),
    "forest": lambda: RandomForestClassifier(20, random_state=1).fit(FRAME, CLASSES),
    "histograms": lambda: HistGradientBoostingClassifier(max_iter=5).fit(FRAME, CLASSES),
    "columns": _columns,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
}


@dataclass(frozen=True, slots=True)
class Served:
    """A service, and the models in it as they are in memory."""

    service: RunningService
    estimators: Mapping[str, Any]


def save(folder: Path, name: str, estimator: Any) -> Path:
    """By the flavour of its own, with three ordinary rows for an example."""
    frame = TEXTS if name == "columns" else FRAME
    flavor = import_module(f"mlflow.{name if name in NATIVE else 'sklearn'}")
    by_value = {} if name in NATIVE else {"serialization_format": "cloudpickle"}
    flavor.save_model(
        estimator,
        str(folder / name),
        signature=infer_signature(frame) if name == "columns" else SIGNATURE,
        input_example=frame.head(3) if name != "histograms" else None,
        pip_requirements=models.REQUIREMENTS,
        **by_value,
    )
    return folder / name


@contextlib.contextmanager
def serving(
    makers: Mapping[str, Callable[[], Any]], database: Path, folder: Path
) -> Iterator[Served]:
    """One service of all of them."""
    uri = f"sqlite:///{tracking.copy_database(database, folder)}"
    estimators = {name: make() for name, make in makers.items()}
    cloudpickle.register_pickle_by_value(neighbours)
    for name, estimator in estimators.items():
        Registry(uri, name).add(save(folder, name, estimator), alias="champion")
    cloudpickle.unregister_pickle_by_value(neighbours)
    with running_service([f"{name}@champion" for name in estimators], uri, folder) as running:
        running.wait_until_ready()
        yield Served(running, estimators)


@pytest.fixture(scope="module")
def unknown(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service of what looks at its neighbours."""
    makers = {name: NEIGHBOURS[name] for name in ASKED}
    with serving(makers, migrated_database, tmp_path_factory.mktemp("unknown")) as served:
        yield served


@pytest.fixture(scope="module")
def known(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service of what does not."""
    with serving(KNOWN, migrated_database, tmp_path_factory.mktemp("known")) as served:
        yield served


def rows_for(name: str) -> pd.DataFrame:
    """A row a client."""
    if name.startswith("fills"):
        return SPARSE
    return ROWS.assign(s="high") if name == "columns" else ROWS


async def asked(service: RunningService, name: str) -> list[Any]:
    """The answer to each client; all of them ask at once."""
    limits = httpx.Limits(max_connections=CLIENTS)
    url = f"{service.url}/models/{name}@champion/predict"
    async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=60) as client:
        bodies = [
            {"dataframe_records": json.loads(rows_for(name).iloc[[row]].to_json(orient="records"))}
            for row in range(CLIENTS)
        ]
        replies = await asyncio.gather(*(client.post(url, json=body) for body in bodies))
    assert {reply.status_code for reply in replies} == {200}
    return [reply.json()["predictions"][0] for reply in replies]


def calls_and_rows(service: RunningService) -> tuple[float, float]:
    """How often models were called, and with how many rows in all."""
    found = service.metrics().items()
    calls = sum(value for name, value in found if name.startswith("podium_batch_rows_count{"))
    return calls, sum(value for name, value in found if name.startswith("podium_batch_rows_sum{"))


def alone(estimator: Any, name: str) -> list[Any]:
    """The model's own answer to each row, asked directly, as the service calls it."""
    frame = rows_for(name)
    with warnings.catch_warnings():
        # Of the names that LightGBM has not been given.
        warnings.simplefilter("ignore")
        return [
            np.ravel(estimator.predict(frame.iloc[[row]])).tolist()[0] for row in range(len(frame))
        ]


pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, of pickles


@pytest.mark.parametrize("name", ASKED)
async def test_w1_what_looks_at_its_neighbours_answers_each_client_as_alone(
    unknown: Served, name: str
) -> None:
    """Although three ordinary rows were answered alike together and alone."""
    before = calls_and_rows(unknown.service)
    assert await asked(unknown.service, name) == pytest.approx(
        alone(unknown.estimators[name], name), rel=1e-9
    )
    hosts = unknown.service.slot(f"{name}@champion")["hosts"]
    assert hosts["row_wise"] is False
    calls, rows = np.subtract(calls_and_rows(unknown.service), before)
    assert calls == rows == CLIENTS
    assert "is not known to answer each row by itself" in hosts["row_wise_reason"]


@pytest.mark.parametrize("name", KNOWN)
async def test_p16_known_classes_are_joined_and_answer_each_client_as_alone(
    known: Served, name: str
) -> None:
    """With and without an input example; fewer calls than rows."""
    before = calls_and_rows(known.service)
    assert await asked(known.service, name) == pytest.approx(
        alone(known.estimators[name], name), rel=1e-9
    )
    hosts = known.service.slot(f"{name}@champion")["hosts"]
    assert hosts["row_wise"] is True, hosts["row_wise_reason"]
    calls, rows = np.subtract(calls_and_rows(known.service), before)
    assert rows == CLIENTS
    assert calls < rows
