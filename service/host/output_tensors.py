"""From what a model returns to named tensors, in the host, as the Open Inference Protocol has them.

======================== ==============================================================
the model returns        outputs
======================== ==============================================================
an array, a list         `output-0`, of its shape
a DataFrame              one for each column, of shape [rows]
a list of dictionaries   the same, by their keys; `output-0` where the keys are not alike
a dictionary             one for each key
a Series                 its name, or `output-0`
anything else            `output-0`, of shape [1]
======================== ==============================================================

Numbers and booleans have the datatypes of their own; text, bytes and times (ISO 8601) are BYTES,
and whatever else there is BYTES of JSON. Null is null in JSON; in raw bytes NaN, and where a
datatype has none, the output comes as JSON, whatever was asked for.

A column of Python's objects has the datatype of what is in it. Where that is told less by one
answer than by the input example's, the datatype seen there stays: of whole numbers that are FP64
in others, or of nulls alone.
"""

import datetime as dt
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
import pandas as pd

from service.contract.model_input import TensorReply
from service.host import outputs
from service.host.outputs import NotEncodable

Promised = Mapping[str, str]
"""The datatypes of outputs, as the input example's answer has them."""

_ONLY: Final = "output-0"
_KINDS: Final[Mapping[str, str]] = {"b": "BOOL", "i": "INT", "u": "UINT", "f": "FP"}
_DATATYPES: Final = frozenset(
    {
        "BOOL",
        *(f"{kind}{bits}" for kind in ("INT", "UINT") for bits in (8, 16, 32, 64)),
        *("FP16", "FP32", "FP64"),
    }
)
_LEAST: Final = -(1 << 63)
_MOST: Final = 1 << 63
_ARRAY_LIKE: Final = (np.ndarray, list, tuple, pd.Series, pd.Index)


class UnknownOutput(Exception):
    """A client has asked for an output that the model does not have."""


