"""MLflow's scoring protocol."""

from dataclasses import replace
from importlib import metadata

import orjson
import pytest
from mlflow.exceptions import ERROR_CODE_TO_HTTP_STATUS, MlflowException
from mlflow.protos import databricks_pb2
from mlflow.protos.databricks_pb2 import ErrorCode

from service.contract.model_input import ModelInput
from service.contract.tensors.tensor_message import BodyForm
from service.errors import (
    ModelFailed,
    ModelRaisedMlflow,
    Overloaded,
    PredictionTimedOut,
    ServiceError,
)
from service.following.pursuit import Pursuit
from service.http.errors import STATUS
from service.protocols.mlflow import MLFLOW_CODES
from service.refs import VersionId
from tests.http.app import App
from tests.support.serving import FakeContract, FakePredictor, failing


async def test_reply_holds_predictions_alone(app: App) -> None:
    """As MLflow answers; the model's identity stands in the headers."""
    reply = await app.predict([1, 2], "/invocations")

    assert reply.json() == {"predictions": [1, 1]}
    assert reply.headers["podium-version"] == "1"


async def test_invalid_input_is_400_with_every_field_and_no_value(app: App) -> None:
    """MLflow's shape and status; what is wrong stands in the message, what was sent does not."""
    reply = await app.predict(["secret-value", 1, "other"], "/invocations")

    assert reply.status_code == 400
    assert reply.json()["error_code"] == "BAD_REQUEST"
    assert "body.inputs.x.0: Expected a number." in reply.json()["message"]
    assert "body.inputs.x.2: Expected a number." in reply.json()["message"]
    assert "secret" not in reply.text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ModelFailed("The model failed."), databricks_pb2.INTERNAL_ERROR),
        (Overloaded("Too much is waiting."), databricks_pb2.TEMPORARILY_UNAVAILABLE),
        (PredictionTimedOut("The model took too long."), databricks_pb2.DEADLINE_EXCEEDED),
    ],
)
async def test_error_is_what_mlflow_would_have_serialized(
    app: App, error: ServiceError, code: int
) -> None:
    """Status and keys are those of MLflow's own exception, so its clients understand them."""
    app.serve("1", failing(error))
    reply = await app.predict([1], "/invocations")
    message = f"{error.message} (request {reply.headers['x-request-id']})"

    assert (reply.status_code, reply.json()) == _mlflows(message, code)


@pytest.mark.parametrize("name", MLFLOW_CODES)
async def test_models_own_exception_is_what_mlflow_would_have_serialized(
    app: App, name: str
) -> None:
    """Status and code are kept, for every code of MLflow's with a status; the text is not."""
    app.serve("1", failing(ModelRaisedMlflow("The model raised.", name)))
    reply = await app.predict([1], "/invocations")
    message = f"The model raised. (request {reply.headers['x-request-id']})"

    assert (reply.status_code, reply.json()) == _mlflows(message, ErrorCode.Value(name))
    assert (await app.predict([1], "/predict")).json()["code"] == "model_failed"


def test_every_code_of_mlflows_with_a_status_is_known() -> None:
    """No more and no fewer."""
    assert MLFLOW_CODES.keys() == ERROR_CODE_TO_HTTP_STATUS.keys()
    theirs = {code: status for code, status in STATUS.items() if code.isupper()}
    assert theirs == ERROR_CODE_TO_HTTP_STATUS


@pytest.mark.parametrize("name", ["FEATURE_DISABLED", "secret value", ""])
async def test_other_codes_are_failures_of_the_model(app: App, name: str) -> None:
    """With MLflow's status for them, and nothing of what the model calls them."""
    app.serve("1", failing(ModelRaisedMlflow("The model raised.", name)))
    reply = await app.predict([1], "/invocations")

    assert (reply.status_code, reply.json()["error_code"]) == (500, "INTERNAL_ERROR")
    assert "secret" not in reply.text


async def test_chat_is_answered_with_predictions_alone(app: App) -> None:
    """Not wrapped, as MLflow answers it; Podium's own protocol wraps it like any other."""
    app.serve("1", contract=ChatContract())
    bare = await app.predict([1, 2], "/invocations")
    wrapped = await app.predict([1, 2], "/predict")

    assert bare.json() == [1, 1]
    assert bare.headers["podium-version"] == "1"
    assert wrapped.json().keys() == {"predictions", "model"}


class ChatContract(FakeContract):
    """Takes everything for a chat."""

    def parse(self, body: bytes, media_type: BodyForm) -> ModelInput:
        """As the contract that it is made of reads it."""
        return replace(super().parse(body, media_type), bare=True)


async def test_refused_request_is_what_mlflow_would_have_serialized(app: App) -> None:
    """The keys of a bad request are MLflow's."""
    reply = await app.predict([None], "/invocations")
    theirs = _mlflows(reply.json()["message"], databricks_pb2.BAD_REQUEST)

    assert (reply.status_code, reply.json()) == theirs


async def test_unavailable_says_when_to_come_back(app: App) -> None:
    """`Retry-After` stands on every protocol."""
    app.serve("1", failing(Overloaded("Too much is waiting.")))
    reply = await app.predict([1], "/invocations")

    assert reply.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("code", "status"), [("TEMPORARILY_UNAVAILABLE", 503), ("REQUEST_LIMIT_EXCEEDED", 429)]
)
async def test_o21_model_that_says_not_now_says_when_to_come_back(
    app: App, code: str, status: int
) -> None:
    """It does not say so itself."""
    app.serve("1", failing(ModelRaisedMlflow("The model raised.", code)))
    reply = await app.predict([1], "/invocations")

    assert (reply.status_code, reply.headers["retry-after"]) == (status, "1")


async def test_o21_refused_slot_says_when_to_come_back(app: App) -> None:
    """Not at once; as do its probes."""
    slot = app.slots.default
    slot.serve(None)
    slot.has_no_fallback = True
    slot.pursuit = Pursuit(VersionId("iris", 1, "2"), fault="load_failed")
    posts = [await app.predict([1], path) for path in ("/predict", "/invocations")]
    paths = ("/ping", "/health", "/health/ready", "/models/iris@champion/ready")
    gets = [await app.client.get(path) for path in paths]

    assert {reply.status_code for reply in (*posts, *gets)} == {503}
    assert {reply.headers["retry-after"] for reply in (*posts, *gets)} == {"60"}


@pytest.mark.parametrize("path", ["/ping", "/health"])
async def test_ping_is_a_line_feed_while_the_default_slot_can_answer(app: App, path: str) -> None:
    """200 as MLflow gives it, 503 without a servable that is ready."""
    ready = await app.client.get(path)
    app.serve("1", FakePredictor(ready=False))
    unready = await app.client.get(path)
    app.slots.default.serve(None)
    empty = await app.client.get(path)

    assert (ready.status_code, ready.text) == (200, "\n")
    assert unready.status_code == 503
    assert empty.status_code == 503


async def test_version_is_mlflows_as_bare_text(app: App) -> None:
    """The version installed here, without importing MLflow."""
    reply = await app.client.get("/version")

    assert reply.status_code == 200
    assert reply.text == metadata.version("mlflow")


def _mlflows(message: str, code: int) -> tuple[int, dict[str, str]]:
    error = MlflowException(message, code)
    status: int = error.get_http_status_code()  # type: ignore[no-untyped-call]
    body: dict[str, str] = orjson.loads(error.serialize_as_json())  # type: ignore[no-untyped-call]
    return status, body
