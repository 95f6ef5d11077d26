"""Params are checked like columns, and defaults stand in for those not sent."""

from typing import Any

import pytest

from tests.contract.signatures import column, contract, param, parse, places

MADE = contract(
    column("double", "x"),
    params=[
        param("double", "temperature", 0.5),
        param("long", "top", 3),
        param("boolean", "verbose", default=False),
        param("string", "mode", None),
        param("datetime", "since", "2026-01-01T00:00:00"),
        param("long", "sizes", [1, 2], shape=[-1]),
    ],
)
DEFAULTS = {
    "temperature": 0.5,
    "top": 3,
    "verbose": False,
    "mode": None,
    "since": "2026-01-01T00:00:00",
    "sizes": [1, 2],
}
ROW = {"inputs": {"x": 1}}


@pytest.mark.parametrize("params", [None, {}, {"unknown": [{}]}])
def test_missing_params_take_their_defaults(params: Any) -> None:
    """As in MLflow, also beside params that the signature does not know."""
    assert parse(MADE, ROW).params == DEFAULTS
    assert parse(MADE, {**ROW, "params": params}).params == DEFAULTS


@pytest.mark.parametrize(
    ("name", "sent", "expected"),
    [
        ("temperature", 2, 2.0),
        ("temperature", None, None),
        ("top", 5.0, 5),
        ("verbose", True, True),
        ("mode", "fast", "fast"),
        ("since", "2026-05-01", "2026-05-01"),
        ("since", "2026-05-01T12:00:00.25+02:00", "2026-05-01T10:00:00.250000"),
        ("sizes", [], []),
        ("sizes", [3, 4.0, None], [3, 4, None]),
    ],
)
def test_param_arrives_as_its_type(name: str, sent: Any, expected: Any) -> None:
    """Lossless casts are made, and null is handed on as MLflow hands it on."""
    params = parse(MADE, {**ROW, "params": {name: sent}}).params
    assert params == {**DEFAULTS, name: expected}
    assert type(params[name]) is type(expected)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ([1], [(("params",), "type")]),
        ({"temperature": "hot"}, [(("params", "temperature"), "type")]),
        ({"temperature": True}, [(("params", "temperature"), "type")]),
        ({"top": 1.5}, [(("params", "top"), "fraction")]),
        ({"top": 2**63}, [(("params", "top"), "out_of_range")]),
        ({"top": [1]}, [(("params", "top"), "type")]),
        ({"verbose": 1}, [(("params", "verbose"), "type")]),
        ({"mode": 5}, [(("params", "mode"), "type")]),
        ({"since": 1700000000}, [(("params", "since"), "type")]),
        ({"since": "soon"}, [(("params", "since"), "datetime")]),
        ({"since": "2026-05-01T00:00:00.000000001"}, [(("params", "since"), "precision")]),
        ({"sizes": 3}, [(("params", "sizes"), "type")]),
        (
            {"sizes": [1, "2", [3]]},
            [(("params", "sizes", 1), "type"), (("params", "sizes", 2), "type")],
        ),
        (
            {"top": "x", "verbose": "y"},
            [(("params", "top"), "type"), (("params", "verbose"), "type")],
        ),
    ],
)
def test_param_that_would_change_is_refused(params: Any, expected: Any) -> None:
    """Every param that does not fit is named."""
    assert places(MADE, {**ROW, "params": params}) == expected


@pytest.mark.parametrize("params", [[1], {"a": 1}, {}, 5])
def test_params_without_a_schema_are_dropped(params: Any) -> None:
    """As in MLflow, whatever they are: the model gets empty ones."""
    assert parse(contract(column("double", "x")), {**ROW, "params": params}).params == {}


def test_no_params_are_none_at_all() -> None:
    """Without a schema for them, as in MLflow."""
    made = contract(column("double", "x"))
    assert parse(made, ROW).params is None
    assert parse(made, {**ROW, "params": None}).params is None
