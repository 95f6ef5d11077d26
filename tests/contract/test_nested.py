"""Arrays, objects, maps and values of any type: what is taken, and what is refused where."""

from typing import Any, Final

import pytest

from tests.contract.signatures import (
    ANY,
    array,
    column,
    contract,
    deep,
    errors,
    map_of,
    nested,
    object_of,
    parse,
    places,
    values,
)

MESSAGE: Final = object_of({"role": "string", "at": "datetime"}, {"score": "long"})
LIST: Final = "dataframe_records"

# A type, a value that was sent, and what a model input has.
TAKEN: list[tuple[dict[str, Any], Any, Any]] = [
    (array("double"), [1, 2.5, None], [1.0, 2.5, None]),
    (array("float"), [0.1], [0.10000000149011612]),
    (array("long"), [5.0, -1], [5, -1]),
    (array("integer"), [], []),
    (array("boolean"), [True, False], [True, False]),
    (array("string"), ["a", ""], ["a", ""]),
    (array("binary"), ["aGk="], [b"hi"]),
    (array("datetime"), ["1970-01-01T01:00:00+01:00", None], [0, None]),
    (array(array("long")), [[1], [], [2, 3]], [[1], [], [2, 3]]),
    (array(ANY), [1, None, {"b": [1.5]}], [1, None, {"b": [1.5]}]),
    (array(ANY), None, None),
    (map_of(ANY), None, None),
    (map_of("double"), {"b": 1, "a": 2}, {"b": 1.0, "a": 2.0}),
    (map_of(array("long")), {"": [1.0]}, {"": [1]}),
    (map_of("binary"), {}, {}),
    (MESSAGE, {"at": "1970-01-01", "role": "x\0"}, {"at": 0, "role": "x\0"}),
    (
        MESSAGE,
        {"role": "", "at": "1970-01-01", "score": None},
        {"role": "", "at": 0, "score": None},
    ),
    (array(MESSAGE), [], []),
    (object_of({"a": array(map_of("binary"))}), {"a": [{"k": "aGk="}]}, {"a": [{"k": b"hi"}]}),
    (object_of({}, {"a": array(array("long"))}), {"a": [None, [1]]}, {"a": [None, [1]]}),
    (object_of({}, {"a": MESSAGE}), {"a": {}}, {"a": {}}),
    (object_of({}, {"a": MESSAGE}), {}, {}),
    (ANY, {"a": [1, "b", None]}, {"a": [1, "b", None]}),
    (ANY, None, None),
]


@pytest.mark.parametrize(("entry", "sent", "expected"), TAKEN)
@pytest.mark.parametrize("required", [True, False])
def test_value_is_taken_exactly(
    entry: dict[str, Any],
    sent: Any,
    expected: Any,
    required: bool,  # noqa: FBT001 - a table's column
) -> None:
    """As what it is, or as a lossless cast makes it; keys stay in their order."""
    made = contract(nested(entry, "c", required=required), column("long", "n"))
    rows = [{"c": sent, "n": 1}, {"c": sent, "n": 2}]
    assert repr(values(made, {LIST: rows})[0]) == repr([expected, expected])


# A type, a value, and where in it something is wrong.
REFUSED: list[tuple[dict[str, Any], Any, list[tuple[Any, ...]]]] = [
    (array("double"), None, [("null",)]),
    (array("double"), {"0": 1}, [("type",)]),
    (array("double"), 5, [("type",)]),
    (array("double"), [1, "2", True], [(1, "type"), (2, "type")]),
    (array("long"), [1, None, 1.5, 2**40], [(1, "null"), (2, "fraction")]),
    (array("integer"), [2**31], [(0, "out_of_range")]),
    (array("float"), [1e300, 2**24 + 1], [(0, "out_of_range"), (1, "precision")]),
    (array("boolean"), [None, 1], [(0, "null"), (1, "type")]),
    (array("string"), [None, "a\0", 5], [(0, "null"), (1, "nul"), (2, "type")]),
    (array("binary"), ["AA==", "*", None], [(0, "nul"), (1, "base64"), (2, "null")]),
    (array("datetime"), [1, "x"], [(0, "type"), (1, "datetime")]),
    (array(array("long")), [[1], None, 5, ["x"]], [(1, "null"), (2, "type"), (3, 0, "type")]),
    (map_of("long"), [1], [("type",)]),
    (map_of("long"), {"secret": 1, "other secret": "x"}, [(1, "type")]),
    (map_of("long"), {"secret": None}, [(0, "null")]),
    (map_of(map_of("long")), {"a": {"b": 1.5}, "c": 1}, [(0, 0, "fraction"), (1, "type")]),
    (MESSAGE, [], [("type",)]),
    (MESSAGE, {}, [("at", "missing"), ("role", "missing")]),
    (
        MESSAGE,
        {"role": None, "at": "1970-01-01", "secret": 5},
        [("unknown_property",), ("role", "null")],
    ),
    (MESSAGE, {"role": "", "score": 1.5}, [("at", "missing"), ("score", "fraction")]),
    (
        object_of({"a": array(MESSAGE)}),
        {"a": [{}, {"role": 5, "at": "1970-01-01"}]},
        [("a", 0, "at", "missing"), ("a", 0, "role", "missing"), ("a", 1, "role", "type")],
    ),
]


