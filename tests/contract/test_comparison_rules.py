"""Each rule about changes of a signature: what it says, and the client that it speaks for."""

from typing import Any

import pytest

from service.contract.comparison.comparison import compare
from service.contract.comparison.differences import Severity
from tests.contract.compared import BREAKS, COMPATIBLE, Body, Inputs, found, parsed
from tests.contract.payloads import same_values
from tests.contract.signatures import (
    ANY,
    array,
    column,
    contract,
    map_of,
    nested,
    object_of,
    param,
    tensor,
)

A = column("double", "a")
B = column("double", "b")
BROKEN: list[tuple[str, Inputs, Inputs, Body]] = [
    ("kind_changed", [A], [tensor("float64", [-1], "a")], {"inputs": {"a": 1}}),
    ("kind_changed", [tensor("float64", [-1])], [A], {"dataframe_split": {"data": [[0.5]]}}),
    ("naming_changed", [A], [column("double")], {"inputs": {"a": 1}}),
    ("naming_changed", [column("double")], [A], {"dataframe_split": {"data": [[1]]}}),
    (
        "naming_changed",
        [column("double", 0)],
        [column("double", "0")],
        {"dataframe_split": {"columns": [0], "data": [[1]]}},
    ),
    ("count_changed", [column("double")], [column("double")] * 2, {"inputs": [1, 2]}),
    ("input_added", [A, B], [A, B, column("long", "c")], {"inputs": {"a": 1, "b": 2}}),
    ("plain_list_lost", [A], [A, column("double", "b", required=False)], {"inputs": [1, 2]}),
    (
        "plain_list_gained",
        [column("double", 0), column("double", 1)],
        [column("double", 1)],
        {"inputs": [[1, 2]]},
    ),
    (
        "none_in_common",
        [A, column("double", "b", required=False)],
        [column("double", "b", required=False)],
        {"inputs": {"a": 1}},
    ),
    ("made_required", [A, column("double", "b", required=False)], [A, B], {"inputs": {"a": 1}}),
    ("type_narrowed", [A], [column("float", "a")], {"inputs": {"a": 1e300}}),
    ("type_narrowed", [A], [column("long", "a")], {"inputs": {"a": 0.5}}),
    ("type_narrowed", [column("long", "a")], [column("integer", "a")], {"inputs": {"a": 2**40}}),
    ("type_narrowed", [column("long", "a")], [A], {"inputs": {"a": 2**53 + 1}}),
    (
        "type_narrowed",
        [column("integer", "a")],
        [column("float", "a")],
        {"inputs": {"a": 2**24 + 1}},
    ),
    ("type_changed", [A], [column("string", "a")], {"inputs": {"a": 1}}),
    ("type_changed", [column("boolean", "a")], [column("long", "a")], {"inputs": {"a": True}}),
    ("type_changed", [column("string", "a")], [column("datetime", "a")], {"inputs": {"a": "x"}}),
    ("type_narrowed", [tensor("int64", [-1])], [tensor("float64", [-1])], {"inputs": [2**53 + 1]}),
    ("type_narrowed", [tensor("uint8", [-1])], [tensor("int8", [-1])], {"inputs": [200]}),
    ("type_changed", [tensor("str", [-1])], [tensor("float64", [-1])], {"inputs": ["x"]}),
    ("shape_narrowed", [tensor("int8", [-1, -1])], [tensor("int8", [-1, 2])], {"inputs": [[1]]}),
    ("shape_narrowed", [tensor("int8", [-1])], [tensor("int8", [-1, 1])], {"inputs": [1]}),
    (
        "shape_tables_lost",
        [tensor("int8", [-1, 2])],
        [tensor("int8", [-1, -1])],
        {"dataframe_split": {"data": [[[1, 2]]]}},
    ),
    (
        "input_added",
        [tensor("int8", [-1], "a")],
        [tensor("int8", [-1], "a"), tensor("int8", [-1], "b")],
        {"inputs": {"a": [1]}},
    ),
]

