"""From a frame to what the model is called with, in the host.

The result is what MLflow's own enforcement would have made of valid input
(mlflow/models/utils.py, `_enforce_schema`): a DataFrame with the signature's dtypes for columns, an
array for one unnamed tensor, a dictionary of arrays for named ones, a list for a type hint; without
a signature, what MLflow's scoring server would have made of the body (`documents`). It is
always writable and shared with nobody, so that a model that changes its input changes nothing else.
"""

import copy
import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

from service.contract.model_input import TensorReply, Values
from service.host import nested_cells
from service.host.documents import read_document
from service.host.wire import RAW, decode_values, replies_of
from service.processes.frames import Frame

ModelData = pd.DataFrame | np.ndarray[Any, Any] | dict[str, np.ndarray[Any, Any]] | list[Any]

# mlflow/types/schema.py, DataType.to_numpy.
_NUMPY: Final[Mapping[str, str]] = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "datetime": "datetime64[ns]",
}


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows to predict in one call: the data, how many rows each request has, the params.

    `whole` is for data whose rows cannot be told apart: for a model without a signature. `replies`
    are what each request asks of its reply; none: all want MLflow's JSON.
    """

    data: ModelData
    rows: tuple[int, ...]
    params: Mapping[str, Any] | None
    whole: bool = False
    replies: Sequence[TensorReply | None] = ()

    def part(self, start: int, stop: int) -> "Batch":
        """The requests from `start` to `stop` alone, with copied data."""
        first = sum(self.rows[:start])
        last = first + sum(self.rows[start:stop])
        rows, replies = self.rows[start:stop], self.replies[start:stop]
        return Batch(take(self.data, first, last), rows, self.params, replies=replies)


def take(data: ModelData, first: int, last: int) -> ModelData:
    """Rows from `first` to `last`, copied: what a request of these rows alone would have been.

    A tensor without dimensions has no rows to choose from and is copied whole.
    """
    if isinstance(data, pd.DataFrame):
        return _rows(data, first, last)
    if isinstance(data, list):
        return copy.deepcopy(data[first:last])
    if isinstance(data, dict):
        return {name: _slice(values, first, last) for name, values in data.items()}
    return _slice(data, first, last)


def _rows(data: pd.DataFrame, first: int, last: int) -> pd.DataFrame:
    rows = data.iloc[first:last].copy()
    for place, dtype in enumerate(rows.dtypes):
        if pd.api.types.is_object_dtype(dtype):
            # pandas copies the column and shares the lists and dictionaries in it.
            rows.isetitem(place, _objects(copy.deepcopy(rows.iloc[:, place].tolist())))
    if isinstance(data.index, pd.RangeIndex):
        rows.index = pd.RangeIndex(len(rows))
    return rows


def _objects(cells: list[Any]) -> np.ndarray[Any, Any]:
    column = np.empty(len(cells), dtype=object)
    for place, cell in enumerate(cells):
        column[place] = cell
    return column


def _slice(values: np.ndarray[Any, Any], first: int, last: int) -> np.ndarray[Any, Any]:
    # In the same order in memory: sums may differ in their last bits between the two.
    return (values[first:last] if values.shape else values).copy(order="K")


def decode_batch(frame: Frame, matrix_of: Sequence[str] | None = None) -> Batch:
    """The batch in a PREDICT or WARM_UP frame; raises `InputRefused` without a signature.

    `matrix_of` are the names of columns of which, where there are these and no others, without
    nulls, params or an index, a matrix is wanted instead of a DataFrame: what pandas makes of it.
    """
    head = orjson.loads(frame.head)
    rows = tuple(head["rows"])
    params = None if head["params"] is None else json.loads(head["params"])
    # A copy where it is long: no array made of it may be written to, since others are made of it.
    body = bytes(frame.body)
    if head["kind"] == "document":
        return Batch(read_document(head["layout"], body, params), rows, params, whole=True)
    data: ModelData | None = None
    if matrix_of is not None and params is None:
        data = _matrix(head, body, sum(rows), matrix_of)
    data = _data(head, body, sum(rows)) if data is None else data
    return Batch(data, rows, params, replies=replies_of(head))


def _matrix(
    head: Mapping[str, Any], body: bytes, rows: int, names: Sequence[str]
) -> np.ndarray[Any, Any] | None:
    columns = head["columns"]
    if head["kind"] == "block":
        return _cells(columns[0], body) if columns[0]["names"] == names else None
    if head["kind"] != "table" or head["index"] is not None:
        return None
    if [column["name"] for column in columns] != names:
        return None
    if not all(column["layout"].startswith(RAW) for column in columns):
        return None
    dtypes = [np.dtype(_NUMPY[column["dtype"]]) for column in columns]
    if len(set(dtypes)) == 1:
        return np.frombuffer(bytearray(body), dtypes[0]).reshape(len(columns), rows).T
    by_column = np.empty((len(columns), rows), np.result_type(*dtypes))
    for place, (_, values) in enumerate(_parts(head, body)):
        by_column[place] = values
    return by_column.T


def _cells(block: Mapping[str, Any], body: bytes) -> np.ndarray[Any, Any]:
    # In pandas' order: column after column.
    cells = np.frombuffer(body, dtype=_NUMPY[block["dtype"]]).reshape(block["shape"])
    return np.array(cells, order="F")


def _data(head: Mapping[str, Any], body: bytes, rows: int) -> ModelData:
    match head["kind"]:
        case "table":
            return _table(head, body, rows)
        case "block":
            (block,) = head["columns"]
            return pd.DataFrame(_cells(block, body), columns=block["names"], copy=False)
        case "list":
            ((column, values),) = _parts(head, body)
            return nested_cells.hinted(column["nested"]["type"], values)
    return _tensors(head, body)


def _table(head: Mapping[str, Any], body: bytes, rows: int) -> pd.DataFrame:
    columns = head["columns"]
    layouts = {(column["layout"], column["dtype"]) for column in columns}
    if layouts == {("raw:d", "double")}:
        data = _block(columns, body, rows)
    else:
        data = pd.DataFrame(
            {place: _series(each, part) for place, (each, part) in enumerate(_parts(head, body))},
            index=pd.RangeIndex(rows),
        )
        if columns and columns[0]["name"] is not None:
            data.columns = pd.Index([column["name"] for column in columns])
    if head["index"] is not None:
        data.index = pd.Index(head["index"])
    return data


def _block(columns: list[Mapping[str, Any]], body: bytes, rows: int) -> pd.DataFrame:
    # All doubles: one block for pandas, without a copy for each column.
    values = np.frombuffer(bytearray(body), dtype=np.float64).reshape(len(columns), rows).T
    names = [column["name"] for column in columns]
    return pd.DataFrame(values, columns=None if names[0] is None else names, copy=False)


def _tensors(head: Mapping[str, Any], body: bytes) -> ModelData:
    arrays = {each["name"]: _tensor(each, part) for each, part in _parts(head, body)}
    return arrays[None] if head["kind"] == "tensor" else arrays


def _parts(head: Mapping[str, Any], body: bytes) -> Iterator[tuple[Mapping[str, Any], Values]]:
    start, view = 0, memoryview(body)
    for column in head["columns"]:
        end = start + column["bytes"]
        yield column, decode_values(column["layout"], view[start:end])
        start = end


def _series(column: Mapping[str, Any], values: Values) -> Any:
    dtype = column["dtype"]
    if column["nested"] is not None:
        how = column["nested"]
        cells = nested_cells.cells(how["type"], values, arrays=how["arrays"])
        # Without a dtype pandas infers one, which is what MLflow has for values of any type.
        return pd.Series(cells) if dtype == "any" else _objects(cells)
    if isinstance(values, array):
        flat = np.array(values)
        return flat.view(_NUMPY[dtype]) if dtype in ("boolean", "datetime") else flat
    if dtype in ("float", "double"):
        return np.array(values, dtype=_NUMPY[dtype])
    if dtype == "datetime":
        return np.array([_NAT if value is None else value for value in values]).view(_NUMPY[dtype])
    if dtype == "string" and any(value is not None for value in values):
        # pandas' own inference, which is what MLflow's JSON reader leaves in place.
        return pd.Series(values)
    return pd.Series(values, dtype=object)


_NAT: Final = np.iinfo(np.int64).min


def _tensor(column: Mapping[str, Any], values: Values) -> np.ndarray[Any, Any]:
    dtype = np.dtype(column["dtype"])
    if isinstance(values, array):
        flat = np.array(values)
        flat = flat.view(dtype) if dtype.kind in "bM" else flat.astype(dtype, copy=False)
    else:
        flat = np.array(values, dtype=dtype)
    return flat.reshape(column["shape"])
