"""How a model of each flavour is trained and saved; imported in the flavours' environment alone.

All are regressions with numbers as answers: were two clients' answers mixed up, it would be seen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

_SEED: Final = 1
_ROWS: Final = 500
_COLUMNS: Final = 10
_DIGITS: Final = 6
_TREES: Final = 100
_DEPTH: Final = 4
_HIDDEN: Final = 32

Save = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, rows like those it has learnt, and MLflow's function that saves such models."""

    model: Any
    frame: pd.DataFrame
    save: Save


def _numbers() -> tuple[pd.DataFrame, pd.Series]:
    random = np.random.default_rng(_SEED)
    names = [f"x{at}" for at in range(_COLUMNS)]
    # Few enough digits that a request in JSON has all of them.
    numbers = random.normal(size=(_ROWS, _COLUMNS)).round(_DIGITS)
    frame = pd.DataFrame(numbers, columns=names)
    return frame, (frame["x0"] * frame["x1"] + frame.sum(axis="columns")).rename("y")


def _fitted(estimator: Any, save: Save) -> Trained:
    frame, target = _numbers()
    return Trained(estimator.fit(frame, target), frame, save)


def _xgboost() -> Trained:
    import mlflow.xgboost
    from xgboost import XGBRegressor

    return _fitted(XGBRegressor(n_estimators=_TREES, max_depth=_DEPTH), mlflow.xgboost.save_model)


def _lightgbm() -> Trained:
    import mlflow.lightgbm
    from lightgbm import LGBMRegressor

    return _fitted(LGBMRegressor(n_estimators=_TREES, verbose=-1), mlflow.lightgbm.save_model)


def _catboost() -> Trained:
    import mlflow.catboost
    from catboost import CatBoostRegressor

    estimator = CatBoostRegressor(
        iterations=_TREES, depth=_DEPTH, verbose=False, allow_writing_files=False
    )
    return _fitted(estimator, mlflow.catboost.save_model)


def _save_sklearn(model: Any, path: str, **options: Any) -> None:
    import mlflow.sklearn

    mlflow.sklearn.save_model(model, path, serialization_format="cloudpickle", **options)


def _forest() -> Trained:
    from sklearn.ensemble import RandomForestRegressor

    return _fitted(RandomForestRegressor(_TREES, random_state=_SEED), _save_sklearn)


def _histogram() -> Trained:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return _fitted(HistGradientBoostingRegressor(max_iter=_TREES), _save_sklearn)


def _pipeline() -> Trained:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame, target = _numbers()
    numbers = list(frame.columns)
    random = np.random.default_rng(_SEED)
    frame["from"] = random.choice(["Berlin", "Kraków", "Lyon", "Porto"], _ROWS)
    frame["class"] = random.choice(["first", "second"], _ROWS)
    columns = ColumnTransformer([
        ("words", OneHotEncoder(handle_unknown="ignore"), ["from", "class"]),
        ("numbers", StandardScaler(), numbers),
    ])  # fmt: skip
    target += (frame["class"] == "first").astype(float)
    return Trained(make_pipeline(columns, Ridge()).fit(frame, target), frame, _save_sklearn)


def _onnx() -> Trained:
    import mlflow.onnx
    from skl2onnx import to_onnx
    from sklearn.ensemble import GradientBoostingRegressor

    frame, target = _numbers()
    fitted = GradientBoostingRegressor(n_estimators=_TREES).fit(frame.to_numpy(), target)
    converted = to_onnx(fitted, frame.to_numpy(np.float32)[:1])
    return Trained(converted, frame, mlflow.onnx.save_model)


def _pytorch() -> Trained:
    import mlflow.pytorch
    import torch

    frame, _ = _numbers()
    torch.manual_seed(_SEED)
    model = torch.nn.Sequential(
        torch.nn.Linear(_COLUMNS, _HIDDEN), torch.nn.ReLU(), torch.nn.Linear(_HIDDEN, 1)
    )
    # MLflow's other format wants tensors as input example.
    return Trained(model, frame, partial(mlflow.pytorch.save_model, serialization_format="pickle"))


def _statsmodels() -> Trained:
    import mlflow.statsmodels
    from statsmodels.formula.api import ols

    frame, target = _numbers()
    fitted = ols(f"y ~ {' + '.join(frame.columns)}", frame.assign(y=target)).fit()
    return Trained(fitted, frame, mlflow.statsmodels.save_model)


MODELS: Final[Mapping[str, Callable[[], Trained]]] = {
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
    "forest": _forest,
    "histogram": _histogram,
    "pipeline": _pipeline,
    "onnx": _onnx,
    "pytorch": _pytorch,
    "statsmodels": _statsmodels,
}