@dataclass(frozen=True, slots=True)
class OutputTensor:
    """One output.

    Attributes:
        name: in replies.
        datatype: the protocol's word.
        shape: its own.
        numbers: its elements, where they are numbers or booleans without nulls.
        others: its elements otherwise, in C order: text, bytes, null, numbers beside nulls.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    numbers: np.ndarray[Any, Any] | None
    others: Sequence[Any] = ()

    @property
    def data(self) -> list[Any]:
        """For JSON; bytes as base64."""
        if self.numbers is not None:
            listed: list[Any] = self.numbers.ravel().tolist()
            return listed
        return list(self.others)

    @property
    def raw(self) -> bytes | None:
        """Little-endian; None where raw bytes cannot say it."""
        if self.numbers is not None:
            little = self.numbers.dtype.newbyteorder("<")
            return self.numbers.astype(little, order="C", copy=False).tobytes()
        if self.datatype != "BYTES" or None in self.others:
            return None
        return b"".join(_behind_lengths(self.others))


def _behind_lengths(elements: Sequence[str | bytes]) -> Iterator[bytes]:
    for element in elements:
        data = element if isinstance(element, bytes) else _utf8(element)
        yield struct.pack("<I", len(data))
        yield data


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NotEncodable(str(error)) from error


def encode(prediction: Any, reply: TensorReply, promised: Promised) -> bytes:
    """The length of the JSON in four bytes, the JSON, and raw bytes of outputs asked for so.

    Raises `NotEncodable` or `UnknownOutput`.
    """
    listed, raw = [], []
    for tensor, binary in _chosen(named_outputs(prediction, promised), reply):
        entry: dict[str, Any] = {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": tensor.shape,
        }
        data = tensor.raw if binary else None
        if data is None:
            if any(type(each) is bytes for each in tensor.others):
                entry["parameters"] = {"content_type": "base64"}
            entry["data"] = tensor.data
        else:
            entry["parameters"] = {"binary_data_size": len(data)}
            raw.append(data)
        listed.append(entry)
    head = outputs.encode({"outputs": listed})
    return b"".join((struct.pack("<I", len(head)), head, *raw))


def encode_parts(
    prediction: Any,
    rows: Sequence[int],
    replies: Sequence[TensorReply | None],
    promised: Promised,
) -> list[bytes]:
    """The reply of each request, also of those that ask for MLflow's JSON.

    Raises `outputs.NotByRow`, `NotEncodable` or `UnknownOutput`.
    """
    if len(rows) == 1:
        (reply,) = replies
        whole = None
        if _is_plain(prediction, replies, promised):
            (whole,) = _cut(prediction, (len(prediction),))
        return [_encoded(prediction, reply, promised) if whole is None else whole]
    if _is_plain(prediction, replies, promised):
        outputs.check_by_row(prediction, sum(rows))
        return _cut(prediction, rows)
    each = zip(parts(prediction, rows), replies, strict=True)
    return [_encoded(part, reply, promised) for part, reply in each]


def _encoded(part: Any, reply: TensorReply | None, promised: Promised) -> bytes:
    return outputs.encode(part) if reply is None else encode(part, reply, promised)


def _is_plain(prediction: Any, replies: Sequence[TensorReply | None], promised: Promised) -> bool:
    """Whether all want all of an array of numbers as JSON, as it is announced."""
    if not isinstance(prediction, np.ndarray) or not prediction.ndim:
        return False
    datatype = _datatype_of(prediction)
    if datatype not in _DATATYPES or promised.get(_ONLY, datatype) != datatype:
        return False
    return all(each is not None and not each.binary and each.outputs is None for each in replies)


def _cut(prediction: np.ndarray[Any, Any], rows: Sequence[int]) -> list[bytes]:
    """Encoded once and cut: no number, true, false or null has a comma in it."""
    cells = outputs.encode(prediction.ravel())[1:-1].split(b",")
    rest = "".join(f",{length}" for length in prediction.shape[1:])
    said = f'{{"outputs":[{{"name":"{_ONLY}","datatype":"{_datatype_of(prediction)}","shape":['
    opening, width = said.encode(), prod(prediction.shape[1:])
    middle, found, start = f'{rest}],"data":['.encode(), [], 0
    for count in rows:
        end = start + count * width
        data = b",".join(cells[start:end])
        told = b"%b%d%b%b]}]}" % (opening, count, middle, data)
        found.append(struct.pack("<I", len(told)) + told)
        start = end
    return found


def _datatype_of(values: np.ndarray[Any, Any]) -> str:
    kind = _KINDS.get(values.dtype.kind, "")
    return kind if kind == "BOOL" else f"{kind}{8 * values.dtype.itemsize}"


def _chosen(
    found: Sequence[OutputTensor], reply: TensorReply
) -> Iterator[tuple[OutputTensor, bool]]:
    if reply.outputs is None:
        yield from ((each, reply.binary) for each in found)
        return
    named = {each.name: each for each in found}
    for wanted in reply.outputs:
        if wanted.name not in named:
            raise UnknownOutput
        yield named[wanted.name], wanted.binary


def announced(prediction: Any, rows: int, *, open_lengths: bool) -> list[dict[str, Any]]:
    """What is to be said of the outputs by this answer to so many rows; raises `NotEncodable`.

    With `open_lengths` inputs have lengths beside the rows that are any: so have outputs then.
    """
    return [
        {
            "name": each.name,
            "datatype": each.datatype,
            "shape": _announced_shape(each.shape, rows, open_lengths=open_lengths),
        }
        for each in named_outputs(prediction, {})
    ]


def _announced_shape(shape: tuple[int, ...], rows: int, *, open_lengths: bool) -> Sequence[int]:
    rest = [-1] * len(shape[1:]) if open_lengths else shape[1:]
    return [-1 if shape[0] == rows else shape[0], *rest]


def parts(prediction: Any, rows: Sequence[int]) -> list[Any]:
    """The part of each request, arrays as arrays; raises `outputs.NotByRow`."""
    outputs.check_by_row(prediction, sum(rows))
    sliced = prediction.iloc if isinstance(prediction, pd.DataFrame | pd.Series) else prediction
    found, start = [], 0
    for count in rows:
        found.append(sliced[start : start + count])
        start += count
    return found


def named_outputs(prediction: Any, promised: Promised) -> list[OutputTensor]:
    """The outputs in the model's own order; raises `NotEncodable`."""
    named = _named(prediction, promised)
    if named is None:
        return [_tensor(_only_name(prediction), prediction, promised)]
    return [_tensor(*each, promised) for each in named.items()]


