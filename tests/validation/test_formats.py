"""One example by every format: the contract reads the same values from all of them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from service.contract.contract import Contract, RequestLimits, compile_contract
from service.contract.formats.parquet_body import PARQUET
from service.contract.model_input import ModelInput
from service.contract.signature import read_signature
from service.decoder.parquet_reader import read_parquet
from service.validation.smoke.example_requests import picked
from service.validation.smoke.formats import FormattedRequest, formatted

SCALARS: Mapping[str, list[Any]] = {
    "boolean": [True, False],
    "integer": [1, -7],
    "long": [2**53 + 1, 5],
    "float": [1.5, 3],
    "double": [0.1, 1e300],
    "string": ['a, "b"', "line\nend"],
    "binary": ["aGk=", "eW91"],
    "datetime": ["2026-05-01T10:00:00", "2026-05-02"],
}
ROWS = [list(row) for row in zip(*SCALARS.values(), strict=True)]
ALL = {"columns": list(SCALARS), "data": ROWS}
RECORDS = [dict(zip(SCALARS, row, strict=True)) for row in ROWS]
COLUMNS = [{"name": name, "type": name, "required": True} for name in SCALARS]
EVERY = ["dataframe_split", "dataframe_records", "instances", "inputs", "csv", "parquet"]


def contract_of(inputs: list[dict[str, Any]]) -> tuple[Contract, Mapping[str, str | None]]:
    """The contract of these inputs, and what it was compiled from."""
    signature = {"inputs": json.dumps(inputs)}
    return compile_contract(signature, RequestLimits(100)), signature


def read(contract: Contract, request: FormattedRequest) -> ModelInput:
    """As the service reads it."""
    if request.media_type == PARQUET:
        return contract.parse_parquet(request.body, read_parquet)
    return contract.parse(request.body, request.media_type)


def values(found: ModelInput) -> list[tuple[object, list[Any]]]:
    """What a model would get, by column."""
    return [(each.name, list(each.values)) for each in found.by_column().columns]


def requests(inputs: list[dict[str, Any]], document: Mapping[str, Any]) -> list[FormattedRequest]:
    """The example in every format; each is read alike."""
    contract, signature = contract_of(inputs)
    found = formatted(document, read_signature(signature), contract.media_types)
    first, *others = [values(read(contract, each)) for each in found]
    assert all(each == first for each in others)
    return found


@pytest.mark.parametrize(
    "document",
    [
        {"dataframe_split": ALL},
        {"dataframe_records": RECORDS},
        {"instances": RECORDS},
        {"inputs": {name: list(column) for name, column in SCALARS.items()}},
    ],
    ids=["split", "records", "instances", "inputs"],
)
def test_table_of_every_type_says_the_same_in_every_format(document: Mapping[str, Any]) -> None:
    """Whichever it came in."""
    assert [each.form for each in requests(COLUMNS, document)] == EVERY


def test_null_is_the_same_everywhere() -> None:
    """An empty cell, a null."""
    columns = [{"name": "x", "type": "double", "required": False}, COLUMNS[5]]
    document = {"dataframe_records": [{"x": None, "string": "a"}, {"x": 1.5, "string": "b"}]}
    assert [each.form for each in requests(columns, document)] == EVERY


def test_what_a_format_cannot_say_it_is_not_asked() -> None:
    """Empty text is null in CSV; files have no params; lists are values where columns are lists."""
    text = [{"name": "s", "type": "string", "required": True}]
    forms = [each.form for each in requests(text, {"dataframe_records": [{"s": ""}]})]
    assert forms == [each for each in EVERY if each != "csv"]
    contract, signature = contract_of(text)
    document = {"dataframe_records": [{"s": "a"}], "params": {"n": 1}}
    found = formatted(document, read_signature(signature), contract.media_types)
    assert [each.form for each in found] == EVERY[:4]
    assert all(json.loads(each.body)["params"] == {"n": 1} for each in found)
    nested = [{"name": "a", "type": "array", "items": {"type": "long"}, "required": True}]
    forms = [each.form for each in requests(nested, {"dataframe_records": [{"a": [1, 2]}]})]
    assert forms == EVERY[:2]


def test_tensors_are_the_same_in_both_forms() -> None:
    """One without a name, and several with one."""
    one = {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}
    forms = [each.form for each in requests([one], {"inputs": [[1.0, 2.0], [3.0, 4.0]]})]
    assert forms == ["inputs", "instances"]
    two = [{**one, "name": "a"}, {**one, "name": "b"}]
    document = {"inputs": {"a": [[1.0, 2.0]], "b": [[3.0, 4.0]]}}
    assert [each.form for each in requests(two, document)] == ["inputs", "instances"]


def test_unknown_form_is_asked_as_it_is() -> None:
    """A chat, say."""
    _, signature = contract_of(COLUMNS)
    document = {"messages": [{"role": "user", "content": "hello"}]}
    (found,) = formatted(document, read_signature(signature), ("application/json",))
    assert json.loads(found.body) == document


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"dataframe_split": {"columns": ["x"], "data": [[1], [2]], "index": [5, 6]}},
            {"dataframe_split": {"columns": ["x"], "data": [[2], [1], [2]]}},
        ),
        (
            {"dataframe_records": [{"x": 1}, {"x": 2}]},
            {"dataframe_records": [{"x": 2}, {"x": 1}, {"x": 2}]},
        ),
        ({"inputs": {"x": [1, 2]}, "params": {}}, {"inputs": {"x": [2, 1, 2]}, "params": {}}),
        ({"inputs": {"x": [1, 2], "y": [1]}}, None),
        ({"instances": [[1], [2]]}, {"instances": [[2], [1], [2]]}),
        ({"inputs": "one"}, None),
        ({"messages": []}, None),
    ],
)
def test_rows_are_picked_in_the_form_that_they_came_in(
    document: Mapping[str, Any], expected: Mapping[str, Any] | None
) -> None:
    """As often as they are wanted; nothing is invented where there are none."""
    body = picked(document, [1, 0, 1])
    assert (None if body is None else json.loads(body)) == expected
