"""Nested values reach a model as MLflow's own server hands them over, and as they were sent."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given

from service.contract.contract import compile_contract
from service.contract.formats.table_formats import FORMATS
from service.errors import InvalidInput
from tests.contract.signatures import (
    ANY,
    LIMITS,
    array,
    column,
    contract,
    map_of,
    nested,
    object_of,
    parse,
)
from tests.host.handed import Entries, Signed, seen, sent, shown
from tests.host.payloads import JUNK, SCALARS, types, values_of
from tests.support.exploring import exploring

CHAT: Final = array(object_of({"role": "string", "content": "string"}, {"score": "double"}))

# What MLflow reads rightly in rows, and under `inputs` and `instances`.
SAME: Final[list[tuple[dict[str, Any], list[Any]]]] = [
    (array("double"), [[1.5, None], []]),
    (array("long"), [[1, 2**62], [-5]]),
    (array("boolean"), [[True, False], [True]]),
    (array("string"), [["a", "longer"], ["ä"]]),
    (array(array("double")), [[[1.5, 2.5], [0.5, 3.5]], [[0.5]]]),
    (array(ANY), [[1, 2], ["a", "b"]]),
    (array(ANY), [[None], [{"a": 1}, {}]]),
    (CHAT, [[{"role": "a", "content": "b"}], [{"content": "x", "role": "", "score": 0.5}]]),
    (CHAT, [[{"role": "a", "content": "b", "score": None}], []]),
    (object_of({"a": "long", "b": array("string")}), [{"b": ["x"], "a": 1}, {"a": 2, "b": []}]),
    (
        object_of({"a": map_of("boolean")}, {"b": ANY}),
        [{"a": {"k": True}, "b": [1, "c"]}, {"a": {}}],
    ),
]
MAPS: Final[list[tuple[dict[str, Any], list[Any]]]] = [
    (map_of("double"), [{"a": 1.5}, {}]),
    (map_of(array("long")), [{"a": [1], "b": []}, {"": [2]}]),
    (map_of(ANY), [{"a": None, "b": {"c": 1}}, {}]),
    (ANY, [1, 2]),
    (ANY, ["a", None]),
    (ANY, [0.5, None]),
    (ANY, [True, None]),
    (ANY, [{"a": 1}, [2]]),
]


def assert_same(signed: Signed, body: Any) -> None:
    """Both hand the model the same; Podium's enforcement found nothing to do."""
    handed = seen(signed.by_podium(body))
    assert handed == seen(signed.by_mlflow(body)), body
    assert handed == seen(signed.batch(body).data), body


def rows(name: str, values: list[Any]) -> list[dict[str, Any]]:
    """The values as records, beside a double."""
    return [{name: value, "d": place + 0.5} for place, value in enumerate(values)]


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(("entry", "values"), SAME + MAPS)
def test_rows_are_mlflows(entry: dict[str, Any], values: list[Any], required: bool) -> None:  # noqa: FBT001 - a table's column
    """Lists stay lists in frames, and become numpy's arrays under `inputs`."""
    signed = Signed([nested(entry, "c", required=required), column("double", "d")])
    records = rows("c", values)
    split = {"columns": ["d", "c"], "data": [[row["d"], row["c"]] for row in records]}
    for body in (
        {"dataframe_records": records},
        {"dataframe_split": split},
        {"dataframe_split": {**split, "index": ["r", "s"]}},
        {"inputs": records},
    ):
        assert_same(signed, body)


@pytest.mark.parametrize(("entry", "values"), SAME)
def test_one_row_in_an_object_is_mlflows(entry: dict[str, Any], values: list[Any]) -> None:
    """And so is a plain list for a single array."""
    signed = Signed([nested(entry, "c"), column("double", "d")])
    single = Signed([nested(entry, "c")])
    for record in rows("c", values):
        for form in ("inputs", "instances"):
            assert_same(signed, {form: record})
            assert_same(single, {form: {"c": record["c"], "z": 5}})
            if entry["type"] == "array" and not any(isinstance(v, dict) for v in record["c"]):
                assert_same(single, {form: record["c"]})