def _named(prediction: Any, promised: Promised) -> Mapping[str, Any] | None:
    """Parts that have names; None: it is one."""
    if isinstance(prediction, pd.DataFrame):
        names = list(map(str, prediction.columns))
        if len(set(names)) < len(names):
            raise NotEncodable("two columns of one name")
        return {name: _Elements(prediction.iloc[:, at]) for at, name in enumerate(names)}
    if isinstance(prediction, Mapping):
        return {str(key): value for key, value in prediction.items()}
    if isinstance(prediction, list):
        return _of_records(prediction, promised)
    return None


class _Elements:
    """A column: an element a row, whatever it is."""

    def __init__(self, values: Any) -> None:
        self.values = values


def _of_records(records: list[Any], promised: Promised) -> Mapping[str, Any] | None:
    if not records and promised.keys() - {_ONLY}:
        return {name: _Elements([]) for name in promised}
    if set(map(type, records)) != {dict} or not records[0]:
        return None
    keys = records[0].keys()
    if promised.keys() == {_ONLY} or any(type(key) is not str for key in keys):
        return None
    if promised and all(record.keys() <= promised.keys() for record in records):
        # Seen together in the example; each may be missing elsewhere.
        keys = promised.keys()
    elif any(record.keys() != keys for record in records):
        return None
    return {key: _Elements([record.get(key) for record in records]) for key in keys}


def _only_name(prediction: Any) -> str:
    named = isinstance(prediction, pd.Series) and type(prediction.name) is str
    return str(prediction.name) if named else _ONLY


def _tensor(name: str, value: Any, promised: Promised) -> OutputTensor:
    datatype = promised.get(name)
    if isinstance(value, _Elements):
        return _of_array(name, value.values, datatype, nested=False)
    if isinstance(value, _ARRAY_LIKE):
        return _of_array(name, value, datatype, nested=True)
    return _of_objects(name, [value], datatype)