@pytest.mark.parametrize(("entry", "sent", "expected"), REFUSED)
def test_value_is_refused_where_it_is_wrong(
    entry: dict[str, Any], sent: Any, expected: list[tuple[Any, ...]]
) -> None:
    """Positions in lists and maps, names of properties, and nothing of the client's."""
    made = contract(nested(entry, "c"))
    found = places(made, {LIST: [{"c": sent}]})
    assert found == [((LIST, 0, "c", *each[:-1]), each[-1]) for each in expected]
    assert "secret" not in repr(errors(made, {LIST: [{"c": sent}]}))


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["n", "c"], "data": [[1, [1.5]]]}},
        {"dataframe_records": [{"c": [1.5], "n": 1, "z": 0}]},
        {"instances": [{"c": [1.5], "n": 1}]},
        {"instances": {"c": [1.5], "n": 1}},
        {"inputs": [{"c": [1.5], "n": 1}]},
        {"inputs": {"c": [1.5], "n": 1, "z": [0, 0]}},
    ],
)
def test_every_format_holds_nested_values(body: Any) -> None:
    """Where there is an array, an object under `inputs` or `instances` is one row."""
    made = contract(nested(array("double"), "c"), column("long", "n"))
    assert values(made, body) == [[[1.5]], [1]]


def test_a_list_is_the_value_of_a_single_array() -> None:
    """As it is in MLflow."""
    made = contract(nested(array("long"), "c"))
    assert values(made, {"inputs": [1, 2]}) == [[[1, 2]]]
    assert places(made, {"inputs": [1, "x"]}) == [(("inputs", 1), "type")]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ([1, 2], [1, 2]),
        (["a", "b"], [["a", "b"]]),
        ({"c": [1, 2]}, [1, 2]),
        ({"c": ["a", "b"]}, [["a", "b"]]),
        ({"c": {"a": [1]}}, [{"a": [1]}]),
        ({"c": None}, [None]),
        ([{"c": 1}, {"c": [2]}], [1, [2]]),
    ],
)
def test_list_for_any_type_is_a_column_unless_all_text(payload: Any, expected: list[Any]) -> None:
    """As it is in MLflow, which fails on an object or takes its keys for rows."""
    assert values(contract(nested(ANY, "c")), {"inputs": payload}) == [expected]


def test_unnamed_column_takes_a_list_of_values() -> None:
    """One a row, or as rows under `dataframe_*`."""
    made = contract(nested(array("long")))
    for body in (
        {"inputs": [[1], [2, 3]]},
        {"instances": [[1], [2, 3]]},
        {"dataframe_split": {"data": [[[1]], [[2, 3]]]}},
        {"dataframe_records": [[[1]], [[2, 3]]]},
    ):
        assert values(made, body) == [[[1], [2, 3]]]
    messages = [{"role": "a", "at": "1970-01-01"}]
    assert values(contract(nested(array(MESSAGE))), {"inputs": [messages]}) == [
        [[{"role": "a", "at": 0}]]
    ]


