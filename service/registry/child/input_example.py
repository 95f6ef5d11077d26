"""The input example of an artifact as a ready request, in whatever form MLflow has stored it.

===== =========================== =============================== =================================
since file                        its `type` in MLmodel           the request
===== =========================== =============================== =================================
1.9   input_example.json          dataframe                       `dataframe_split`; from others
                                                                  than MLflow also `..._records`
1.13  input_example.json          ndarray, `format: tf-serving`   as it is: `inputs`
1.2x  input_example.json          sparse_matrix_csr, ..._csc      `inputs`, with all its zeros
2.14  input_example.json          json_object                     `inputs`; as it is if chat-style
2.15  serving_input_example.json  any                             as it is
===== =========================== =============================== =================================

Since 2.6 an example with params is `{"inputs": ..., "params": ...}`, and MLmodel says so. Anybody
may have written all of this: nothing outside the artifact is read, and everything is bounded.
(mlflow/models/utils.py of each release: `_Example`, `_read_example`, `_save_example`.)

Older releases took any rows that the model took; those that a client could send are used.
"""

import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from service.contract.contract import RequestLimits
from service.contract.definition import Definition
from service.errors import ClientError, FieldError, InvalidInput, VersionFault

# MLflow's names for them (mlflow/models/utils.py, EXAMPLE_FILENAME and SERVING_INPUT_FILENAME).
_STORED_FILE: Final = "input_example.json"
_READY_FILE: Final = "serving_input_example.json"
# A whole training set is cut to its first rows: they tell as much.
_MAX_FILE_BYTES: Final = 16 * 1024**2
_MAX_REQUEST_BYTES: Final = 4 * 1024**2
_MOST_ROWS: Final = 1000
# mlflow/pyfunc/utils/serving_data_parser.py, SUPPORTED_LLM_FORMATS
_CHAT_KEYS: Final = frozenset({"messages", "prompt", "input"})
_TF_SERVING: Final = ({"inputs"}, {"instances"})
# A matrix of a text model has some hundred thousand columns; its first rows are enough.
_MOST_CELLS: Final = 2**19
_UNLIMITED: Final = RequestLimits(max_rows=sys.maxsize, max_errors=sys.maxsize)


@dataclass(frozen=True, slots=True)
class InputExample:
    """What an artifact ships to be tried with.

    Attributes:
        request: a body of JSON, as a client would send it; None where there is no use of any.
        ready: whether MLflow itself has stored it as a request.
        trouble: one sentence about what is there and could not be read; None if nothing.
    """

    request: bytes | None
    ready: bool = False
    trouble: str | None = None


class _NoUse(Exception):
    """The reason, in words that hold nothing of the artifact's."""


def read_input_example(artifact: Path, info: object) -> InputExample:
    """The request, by the newest form that can be read; raises nothing for what an artifact holds.

    `info` is MLmodel's `saved_input_example_info`.
    """
    named = info if isinstance(info, Mapping) else {}
    troubles = []
    for read, ready in ((_ready, True), (_stored, False)):
        try:
            body = read(artifact, named)
            request = None if body is None else _encoded(body)
        except _NoUse as reason:
            troubles.append(str(reason))
            continue
        if request is not None:
            return InputExample(request, ready, _told(troubles))
    return InputExample(None, trouble=_told(troubles))


def _told(troubles: list[str]) -> str | None:
    return f"Its input example cannot be read: {'; '.join(troubles)}." if troubles else None


def _ready(artifact: Path, info: Mapping[str, Any]) -> dict[str, Any] | None:
    """MLflow's own request; a missing number in it is bare `NaN`, which is not JSON: it is null."""
    name = info.get("serving_input_path")
    # MLmodel need not name it: MLflow's own reader goes by the name of the file alone.
    body = _content(artifact, _READY_FILE if name is None else name, needed=name is not None)
    if body is not None and not isinstance(body, dict):
        raise _NoUse(f"{_READY_FILE} is not a JSON object")
    return body