P, PQ = object_of({"p": "double"}), object_of({"p": "double", "q": "double"})
P_MAYBE_Q = object_of({"p": "double"}, {"q": "double"})
DOUBLES, LONGS = nested(array("double"), "a"), nested(array("long"), "a")
NESTED: list[tuple[str, Inputs, Inputs, Body]] = [
    ("property_added", [nested(P, "a")], [nested(PQ, "a")], {"inputs": [{"a": {"p": 1}}]}),
    (
        "property_removed",
        [nested(P_MAYBE_Q, "a")],
        [nested(P, "a")],
        {"inputs": [{"a": {"p": 1, "q": 2}}]},
    ),
    ("made_required", [nested(P_MAYBE_Q, "a")], [nested(PQ, "a")], {"inputs": [{"a": {"p": 1}}]}),
    (
        "made_required",
        [A, {"type": "map", "values": {"type": "long"}, "name": "b"}],
        [A, nested(map_of("long"), "b")],
        {"inputs": [{"a": 1}]},
    ),
    ("type_narrowed", [DOUBLES], [LONGS], {"inputs": [{"a": [0.5]}]}),
    (
        "type_narrowed",
        [nested(map_of(array("double")), "a")],
        [nested(map_of(array("long")), "a")],
        {"inputs": [{"a": {"k": [0.5]}}]},
    ),
    ("type_narrowed", [nested(ANY, "a")], [A], {"inputs": {"a": "x"}}),
    ("type_changed", [DOUBLES], [nested(map_of("double"), "a")], {"inputs": [{"a": [1]}]}),
    ("type_changed", [DOUBLES], [A], {"inputs": [{"a": [1]}]}),
    ("type_changed", [A], [nested(array("double"), "a")], {"inputs": {"a": 1}}),
]


@pytest.mark.parametrize(("code", "old", "new", "body"), [*BROKEN, *NESTED])
def test_p12_what_breaks_a_client_has_such_a_client(
    code: str, old: Inputs, new: Inputs, body: Body
) -> None:
    """For each rule there is a request that was taken and no longer is."""
    assert code in {finding.code for finding in found(old, new) if finding.severity is BREAKS}
    assert parsed(old, body) is not None
    assert parsed(new, body) is None


@pytest.mark.parametrize("type_", ["binary", "datetime"])
def test_text_that_is_read_otherwise_breaks_clients(type_: str) -> None:
    """The request is taken still, but the model gets the notation in place of what it notes."""
    (finding,) = found([column(type_, "a")], [column("string", "a")])
    assert (finding.severity, finding.code) == (BREAKS, "type_changed")
    assert finding.sentence == f"column `a` is of type string and was of type {type_}"


A_LONG = column("long", "b")
COMPATIBLE_CHANGES: list[tuple[str, Inputs, Inputs]] = [
    ("optional_added", [A, B], [A, B, column("long", "c", required=False)]),
    ("input_removed", [A, B], [A]),
    ("optional_property", [nested(P, "a")], [nested(P_MAYBE_Q, "a")]),
    ("type_widened", [nested(array("integer"), "a")], [DOUBLES]),
    ("type_widened", [DOUBLES, A_LONG], [nested(array(ANY), "a"), A_LONG]),
    ("made_optional", [A, B], [A, column("double", "b", required=False)]),
    ("type_widened", [column("integer", "a")], [column("long", "a")]),
    ("type_widened", [column("integer", "a")], [A]),
    ("type_widened", [column("float", "a")], [A]),
    ("type_widened", [tensor("uint16", [-1])], [tensor("int32", [-1])]),
    ("type_widened", [tensor("uint8", [-1])], [tensor("float16", [-1])]),
    ("shape_widened", [tensor("int8", [2, 3])], [tensor("int8", [-1, 3])]),
]


@pytest.mark.parametrize(("code", "old", "new"), COMPATIBLE_CHANGES)
def test_what_breaks_nobody_is_told_all_the_same(code: str, old: Inputs, new: Inputs) -> None:
    """One finding, which does not break."""
    (finding,) = found(old, new)
    assert (finding.severity, finding.code) == (COMPATIBLE, code)


LAYOUTS: list[tuple[Inputs, Inputs, Body]] = [
    ([A, B], [A, B, nested(array("long"), "c", required=False)], {"inputs": {"a": [1], "b": [2]}}),
    ([column("string", "a")], [nested(ANY, "a")], {"inputs": {"a": ["x", "y"]}}),
    ([nested(ANY, "a"), B], [nested(ANY, "a")], {"inputs": {"a": ["x", "y"], "b": 1}}),
]


@pytest.mark.parametrize(("old", "new", "body"), LAYOUTS)
def test_p12_lists_that_mean_other_rows_break_clients(old: Inputs, new: Inputs, body: Body) -> None:
    """Of all columns, because of one: the request is refused, or is another number of rows."""
    assert "layout_changed" in {finding.code for finding in found(old, new)}
    before, after = parsed(old, body), parsed(new, body)
    assert before is not None
    assert after is None or not same_values(before, after)


@pytest.mark.parametrize("type_", ["binary", "datetime"])
def test_text_within_any_type_is_read_otherwise(type_: str) -> None:
    """However deep it lies."""
    old, other = nested(array(object_of({"p": type_})), "a"), nested(array("long"), "b")
    (finding,) = found([old, other], [nested(array(ANY), "a"), other])
    assert (finding.severity, finding.code) == (BREAKS, "type_changed")
    assert finding.place == ("inputs", "a", "items")
    assert finding.sentence.startswith("each item of column `a` is of any type and was of type ")


