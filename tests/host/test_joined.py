"""P16: a request in a batch is handed to the model exactly as it would have been alone."""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from contextlib import suppress
from typing import Any, Final

import hypothesis.strategies as st
import pytest
from hypothesis import given

from service.contract.model_input import ModelInput
from service.errors import InvalidInput
from tests.contract.signatures import column, contract, param, parse, tensor
from tests.host.handed import seen, sent
from tests.host.payloads import (
    bodies,
    optional_columns,
    signatures,
    text_tensors,
)
from tests.support.exploring import exploring

PAIRS: Final[Mapping[str, tuple[Any, Any]]] = {
    "boolean": (True, False),
    "integer": (1, -(2**31)),
    "long": (1, -(2**63)),
    "float": (0.1, 3),
    "double": (0.1, 3),
    "string": ("a", "longer"),
    "binary": ("aGk=", ""),
    "datetime": ("2026-05-01", "1999-12-31T23:59:59.123456789+05:30"),
}
NULLABLE: Final = [type_ for type_ in PAIRS if type_ not in {"integer", "long"}]


def assert_alike_together_and_alone(*requests: ModelInput) -> None:
    """The dtypes, the values and the row numbers of each are those that it has alone."""
    together = sent(*requests)
    for place, request in enumerate(requests):
        alone = sent(request)
        assert seen(together.part(place, place + 1).data) == seen(alone.data)
        assert together.params == alone.params
    assert together.rows == tuple(request.rows for request in requests)


def joined(*requests: ModelInput) -> bool:
    """Whether they may stand in one batch."""
    (key, *others) = {request.join_key for request in requests}
    return key is not None and not others


@pytest.mark.parametrize("type_", PAIRS)
def test_p16_requests_of_one_type_are_handed_over_alike(type_: str) -> None:
    """Together and alone, in one row or several, whatever their format."""
    made = contract(column(type_, "c"), column("double", "d"))
    one, two = PAIRS[type_]
    requests = [
        parse(made, body)
        for body in (
            {"inputs": {"c": one, "d": 1}},
            {"dataframe_records": [{"c": two, "d": 2}, {"c": one, "d": 3}]},
            {"dataframe_split": {"columns": ["d", "c"], "data": [[4, two]]}},
        )
    ]
    assert joined(*requests)
    assert_alike_together_and_alone(*requests)


@pytest.mark.parametrize("type_", NULLABLE)
def test_p16_neighbours_null_changes_nothing(type_: str) -> None:
    """Full columns, columns with nulls, columns of nulls alone and none at all never join."""
    made = contract(column(type_, "c", required=False), column("double", "d"))
    one, two = PAIRS[type_]
    full, some, nulls, absent = (
        [parse(made, {"inputs": {**body, "d": [1, 2]}}) for body in alike]
        for alike in (
            ({"c": [one, two]}, {"c": [two, two]}),
            ({"c": [one, None]}, {"c": [None, two]}),
            ({"c": [None, None]}, {"c": [None, None]}),
            ({}, {}),
        )
    )
    for alike in (full, some, nulls, absent):
        assert joined(*alike)
        assert_alike_together_and_alone(*alike)
    assert len({each[0].join_key for each in (full, some, nulls, absent)}) == 4


@pytest.mark.parametrize(
    ("dtype", "one", "two"),
    [
        ("bool", [True, False], [False, False]),
        ("int8", [1, 2], [-128, 127]),
        ("uint64", [1, 2], [2**64 - 1, 0]),
        ("float16", [0.1, 1], [65504, 2]),
        ("float32", [0.1, 1], [3, 2]),
        ("float64", [0.1, 1], [3, 2]),
        ("str", ["a", "bc"], ["de", ""]),
    ],
)
def test_p16_joined_tensors_are_handed_over_alike(dtype: str, one: Any, two: Any) -> None:
    """One unnamed, and several named."""
    alone = contract(tensor(dtype, [-1, 2]))
    several = contract(tensor(dtype, [-1, 2], "a"), tensor("int64", [-1], "b"))
    for requests in (
        [parse(alone, {"inputs": rows}) for rows in ([one], [two, one])],
        [
            parse(several, {"inputs": {"a": rows, "b": list(range(len(rows)))}})
            for rows in ([one], [two, one])
        ],
    ):
        assert joined(*requests)
        assert_alike_together_and_alone(*requests)


def test_p16_text_of_another_width_is_not_joined() -> None:
    """numpy's text is as wide as its longest element."""
    made = contract(tensor("str", [-1]))
    assert not joined(*(parse(made, {"inputs": [text]}) for text in ("a", "ab")))


def test_p16_requests_with_other_params_are_not_joined() -> None:
    """Nor is 1.0 taken for true."""
    made = contract(column("double", "c"), params=[param("double", "p", 1.0)])
    one, same, other = (
        parse(made, {"inputs": {"c": 1}, "params": {"p": value}}) for value in (1, 1.0, 2)
    )
    assert joined(one, same)
    assert not joined(one, other)


@exploring(60)
@given(st.data())
def test_p16_whatever_may_join_is_handed_over_alike(data: st.DataObject) -> None:
    """For signatures and requests of all kinds."""
    entries = data.draw(signatures() | optional_columns() | text_tensors())
    made = contract(*entries)
    groups: dict[Hashable, list[ModelInput]] = defaultdict(list)
    for body in data.draw(st.lists(bodies(entries, spoilt=False), min_size=2, max_size=8)):
        # A tensor without dimensions counts as one row, and may differ from the others.
        with suppress(InvalidInput):
            request = parse(made, body)
            groups[request.join_key].append(request)
    groups.pop(None, None)
    for group in groups.values():
        assert_alike_together_and_alone(*group)
