"""An input example as a request of some of its rows, in the format that it came in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from service.contract.formats.table_formats import FORMATS

ExampleDocument = Mapping[str, Any]


def picked(document: ExampleDocument, places: Sequence[int]) -> bytes | None:
    """A body of those rows, which may be repeated; None where the format has no rows to tell apart.

    Whether a list is rows depends on the signature: whoever asks looks at what the contract makes
    of the body.
    """
    found = [form for form in FORMATS if form in document]
    if len(found) != 1:
        return None
    try:
        part = _PICKED[found[0]](document[found[0]], places)
    except (IndexError, TypeError, KeyError):
        return None
    return None if part is None else orjson.dumps({**document, found[0]: part})


def _of_split(payload: Any, places: Sequence[int]) -> Any:
    # An index would stand there twice.
    kept = {key: value for key, value in payload.items() if key == "columns"}
    return {**kept, "data": _of_list(payload["data"], places)}


def _of_list(payload: Any, places: Sequence[int]) -> Any:
    return [payload[place] for place in places] if isinstance(payload, list) else None


def _of_inputs(payload: Any, places: Sequence[int]) -> Any:
    if not isinstance(payload, dict):
        return _of_list(payload, places)
    if not payload or not all(isinstance(each, list) for each in payload.values()):
        return None
    if len({len(each) for each in payload.values()}) != 1:
        return None
    return {name: _of_list(each, places) for name, each in payload.items()}


_PICKED: Final[Mapping[str, Callable[[Any, Sequence[int]], Any]]] = {
    "dataframe_split": _of_split,
    "dataframe_records": _of_list,
    "instances": _of_inputs,
    "inputs": _of_inputs,
}
