"""The same rows reach a model as the same value by every door, and its answer comes back the same.

P22, to the bit: what the model is handed is compared whole, with its dtypes; replies as JSON writes
their values.
"""

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests.differential.both import ECHO, Both, Reply
from tests.differential.faithful import _tensor_values
from tests.differential.files import Table, as_csv, as_parquet, tables
from tests.differential.tensors import FORMS, TensorBody, of_arrays, of_rows, outputs_of
from tests.differential.test_round_trips import PARQUET, TENSORS, Case
from tests.host.handed import seen
from tests.host.test_same_nested import requests as nested_requests
from tests.support.exploring import exploring

FEW = exploring(20)
INFER = "v2/models/model/infer"

# MLflow's own, of models without examples.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One loop for all examples."""
    with asyncio.Runner() as made:
        yield made


class Doors:
    """One model behind all doors, which answers what it is handed."""

    def __init__(self, runner: asyncio.Runner, entries: Sequence[Any]) -> None:
        self._runner = runner
        self._both = Both(list(entries), answer=ECHO)

    def ask(self, body: Any, media_type: str = "application/json") -> Reply:
        """By MLflow's protocol."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = self._runner.run(self._both.by_podium(sent, {"content-type": media_type}))
        assert reply.status == 200, reply.body
        return reply

    def infer(self, sent: TensorBody) -> Reply:
        """By named tensors."""
        reply = self._runner.run(self._both.by_podium(sent.body, sent.headers, INFER))
        assert reply.status == 200, (reply.body, sent.body)
        return reply


def handed(reply: Reply) -> str:
    """All that can be seen of what the model was handed."""
    assert reply.handed is not None
    return repr(seen(reply.handed[0]))


def records_of(entries: Sequence[Mapping[str, Any]], reply: Reply) -> str:
    """The reply's outputs as records, as JSON."""
    columns = outputs_of(reply.body, None)
    types = {entry["name"]: entry["type"] for entry in entries}
    told = {
        name: [_plain(types[name], value) for value in values] for name, values in columns.items()
    }
    rows = zip(*told.values(), strict=True)
    return json.dumps([dict(zip(told, row, strict=True)) for row in rows])


def _plain(type_: str, value: Any) -> Any:
    nested = type_ in ("array", "map", "object", "any")
    return json.loads(value) if nested and value is not None else value


@FEW
@given(table=tables())
def test_p22_scalars_are_the_same_by_every_door(table: Table, runner: asyncio.Runner) -> None:
    """JSON in four formats, CSV, Parquet, and tensors flat, nested and raw."""
    entries, rows = table
    names = [entry["name"] for entry in entries]
    doors = Doors(runner, entries)
    split = {"columns": names, "data": [[row[name] for name in names] for row in rows]}
    columns = {name: [row[name] for row in rows] for name in names}
    bodies = (
        {"dataframe_split": split},
        {"dataframe_records": rows},
        {"inputs": columns},
        {"instances": rows},
    )
    by_mlflow = [doors.ask(body) for body in bodies]
    by_mlflow += [
        doors.ask(as_csv(rows), "text/csv"),
        doors.ask(as_parquet(entries, rows), PARQUET),
    ]
    by_tensors = [doors.infer(of_rows(entries, rows, form)) for form in FORMS]

    assert len({handed(reply) for reply in (*by_mlflow, *by_tensors)}) == 1
    said = {json.dumps(reply.document["predictions"]) for reply in by_mlflow}
    assert said == {records_of(entries, reply) for reply in by_tensors}


@FEW
@given(case=nested_requests())
def test_p22_nested_values_are_the_same_as_tensors_of_json(
    case: tuple[list[dict[str, Any]], list[dict[str, Any]]], runner: asyncio.Runner
) -> None:
    """Each a text of JSON; lists stay lists, as in `dataframe_split`."""
    entries, bodies = case
    doors = Doors(runner, entries)
    (split,) = (body["dataframe_split"] for body in bodies if "dataframe_split" in body)
    rows = [dict(zip(split["columns"], row, strict=True)) for row in split["data"]]
    by_mlflow = doors.ask({"dataframe_records": rows})
    by_tensors = [doors.infer(of_rows(entries, rows, form)) for form in FORMS]

    assert {handed(reply) for reply in by_tensors} == {handed(by_mlflow)}
    assert {records_of(entries, reply) for reply in by_tensors} == {
        json.dumps(by_mlflow.document["predictions"])
    }


@FEW
@given(case=TENSORS)
def test_p22_tensors_are_the_same_by_json_and_as_they_are(
    case: Case, runner: asyncio.Runner
) -> None:
    """Of every dtype and shape: flat, nested and raw."""
    entries, body = case
    doors = Doors(runner, entries)
    by_mlflow = doors.ask(body)
    assert by_mlflow.handed is not None
    given_ = by_mlflow.handed[0]
    arrays = list(given_.values()) if isinstance(given_, dict) else [given_]
    ((form, payload),) = ((form, body[form]) for form in body if form != "params")
    flat = _tensor_values(entries, form, payload)
    assert flat is not None
    shapes = [array.shape for array in arrays]
    by_tensors = [doors.infer(of_arrays(entries, shapes, flat, each)) for each in FORMS]

    assert {handed(reply) for reply in by_tensors} == {handed(by_mlflow)}
    for reply in by_tensors:
        found = outputs_of(reply.body, None)
        assert list(found.values()) == [np.asarray(each).ravel().tolist() for each in arrays]


def test_p22_bytes_of_a_binary_column_need_no_base64(runner: asyncio.Runner) -> None:
    """Raw they are themselves; in JSON they are base64, as in MLflow's."""
    entries = [{"type": "binary", "name": "b", "required": True}]
    rows = [{"b": base64.b64encode(b"\x00\xff\x00").decode()}]
    doors = Doors(runner, entries)

    assert {handed(doors.infer(of_rows(entries, rows, form))) for form in FORMS} == {
        handed(doors.ask({"dataframe_records": rows}))
    }
