"""Valid requests, from which the broken ones are made: every slot, format and media type."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import pandas as pd

from tests.differential.tensors import FORMS, TensorBody, of_arrays, of_rows
from tests.support.zoo import ANIMALS, FLOWER, IRIS, ORDER, REQUESTS, ROW

JSON: Final = "application/json"
CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"


@dataclass(frozen=True, slots=True)
class Seed:
    """A request that is answered with 200.

    `json_bytes` of one of named tensors is how much of it is JSON, where raw bytes follow.
    """

    slot: str
    media_type: str
    body: bytes
    json_bytes: int | None = None


TENSORS: Final = "tensors"
"""Stands for the media type of named tensors, which have none."""


def seeds() -> list[Seed]:
    """All of them."""
    return [*_as_json(), *_as_csv(), *_as_parquet(), *_as_tensors()]


def _as_tensors() -> Iterator[Seed]:
    """Twice as many as they are, since they are one door of three."""
    for form in (*FORMS, *FORMS):
        for slot in ("scalars", "single", "nested", "anything"):
            entries = ANIMALS[slot].inputs
            yield _seed(slot, of_rows(entries, _ROWS[slot], form))
        yield _seed("tensor", of_arrays(ANIMALS["tensor"].inputs, [(2, 2)], [[1, 2, 3, 4]], form))
        arrays: list[list[Any]] = [[True, False], [1]]
        yield _seed("tensors", of_arrays(ANIMALS["tensors"].inputs, [(1, 2), (1,)], arrays, form))
        flower = [{"type": "double", "name": name, "required": True} for name in FLOWER]
        yield _seed(IRIS, of_rows(flower, [FLOWER, FLOWER], form))
    order = {"name": "input-0", "shape": [1], "datatype": "BYTES", "data": [json.dumps(ORDER)]}
    asked = {"id": "x", "parameters": {"timeout": 60_000_000}}
    yield Seed("hinted", TENSORS, json.dumps({"inputs": [order], **asked}).encode())


_ROWS: Final[dict[str, list[dict[str, Any]]]] = {
    "scalars": [ROW, ROW],
    "single": [{"x": 7}],
    "nested": [{"a": [{"a": "aGk="}], "b": {"a": 1}}],
    "anything": [{"a": "x", "b": {"a": None}}, {"a": "y"}],
}


def _seed(slot: str, sent: TensorBody) -> Seed:
    return Seed(slot, TENSORS, sent.body, sent.json_bytes)


def _as_json() -> Iterator[Seed]:
    documents = [*REQUESTS.items(), *_in_other_formats()]
    for slot, document in documents:
        yield Seed(slot, JSON, json.dumps(document).encode())


def _in_other_formats() -> Iterator[tuple[str, dict[str, Any]]]:
    for slot, row in ((IRIS, FLOWER), ("scalars", ROW)):
        columns, values = list(row), list(row.values())
        yield slot, {"dataframe_split": {"columns": columns, "data": [values, values]}}
        yield slot, {"dataframe_split": {"columns": columns, "index": ["a"], "data": [values]}}
        yield slot, {"inputs": {name: [value, value] for name, value in row.items()}}
        yield slot, {"instances": [row]}
    yield "scalars", {"instances": ROW, "params": {"count": 5}}
    yield "tensor", {"dataframe_split": {"data": [[1, 2], [3, 4]]}}
    yield "tensors", {"inputs": {"a": [[True, False]], "b": [18446744073709551615]}}
    yield "nested", {"dataframe_records": [{"a": [{"a": ""}]}]}
    yield "anything", {"dataframe_split": {"columns": ["a"], "data": [[{"k": [1, "x", None]}]]}}
    yield "hinted", {"inputs": [ORDER] * 3}
    yield "unsigned", {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}}
    yield "unsigned", {"dataframe_records": [{"a": 1}, {"b": [2]}]}
    yield "unsigned", {"instances": [{"a": [1, 2], "b": "x"}]}
    yield "unsigned", {"messages": [{"role": "user"}], "temperature": 0.5}
    yield "chat", {"messages": [{"role": "user", "content": "x"}], "temperature": 0.5}


def _as_csv() -> Iterator[Seed]:
    for slot, row in ((IRIS, FLOWER), ("scalars", ROW), ("single", {"x": 7})):
        line = ",".join(
            str(value).lower() if value is True else str(value) for value in row.values()
        )
        text = "\n".join([",".join(row), line, line, ""])
        yield Seed(slot, CSV, text.encode())
    yield Seed("unsigned", CSV, b'a,b\n1,"x, y"\n2,z\n')


def _as_parquet() -> Iterator[Seed]:
    frames = {
        IRIS: pd.DataFrame([FLOWER] * 3),
        "scalars": pd.DataFrame([ROW | {"binary": b"hi", "datetime": pd.Timestamp("2026-05-01")}]),
        "nested": pd.DataFrame({"a": [[{"a": b"hi", "b": None}]], "b": [None]}),
        "anything": pd.DataFrame({"a": [[1, 2], [3]]}),
        "unsigned": pd.DataFrame({"a": [1.5, None], "b": ["x", "y"]}),
    }
    for slot, frame in frames.items():
        target = BytesIO()
        frame.to_parquet(target)
        yield Seed(slot, PARQUET, target.getvalue())
