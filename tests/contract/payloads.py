"""Bodies that fit a signature, in every layout that there is, and values at the types' bounds."""

import base64
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from service.contract.model_input import ModelInput

Entry = dict[str, Any]


def integers(low: int, high: int) -> st.SearchStrategy[Any]:
    """Also the bounds, and whole floats."""
    plain = st.integers(low, high)
    small = st.integers(max(low, -100), min(high, 100))
    return st.one_of(st.sampled_from([low, high]), plain, small, small.map(float))


def floats(bits: int, digits: int) -> st.SearchStrategy[Any]:
    """Also whole numbers, and the greatest that is exact."""
    most = 1 << digits
    width: Any = bits
    plain = st.floats(allow_nan=False, allow_infinity=False, width=width)
    return st.one_of(plain, st.integers(-9, 9), st.sampled_from([most, -most, most * 2, 0.1]))


def scalars(type_: str) -> st.SearchStrategy[Any]:
    """Values that a column or tensor of the type takes, with those at its bounds."""
    if type_ in _SCALARS:
        return _SCALARS[type_]
    bits = int(type_.removeprefix("u").removeprefix("int"))
    return integers(0, (1 << bits) - 1) if type_.startswith("u") else signed(bits)


def signed(bits: int) -> st.SearchStrategy[Any]:
    """Integers of so many bits."""
    return integers(-(1 << bits - 1), (1 << bits - 1) - 1)


_TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
_SCALARS: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "boolean": st.booleans(),
    "bool": st.booleans(),
    "integer": signed(32),
    "long": signed(64),
    "float": floats(32, 24),
    "float16": floats(16, 11),
    "float32": floats(32, 24),
    "double": floats(64, 53),
    "float64": floats(64, 53),
    "string": _TEXT,
    "str": _TEXT,
    "binary": st.binary(max_size=4).map(lambda data: base64.b64encode(data).decode()),
    "datetime": st.sampled_from(["2026-05-01", "1999-12-31T23:59:59.5+02:00", "2200-01-01T00Z"]),
}


def of_type(entry: Entry) -> st.SearchStrategy[Any]:
    """Values that fit a type, nested ones too."""
    match entry["type"]:
        case "array":
            return st.lists(of_type(entry["items"]), max_size=3)
        case "map":
            return st.dictionaries(st.sampled_from("kl"), of_type(entry["values"]), max_size=2)
        case "object":
            return objects(entry["properties"])
        case "any":
            return st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.just(["x", {"k": 1}]))
        case type_:
            return scalars(type_)