def _of_array(name: str, value: Any, promised: str | None, *, nested: bool) -> OutputTensor:
    if isinstance(value, pd.Series | pd.Index):
        value = _numpy_or_list(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
        return _kept(_of_numbers(name, value), promised)
    if isinstance(value, np.ndarray):
        flat, shape = _objects_of(value), value.shape
        return _of_objects(name, flat, promised, shape or (1,))
    listed = list(value)
    if nested and promised != "BYTES" and (numbers := _as_numbers(listed)) is not None:
        return _kept(_of_numbers(name, numbers), promised)
    return _of_objects(name, listed, promised)


def _numpy_or_list(values: Any) -> Any:
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in {*_KINDS, "M"}:
        return values.to_numpy()
    return values.tolist()


def _objects_of(values: np.ndarray[Any, Any]) -> list[Any]:
    if values.dtype.kind == "M":
        # numpy's own are integers or lose their nanoseconds.
        return pd.Series(values.ravel()).tolist()
    listed: list[Any] = values.ravel().tolist()
    return listed


def _of_numbers(name: str, values: np.ndarray[Any, Any]) -> OutputTensor:
    datatype = _datatype_of(values)
    if datatype not in _DATATYPES:
        raise NotEncodable(f"numbers of {values.dtype}")
    return OutputTensor(name, datatype, values.shape or (1,), values)


def _kept(found: OutputTensor, promised: str | None) -> OutputTensor:
    """As it was promised, where that is the same."""
    if promised in {None, found.datatype} or found.numbers is None:
        return found
    if promised in {"FP32", "FP64"} and found.datatype != "BOOL":
        cast = found.numbers.astype(f"float{str(promised)[2:]}")
        if np.array_equal(cast, found.numbers, equal_nan=True) and _is_exact(cast, found.numbers):
            return OutputTensor(found.name, str(promised), found.shape, cast)
    if not found.numbers.size and promised != "BYTES":
        # Which numbers there are none of says nothing.
        none = found.numbers.astype(str(promised).lower())
        return OutputTensor(found.name, str(promised), found.shape, none)
    if found.numbers.dtype.kind == "f" and np.isnan(found.numbers).all():
        # pandas makes such floats of nulls alone, whatever they are nulls of.
        nulls = [None] * found.numbers.size
        return OutputTensor(found.name, str(promised), found.shape, None, nulls)
    return found


def _is_exact(cast: np.ndarray[Any, Any], numbers: np.ndarray[Any, Any]) -> bool:
    # numpy compares an integer with a float as floats.
    if numbers.dtype.kind == "f":
        return True
    return all(int(one) == int(other) for one, other in zip(cast.flat, numbers.flat, strict=True))


def _as_numbers(listed: list[Any]) -> np.ndarray[Any, Any] | None:
    """Lists of equal lengths within each other, of numbers or of booleans; None for all else."""
    if not listed or not all(isinstance(each, list | tuple | np.ndarray) for each in listed):
        return None
    try:
        made = np.array(listed)
    except ValueError:
        return None
    if made.dtype.kind not in _KINDS:
        return None
    dtypes = {getattr(each, "dtype", None) for each in listed}
    if len(dtypes) == 1 and None not in dtypes:
        return made
    leaves = {type(leaf) for leaf in _leaves(listed)}
    # numpy counts true beside a number as 1.
    alike = leaves == {bool} or leaves <= {float, int}
    # Of whole numbers it makes floats beside others, and where no type of 64 bits holds them all.
    exact = made.dtype.kind != "f" or _exact(
        [leaf for leaf in _leaves(listed) if type(leaf) is int]
    )
    return made if alike and exact else None


def _leaves(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _leaves(value)
        elif isinstance(value, np.ndarray):
            yield from value.ravel().tolist()
        else:
            yield value.item() if isinstance(value, np.generic) else value


def _of_objects(
    name: str, values: Sequence[Any], promised: str | None, shape: tuple[int, ...] | None = None
) -> OutputTensor:
    plain = [_plain(value) for value in values]
    shape = (len(plain),) if shape is None else shape
    types = {type(value) for value in plain if value is not None}
    if float in types and not types <= {int, float}:
        # pandas' null beside texts, say.
        plain = [None if type(value) is float and value != value else value for value in plain]  # noqa: PLR0124 - NaN alone is not itself
        types = {type(value) for value in plain if value is not None}
    if not types:
        return OutputTensor(name, promised or "BYTES", shape, None, plain)
    numeric = types <= {int, float} or types == {bool}
    if numeric and promised != "BYTES":
        found = _numeric(name, plain, types, shape, promised)
        if found is not None:
            return found
    if types in ({str}, {bytes}):
        return OutputTensor(name, "BYTES", shape, None, plain)
    if all(isinstance(value, dt.date | dt.time) for value in plain if value is not None):
        plain = [value if value is None else value.isoformat() for value in plain]
        return OutputTensor(name, "BYTES", shape, None, plain)
    texts = [None if value is None else outputs.encode(value).decode() for value in plain]
    return OutputTensor(name, "BYTES", shape, None, texts)


def _numeric(
    name: str,
    values: list[Any],
    types: set[type],
    shape: tuple[int, ...],
    promised: str | None,
) -> OutputTensor | None:
    whole = [value for value in values if type(value) is int]
    if float in types or (types == {int} and promised == "FP64" and _exact(whole)):
        if not _exact(whole):
            return None
        floats = [np.nan if value is None else value for value in values]
        return _of_numbers(name, np.array(floats, np.float64).reshape(shape))
    datatype, dtype = ("BOOL", "bool") if types == {bool} else ("INT64", "int64")
    if whole and not (min(whole) >= _LEAST and max(whole) < _MOST):
        if min(whole) < 0 or max(whole) >= 2 * _MOST:
            return None
        datatype, dtype = "UINT64", "uint64"
    if None in values:
        return OutputTensor(name, datatype, shape, None, values)
    return OutputTensor(name, datatype, shape, np.array(values, dtype).reshape(shape))


def _exact(whole: Sequence[int]) -> bool:
    return all(abs(value) <= 1 << 53 for value in whole)


def _plain(value: Any) -> Any:
    """As Python has it: null for NaT and NA, and no scalars of numpy's."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, np.datetime64):
        return _plain(pd.Timestamp(value))
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    return str.__str__(value) if isinstance(value, str) else value
