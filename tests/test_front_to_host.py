"""Requests through the real contract to a real process, and what the model sees of them there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from service.contract.contract import Contract
from service.hosting.pool import Pool
from service.hosting.specification import HostedModel
from service.zygote.front.handle import Zygote
from tests.contract.signatures import column, param, parse, tensor
from tests.host.handed import Entries, Signed
from tests.hosting.rows import started
from tests.support import models

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    # What hosts warm up with is given to the pool here.
    pytest.mark.filterwarnings("ignore:.*An input example was not provided:UserWarning"),
]

COLUMNS: Entries = [
    column("boolean", "boolean"),
    column("integer", "integer"),
    column("long", "long"),
    column("float", "float"),
    column("double", "double"),
    column("string", "string"),
    column("binary", "binary"),
    column("datetime", "datetime"),
    column("boolean", "maybe boolean", required=False),
    column("double", "maybe double", required=False),
    column("string", "maybe string", required=False),
    column("datetime", "maybe datetime", required=False),
    column("long", "absent", required=False),
]
ROW = {
    "boolean": True,
    "integer": 5.0,
    "long": 2**60 + 1,
    "float": 0.1,
    "double": 3,
    "string": "5",
    "binary": "aGk=",
    "datetime": "2026-05-01T10:00:00.5+02:00",
    "maybe boolean": None,
    "maybe double": None,
    "maybe string": None,
    "maybe datetime": None,
}


@dataclass(frozen=True)
class Served:
    """A contract, and the pool behind it."""

    contract: Contract
    pool: Pool

    async def answer(self, body: Any) -> Any:
        """The predictions for a request."""
        return orjson.loads(await self.pool.predict(parse(self.contract, body)))


Serve = Callable[..., Awaitable[Served]]


@pytest_asyncio.fixture(loop_scope="session")
async def serve(zygote: Zygote, tmp_path: Path) -> AsyncIterator[Serve]:
    """Saves a model of `tests/models` with a signature, and serves it; ends it afterwards."""
    pools: list[Pool] = []

    async def start(
        code: str, entries: Entries, *, params: Entries = (), example: Any = None
    ) -> Served:
        signed = Signed(entries, params)
        hosted = HostedModel(
            path=models.save(tmp_path, code, signed.signature, example=None),
            joinable=True,
            joinable_reason="as the test says",
            retry=True,
            example=None if example is None else parse(signed.contract, example),
        )
        pools.append(await started(zygote, hosted))
        return Served(signed.contract, pools[-1])

    yield start
    for pool in pools:
        await pool.close()


async def test_columns_have_their_dtypes_in_the_models_process(serve: Serve) -> None:
    """Exact values, nulls of optional columns, and no absent column."""
    served = await serve("mirror", COLUMNS)
    (answer,) = await served.answer({"dataframe_records": [ROW]})
    assert answer == {
        "boolean": ["bool", "True"],
        "integer": ["int32", "5"],
        "long": ["int64", "1152921504606846977"],
        "float": ["float32", "0.10000000149011612"],
        "double": ["float64", "3.0"],
        "string": ["str", "'5'"],
        "binary": ["object", "b'hi'"],
        "datetime": ["datetime64[ns]", "Timestamp('2026-05-01 08:00:00.500000')"],
        "maybe boolean": ["object", "None"],
        "maybe double": ["float64", "nan"],
        "maybe string": ["object", "None"],
        "maybe datetime": ["datetime64[ns]", "NaT"],
        "_index": "0",
        "_params": "None",
    }


async def test_params_and_index_reach_the_model(serve: Serve) -> None:
    """Params that were not sent have their defaults, also where those are not JSON."""
    params = [
        param("double", "floor", float("-inf")),
        param("long", "top", 3),
        param("string", "words", ["a"], shape=[-1]),
    ]
    served = await serve("mirror", [column("double", "x")], params=params)
    split = {"columns": ["x"], "index": ["r", "s"], "data": [[1], [2]]}
    answers = await served.answer({"dataframe_split": split, "params": {"top": 5.0}})
    assert [answer["_index"] for answer in answers] == ["'r'", "'s'"]
    assert {answer["_params"] for answer in answers} == {
        "{'floor': -inf, 'top': 5, 'words': ['a']}"
    }


async def test_tensors_reach_the_model(serve: Serve) -> None:
    """In their dtype and shape."""
    served = await serve("mirror", [tensor("float32", [-1, 2])])
    assert await served.answer({"inputs": [[1, 0.5], [3, 4]]}) == [
        ["float32", [1.0, 0.5]],
        ["float32", [3.0, 4.0]],
    ]


async def test_named_tensors_reach_the_model(serve: Serve) -> None:
    """One without dimensions included, in the input example too."""
    entries = [tensor("int64", [-1, 2], "a"), tensor("bool", [], "b")]
    body = {"inputs": {"a": [[1, 2]], "b": True}}
    served = await serve("mirror", entries, example=body)
    assert await served.answer(body) == [{"a": ["int64", [[1, 2]]], "b": ["bool", True]}]


async def test_predictions_that_are_no_numbers_come_out_as_null(serve: Serve) -> None:
    """NaN of a null, and infinity of an overflow."""
    served = await serve("temperamental", [column("double", "x", required=False)])
    assert await served.answer({"inputs": {"x": [None, 1e308, 0.1]}}) == [None, None, 0.2]


async def test_p16_requests_of_one_turn_are_answered_as_alone(serve: Serve) -> None:
    """Nulls beside full columns included."""
    entries = [column("double", "x"), column("double", "y", required=False)]
    example = {"inputs": {"x": [1, 2, 4]}}
    served = await serve("temperamental", entries, example=example)
    assert served.pool.status.row_wise
    bodies = [
        {"inputs": {"x": [number, number + 1], **({"y": [None, 1]} if number % 2 else {})}}
        for number in range(10)
    ]
    async with asyncio.timeout(240):
        together = await asyncio.gather(*map(served.answer, bodies))
    assert together == [[2.0 * number, 2.0 * number + 2] for number in range(10)]
