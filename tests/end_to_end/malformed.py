"""Bodies and headers as broken or hostile clients send them, by their names in docs/requests.md.

They go to a model with a column `number` (long), and optional ones `real` (double) and `text`
(string); those that nest to one with a column `anything` (any).
"""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, Final

import pandas as pd

MAX_ROWS: Final = 1000
MAX_BODY_BYTES: Final = 1 << 20

JSON: Final = (("Content-Type", "application/json"),)
CSV: Final = (("Content-Type", "text/csv"),)
PARQUET: Final = (("Content-Type", "application/vnd.apache.parquet"),)
GZIP: Final = (*JSON, ("Content-Encoding", "gzip"))
VALID: Final = b'{"dataframe_records":[{"number":1}]}'
_MEGABYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Sent:
    """What one client sends; `declared` is a Content-Length that need not be true.

    A body that takes long to make is made by `made`, when it is sent.
    """

    body: bytes = VALID
    headers: tuple[tuple[str, str], ...] = JSON
    method: str = "POST"
    chunks: int = 0
    declared: int | None = None
    model: str = "flat"
    made: Callable[[], bytes] | None = None

    def with_body(self) -> "Sent":
        """The same, with its body made."""
        return self if self.made is None else replace(self, body=self.made(), made=None)


def _number(text: str, name: str = "number") -> Sent:
    return Sent(b'{"dataframe_records":[{"number":1,"%b":%b}]}' % (name.encode(), text.encode()))


def _nested(depth: int) -> Sent:
    body = b'{"dataframe_records":[{"anything":%b}]}' % (b"[" * depth + b"]" * depth)
    return Sent(body, model="nested")


def _rows(count: int, row: Any) -> bytes:
    return json.dumps({"dataframe_records": [row] * count}).encode()


def _bomb() -> bytes:
    """A gigabyte of text in a few kilobytes."""
    target = BytesIO()
    text = "x" * _MEGABYTE
    pd.DataFrame({"number": range(MAX_ROWS), "text": text}).to_parquet(target, compression="zstd")
    return target.getvalue()


def _packed_bomb() -> bytes:
    """A gigabyte of nothing in one megabyte."""
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    parts = [packer.compress(b" " * _MEGABYTE) for _ in range(1 << 10)]
    return b"".join([*parts, packer.flush()])


MALFORMED: Final[Mapping[str, Sent]] = {
    "empty": Sent(b""),
    "cut": Sent(VALID[:-2]),
    "trailing": Sent(VALID + b"{}"),
    "not-an-object": Sent(b"[1]"),
    "no-format": Sent(b'{"rows":[1]}'),
    "two-formats": Sent(b'{"inputs":{"number":[1]},"instances":[1]}'),
    "unknown-key": Sent(b'{"dataframe_records":[{"number":1}],"note":"x"}'),
    "unknown-column": _number("1", "surplus"),
    "double-key": Sent(b'{"dataframe_records":[{"number":"x","number":1}]}'),
    "double-column": Sent(
        b'{"dataframe_split":{"columns":["number","number"],"data":[[1,2]]}}',
    ),
    "nan-token": _number("NaN", "real"),
    "huge-exponent": _number("1e400", "real"),
    "tiny-exponent": _number("1e-400", "real"),
    "long-exponent": _number("1e" + "9" * 100_000, "real"),
    "huge-integer": _number("9223372036854775808"),
    "endless-integer": _number("9" * 500_000),
    "lone-surrogate": _number('"\\ud800"', "text"),
    "broken-utf-8": Sent(b'{"dataframe_records":[{"number":1,"text":"\xff"}]}'),
    "zero-in-text": _number('"a\\u0000b"', "text"),
    "deep": _nested(101),
    "very-deep": _nested(100_000),
    "bom-json": Sent(b"\xef\xbb\xbf" + VALID),
    "utf-16": Sent(VALID.decode().encode("utf-16")),
    "bom-csv": Sent(b"\xef\xbb\xbfnumber\n1\n", CSV),
    "charset-json": Sent(headers=(("Content-Type", "application/json; charset=latin-1"),)),
    "charset-csv": Sent(b"number\n1\n", (("Content-Type", "text/csv; charset=utf-16"),)),
    "no-media-type": Sent(headers=()),
    "media-type-case": Sent(headers=(("content-type", 'Application/JSON; Charset="UTF-8"'),)),
    "other-media-type": Sent(headers=(("Content-Type", "text/plain"),)),
    "two-media-types": Sent(headers=(("Content-Type", "text/csv"), *JSON)),
    "compressed": Sent(gzip.compress(VALID), GZIP),
    "compressed-members": Sent(gzip.compress(VALID[:9]) + gzip.compress(VALID[9:]), GZIP),
    "compressed-raw": Sent(zlib.compress(VALID)[2:-4], (*JSON, ("Content-Encoding", "deflate"))),
    "compressed-not": Sent(headers=GZIP),
    "compressed-cut": Sent(gzip.compress(VALID)[:-1], GZIP),
    "compressed-trailing": Sent(gzip.compress(VALID) + b"{}", GZIP),
    "compressed-empty": Sent(b"", GZIP),
    "compressed-bomb": Sent(headers=GZIP, made=_packed_bomb),
    "compressed-parts": Sent(gzip.compress(b"") * 20_000, GZIP),
    "compressed-twice": Sent(
        gzip.compress(gzip.compress(VALID)), (*JSON, ("Content-Encoding", "gzip, gzip"))
    ),
    "compressed-otherwise": Sent(headers=(*JSON, ("Content-Encoding", "br"))),
    "csv-open-quote": Sent(b'number\n"1\n', CSV),
    "csv-broken-utf-8": Sent(b"number,text\n1,\xff\n", CSV),
    "csv-no-header": Sent(b"\n\n", CSV),
    "csv-ragged": Sent(b"number,real\n1\n", CSV),
    "csv-long-cell": Sent(b'number,text\n1,"' + b"x" * 500_000 + b'"\n', CSV),
    "parquet-cut": Sent(b"PAR1 no", PARQUET),
    "parquet-bomb": Sent(headers=PARQUET, made=_bomb),
    "too-long": Sent(declared=MAX_BODY_BYTES + 1),
    "too-long-chunked": Sent(b" " * _MEGABYTE + VALID, chunks=64),
    "chunked": Sent(chunks=3),
    "too-many-rows": Sent(_rows(MAX_ROWS + 1, {"number": 1})),
    "many-errors": Sent(_rows(MAX_ROWS, {"number": "x"})),
    "other-method": Sent(b"", (), "GET"),
}