def _stored(artifact: Path, info: Mapping[str, Any]) -> dict[str, Any] | None:
    """The request for what a person has given as the example."""
    if not info:
        return None
    stored = _content(artifact, info.get("artifact_path", _STORED_FILE), needed=True)
    form = _FORMS.get(info["type"]) if isinstance(info.get("type"), str) else None
    if form is None:
        raise _NoUse("MLmodel says that it is of a type that is not known")
    if not info.get("params"):
        return form(stored, info)
    if not isinstance(stored, dict) or not {"inputs", "params"} <= stored.keys():
        raise _NoUse("it has no params, although MLmodel says so")
    body, params = form(stored["inputs"], info), stored["params"]
    if not isinstance(params, dict):
        raise _NoUse("its params are not a JSON object")
    return {**body, **params} if _is_chat(body) else {**body, "params": params}


def _content(artifact: Path, name: object, *, needed: bool) -> Any:
    path = _within(artifact, name)
    if path is None:
        if needed:
            raise _NoUse("MLmodel names a file that is not in the artifact")
        return None
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE_BYTES + 1)
    except OSError:
        raise _NoUse("its file cannot be opened") from None
    if len(text) > _MAX_FILE_BYTES:
        raise _NoUse(f"its file is longer than {_MAX_FILE_BYTES // 1024**2} MiB")
    return _parsed(text)


def _within(artifact: Path, name: object) -> Path | None:
    """The file of that name if it lies in the artifact: a name may lead anywhere, so may a link."""
    if not isinstance(name, str):
        return None
    try:
        path = (artifact / name).resolve()
        return path if path.is_relative_to(artifact.resolve()) and path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        # Python's own reader knows NaN and Infinity, which MLflow writes.
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise _NoUse("its file is not JSON") from None


def _encoded(body: dict[str, Any]) -> bytes:
    for cut in (body, _first_rows(body)):
        try:
            request = orjson.dumps(cut)
        except (TypeError, RecursionError):
            raise _NoUse("it holds what JSON cannot say") from None
        if len(request) <= _MAX_REQUEST_BYTES:
            return request
    raise _NoUse(f"its first {_MOST_ROWS} rows are more than {_MAX_REQUEST_BYTES // 1024**2} MiB")


def _first_rows(body: dict[str, Any]) -> dict[str, Any]:
    return {form: _FIRST[form](part) if form in _FIRST else part for form, part in body.items()}


def _first_of_split(table: Any) -> Any:
    if not isinstance(table, dict):
        return table
    cut = {key: _first(table[key]) for key in ("data", "index") if key in table}
    return {**table, **cut}


def _first_of_inputs(data: Any) -> Any:
    # By name every list is a column, or a tensor, if they are equally long.
    if isinstance(data, dict) and all(isinstance(each, list) for each in data.values()):
        alike = len({len(each) for each in data.values()}) == 1
        return {name: _first(each) for name, each in data.items()} if alike else data
    return _first(data)


def _first(rows: Any) -> Any:
    return rows[:_MOST_ROWS] if isinstance(rows, list) else rows


_FIRST: Final[Mapping[str, Callable[[Any], Any]]] = {
    "dataframe_split": _first_of_split,
    "dataframe_records": _first,
    "instances": _first,
    "inputs": _first_of_inputs,
}


def _dataframe(stored: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    # What it is says more than `pandas_orient`, which MLflow's own reader does not heed either.
    if isinstance(stored, dict) and isinstance(stored.get("data"), list):
        return {"dataframe_split": stored}
    if isinstance(stored, list) and all(isinstance(row, dict) for row in stored):
        return {"dataframe_records": stored}
    if isinstance(stored, list) and all(isinstance(row, list) for row in stored):
        return {"dataframe_split": {"data": stored}}
    raise _NoUse("it is not a DataFrame as MLflow stores one")


def _ndarray(stored: Any, info: Mapping[str, Any]) -> dict[str, Any]:
    if info.get("format") is None:
        return {"inputs": stored}
    if not isinstance(stored, dict) or stored.keys() not in _TF_SERVING:
        raise _NoUse("it is not an array as MLflow stores one")
    return stored


def _sparse(stored: Any, info: Mapping[str, Any]) -> dict[str, Any]:
    return {"inputs": dense(stored, by_rows=info["type"] == "sparse_matrix_csr")}


def _json_object(stored: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    return stored if _is_chat(stored) else {"inputs": stored}


def _is_chat(body: Any) -> bool:
    return isinstance(body, dict) and not body.keys().isdisjoint(_CHAT_KEYS)


_FORMS: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], dict[str, Any]]]] = {
    "dataframe": _dataframe,
    "ndarray": _ndarray,
    "sparse_matrix_csr": _sparse,
    "sparse_matrix_csc": _sparse,
    "json_object": _json_object,
}


