"""What cannot be read gets errors that name everything wrong, and nothing of the client's."""

import json
from itertools import product
from typing import Any

import pytest

from service.contract.contract import RequestLimits
from service.contract.formats.unsigned import compile_unsigned
from service.errors import InvalidInput, UnsupportedMediaType
from tests.contract.signatures import (
    ANY,
    LIMITS,
    array,
    column,
    contract,
    errors,
    nested,
    object_of,
    param,
    places,
    tensor,
    values,
)

MADE = contract(
    column("double", "a"),
    column("long", "b"),
    column("string", "s", required=False),
    params=[param("long", "top", 3)],
)
BODY = b'{"inputs": {"a": 1, "b": 2}}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"inputs": {"a": NaN, "b": 1}}',
        b'{"inputs": {"a": Infinity, "b": 1}}',
        b'{"inputs": {"a": 1e400, "b": 1}}',
        b"\xef\xbb\xbf" + BODY,
        BODY + b"x",
        b'{"inputs": "\xff"}',
        b'{"inputs": "\\ud800"}',
        b'{"inputs": ' + b"[" * 100_000,
        b"[" * 2000 + b"]" * 2000,
    ],
)
def test_body_that_is_no_json_is_one_error(body: bytes) -> None:
    """The error says where JSON ends, and takes bounded time and stack."""
    (error,) = errors(MADE, body)
    assert (error.loc, error.type) == (("body",), "json_invalid")
    assert error.msg.startswith("must be JSON; it fails at line ")


@pytest.mark.parametrize(
    "body", [[], 5, None, "x", {}, {"params": {}}, {"inputs": 1, "instances": 1}, {"Inputs": 1}]
)
def test_body_without_exactly_one_format_is_one_error(body: Any) -> None:
    """None and two are equally wrong, and so is anything but an object."""
    assert places(MADE, body) == [((), "format")]


FORMS = ("inputs", "instances", "dataframe_records", "dataframe_split", "messages", "prompt")
OBJECT = {"name": "p", "default": {}, **object_of({}, {"a": array(ANY)})}


@pytest.mark.parametrize("depth", [10, 900])
def test_deep_nesting_is_refused_like_anything_else(depth: int) -> None:
    """No depth that JSON's parser lets through exhausts the stack."""
    lists, objects = nest(depth)
    scalars = (MADE, contract(tensor("int64", [-1, -1])), contract(column("double")))
    for made in (*scalars, contract(column("string", "prompt"))):
        for form, deep in product(FORMS, (lists, objects)):
            assert errors(made, {form: deep})
            assert errors(made, {form: {"a": deep, "b": deep, "data": deep, "columns": deep}})


def test_deep_nesting_of_any_type_is_refused_with_its_place() -> None:
    """Where a value may be nested, in each format, in a chat, and in params."""
    made = contract(nested(array(ANY), "prompt"), column("double", "x"), params=[OBJECT])
    good = {"prompt": [1], "x": 1}
    for deep in nest(900):
        bad = {"prompt": [deep], "x": 1}
        for body in (
            {"dataframe_split": {"columns": ["prompt", "x"], "data": [[[deep], 1]]}},
            {"dataframe_records": [bad]},
            {"instances": [bad]},
            {"inputs": bad},
            bad,
            {**good, "p": {"a": [deep]}},
            {"inputs": good, "params": {"p": {"a": [deep]}}},
        ):
            ((place, type_),) = places(made, body)
            assert (place[-1], type_) == (0, "nesting")


def test_deep_nesting_is_refused_without_a_signature_too() -> None:
    """In every format and in a chat, before any process of the model has seen it."""
    made = compile_unsigned({}, LIMITS)
    for form, deep in product(FORMS, nest(900)):
        with pytest.raises(InvalidInput) as caught:
            made.parse(json.dumps({form: deep}).encode(), "")
        assert [each.type for each in caught.value.errors] == ["nesting"]


@pytest.mark.parametrize("start", [b"[", b'{"inputs":', b'{"messages":['])
def test_nesting_that_the_parser_refuses_is_no_json(start: bytes) -> None:
    """However deep: nothing calls itself for each level."""
    for made in (MADE, compile_unsigned({}, LIMITS)):
        with pytest.raises(InvalidInput) as caught:
            made.parse(start * 1_000_000, "")
        assert [each.type for each in caught.value.errors] == ["json_invalid"]


def nest(depth: int) -> tuple[Any, Any]:
    """A value in so many lists, and in so many objects."""
    lists: Any = 1
    objects: Any = 1
    for _ in range(depth):
        lists, objects = [lists], {"a": objects}
    return lists, objects


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"; profile=x',
        " application/json ;",
    ],
)
def test_json_is_known_however_it_is_written(media_type: str) -> None:
    """Media types are compared as HTTP says; none at all is taken for JSON."""
    assert MADE.parse(BODY, media_type).rows == 1


