"""What is left of MLflow's scoring protocol when the four formats are gone, on a real service.

Chat-style bodies, models without a signature, and a model's own exceptions of MLflow's.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import mlflow
import pandas as pd
import pytest
from mlflow.models import ModelSignature
from mlflow.types.schema import ParamSchema, Schema

from tests.as_mlflow.chat_differences import CHAT, TURNS
from tests.contract.signatures import column, param
from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service

SIGNATURE = ModelSignature(
    Schema.from_json(json.dumps([CHAT, column("string", "user", required=False)])),
    params=ParamSchema.from_json(json.dumps([param("double", "temperature", 0.5)])),
)
PREDICT, INVOKE = "/models/free@champion/predict", "/models/free@champion/invocations"


@pytest.fixture(scope="module")
def service(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """Serves one model twice: `chat`, the default, with a signature, and `free` without one."""
    folder = tmp_path_factory.mktemp("protocol")
    uri = f"sqlite:///{tracking.copy_database(migrated_database, folder)}"
    unsigned = folder / "unsigned"
    code = str(models.CODE / "repeating.py")
    mlflow.pyfunc.save_model(str(unsigned), python_model=code, pip_requirements=["mlflow"])
    signed = models.save(folder, "repeating", SIGNATURE, example=None)
    Registry(uri, "chat").add(signed, alias="champion")
    Registry(uri, "free").add(unsigned, alias="champion")
    refs = ["chat@champion", "free@champion"]
    with running_service(refs, uri, folder, PODIUM_ALLOW_UNSIGNED="true") as running:
        running.wait_until_ready()
        yield running


def post(service: RunningService, path: str, body: Any, **headers: str) -> httpx.Response:
    """The answer to a body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = {"content-type": "application/json", **headers}
    return httpx.post(
        service.url + path, content=content, headers=kind, trust_env=False, timeout=240
    )


pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, of models without examples


def test_chat_is_answered_bare_by_mlflows_protocol(service: RunningService) -> None:
    """And by Podium's own with the version that has computed it."""
    body = {"messages": TURNS, "temperature": 1}
    said = [repr([{"messages": TURNS}]), "{'temperature': 1.0}"]
    bare = post(service, "/invocations", body)
    assert (bare.status_code, bare.json()) == (200, said)
    assert bare.headers["podium-version"] == "1"
    model = {"name": "chat", "alias": "champion", "version": "1"}
    assert post(service, "/predict", body).json() == {"predictions": said, "model": model}
    formatted = {"dataframe_records": [{"messages": TURNS}]}
    assert post(service, "/invocations", formatted).json().keys() == {"predictions"}


def test_long_chat_is_answered_bare_too(service: RunningService) -> None:
    """Read in another process, since it would hold up the others here."""
    body = {"messages": [{"role": "user", "content": "x" * 400_000}]}
    answer = post(service, "/invocations", body).json()
    assert len(answer) == 2
    assert len(answer[0]) > 400_000


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"inputs": [1, 2]}, ["[1, 2]", "None"]),
        ({"dataframe_split": {"data": [[1, "x"]]}}, ["[{0: 1, 1: 'x'}]", "None"]),
        ({"dataframe_records": [{"a": 1}], "params": {"n": 1}}, ["[{'a': 1}]", "{}"]),
        ({"instances": {"a": ["x"]}}, ["{'a': array(['x'], dtype='<U1')}", "None"]),
    ],
)
def test_unsigned_model_gets_what_mlflow_gives_it(
    service: RunningService, body: Any, said: Any
) -> None:
    """Whatever that is."""
    answer = post(service, INVOKE, body)
    assert (answer.status_code, answer.json()) == (200, {"predictions": said})


def test_unsigned_model_gets_chats_and_csv(service: RunningService) -> None:
    """Long ones too."""
    assert post(service, INVOKE, {"prompt": "a"}).json() == ["{'prompt': 'a'}", "{}"]
    sheet = b"a,b\n1,x\n"
    answer = post(service, INVOKE, sheet, **{"content-type": "text/csv"}).json()
    assert answer == {"predictions": ["[{'a': 1, 'b': 'x'}]", "None"]}
    long = {"inputs": ["x" * 400_000]}
    assert len(post(service, INVOKE, long).json()["predictions"][0]) > 400_000


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": [["secret"], [1, 2]]},
        {"dataframe_split": {"columns": ["secret"], "data": [[1, 2]]}},
        {"instances": {"secret": [1], "b": [1, 2]}},
        {"inputs": 1, "instances": 1},
        b"\x00",
    ],
)
def test_p14_what_mlflow_refuses_is_the_clients_fault(service: RunningService, body: Any) -> None:
    """Without its values, in either protocol."""
    podium, theirs = post(service, PREDICT, body), post(service, INVOKE, body)
    assert (podium.status_code, theirs.status_code) == (422, 400)
    assert podium.json()["code"] == "invalid_input"
    assert "secret" not in podium.text + theirs.text


def test_p14_parquet_of_an_unsigned_model(service: RunningService) -> None:
    """A file that is none is refused; what one holds reaches the model."""
    kind = {"content-type": "application/vnd.apache.parquet"}
    assert post(service, PREDICT, b"PAR1 no", **kind).status_code == 422
    body = pd.DataFrame({"a": [1.5]}).to_parquet()
    assert post(service, INVOKE, body, **kind).json() == {"predictions": ["[{'a': 1.5}]", "None"]}


def test_pages_tell_that_there_is_no_signature(service: RunningService) -> None:
    """And the document has a request for it all the same."""
    slot = service.slot("free@champion")
    assert slot["unsigned"] is True
    assert slot["signature"]["inputs"] is None
    assert slot["hosts"]["row_wise"] is False
    assert service.slot("chat@champion")["unsigned"] is False
    document = httpx.get(f"{service.url}/openapi.json", trust_env=False, timeout=240).json()
    content = document["paths"][INVOKE]["post"]["requestBody"]["content"]
    assert len(content["application/json"]["schema"]["oneOf"]) == 5
    assert "text/csv" in content


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("RESOURCE_DOES_NOT_EXIST", 404),
        ("INVALID_PARAMETER_VALUE", 400),
        ("PERMISSION_DENIED", 403),
        ("RESOURCE_EXHAUSTED", 429),
        ("TEMPORARILY_UNAVAILABLE", 503),
    ],
)
def test_models_own_exception_of_mlflows_keeps_its_meaning(
    service: RunningService, code: str, status: int
) -> None:
    """By MLflow's protocol; by Podium's own the model has failed. Its text stands in the log."""
    body = {"messages": TURNS, "user": f"raise {code}"}
    theirs, podium = post(service, "/invocations", body), post(service, "/predict", body)
    assert (theirs.status_code, theirs.json()["error_code"]) == (status, code)
    assert theirs.headers["x-request-id"] in theirs.json()["message"]
    assert (podium.status_code, podium.json()["code"]) == (500, "model_failed")
    assert "secret" not in theirs.text + podium.text


def test_code_without_a_status_is_a_failure_of_the_model(service: RunningService) -> None:
    """As in MLflow, 500."""
    body = {"messages": TURNS, "user": "raise FEATURE_DISABLED"}
    answer = post(service, "/invocations", body)
    assert (answer.status_code, answer.json()["error_code"]) == (500, "INTERNAL_ERROR")
