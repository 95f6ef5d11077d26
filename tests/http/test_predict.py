"""Podium's own protocol."""

import json

import pytest

from service.errors import (
    ModelFailed,
    NoServable,
    Overloaded,
    PredictionTimedOut,
    ServiceError,
    UnsupportedMediaType,
)
from tests.http.app import App, Raw, chunk
from tests.support.serving import FakeContract, FakePredictor, failing


async def test_reply_holds_predictions_and_the_model_that_made_them(app: App) -> None:
    """One prediction a row, beside name, alias and version."""
    reply = await app.predict([1, 2.5])

    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json() == {
        "predictions": [1, 1],
        "model": {"name": "iris", "alias": "champion", "version": "1"},
    }


async def test_long_reply_is_sent_in_parts(app: App) -> None:
    """None of them is copied; together they are as long as was said."""
    long = '"' + "x" * 70_000 + '"'
    app.serve("1", FakePredictor(answer=long))
    raw = await Raw().run(app.asgi, [chunk(b'{"inputs":[1]}')])

    assert [len(message["body"]) for message in raw.sent[1:]][1] == len(long) + 2
    assert json.loads(raw.body)["predictions"] == ["x" * 70_000]
    assert (b"content-length", b"%d" % len(raw.body)) in raw.sent[0]["headers"]


async def test_reply_headers_are_percent_encoded_utf8() -> None:
    """A name of any characters comes back whole from a header of ASCII alone."""
    from service.refs import ModelRef

    app = App([ModelRef('größe/"a" b', "prod")])
    reply = await app.predict([1])

    assert reply.headers["podium-model"] == "gr%C3%B6%C3%9Fe%2F%22a%22%20b"
    assert reply.headers["podium-alias"] == "prod"
    assert reply.headers["podium-version"] == "1"
    assert reply.json()["model"]["name"] == 'größe/"a" b'
    app.logs.close()


async def test_usable_request_id_is_returned_and_told(app: App) -> None:
    """The client's id stands in the header and in the record."""
    reply = await app.predict([1], headers={"X-Request-ID": "order 7/a"})

    assert reply.headers["x-request-id"] == "order 7/a"
    assert app.records.records[0].request_id == "order 7/a"


@pytest.mark.parametrize("sent", ["", "x" * 129, "tab\there", b"\xc3\xa9"])
async def test_unusable_request_id_is_replaced(app: App, sent: str | bytes) -> None:
    """Empty, too long or not printable: the reply has an id of Podium's own."""
    value = sent if isinstance(sent, bytes) else sent.encode()
    reply = await app.predict([1], headers=[(b"x-request-id", value)])

    assert reply.headers["x-request-id"].encode() != value
    assert 0 < len(reply.headers["x-request-id"]) <= 128


async def test_requests_without_an_id_get_different_ones(app: App) -> None:
    """No two requests share an id."""
    ids = {(await app.predict([1])).headers["x-request-id"] for _ in range(5)}

    assert len(ids) == 5


async def test_p14_invalid_input_gets_every_field_error_and_no_value(app: App) -> None:
    """422 with all fields at once, by position and signature name, and nothing of the client's."""
    reply = await app.predict([1, "secret-value", None])

    assert reply.status_code == 422
    assert reply.json() == {
        "code": "invalid_input",
        "request_id": reply.headers["x-request-id"],
        "detail": [
            {"loc": ["body", "inputs", "x", 1], "msg": "Expected a number.", "type": "type"},
            {"loc": ["body", "inputs", "x", 2], "msg": "Expected a number.", "type": "type"},
        ],
    }
    assert "secret" not in reply.text
    assert reply.headers["podium-version"] == "1"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Overloaded("Too much is waiting."), 503, "overloaded"),
        (NoServable("Nothing serves."), 503, "no_servable"),
        (ModelFailed("The model failed."), 500, "model_failed"),
        (PredictionTimedOut("The model took too long."), 504, "prediction_timed_out"),
    ],
)
async def test_failed_prediction_has_a_stable_code(
    app: App, error: ServiceError, status: int, code: str
) -> None:
    """Status by the error's class; the error's own safe words."""
    app.serve("1", failing(error))
    reply = await app.predict([1])

    assert reply.status_code == status
    assert reply.json() == {
        "code": code,
        "detail": error.message,
        "request_id": reply.headers["x-request-id"],
    }
    assert reply.headers.get("retry-after") == ("1" if status == 503 else None)


async def test_unsupported_media_type_is_415(app: App) -> None:
    """What the contract does not read is refused by its type."""
    app.serve("1", contract=FakeContract(UnsupportedMediaType("Send application/json.")))
    reply = await app.predict([1])

    assert reply.status_code == 415
    assert reply.json()["code"] == "unsupported_media_type"


async def test_slot_without_a_version_is_503_with_retry_after(app: App) -> None:
    """Not yet: the client may come back."""
    reply = await app.predict([1], "/models/team/other model@blue/predict")

    assert reply.status_code == 503
    assert reply.json()["code"] == "no_servable"
    assert reply.headers["retry-after"] == "1"
    assert "podium-version" not in reply.headers


async def test_unexpected_exception_is_logged_and_not_told(app: App) -> None:
    """The client gets a code and an id, the log the traceback under the same id; no value."""
    app.serve("1", failing(ZeroDivisionError("secret-value")))
    reply = await app.predict([1])

    assert reply.status_code == 500
    assert reply.json()["code"] == "internal"
    assert "secret" not in reply.text
    line = next(line for line in app.log() if line["event"] == "internal")
    assert line["request_id"] == reply.headers["x-request-id"]
    assert "ZeroDivisionError" in line["exception"]
    assert "raise self.error" in line["exception"]
    assert "secret-value" not in str(line)
