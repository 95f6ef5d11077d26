"""Pairs of signatures of which one came from the other."""

from typing import Any, Final

from hypothesis import strategies as st

from tests.contract.signatures import column, tensor

Entry = dict[str, Any]
Inputs = list[Entry]

# What takes all that the type takes, or is likely to.
WIDER: Final = {"integer": "long", "long": "double", "float": "double"}
SCALARS = ["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"]
DTYPES = ["bool", "str", "float16", "float32", "float64"]
DTYPES += [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]


def types(depth: int) -> st.SearchStrategy[Entry]:
    """Types nested so deep at most."""
    plain = st.sampled_from(SCALARS).map(lambda type_: {"type": type_})
    if depth <= 0:
        return plain
    inner = types(depth - 1)
    properties = st.dictionaries(
        st.sampled_from("pqr"),
        st.builds(lambda entry, required: {**entry, "required": required}, inner, st.booleans()),
        min_size=1,
    )
    return st.one_of(
        plain,
        st.just({"type": "any"}),
        inner.map(lambda entry: {"type": "array", "items": entry}),
        inner.map(lambda entry: {"type": "map", "values": entry}),
        properties.map(lambda each: {"type": "object", "properties": each}),
    )


@st.composite
def changed_type(draw: st.DrawFn, entry: Any, depth: int) -> Any:
    """The same type, one that differs in something inside, or another."""
    change = draw(st.sampled_from(["none", "inside", "inside", "other", "wider"]))
    if change == "other":
        return draw(st.one_of(types(depth), types(0)))
    if change == "wider":
        return {"type": WIDER.get(entry["type"], "any")}
    if change == "inside" and entry["type"] in {"array", "map"}:
        key = "items" if entry["type"] == "array" else "values"
        return {**entry, key: draw(changed_type(entry[key], depth - 1))}
    if change == "inside" and entry["type"] == "object":
        return {**entry, "properties": draw(changed_properties(entry["properties"], depth - 1))}
    return entry


@st.composite
def changed_properties(draw: st.DrawFn, properties: Any, depth: int) -> Any:
    """One property changed, gone, or new."""
    name = draw(st.sampled_from("pqr"))
    rest = {key: value for key, value in properties.items() if key != name}
    gone, required = draw(st.tuples(st.booleans(), st.booleans()))
    if rest and gone:
        return rest
    if name in properties:
        changed: Entry = draw(changed_type(properties[name], depth))
        return {**rest, name: {**changed, "required": required}}
    return {**rest, name: {**draw(types(depth)), "required": required}}


NAMES: Final[list[list[Any]]] = [["a", "b", "c", "d"], [1, 2, 3, 4], [None] * 4]
TENSOR_NAMES: Final[list[list[Any]]] = [["a", "b", "c"], [None]]


@st.composite
def changed_tables(draw: st.DrawFn, depth: int) -> tuple[Inputs, Inputs]:
    """Two column signatures of which one came from the other."""
    names = draw(st.sampled_from(NAMES))
    old: Inputs = [
        column_of(draw(types(depth)), name, required=name is None or draw(st.booleans()))
        for name in names[: draw(st.integers(1, 3))]
    ]
    new: Inputs = []
    for entry in old:
        match draw(st.sampled_from(["keep", "keep", "keep", "type", "required", "drop"])):
            case "keep":
                new.append(entry)
            case "type":
                type_ = draw(changed_type(entry, depth))
                new.append(column_of(type_, entry.get("name"), required=entry["required"]))
            case "required" if entry.get("name") is not None:
                new.append({**entry, "required": not entry["required"]})
    if not new or draw(st.integers(0, 3)) == 0:
        required = names[3] is None or draw(st.booleans())
        new.append(column_of(draw(types(depth)), names[3], required=required))
    return old, draw(st.permutations(new)) if names[0] is not None else new


@st.composite
def changed_hints(draw: st.DrawFn) -> tuple[Entry, Entry]:
    """Two unnamed columns of which one came from the other."""
    old: Entry = draw(types(2))
    return column_of(old, None, required=True), column_of(
        draw(changed_type(old, 2)), None, required=True
    )


def column_of(type_: Entry, name: str | int | None, *, required: bool) -> Entry:
    """A column of any type."""
    return {**column("", name, required=required), **type_, "required": required}


@st.composite
def changed_tensors(draw: st.DrawFn) -> tuple[Inputs, Inputs]:
    """Two tensor signatures of which one came from the other."""
    names = draw(st.sampled_from(TENSOR_NAMES))
    lengths = st.lists(st.sampled_from([-1, 1, 2]), max_size=3)
    old: Inputs = [
        tensor(draw(st.sampled_from(DTYPES)), draw(lengths), name)
        for name in names[: draw(st.integers(1, 2))]
    ]
    new: Inputs = []
    for entry in old:
        info = entry["tensor-spec"]
        dtype, shape = info["dtype"], list(info["shape"])
        match draw(st.sampled_from(["keep", "dtype", *["length"] * 4, "rank", "drop"])):
            case "dtype":
                dtype = draw(st.sampled_from(DTYPES))
            case "length" if shape:
                shape[draw(st.integers(0, len(shape) - 1))] = draw(st.sampled_from([-1, -1, -1, 2]))
            case "rank":
                shape.append(1)
            case "drop" if len(old) > 1:
                continue
        new.append(tensor(dtype, shape, entry.get("name")))
    if not new or (None not in names and draw(st.integers(0, 4)) == 0):
        new.append(tensor("float64", [-1], names[-1]))
    return old, new
