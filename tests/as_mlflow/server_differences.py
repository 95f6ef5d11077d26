"""Where the two servers differ over HTTP itself, whatever the values: by rule of docs/requests.md.

Each is what is sent, with MLflow's status and Podium's. The model has one column `c` of doubles.
"""

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from service.http.codings import zstd

VALID: Final = b'{"dataframe_records":[{"c":1.5}]}'
JSON: Final = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and both statuses; `answer` is what the model answers, or raises."""

    mlflow: int
    podium: int
    body: bytes = VALID
    headers: Mapping[str, str] | None = None
    answer: Any = None


def _typed(mlflow: int, podium: int, media_type: str, body: bytes = VALID) -> Exchange:
    return Exchange(mlflow, podium, body, {"content-type": media_type})


DIFFERENT_EXCHANGES: Final[Mapping[str, list[Exchange]]] = {
    "media-type": [
        Exchange(500, 200, headers={}),
        _typed(415, 200, "Application/JSON"),
        _typed(415, 200, 'application/json; charset="utf-8"'),
        _typed(415, 200, "application/json; profile=x"),
        _typed(415, 200, "text/csv; header=present", b"c\n1.5\n"),
    ],
    "strict-json": [
        Exchange(200, 400, b'{"dataframe_records":[{"c":NaN}]}'),
        Exchange(200, 400, b'{"dataframe_records":[{"c":Infinity}]}'),
        Exchange(200, 400, b'{"dataframe_records":[{"c":1e400}]}'),
        Exchange(200, 400, b"\xef\xbb\xbf" + VALID),
        Exchange(200, 400, VALID.decode().encode("utf-16")),
        Exchange(200, 400, b'{"dataframe_records":[{"c":1.5}],"note":"\\ud800"}'),
    ],
    "encoding": [
        Exchange(200, 400, headers={**JSON, "content-encoding": "gzip"}),
        Exchange(200, 415, headers={**JSON, "content-encoding": "br"}),
        Exchange(400, 200, gzip.compress(VALID), {**JSON, "content-encoding": "gzip"}),
        Exchange(400, 200, zlib.compress(VALID), {**JSON, "content-encoding": "deflate"}),
        Exchange(400, 200, zstd.compress(VALID), {**JSON, "content-encoding": "zstd"}),
    ],
    "model-fails": [Exchange(400, 500, answer=ValueError("no"))],
}
# What is the same all the same, though it need not be.
SAME_EXCHANGES: Final = [
    Exchange(200, 200),
    Exchange(200, 200, b'{"dataframe_records":[{"c":"x","c":1.5}],"note":1}'),
    Exchange(200, 200, b' {"instances":[{"c":2}]}\n'),
    _typed(200, 200, "text/csv", b"c\n1.5\n"),
    _typed(200, 200, "application/json; charset=utf-8"),
    _typed(415, 415, "text/plain"),
    _typed(415, 415, "application/json; charset=latin-1"),
    _typed(415, 415, "text/csv; charset=utf-16", b"c\n1.5\n"),
    _typed(400, 400, "text/csv", b"c\n\xff\n"),
    _typed(400, 400, "text/csv", b"z\n1.5\n"),
    _typed(400, 400, "application/vnd.apache.parquet", b"PAR1"),
    Exchange(400, 400, b""),
    Exchange(400, 400, b"{"),
    Exchange(400, 400, b"[]"),
    Exchange(400, 400, b"{}"),
    Exchange(400, 400, b'"x"'),
    Exchange(400, 400, VALID + b"x"),
    Exchange(400, 400, b'{"inputs":[1],"instances":[1]}'),
    Exchange(400, 400, b'{"dataframe_records":[]}'),
    Exchange(400, 400, b'{"dataframe_records":[{"z":1}]}'),
    Exchange(400, 400, b'{"dataframe_records":{"c":1}}'),
    Exchange(400, 400, b'{"dataframe_split":[1]}'),
    Exchange(400, 400, b'{"dataframe_split":{"columns":["c","c"],"data":[[1,2]]}}'),
    Exchange(400, 400, b'{"inputs":null}'),
    Exchange(404, 404, answer=MlflowException("x", RESOURCE_DOES_NOT_EXIST)),
]
