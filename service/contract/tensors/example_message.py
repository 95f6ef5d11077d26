"""A request in one of MLflow's formats as one of named tensors, to try that door with an example.

None where it is not plainly rows of named columns, or tensors.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from service.contract.formats.tensor_reader import flatten
from service.contract.tensors.tensor_input import TensorInfo


def example_message(
    document: Mapping[str, Any], infos: Sequence[TensorInfo]
) -> dict[str, Any] | None:
    """The body, as JSON; `infos` are the model's inputs as they are announced."""
    columns = _columns(document, infos)
    inputs = [
        _tensor(info, columns[info.name]) for info in infos if columns and info.name in columns
    ]
    if not inputs or any(each is None for each in inputs):
        return None
    params = document.get("params")
    return {"inputs": inputs, **({"parameters": params} if params else {})}


def _columns(document: Mapping[str, Any], infos: Sequence[TensorInfo]) -> Mapping[str, Any] | None:
    """What was sent for each input."""
    split, records = document.get("dataframe_split"), document.get("dataframe_records")
    if isinstance(split, dict) and split.get("columns") and split.get("data"):
        values = zip(*split["data"], strict=True)
        return dict(zip(map(str, split["columns"]), map(list, values), strict=False))
    if isinstance(records, list) and records and all(isinstance(row, dict) for row in records):
        return {key: [row.get(key) for row in records] for key in records[0]}
    sent = document.get("inputs")
    if isinstance(sent, dict):
        return sent
    return {infos[0].name: sent} if len(infos) == 1 and isinstance(sent, list) else None


def _tensor(info: TensorInfo, values: Any) -> dict[str, Any] | None:
    if not isinstance(values, list):
        return None
    shape: Sequence[int] = (len(values),)
    if len(info.shape) != 1:
        found = flatten(values, len(info.shape))
        if found is None:
            return None
        shape, values = found
    if info.datatype == "BYTES":
        values = list(map(_text, values))
    return {"name": info.name, "datatype": info.datatype, "shape": list(shape), "data": values}


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