def objects(properties: Mapping[str, Entry]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with all that is required of them, and some of the rest, some of that null."""
    required = {n: of_type(p) for n, p in properties.items() if p.get("required", True)}
    optional = {
        n: st.one_of(of_type(p), st.none()) for n, p in properties.items() if n not in required
    }
    return st.fixed_dictionaries(required, optional=optional)


@st.composite
def table_payloads(draw: st.DrawFn, inputs: Any) -> dict[str, Any]:
    """A body for a column signature, in any layout that there is; most fit, but not all."""
    rows = draw(st.integers(1, 3))
    sent = [entry for entry in inputs if entry["required"] or draw(st.booleans())]
    cells = [draw(st.lists(cell(entry), min_size=rows, max_size=rows)) for entry in sent]
    by_row = [[values[row] for values in cells] for row in range(rows)]
    header = [entry.get("name") for entry in sent]
    if None in header:
        bodies = [{"dataframe_split": {"data": by_row}}, {"dataframe_records": by_row}]
        bodies += [{form: by_row} for form in ("inputs", "instances")]
        if len(inputs) == 1:
            bodies += [{"inputs": cells[0]}, {"instances": cells[0][0]}]
        return draw(st.sampled_from(bodies))
    keys = list(map(str, header))
    records = [
        {
            key: value
            for key, value in zip(keys, row, strict=True)
            if value is not None or draw(st.booleans())
        }
        for row in by_row
    ]
    columns = dict(zip(keys, cells, strict=True))
    mixed = {key: draw(st.sampled_from([each, each[0]])) for key, each in columns.items()}
    split = {"columns": header, "data": by_row}
    bodies = [{"dataframe_split": split}, {"dataframe_split": {"data": by_row}}]
    bodies += [{"dataframe_records": records}, {"dataframe_records": by_row}]
    for form in ("inputs", "instances"):
        bodies += [{form: each} for each in (records, columns, mixed, records[0], by_row)]
        bodies += [{form: each} for each in cells]
    return draw(st.sampled_from(bodies))


def cell(entry: Entry) -> st.SearchStrategy[Any]:
    """One value of a column."""
    fitting = of_type(entry)
    return fitting if entry["required"] else st.one_of(fitting, fitting, st.none())


@st.composite
def tensor_payloads(draw: st.DrawFn, inputs: Any) -> dict[str, Any]:
    """A body for a tensor signature, in any layout that there is; most fit, but not all."""
    rows = draw(st.integers(1, 2))
    whole = {}
    for entry in inputs:
        info = entry["tensor-spec"]
        shape = [rows if place == 0 and n == -1 else n for place, n in enumerate(info["shape"])]
        shape = [draw(st.integers(1, 2)) if length == -1 else length for length in shape]
        whole[entry.get("name")] = draw(nested(scalars(info["dtype"]), shape))
    first = next(iter(whole.values()))
    if None in whole:
        flat = [leaves(row) for row in first] if type(first) is list else [[first]]
        bodies: list[dict[str, Any]] = [{"inputs": first}, {"instances": first}]
        bodies += [{"dataframe_split": {"data": flat}}, {"dataframe_records": first}]
        bodies += [{"dataframe_split": {"data": [[row] for row in flat]}}]
        return draw(st.sampled_from(bodies))
    bodies = [{"inputs": whole}, {"instances": whole}, {"inputs": first}]
    if all(type(each) is list for each in whole.values()):
        records = [dict(zip(whole, row, strict=True)) for row in zip(*whole.values(), strict=False)]
        cells = [
            {key: leaves(each) if type(each) is list else each for key, each in record.items()}
            for record in records
        ]
        split = {"columns": list(whole), "data": [list(record.values()) for record in cells]}
        bodies += [{"inputs": records}, {"instances": records}, {"dataframe_records": cells}]
        bodies += [{"dataframe_split": split}]
    return draw(st.sampled_from(bodies))


def nested(element: st.SearchStrategy[Any], shape: Sequence[int]) -> st.SearchStrategy[Any]:
    """Lists of that shape."""
    for length in reversed(shape):
        element = st.lists(element, min_size=length, max_size=length)
    return element


def leaves(value: Any) -> list[Any]:
    """What lies in nested lists."""
    return [each for part in value for each in leaves(part)] if type(value) is list else [value]


def same_values(old: ModelInput, new: ModelInput) -> bool:
    """Whether as many rows say the same, in the columns that both have."""
    before, after = (
        {place if each.name is None else each.name: each for place, each in enumerate(columns)}
        for columns in (old.by_column().columns, new.by_column().columns)
    )
    kept = [(before[key], after[key]) for key in before.keys() & after.keys()]
    tables = old.kind in ("table", "block")
    return (old.rows == new.rows or not tables) and all(
        left.shape == right.shape
        and len(left.values) == len(right.values)
        and all(map(alike, left.values, right.values))
        for left, right in kept
    )


def alike(old: Any, new: Any) -> bool:
    """Equal, or the new value was rounded to 32 bits in the old one."""
    if isinstance(old, float) and isinstance(new, int | float):
        return old == new or array("f", [new])[0] == old
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(alike, old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(alike(old[key], new[key]) for key in old)
    return bool(old == new)