class NotSparse(_NoUse):
    """It is not a sparse matrix, or one row of it is too long; the message says which."""


def dense(stored: object, *, by_rows: bool) -> list[list[float]]:
    """Its first rows, as many as are half a million cells; raises `NotSparse`.

    `stored` is `{"data", "indices", "indptr", "shape"}`, compressed by rows or by columns
    (scipy.sparse.csr_matrix, csc_matrix).
    """
    if not isinstance(stored, Mapping):
        raise _malformed()
    try:
        return _dense(stored, by_rows=by_rows)
    except (KeyError, IndexError, TypeError, ValueError):
        raise _malformed() from None


def _malformed() -> NotSparse:
    return NotSparse("it is not a sparse matrix as MLflow stores one")


def _dense(stored: Mapping[str, Any], *, by_rows: bool) -> list[list[float]]:
    rows, columns = stored["shape"]
    if type(rows) is not int or type(columns) is not int or min(rows, columns) < 0:
        raise _malformed()
    if columns > _MOST_CELLS:
        raise NotSparse(f"a row of its sparse matrix has more than {_MOST_CELLS} cells")
    kept = min(rows, _MOST_CELLS // max(columns, 1))
    zero = _zero(stored["data"])
    matrix = [[zero] * columns for _ in range(kept)]
    lines = min(rows if by_rows else columns, kept if by_rows else columns)
    for line, place, value in _cells(stored, lines, columns if by_rows else rows):
        row, column = (line, place) if by_rows else (place, line)
        if row < kept:
            # What is given twice is added up, as scipy does.
            there = matrix[row][column]
            matrix[row][column] = value if there == zero else there + value
    return matrix


def _cells(stored: Mapping[str, Any], lines: int, length: int) -> Iterator[tuple[int, int, Any]]:
    data, indices, starts = stored["data"], stored["indices"], stored["indptr"]
    for line in range(lines):
        for number in range(starts[line], starts[line + 1]):
            place = indices[number]
            if not 0 <= place < length:
                raise _malformed()
            yield line, place, data[number]


def _zero(data: list[Any]) -> Any:
    kinds = {type(value) for value in data if value is not None}
    if not kinds <= {int, float, bool}:
        raise _malformed()
    if kinds == {bool}:
        return False
    return 0 if kinds == {int} else 0.0


def fitting(
    request: bytes, signature: Mapping[str, str | None] | None, *, from_type_hint: bool
) -> bytes | None:
    """The request with those rows alone that fit the signature; None if there are none.

    Older releases could not say that a number may be missing, and gave the model NaN for it. What
    no signature speaks for fits; what nobody can read is left to the gate that refuses it.
    """
    try:
        contract = Definition(signature or {}, from_type_hint, _UNLIMITED).compile()
    except VersionFault:
        return request
    for _ in range(2):
        try:
            rows = contract.parse(request, "application/json").rows
        except InvalidInput as error:
            request = _without(request, _rows(error.errors))
        except ClientError:
            return None
        else:
            return request if rows else None
    return None


def _rows(errors: Collection[FieldError]) -> frozenset[int]:
    """The rows that errors stand in, by the place of the row in each format."""
    places = [error.loc[3 if "dataframe_split" in error.loc else 2 :] for error in errors]
    return frozenset(place[0] for place in places if place and isinstance(place[0], int))


def _without(request: bytes, rows: Collection[int]) -> bytes:
    body = orjson.loads(request)
    return orjson.dumps({form: _left(form, part, rows) for form, part in body.items()})


def _left(form: str, part: Any, rows: Collection[int]) -> Any:
    if form == "dataframe_split" and isinstance(part, dict):
        kept = {key: _but(part[key], rows) for key in ("data", "index") if key in part}
        return {**part, **kept}
    return _but(part, rows) if form in ("dataframe_records", "inputs", "instances") else part


def _but(listed: Any, rows: Collection[int]) -> Any:
    if not isinstance(listed, list):
        return listed
    return [each for place, each in enumerate(listed) if place not in rows]