def test_maps_are_columns_or_one_row() -> None:
    """A map is never one value for many rows."""
    made = contract(nested(map_of("long"), "m"), column("long", "n"))
    assert values(made, {"inputs": {"m": {"a": 1}, "n": 5}}) == [[{"a": 1}], [5]]
    assert values(made, {"inputs": {"m": [{"a": 1}, {}], "n": [5, 6]}}) == [[{"a": 1}, {}], [5, 6]]
    assert places(made, {"inputs": {"m": {"a": 1}, "n": [5, 6]}}) == [(("inputs",), "shape")]


@pytest.mark.parametrize("entry", [array("long"), map_of("long"), MESSAGE, ANY])
def test_optional_column_may_be_null_or_absent(entry: dict[str, Any]) -> None:
    """In some rows or in all."""
    made = contract(nested(entry, "c", required=False), column("long", "n"))
    parsed = parse(made, {LIST: [{"n": 1}, {"n": 2, "c": None}]})
    assert parsed.columns[0].values == [None, None]
    assert parsed.columns[0].has_null
    assert len(parse(made, {LIST: [{"n": 1}]}).columns) == 1


def test_required_column_must_be_there() -> None:
    """A column of any type too, although its value may be null."""
    for entry in (array("long"), map_of("long"), MESSAGE, ANY):
        made = contract(nested(entry, "c"), column("long", "n"))
        assert places(made, {"inputs": [{"n": 1}]}) == [(("inputs", 0, "c"), "missing")]


@pytest.mark.parametrize("other", [None, 0.5])
def test_integer_that_pandas_would_round_is_refused(other: Any) -> None:
    """A column of any type that holds numbers alone becomes one of doubles."""
    made = contract(nested(ANY, "c"))
    big = 2**53 + 1
    assert places(made, {LIST: [{"c": other}, {"c": big}]}) == [((LIST, 1, "c"), "precision")]
    assert values(made, {LIST: [{"c": 5}, {"c": big}]}) == [[5, big]]
    assert values(made, {LIST: [{"c": "x"}, {"c": big}, {"c": None}]}) == [["x", big, None]]


def test_value_of_any_type_is_nested_at_most_so_deep() -> None:
    """However many values there are, it is seen without a call for each level."""
    made = contract(nested(ANY, "c"), nested(map_of(array(ANY)), "m"))
    for depth, refused in ((100, False), (101, True), (600, True)):
        value: Any = 5
        for level in range(depth):
            value = [value] if level % 2 else {"k": value}
        body = {LIST: [{"c": value, "m": {"a": [1, value]}}]}
        if refused:
            assert places(made, body) == [
                ((LIST, 0, "c"), "nesting"),
                ((LIST, 0, "m", 0, 1), "nesting"),
            ]
        else:
            assert parse(made, body).rows == 1


def test_wrong_values_in_a_deep_type_are_found() -> None:
    """In bounded time and depth, with the whole way to them."""
    made = contract(nested(deep({"type": "long"}, 97), "c"))
    value: Any = [1, "x"]
    for _ in range(96):
        value = [value]
    assert places(made, {LIST: [{"c": value}]}) == [((LIST, 0, "c", *([0] * 96), 1), "type")]
    assert places(made, {LIST: [{"c": [[5]]}]}) == [((LIST, 0, "c", 0, 0), "type")]


def test_few_wrong_values_among_many_are_found() -> None:
    """The others are passed over by the hundred."""
    made = contract(nested(array("long"), "c"))
    sent: list[Any] = list(range(10_000))
    sent[7777] = "x"
    sent[9999] = None
    assert places(made, {"inputs": {"c": sent}}) == [
        (("inputs", "c", 7777), "type"),
        (("inputs", "c", 9999), "null"),
    ]


def test_errors_in_nested_values_are_counted_like_others() -> None:
    """A hundred are listed, and the search ends."""
    made = contract(nested(array(array("long")), "c"))
    found = errors(made, {"inputs": {"c": [["x"] * 1000] * 1000}})
    assert len(found) == 101
    assert found[-1].type == "more"


def test_one_long_text_for_very_many_rows_is_refused() -> None:
    """A small body must not stand for more than the service can hold."""
    made = contract(column("string", "s"), column("long", "n"))
    body = {"inputs": {"s": "x" * 100_000, "n": [1] * 1000}}
    assert places(made, body) == [(("inputs",), "too_many_rows")]
    body = {"inputs": {"s": "x" * 100, "n": [1] * 1000}}
    assert parse(made, body).rows == 1000
