"""A request's bytes as CSV: a header and rows of text, or one error that says where they end.

Commas between cells, quotes as RFC 4180 has them (a quote within an unquoted cell is a character),
and lines that end with CR LF, LF or CR. Empty lines are passed over. A byte order mark is too,
unlike in JSON: spreadsheets write one, and MLflow's reader skips it. Whatever the number of rows
and the length of cells, memory is in proportion to the body.
"""

import csv
from collections.abc import Sequence
from io import StringIO
from itertools import islice
from typing import Final, NamedTuple

from service.contract.findings import BODY, Loc, refuse
from service.errors import UnsupportedMediaType

CSV_BASE: Final[Loc] = (*BODY, "csv")

CSV: Final = "text/csv"
_CHARSETS: Final = frozenset({"utf-8", "us-ascii"})


class Sheet(NamedTuple):
    """What a CSV body says, as text."""

    header: list[str]
    rows: list[list[str]]


def is_csv(media_type: str) -> bool:
    """Whether it is CSV by its name, without regard to case (RFC 9110, section 8.3.1)."""
    return media_type.lstrip()[: len(CSV)].lower() == CSV and _parts(media_type)[0] == CSV


def csv_charset(media_type: str) -> str:
    """How the text is encoded; raises `UnsupportedMediaType`.

    Taken are UTF-8, which is also meant where nothing is said, and US-ASCII; and only text with a
    header (RFC 4180, section 3).
    """
    charset = "utf-8"
    for parameter in _parts(media_type)[1:]:
        name, _, value = (part.strip().strip('"') for part in parameter.partition("="))
        if name == "charset":
            charset = value
        if name == "header" and value != "present":
            raise UnsupportedMediaType("CSV must have a header that names its columns.")
    if charset not in _CHARSETS:
        raise UnsupportedMediaType("The charset is not supported; send CSV in UTF-8.")
    return charset


def read_sheet(body: bytes, charset: str, max_rows: int) -> Sheet:
    """The header and every row; raises `InvalidInput`."""
    lines = StringIO(_text(body, charset), newline="")
    # Python's limit is one for the whole process, and of 128 KiB; here the body's own size is one.
    csv.field_size_limit(max(csv.field_size_limit(), len(body)))
    reader = csv.reader(lines, strict=True)
    try:
        listed = list(islice(filter(None, reader), max_rows + 2))
    except csv.Error:
        text = f"must be CSV (RFC 4180); it fails at line {reader.line_num}"
        raise refuse(CSV_BASE, text, "csv_invalid") from None
    if not listed:
        raise refuse(CSV_BASE, "must have a header", "csv_invalid")
    if len(listed) > max_rows + 1:
        raise refuse(CSV_BASE, f"must have at most {max_rows} rows", "too_many_rows")
    return Sheet(listed[0], listed[1:])


def _text(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise refuse(CSV_BASE, f"must be text in {charset}", "csv_invalid") from None


def _parts(media_type: str) -> Sequence[str]:
    return [part.strip().lower() for part in media_type.split(";")]
