"""Valid requests, from which the broken ones are made: every slot, format and media type."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import pandas as pd

from tests.support.zoo import FLOWER, IRIS, ORDER, REQUESTS, ROW

JSON: Final = "application/json"
CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"


@dataclass(frozen=True, slots=True)
class Seed:
    """A request that is answered with 200."""

    slot: str
    media_type: str
    body: bytes


def seeds() -> list[Seed]:
    """All of them."""
    return [*_as_json(), *_as_csv(), *_as_parquet()]


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