@pytest.mark.parametrize("payload", [[1, 2], ["a"], {"c": [1, 2]}, {"c": ["a"]}, {"c": 5}, [[1]]])
def test_any_type_under_inputs_is_mlflows(payload: Any) -> None:
    """Whether a list is a column or a value."""
    assert_same(Signed([nested(ANY, "c")]), {"inputs": payload})


def test_optional_nested_columns_are_mlflows() -> None:
    """Null, or absent."""
    for entry in (array("long"), CHAT, map_of("long"), object_of({"a": "long"}), ANY):
        signed = Signed([nested(entry, "c", required=False), column("double", "d")])
        assert_same(signed, {"dataframe_records": [{"c": None, "d": 1.5}]})
        assert_same(signed, {"dataframe_records": [{"d": 1.5}]})


def in_columns(names: list[str], values: list[list[Any]]) -> list[dict[str, Any]]:
    """Every body that holds these rows."""
    records = [dict(zip(names, row, strict=True)) for row in values]
    bodies: list[dict[str, Any]] = [{"dataframe_split": {"columns": names, "data": values}}]
    bodies += [{form: records} for form in FORMATS[1:]]
    return bodies + [{form: records[0]} for form in FORMATS[2:]]


@st.composite
def damaged(draw: st.DrawFn, value: Any) -> Any:
    """The value with something in it replaced or taken out, at any depth."""
    if not isinstance(value, list | dict) or not value or draw(st.integers(0, 3)) == 0:
        return draw(JUNK)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = draw(st.sampled_from(keys))
    if draw(st.integers(0, 3)) == 0:
        del value[key]
    else:
        value[key] = draw(damaged(value[key]))
    return value


@st.composite
def requests(draw: st.DrawFn, *, spoilt: bool = False) -> tuple[Entries, list[dict[str, Any]]]:
    """A signature with a nested column, and one request in every format."""
    required = draw(st.booleans())
    entry = draw(types(depth=2).filter(lambda each: each["type"] not in SCALARS))
    scalar = draw(st.sampled_from(["double", "string", "long"]))
    # NUL at the end of a string column is a listed difference of its own.
    beside = st.just("text") if scalar == "string" else SCALARS[scalar]
    row = st.tuples(values_of(entry, required=required), beside).map(list)
    values = draw(st.lists(row, min_size=1, max_size=2))
    if spoilt:
        values[0][0] = draw(damaged(values[0][0]))
    return [nested(entry, "c", required=required), column(scalar, "d")], in_columns(
        ["c", "d"], values
    )


def is_listed(entries: Entries, body: Mapping[str, Any]) -> bool:
    """Whether `differences` says that MLflow reads it as something else."""
    if "binary" in str(entries) or "datetime" in str(entries):
        return True
    ((form, payload),) = body.items()
    if isinstance(payload, list):
        return form == "instances"
    return (
        form in ("inputs", "instances")
        and "object" not in entries[0]["type"]
        and (entries[0]["type"] == "map" or isinstance(payload["c"], dict))
    )


@exploring(40)
@given(requests())
def test_what_mlflow_leaves_unchanged_is_the_same(
    case: tuple[Entries, list[dict[str, Any]]],
) -> None:
    """For types within types, in every format, but where the two differ as listed."""
    entries, bodies = case
    signed = Signed(entries)
    for body in bodies:
        if is_listed(entries, body):
            continue
        try:
            theirs = seen(signed.by_mlflow(body))
        except Exception:  # noqa: BLE001 - MLflow fails with whatever came up
            event("MLflow fails")
            continue
        event("same")
        assert seen(signed.by_podium(body)) == theirs


@exploring(40)
@given(requests(spoilt=True))
def test_p14_nested_values_are_never_refused_by_mlflows_enforcement(
    case: tuple[Entries, list[dict[str, Any]]],
) -> None:
    """Nor changed by it, whatever the contract takes."""
    entries, bodies = case
    signed = Signed(entries)
    for body in bodies:
        try:
            batch = signed.batch(body)
        except InvalidInput:
            event("refused")
            continue
        event("taken")
        before = seen(batch.data)
        assert seen(signed.enforced(batch)[0]) == before


