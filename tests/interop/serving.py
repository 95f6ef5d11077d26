"""A service with the models that other people's clients ask."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature, infer_signature
from mlflow.types.schema import ParamSchema, Schema
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from tests.contract.signatures import column, param
from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service

WIDE: Final = 600
_STAMPING: Final = ModelSignature(
    Schema.from_json(
        json.dumps([column("string", "text"), column("datetime", "time", required=False)])
    ),
    params=ParamSchema.from_json(json.dumps([param("boolean", "loud", default=False)])),
)
_SEVERAL: Final = ModelSignature(
    infer_signature(models.ROWS).inputs,
    params=ParamSchema.from_json(json.dumps([param("string", "form", "frame")])),
)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[RunningService]:
    """iris, a pipeline of texts and times, a tensor, several outputs, and 600 columns."""
    uri = f"sqlite:///{tracking.migrate(folder)}"
    wide = pd.DataFrame(np.ones((2, WIDE)), columns=[f"c{place}" for place in range(WIDE)])
    stamps = pd.DataFrame({"text": ["a"], "time": pd.to_datetime(["2026-05-01T10:00:00.5"])})
    tensor = np.ones((2, 3), "float32")
    saved = {
        "iris": _iris(folder),
        "stamping": models.save(folder, "stamping", _STAMPING, stamps),
        "tensor": models.save(folder, "doubling", infer_signature(tensor), tensor),
        "several": models.save(folder, "several", _SEVERAL),
        "wide": models.save(folder, "summing", infer_signature(wide), wide),
    }
    for name, place in saved.items():
        Registry(uri, name).add(place, alias="champion")
    refs = [f"{name}@champion" for name in saved]
    with running_service(refs, uri, folder) as service:
        service.wait_until_ready()
        yield service


def _iris(folder: Path) -> Path:
    rows, species = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=1000).fit(rows, species)
    place = folder / "iris"
    mlflow.sklearn.save_model(
        model,
        str(place),
        signature=infer_signature(rows, species),
        input_example=rows.head(3),
        pip_requirements=["scikit-learn"],
    )
    return place
