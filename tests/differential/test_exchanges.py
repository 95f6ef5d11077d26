"""Statuses, media types, replies and errors are MLflow's, but where its server is plainly wrong."""

import asyncio
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST

from tests.as_mlflow.chat_differences import CHAT, TURNS
from tests.as_mlflow.server_differences import DIFFERENT_EXCHANGES, SAME_EXCHANGES, Exchange
from tests.contract.signatures import column, param
from tests.differential.both import Both

ENTRIES = [column("double", "c")]
KEYS = {"error_code", "message", "sqlstate", "error_class"}
ANSWERS: list[Any] = [
    [1, 2.5],
    np.array([[1, 2], [3, 4]], dtype="int8"),
    np.array(["a", "ä"]),
    np.array([True, False]),
    np.array([dt.datetime(2026, 5, 1)], dtype="datetime64[ns]"),  # noqa: DTZ001 - numpy's have none
    np.float32(0.1),
    pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
    pd.DataFrame({"a": [0.1]}, index=["row"]),
    pd.Series([1.5, 2.5], name="p"),
    {"a": np.array([1, 2]), "b": [{"c": np.int64(3)}]},
    [{"label": "x", "odds": np.array([0.5])}],
    "text",
    5,
    None,
    [],
    [None, "x"],
    (1, 2),
    pd.Timestamp("2026-05-01T10:00:00.5"),
]

# MLflow's own, of models without examples.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One loop for all of them."""
    with asyncio.Runner() as made:
        yield made


def statuses(runner: asyncio.Runner, each: Exchange) -> tuple[int, int]:
    """MLflow's and Podium's."""
    both = Both(ENTRIES, answer=each.answer)
    theirs = runner.run(both.by_mlflow(each.body, each.headers))
    ours = runner.run(both.by_podium(each.body, each.headers))
    return theirs.status, ours.status


@pytest.mark.parametrize(
    "each",
    [
        pytest.param(exchange, id=f"{rule}-{number}")
        for rule, exchanges in DIFFERENT_EXCHANGES.items()
        for number, exchange in enumerate(exchanges)
    ],
)
def test_status_differs_from_mlflows_only_as_listed(runner: asyncio.Runner, each: Exchange) -> None:
    """Each with its reason in the documentation."""
    assert statuses(runner, each) == (each.mlflow, each.podium)
    assert each.mlflow != each.podium


@pytest.mark.parametrize("each", SAME_EXCHANGES, ids=lambda each: repr(each.body)[:40])
def test_status_is_mlflows(runner: asyncio.Runner, each: Exchange) -> None:
    """Of what is taken and of what is refused."""
    assert statuses(runner, each) == (each.mlflow, each.podium)
    assert each.mlflow == each.podium


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_reply_is_mlflows_byte_for_byte_as_json(runner: asyncio.Runner, answer: Any) -> None:
    """Whatever kind of thing a model returns, wrapped in the same way."""
    both = Both(ENTRIES, answer=answer)
    body = b'{"dataframe_records":[{"c":1.5}]}'
    theirs, ours = runner.run(both.by_mlflow(body)), runner.run(both.by_podium(body))

    if answer is None:  # the witness's own answer
        assert "float64" in theirs.document["predictions"][0]
    assert repr(ours.document) == repr(theirs.document)
    assert ours.media_type == theirs.media_type == "application/json"


@pytest.mark.parametrize(
    "error", [ValueError("secret"), MlflowException("secret", INVALID_PARAMETER_VALUE)]
)
def test_p14_error_has_mlflows_keys_and_nothing_of_the_model(
    runner: asyncio.Runner, error: Exception
) -> None:
    """Neither the model's text nor a trace, nor the rows that MLflow repeats."""
    both = Both(ENTRIES, answer=error)
    body = b'{"dataframe_records":[{"c":12345.5}]}'
    theirs, ours = runner.run(both.by_mlflow(body)), runner.run(both.by_podium(body))

    assert ours.document.keys() == KEYS
    assert ours.document.keys() <= theirs.document.keys() | KEYS
    assert "12345" in json.dumps(theirs.document) or "secret" in json.dumps(theirs.document)
    assert "12345" not in ours.body.decode()
    assert "secret" not in ours.body.decode()


@pytest.mark.parametrize("code", [INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST])
def test_models_own_mlflow_exception_keeps_its_meaning(runner: asyncio.Runner, code: int) -> None:
    """Status and code are those that MLflow gives it."""
    both = Both(ENTRIES, answer=MlflowException("no", code))
    body = b'{"dataframe_records":[{"c":1.5}]}'
    theirs, ours = runner.run(both.by_mlflow(body)), runner.run(both.by_podium(body))

    assert ours.status == theirs.status
    assert ours.document["error_code"] == theirs.document["error_code"]


@pytest.mark.parametrize(
    ("entries", "params", "body"),
    [
        ([CHAT], [], {"messages": TURNS}),
        ([CHAT], [param("double", "heat", 0.5)], {"messages": TURNS, "heat": 2}),
        ([CHAT, column("string", "user", required=False)], [], {"messages": TURNS, "user": "x"}),
        ([column("string", "prompt")], [], {"prompt": "x"}),
        ([CHAT], [], {"dataframe_records": [{"messages": TURNS}]}),
        (ENTRIES, [param("long", "n", 1)], {"inputs": [1.5], "params": {"n": 2, "z": 1}}),
        (ENTRIES, [param("long", "n", 1)], {"inputs": [1.5]}),
        (ENTRIES, [param("double", "n", [0.5], shape=[-1])], {"inputs": [1], "params": {"n": [1]}}),
        (ENTRIES, [], {"inputs": [1.5], "params": {"n": 2}}),
    ],
)
def test_chats_and_params_are_answered_as_mlflow_answers_them(
    runner: asyncio.Runner, entries: Any, params: Any, body: Any
) -> None:
    """A chat not wrapped, everything else wrapped; params with their defaults and types."""
    both, sent = Both(entries, params), json.dumps(body).encode()
    theirs, ours = runner.run(both.by_mlflow(sent)), runner.run(both.by_podium(sent))

    assert theirs.status == 200
    assert (ours.status, ours.document) == (theirs.status, theirs.document)