INNER = "property `p` of each item of each value of column `a`"


def test_sentences_of_nested_types_say_where() -> None:
    """From the inside out."""
    old = nested(map_of(array(object_of({"p": "long"}))), "a")
    new = nested(map_of(array(object_of({"p": "integer"}, {"q": array("long")}))), "a")
    assert [finding.sentence for finding in found([old], [new])] == [
        INNER + " is of type integer and was of type long: not every value still fits",
        "property `q` of each item of each value of column `a` is new and optional",
    ]


def test_p12_a_type_hint_that_comes_or_goes_breaks_clients() -> None:
    """A plain list is another thing than rows."""
    plain = column("string")
    rows, hint = contract(plain).describe(), contract(plain, from_type_hint=True).describe()
    assert [each.code for each in compare(rows, hint)] == ["type_hint_changed"]
    assert [each.code for each in compare(hint, rows)] == ["type_hint_changed"]


def test_equal_signatures_differ_in_nothing() -> None:
    """Nor does the order of named columns matter."""
    assert found([A, B], [B, A]) == ()


def test_sentences_read_well() -> None:
    """They name what they are about, and say what is and what was."""
    old = [column("integer", "age"), A, column("string", "city"), column("long", "n")]
    new = [column("long", "age"), A, column("double", "petal width (cm)"), column("double", "n")]
    assert [finding.sentence for finding in found(old, new)] == [
        "column `petal width (cm)` is required and was not there before",
        "column `n` is of type double and was of type long: not every value still fits",
        "column `age` is of type long and was of type integer: every value still fits",
        "column `city` is gone, and ignored where it is sent",
    ]


PARAMS: list[tuple[str, Severity, list[dict[str, Any]], list[dict[str, Any]]]] = [
    ("param_added", COMPATIBLE, [], [param("long", "top", 3)]),
    ("param_removed", COMPATIBLE, [param("long", "top", 3)], []),
    ("default_changed", COMPATIBLE, [param("long", "top", 3)], [param("long", "top", 4)]),
    ("type_widened", COMPATIBLE, [param("integer", "top", 3)], [param("double", "top", 3)]),
    ("type_narrowed", BREAKS, [param("double", "top", 3)], [param("long", "top", 3)]),
    (
        "param_shape_changed",
        BREAKS,
        [param("long", "top", 3)],
        [param("long", "top", [3], shape=[-1])],
    ),
]


@pytest.mark.parametrize(("code", "severity", "old", "new"), PARAMS)
def test_p12_params_are_compared(
    code: str, severity: Severity, old: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    """A new one breaks nobody, since MLflow's params all have defaults."""
    before, after = contract(A, params=old), contract(A, params=new)
    (finding,) = compare(before.describe(), after.describe())
    assert (finding.code, finding.severity, finding.place) == (code, severity, ("params", "top"))


OUTPUTS: list[tuple[str, Any, Any, str]] = [
    ("output_added", [A], [A, B], "output `b` is new"),
    ("output_removed", [A, B], [A], "output `b` is gone"),
    ("output_changed", [A], [column("long", "a")], "output `a` is long and was double"),
    (
        "output_changed",
        [tensor("int64", [-1])],
        [tensor("float64", [-1])],
        "output 0 is tensor of float64 of shape [-1] and was tensor of int64 of shape [-1]",
    ),
    (
        "output_changed",
        [A],
        [{**A, "required": False}],
        "output `a` is double, as it was, and differs in detail",
    ),
    ("output_added", None, [{"type": None, "name": []}], "output 0 is new"),
]


@pytest.mark.parametrize(("code", "old", "new", "sentence"), OUTPUTS)
def test_p12_outputs_are_told_and_break_nobody(
    code: str, old: Any, new: Any, sentence: str
) -> None:
    """Whatever MLmodel says of them."""
    inputs = {"inputs": [A], "params": None}
    (finding,) = compare({**inputs, "outputs": old}, {**inputs, "outputs": new})
    assert (finding.severity, finding.code) == (Severity.OUTPUT_ONLY, code)
    assert finding.sentence == sentence


def test_a_first_signature_breaks_clients_and_a_last_one_does_not() -> None:
    """Without one everything is taken."""
    without = {"inputs": None, "outputs": None, "params": None}
    signed = contract(A).describe()
    assert [each.code for each in compare(without, signed)] == ["signature_added"]
    assert [each.code for each in compare(signed, without)] == ["signature_removed"]
    assert compare(without, without) == ()
