"""One service with a model of every kind of signature, for tests that send it anything at all."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow.models import ModelSignature, infer_signature
from mlflow.types.schema import ParamSchema, Schema
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from tests.contract.signatures import (
    ANY,
    array,
    column,
    map_of,
    nested,
    object_of,
    param,
    tensor,
)
from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service

TYPES = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
_LEAF = object_of({"a": "binary"}, {"b": map_of(array("datetime"))})


@dataclass(frozen=True, slots=True)
class Animal:
    """A signature as MLmodel has it, and a request that fits."""

    inputs: list[dict[str, Any]]
    request: dict[str, Any]
    params: tuple[dict[str, Any], ...] = ()


ROW: dict[str, Any] = {
    "boolean": True,
    "integer": 1,
    "long": 2.0,
    "float": 0.5,
    "double": 1.5,
    "string": "x",
    "binary": "aGk=",
    "datetime": "2026-05-01T00:00:00Z",
}
ANIMALS: dict[str, Animal] = {
    "scalars": Animal(
        [column(type_, type_, required=place % 2 == 0) for place, type_ in enumerate(TYPES)],
        {"dataframe_records": [ROW], "params": {"count": 2, "days": ["2026-05-01"]}},
        (param("long", "count", 1), param("datetime", "days", [], shape=[-1])),
    ),
    "unnamed": Animal(
        [column("double"), column("string")], {"dataframe_split": {"data": [[0.5, "x"]]}}
    ),
    "single": Animal([column("long", "x")], {"inputs": [1, 2]}),
    "nested": Animal(
        [nested(array(_LEAF), "a"), nested(map_of("float"), "b", required=False)],
        {"inputs": {"a": [{"a": "aGk=", "b": {"z": ["2026-05-01"]}}], "b": {"a": 1}}},
    ),
    "anything": Animal(
        [nested(ANY, "a"), nested(map_of(ANY), "b", required=False)],
        {"dataframe_records": [{"a": "x", "b": {"a": None}}, {"a": [1]}]},
    ),
    "tensor": Animal([tensor("float32", [-1, 2])], {"inputs": [[1, 2], [3, 4]]}),
    "tensors": Animal(
        [tensor("bool", [-1, 2], "a"), tensor("uint64", [-1], "b")],
        {"instances": [{"a": [True, False], "b": 1}]},
    ),
    "chat": Animal(
        [
            nested(array(object_of({"role": "string", "content": "string"})), "messages"),
            column("double", "temperature", required=False),
        ],
        {"messages": [{"role": "user", "content": "hi"}]},
    ),
}
IRIS, HINTED, UNSIGNED = "iris", "hinted", "unsigned"
FLOWER = {
    "sepal length (cm)": 5.1,
    "sepal width (cm)": 3.5,
    "petal length (cm)": 1.4,
    "petal width (cm)": 0.2,
}
ORDER = {"key": "aGk=", "lines": [{"article": "x", "count": 1, "price": 0.5}], "more": {"a": 1.0}}
# A request that fits, for every slot.
REQUESTS: dict[str, dict[str, Any]] = {
    IRIS: {"dataframe_records": [FLOWER, FLOWER]},
    HINTED: {"inputs": [ORDER, {"key": "", "lines": []}]},
    UNSIGNED: {"inputs": [1, 2]},
    **{name: animal.request for name, animal in ANIMALS.items()},
}


@contextlib.contextmanager
def running_zoo(
    migrated_database: Path, folder: Path, **environment: str
) -> Iterator[RunningService]:
    """A ready service; each alias is `champion`, and iris is the default model.

    But for iris, none of the models ever fails on an input that it gets.
    """
    tracking_uri = f"sqlite:///{tracking.copy_database(migrated_database, folder)}"
    Registry(tracking_uri, IRIS).add(_iris(folder), alias="champion")
    Registry(tracking_uri, HINTED).add(_saved(folder, HINTED, "hinted"), alias="champion")
    Registry(tracking_uri, UNSIGNED).add(_saved(folder, UNSIGNED, "echo"), alias="champion")
    for name, animal in ANIMALS.items():
        place = models.save(folder / name, "echo", _signature(animal), example=None)
        Registry(tracking_uri, name).add(place, alias="champion")
    refs = [f"{name}@champion" for name in REQUESTS]
    environment = {"PODIUM_ALLOW_UNSIGNED": "true"} | environment
    with running_service(refs, tracking_uri, folder, **environment) as service:
        service.wait_until_ready()
        yield service


def _signature(animal: Animal) -> ModelSignature:
    params = ParamSchema.from_json(json.dumps(animal.params)) if animal.params else None
    return ModelSignature(inputs=Schema.from_json(json.dumps(animal.inputs)), params=params)  # type: ignore[arg-type]  # its annotation forgets None


def _saved(folder: Path, name: str, code: str) -> Path:
    """A model from code as it is; its signature, if it has one, comes from its type hint."""
    mlflow.pyfunc.save_model(
        str(folder / name),
        python_model=str(models.CODE / f"{code}.py"),
        pip_requirements=models.REQUIREMENTS,
    )
    return folder / name


def _iris(folder: Path) -> Path:
    data, target = load_iris(return_X_y=True, as_frame=True)
    fitted = LogisticRegression(max_iter=200).fit(data, target)
    mlflow.sklearn.save_model(
        fitted,
        str(folder / IRIS),
        signature=infer_signature(data, fitted.predict(data)),
        input_example=data.head(3),
        pip_requirements=models.REQUIREMENTS,
    )
    return folder / IRIS