@pytest.mark.parametrize(
    "media_type",
    ["text/xml", "application/jsonx", "application/json; charset=latin-1", "x", ";", "application"],
)
def test_other_media_types_are_refused(media_type: str) -> None:
    """And the message repeats nothing of them."""
    with pytest.raises(UnsupportedMediaType) as caught:
        MADE.parse(BODY, media_type)
    assert media_type not in caught.value.message or media_type in ("x", ";", "application")


def test_everything_wrong_is_reported_at_once() -> None:
    """Columns that are missing, columns that are bad, and params."""
    body = {
        "dataframe_split": {"columns": ["s", "a"], "data": [[1, "x"], ["ok", None]]},
        "params": {"top": "y"},
    }
    at = "dataframe_split"
    assert places(MADE, body) == [
        ((at, "columns", "b"), "missing"),
        ((at, "data", 0, "a"), "type"),
        ((at, "data", 1, "a"), "null"),
        ((at, "data", 0, "s"), "type"),
        (("params", "top"), "type"),
    ]
    assert places(MADE, {"params": {"top": "y"}}) == [((), "format"), (("params", "top"), "type")]


def test_errors_are_counted_beyond_the_limit() -> None:
    """The last error says how many are not listed."""
    made = contract(column("double", "x"), limits=RequestLimits(max_rows=1000, max_errors=3))
    found = errors(made, {"inputs": {"x": ["?"] * 10}})
    assert [error.type for error in found] == ["type", "type", "type", "more"]
    assert found[-1].loc == ("body",)
    assert "7" in found[-1].msg


def test_errors_up_to_the_limit_are_not_counted() -> None:
    """As many errors as are listed leave nothing to count."""
    made = contract(column("double", "x"), limits=RequestLimits(max_rows=1000, max_errors=3))
    assert [each.type for each in errors(made, {"inputs": {"x": ["?"] * 3}})] == ["type"] * 3


SECRET = "s3cret"


@pytest.mark.parametrize(
    "body",
    [
        {SECRET: 1},
        {"inputs": SECRET},
        {"inputs": {SECRET: SECRET}},
        {"inputs": {"a": SECRET, "b": SECRET, SECRET: 1}, "params": {"top": SECRET, SECRET: 1}},
        {"dataframe_split": {SECRET: 1}},
        {"dataframe_split": {"columns": [SECRET, SECRET], "data": [[SECRET, {SECRET: 1}]]}},
        {"dataframe_split": {"columns": ["a"], "index": [[SECRET]], "data": [[SECRET]]}},
        {"dataframe_records": [{SECRET: SECRET}, SECRET, {"a": SECRET, "b": [SECRET]}]},
        {"instances": [{SECRET: 1, "x": SECRET}, {"y": SECRET}]},
        {"instances": [[SECRET]]},
        f'{{"inputs": {SECRET}'.encode(),
    ],
)
@pytest.mark.parametrize(
    "made",
    [
        MADE,
        contract(column("double"), column("long")),
        contract(column("datetime")),
        contract(column("binary", "a")),
        contract(tensor("float64", [-1, 2])),
        contract(tensor("float64", [-1, 2], "a"), tensor("str", [-1, 1], "b")),
    ],
)
def test_p14_no_error_repeats_the_clients_values_or_keys(made: Any, body: Any) -> None:
    """Places and messages hold positions, the signature's names, and expectations."""
    assert SECRET not in repr(errors(made, body))


def test_unknown_keys_of_the_body_are_ignored() -> None:
    """As in MLflow; the last of two equal keys counts."""
    assert values(MADE, {"inputs": {"a": 1, "b": 2}, "id": 7}) == [[1.0], [2]]
    twice = b'{"inputs": {"a": "x", "b": 2}, "inputs": {"a": 1, "b": 2}}'
    assert MADE.parse(twice, "").rows == 1


def test_a_small_body_wrong_in_many_places_is_looked_at_only_so_far() -> None:
    """Ten thousand empty records against six hundred columns are not six million errors."""
    made = contract(
        *(column("double", f"c{i}") for i in range(600)), limits=RequestLimits(max_rows=10_000)
    )
    body = json.dumps({"dataframe_records": [{}] * 10_000}).encode()
    assert len(errors(made, body)) == 101


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": {"c0": [1] * 10_000, **{f"c{i}": 1 for i in range(1, 600)}}},
        {"dataframe_records": [{"c0": 1}] * 9_999 + [{f"c{i}": 1 for i in range(600)}]},
    ],
)
def test_a_small_body_cannot_stand_for_a_giant_table(body: Any) -> None:
    """Repeated and absent values are filled in, in proportion to what was sent."""
    made = contract(
        *(column("double", f"c{i}", required=i == 0) for i in range(600)),
        limits=RequestLimits(max_rows=10_000),
    )
    (form,) = body
    assert places(made, body) == [((form,), "too_many_rows")]
