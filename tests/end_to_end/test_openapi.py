"""The OpenAPI document of a real service: what it says of a version can be sent at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import mlflow
import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from mlflow.models import infer_signature

from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
SECONDS: Final = 240.0
TABLE: Final = pd.DataFrame(
    {
        "boolean": [True, False],
        "integer": np.array([1, 2], "int32"),
        "long": [1, 2],
        "float": np.array([0.5, 1], "float32"),
        "double": [0.5, None],
        "string": ["x", None],
        "binary": [b"hi", b""],
        "datetime": pd.to_datetime(["2026-05-01T00:00:00", "2026-05-01T10:00:00"]),
    }
)
NESTED: Final[list[dict[str, Any]]] = [{"items": [{"name": "x"}], "weights": {"k": 1.5}}]
TENSOR: Final = np.zeros((2, 3), "float32")
TENSORS: Final = {"a": np.zeros((2, 3)), "b": np.array([1, 2])}
CHAT: Final[dict[str, Any]] = {"messages": [{"role": "user", "content": "hi"}]}
ORDERS: Final[list[dict[str, Any]]] = [{"key": b"hi", "lines": [{"article": "x", "count": 1}]}]


@dataclass(frozen=True, slots=True)
class Documented:
    """The example that a version was logged with, and what it can be sent as."""

    example: Any
    media_types: tuple[str, ...]
    params: dict[str, Any] | None = None

    def saved(self, folder: Path) -> Path:
        """A model with the signature that MLflow infers from the example."""
        example = self.example if self.params is None else (self.example, self.params)
        signature = infer_signature(self.example, params=self.params)
        return models.save(folder, "echo", signature, example=example)


DOCUMENTED: Final[Mapping[str, Documented]] = {
    "table": Documented(TABLE, (JSON, CSV, PARQUET), {"count": 2, "days": ["x"]}),
    "nested": Documented(NESTED, (JSON, PARQUET)),
    "tensor": Documented(TENSOR, (JSON, PARQUET)),
    "tensors": Documented(TENSORS, (JSON, PARQUET)),
    "unnamed": Documented([1.5, 2.5], (JSON, CSV, PARQUET)),
    "chat": Documented(CHAT, (JSON, PARQUET)),
}
HINTED: Final = "hinted"
ALL: Final = [*DOCUMENTED, HINTED]
MOVING: Final = "moving"

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, while models are saved


@dataclass(frozen=True, slots=True)
class Running:
    """The service, and the registry's model whose alias a test may move."""

    service: RunningService
    moving: Registry

    def document(self) -> dict[str, Any]:
        """What `/openapi.json` says now."""
        reply = httpx.get(f"{self.service.url}/openapi.json", trust_env=False, timeout=SECONDS)
        found: dict[str, Any] = reply.raise_for_status().json()
        return found

    def content(self, name: str, route: str = "predict") -> dict[str, Any]:
        """The request body of one operation, by media type."""
        operation = self.document()["paths"][f"/models/{name}@champion/{route}"]["post"]
        found: dict[str, Any] = operation["requestBody"]["content"]
        return found

    def post(self, path: str, body: Any) -> httpx.Response:
        """The answer to a body."""
        return httpx.post(self.service.url + path, json=body, trust_env=False, timeout=SECONDS)


@pytest.fixture(scope="module")
def running(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service for all tests here; each version was logged with an input example."""
    folder = tmp_path_factory.mktemp("documented")
    uri = f"sqlite:///{tracking.copy_database(migrated_database, folder)}"
    for name, each in DOCUMENTED.items():
        Registry(uri, name).add(each.saved(folder / name), alias="champion")
    Registry(uri, HINTED).add(_hinted(folder), alias="champion")
    moving = Registry(uri, MOVING)
    moving.add(models.save(folder / "first", "echo"), alias="champion")
    wider = pd.DataFrame({"x": [1.0, 2.0], "another": ["y", None]})
    second = models.save(folder / "second", "echo", infer_signature(wider), wider)
    moving.add(second, **{"podium.allow_breaking": "true"})
    refs = [f"{name}@champion" for name in (*ALL, MOVING)]
    with running_service(refs, uri, folder) as service:
        service.wait_until_ready()
        yield Running(service, moving)


def _hinted(folder: Path) -> Path:
    """Its signature comes from its type hint."""
    mlflow.pyfunc.save_model(
        str(folder / HINTED),
        python_model=str(models.CODE / "hinted.py"),
        pip_requirements=models.REQUIREMENTS,
        input_example=ORDERS,
    )
    return folder / HINTED


@pytest.mark.parametrize("route", ["predict", "invocations"])
@pytest.mark.parametrize("name", ALL)
def test_example_of_the_document_is_answered_as_it_stands(
    running: Running, name: str, route: str
) -> None:
    """So that "Try it out" works at once, whatever the signature; its schema admits it too."""
    request = running.content(name, route)[JSON]

    assert running.post(f"/models/{name}@champion/{route}", request["example"]).status_code == 200
    Draft202012Validator(request["schema"]).validate(request["example"])


@pytest.mark.parametrize("name", DOCUMENTED)
def test_document_lists_what_a_version_can_be_sent_as(running: Running, name: str) -> None:
    """CSV carries scalars alone, a plain list comes as JSON alone."""
    assert tuple(running.content(name)) == DOCUMENTED[name].media_types
    assert tuple(running.content(HINTED)) == (JSON,)


def test_every_column_has_type_nullability_description_and_example(running: Running) -> None:
    """Each of MLflow's types, required and optional."""
    request = running.content("table")[JSON]
    record = request["schema"]["properties"]["dataframe_records"]["items"]
    columns, example = record["properties"], request["example"]["dataframe_split"]

    assert {name: column["title"] for name, column in columns.items()} == {
        name: name for name in TABLE
    }
    assert all(column["description"] for column in columns.values())
    nullable = {name for name, column in columns.items() if "null" in column["type"]}
    assert nullable == set(TABLE) - set(record["required"]) == {"double", "string"}
    assert example["columns"] == list(TABLE)
    assert all(len(row) == len(columns) for row in example["data"])


def test_every_param_has_type_and_default(running: Running) -> None:
    """What a request that leaves it out is answered with."""
    params = running.content("table")[JSON]["schema"]["properties"]["params"]["properties"]

    assert params["count"]["title"] == "long"
    assert params["count"]["default"] == 2
    assert params["days"]["type"] == "array"
    assert params["days"]["default"] == ["x"]


def test_chat_form_is_listed_where_it_is_taken(running: Running) -> None:
    """Its inputs stand at the top, beside the four formats."""
    chat, table = (running.content(name)[JSON]["schema"] for name in ("chat", "table"))

    assert chat["properties"]["messages"]["items"]["properties"].keys() == {"role", "content"}
    assert {"required": ["messages"], "not": {"required": ["params"]}} in chat["oneOf"]
    assert "messages" not in table["properties"]
    assert len(table["oneOf"]) == len(chat["oneOf"]) - 1 == 4


def test_document_changes_with_the_swap(running: Running) -> None:
    """Schema and example are those of the version that answers."""

    def columns() -> set[str]:
        schema = running.content(MOVING)[JSON]["schema"]
        return set(schema["properties"]["dataframe_records"]["items"]["properties"])

    assert columns() == {"x"}
    running.moving.move("champion", "2")
    wait_until(lambda: columns() == {"x", "another"}, SECONDS, "the document is the second's")
    example = running.content(MOVING)[JSON]["example"]

    assert example["dataframe_split"]["columns"] == ["x", "another"]
    assert running.post(f"/models/{MOVING}@champion/predict", example).status_code == 200
