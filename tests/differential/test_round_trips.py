"""A value that is sent, echoed by a model and read from the reply is the value that was sent.

Of every type, by every format that can carry it; and whoever reads a body makes the same of it.
"""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from service.contract.contract import RequestLimits
from service.contract.definition import Definition
from service.errors import InvalidInput
from service.host.wire import encode_batch
from tests.differential.both import ECHO, Both, DecoderInProcess
from tests.differential.faithful import faithful
from tests.differential.files import Table, as_csv, as_parquet, tables
from tests.host.payloads import bodies, signatures
from tests.host.test_same_nested import requests as nested_requests
from tests.support.exploring import exploring

FEW = exploring(20)
Case = tuple[list[dict[str, Any]], dict[str, Any]]


@st.composite
def _with_a_body(draw: st.DrawFn, entries: st.SearchStrategy[list[dict[str, Any]]]) -> Case:
    signature = draw(entries)
    return signature, draw(bodies(signature, spoilt=False))


def _of_tensors(entries: list[dict[str, Any]]) -> bool:
    return bool(entries[0]["type"] == "tensor")


def _fits(entries: list[dict[str, Any]], body: dict[str, Any]) -> bool:
    """Tensors drawn for several names need not have as many rows."""
    try:
        _defined(entries).compile().parse(json.dumps(body).encode(), "")
    except InvalidInput:
        return False
    return True


def _defined(entries: list[dict[str, Any]]) -> Definition:
    inputs = {"inputs": json.dumps(entries)}
    return Definition(inputs, from_type_hint=False, limits=RequestLimits(max_rows=1000))


PLAIN = _with_a_body(signatures())
TENSORS = _with_a_body(signatures().filter(_of_tensors)).filter(lambda case: _fits(*case))
SCALARS = _with_a_body(signatures().filter(lambda entries: not _of_tensors(entries)))
NESTED = nested_requests().flatmap(
    lambda case: st.sampled_from(case[1]).map(lambda body: (case[0], body))
)
PARQUET = "application/vnd.apache.parquet"

# MLflow's own, of models without examples.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One loop for all examples."""
    with asyncio.Runner() as made:
        yield made


def echoed(runner: asyncio.Runner, entries: Sequence[Any], body: bytes, media_type: str) -> Any:
    """The predictions of a model that answers what it is handed."""
    reply = runner.run(Both(entries, answer=ECHO).by_podium(body, {"content-type": media_type}))
    assert reply.status == 200, reply.body
    return reply.document["predictions"]


def read_back(entries: Sequence[Mapping[str, Any]], records: list[dict[str, Any]]) -> pd.DataFrame:
    """The reply's records as a table of the values that they stand for."""
    names = [entry.get("name", place) for place, entry in enumerate(entries)]
    types = dict(zip(map(str, names), entries, strict=True))
    columns = {
        name: [_read(types[str(name)], record[str(name)]) for record in records]
        for name in names
        if str(name) in (records[0] if records else types)
    }
    return pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in columns.items()})


def _read(entry: Mapping[str, Any], value: Any) -> Any:
    """JSON's value for a type as Python's."""
    if value is None:
        return None
    match entry["type"]:
        case "binary":
            return base64.b64decode(value, validate=True)
        case "array":
            return [_read(entry["items"], item) for item in value]
        case "map":
            return {key: _read(entry["values"], item) for key, item in value.items()}
        case "object":
            return {key: _read(entry["properties"][key], item) for key, item in value.items()}
    return value


@FEW
@given(case=SCALARS)
def test_scalars_come_back_from_every_json_format(case: Case, runner: asyncio.Runner) -> None:
    """Named or not, optional or not."""
    entries, body = case
    found = echoed(runner, entries, json.dumps(body).encode(), "application/json")

    assert faithful(entries, body, read_back(entries, found)), found


@FEW
@given(case=NESTED)
def test_nested_values_come_back_from_every_json_format(case: Case, runner: asyncio.Runner) -> None:
    """Types within types, with nulls where there may be some."""
    entries, body = case
    found = echoed(runner, entries, json.dumps(body).encode(), "application/json")

    assert faithful(entries, body, read_back(entries, found)), found


@FEW
@given(table=tables())
@pytest.mark.parametrize("media_type", ["text/csv", PARQUET])
def test_scalars_come_back_from_files(
    table: Table, media_type: str, runner: asyncio.Runner
) -> None:
    """From CSV and from Parquet."""
    entries, rows = table
    body = as_csv(rows) if media_type == "text/csv" else as_parquet(entries, rows)
    found = echoed(runner, entries, body, media_type)

    assert faithful(entries, {"dataframe_records": rows}, read_back(entries, found)), found


@FEW
@given(case=TENSORS)
def test_tensors_come_back_from_every_json_format(case: Case, runner: asyncio.Runner) -> None:
    """Of every dtype and shape, to the last bit."""
    entries, body = case
    found = echoed(runner, entries, json.dumps(body).encode(), "application/json")
    named = "name" in entries[0]
    arrays = {
        entry.get("name"): np.array(
            found[entry["name"]] if named else found, entry["tensor-spec"]["dtype"]
        )
        for entry in entries
    }

    assert faithful(entries, body, arrays if named else arrays[None]), found


@FEW
@given(case=PLAIN | NESTED)
def test_decoder_makes_the_same_of_a_body_as_the_front(case: Case, runner: asyncio.Runner) -> None:
    """Byte for byte what a host is sent, and error for error what a client is told."""
    entries, body = case
    definition, text = _defined(entries), json.dumps(body).encode()

    async def there() -> Any:
        found = await DecoderInProcess().decode(definition.dump(), text, "")
        return found.head, found.body

    def here() -> Any:
        return encode_batch([definition.compile().parse(text, "")])

    assert _outcome(lambda: runner.run(there())) == _outcome(here)


def _outcome(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except InvalidInput as refused:
        return refused.errors