def as_sent(entry: Mapping[str, Any], cell: Any) -> Any:
    """What a client would have to send for a model to have this."""
    if isinstance(cell, np.ndarray):
        cell = list(cell) if cell.dtype.kind == "M" else cell.tolist()
    if cell is None or (entry["type"] == "any" and shown(cell) == "nan"):
        return None
    match entry["type"]:
        case "array":
            return [as_sent(entry["items"], each) for each in cell]
        case "map":
            return {key: as_sent(entry["values"], each) for key, each in cell.items()}
        case "object":
            properties = entry["properties"]
            return {name: as_sent(properties[name], each) for name, each in cell.items()}
    return AS_SENT.get(entry["type"], lambda value: value)(cell)


AS_SENT: Final[Mapping[str, Callable[[Any], Any]]] = {
    "binary": lambda data: base64.b64encode(data).decode(),
    "datetime": lambda time: None if pd.isna(time) else pd.Timestamp(time).isoformat(),
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": lambda value: None if np.isnan(value) else float(value),
    "double": lambda value: None if np.isnan(value) else float(value),
}


@exploring(40)
@given(requests())
def test_what_was_sent_comes_back(case: tuple[Entries, list[dict[str, Any]]]) -> None:
    """Encoded, sent in every format, handed to a model and encoded again: the same values."""
    entries, bodies = case
    made = contract(*entries)
    _, _, expected, *_ = parse(made, bodies[0]).columns[0]
    for body in bodies:
        if type(body.get("inputs", body.get("instances"))) is dict and entries[0]["type"] == "any":
            continue  # whether a list is a column or a value has its own tests
        data = sent(parse(made, body)).data
        assert isinstance(data, pd.DataFrame)
        cells = [as_sent(entries[0], cell) for cell in data["c"].tolist()]
        records = [
            {"c": cell, "d": row[1]} for cell, row in zip(cells, rows_of(bodies), strict=False)
        ]
        _, _, again, *_ = parse(made, {"dataframe_records": records}).columns[0]
        if entries[0]["type"] == "any":
            assert list(again) == list(expected[: len(cells)])  # pandas makes 5.0 of 5 beside null
        else:
            assert shown(list(again)) == shown(list(expected[: len(cells)]))


def rows_of(bodies: list[dict[str, Any]]) -> list[list[Any]]:
    """What was drawn."""
    data: list[list[Any]] = bodies[0]["dataframe_split"]["data"]
    return data


@exploring(40)
@given(requests(), st.data())
def test_p16_nested_rows_that_may_join_are_handed_over_alike(
    case: tuple[Entries, list[dict[str, Any]]], data: st.DataObject
) -> None:
    """In a batch as alone; values of any type join only where pandas keeps their dtype."""
    entries, bodies = case
    made = contract(*entries)
    chosen = data.draw(st.lists(st.sampled_from(bodies), min_size=2, max_size=3))
    parsed = [parse(made, body) for body in chosen]
    first = parsed[0]
    same = [each for each in parsed if each.join_key == first.join_key]
    if first.join_key is None:
        return
    batch = sent(*same)
    for place, request in enumerate(same):
        assert seen(batch.part(place, place + 1).data) == seen(sent(request).data)


def test_a_model_may_write_into_nested_values() -> None:
    """Neither the batch that its part was taken from nor a second build sees it."""
    made = contract(nested(object_of({"a": array("long")}), "c"))
    request = parse(made, {"dataframe_records": [{"c": {"a": [1]}}]})
    whole = sent(request)
    before = seen(whole.data)
    part = whole.part(0, 1).data
    assert isinstance(part, pd.DataFrame)
    part["c"][0]["a"].append(5)
    assert seen(whole.data) == before


def test_depth_is_no_matter_to_wire_and_host() -> None:
    """As deep as the contract takes values."""
    entry: dict[str, Any] = ANY
    value: Any = 5
    for _ in range(98):
        entry, value = array(entry), [[value]]
    texts = {"inputs": json.dumps([nested(entry, "c")])}
    made = compile_contract(texts, LIMITS)
    signed = Signed([nested(entry, "c")])
    body = {"dataframe_records": [{"c": [value]}]}
    batch = sent(parse(made, body))
    assert signed.enforced(batch)[0]["c"].tolist() == [[value]]
    assert seen(batch.part(0, 1).data)
