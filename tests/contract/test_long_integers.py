"""An integer of more than 64 bits is nowhere handed on as the double next to it."""

from typing import Any, Final

import pytest

from service.contract.contract import Contract
from tests.contract.signatures import (
    ANY,
    array,
    column,
    contract,
    map_of,
    nested,
    object_of,
    param,
    parse,
    places,
    values,
)

TOO_LONG: Final = [2**64, -(2**63) - 1, 10**30, 2**64 + 1]
# Whole numbers as long as that which are meant as doubles, and integers that fit.
FITTING: Final = [2**64 - 1, -(2**63), 2.0**64, 1e300, 10**19]

_DATA: Final[dict[str, Any]] = {"name": "p", "type": "object", "default": {"a": None}}
_ANY_PARAM: Final = {**_DATA, "properties": {"a": {"type": "any", "required": False}}}


def _param_of_any() -> Contract:
    return contract(column("double", "x"), params=[_ANY_PARAM])


# What takes the value somewhere as it is, and how a body holds it; the place that an error names.
HOLDERS: list[tuple[str, Contract, Any, tuple[str | int, ...]]] = [
    ("alone", contract(nested(ANY, "x")), lambda v: {"inputs": {"x": [v]}}, ("inputs", "x", 0)),
    (
        "among texts",
        contract(nested(ANY, "x")),
        lambda v: {"dataframe_records": [{"x": "a"}, {"x": v}]},
        ("dataframe_records", 1, "x"),
    ),
    (
        "in a list",
        contract(nested(ANY, "x")),
        lambda v: {"dataframe_split": {"columns": ["x"], "data": [[["a", [1, v]]]]}},
        ("dataframe_split", "data", 0, "x"),
    ),
    (
        "in an object",
        contract(nested(ANY, "x"), column("double", "y")),
        lambda v: {"instances": [{"x": {"k": {"l": v}}, "y": 1}]},
        ("instances", 0, "x"),
    ),
    (
        "in an array of any",
        contract(nested(array(ANY), "x")),
        lambda v: {"dataframe_records": [{"x": [None, v]}]},
        ("dataframe_records", 0, "x", 1),
    ),
    (
        "in a map of any",
        contract(nested(map_of(ANY), "x")),
        lambda v: {"dataframe_records": [{"x": {"k": v}}]},
        ("dataframe_records", 0, "x", 0),
    ),
    (
        "in a property",
        contract(nested(object_of({"a": ANY}), "x")),
        lambda v: {"dataframe_records": [{"x": {"a": v}}]},
        ("dataframe_records", 0, "x", "a"),
    ),
    (
        "in a chat",
        contract(nested(ANY, "input")),
        lambda v: {"input": {"a": v}},
        ("input",),
    ),
    (
        "by a type hint",
        contract(nested(map_of(ANY)), from_type_hint=True),
        lambda v: {"inputs": [{"k": v}]},
        ("inputs", 0, 0),
    ),
    (
        "in a param",
        _param_of_any(),
        lambda v: {"inputs": {"x": [1.5]}, "params": {"p": {"a": [v]}}},
        ("params", "p", "a"),
    ),
    (
        "as an index",
        contract(column("double", "x")),
        lambda v: {"dataframe_split": {"columns": ["x"], "data": [[1.5]], "index": [v]}},
        ("dataframe_split", "index", 0),
    ),
]
NAMES: Final = [name for name, *_ in HOLDERS]


@pytest.mark.parametrize(("made", "body", "place"), [each[1:] for each in HOLDERS], ids=NAMES)
@pytest.mark.parametrize("value", TOO_LONG)
def test_integer_beyond_64_bits_is_refused_where_values_are_handed_on_as_sent(
    made: Contract, body: Any, place: tuple[str | int, ...], value: int
) -> None:
    """MLflow hands it on exactly; numbers have 64 bits here."""
    assert places(made, body(value)) == [(place, "out_of_range")]


@pytest.mark.parametrize(("made", "body"), [each[1:3] for each in HOLDERS], ids=NAMES)
@pytest.mark.parametrize("value", FITTING)
def test_numbers_of_64_bits_are_handed_on_as_sent(made: Contract, body: Any, value: float) -> None:
    """Integers exactly, and doubles as doubles, however long they are."""
    assert repr(value) in repr(parse(made, body(value)))


@pytest.mark.parametrize("type_", ["double", "float"])
@pytest.mark.parametrize("value", TOO_LONG)
def test_column_of_floats_takes_the_same_beside_a_column_of_any_type(
    type_: str, value: int
) -> None:
    """Whatever else is in the signature, such an integer counts as a number with an exponent."""
    alone = values(contract(column(type_, "x")), {"inputs": {"x": [value]}})
    both = contract(column(type_, "x"), nested(ANY, "y"))
    assert values(both, {"inputs": {"x": [value], "y": ["a"]}})[:1] == alone


def test_integer_beyond_64_bits_is_refused_as_a_whole_number_beside_a_column_of_any_type() -> None:
    """As it is without one."""
    made = contract(column("long", "x"), nested(ANY, "y"), params=[param("long", "p", 1)])
    body = {"inputs": {"x": [-(2**63) - 1], "y": [1]}, "params": {"p": 2**64}}
    assert sorted(places(made, body)) == [
        (("inputs", "x", 0), "out_of_range"),
        (("params", "p"), "out_of_range"),
    ]


def test_text_of_many_digits_is_text() -> None:
    """In whatever company."""
    made = contract(nested(ANY, "x"))
    assert values(made, {"inputs": {"x": ["9" * 30, {"9" * 30: "1"}]}}) == [
        ["9" * 30, {"9" * 30: "1"}]
    ]


def test_long_integer_beside_nesting_without_end_is_refused() -> None:
    """By whichever of the two: Python's own reader may go no deeper than its calls."""
    made = contract(nested(ANY, "x"))
    other = b"[" * 1020 + b"]" * 1020
    ((_, why),) = places(made, b'{"inputs": {"x": [%d]}, "other": %b}' % (2**64, other))
    assert why in {"out_of_range", "nesting"}
