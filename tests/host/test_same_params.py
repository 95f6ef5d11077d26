"""A model is handed the params that MLflow's own scoring server would hand it, or they are refused.

`DIFFERENT_PARAMS` and `DIFFERENT_OBJECT_PARAMS` in `tests.host.differences` list where the two
differ.
"""

from collections.abc import Mapping
from typing import Any, Final

import hypothesis.strategies as st
import pytest
from hypothesis import given
from mlflow.exceptions import MlflowException

from service.errors import InvalidInput
from tests.contract.signatures import ANY, array, column, map_of, object_of, param
from tests.host.differences import DIFFERENT_OBJECT_PARAMS, DIFFERENT_PARAMS
from tests.host.handed import Signed, brief
from tests.host.payloads import JUNK
from tests.host.rules import cases
from tests.support.exploring import exploring

PARAMS: Final[Mapping[str, list[Any]]] = {
    "boolean": [True, False, None],
    "integer": [5, -(2**31), None],
    "long": [5, 2**63 - 1, None],
    "float": [1.5, 3, 0.1, None],
    "double": [1.5, 3, 2**53, None],
    "string": ["a", "", "ä\x00", None],
    "datetime": ["2026-05-01", "2026-05-01T10:00:00", "1969-12-31T23:59:59.123456", None],
}
NOT_FINITE: Final = [float("nan"), float("inf"), -float("inf")]


def params_handed(signed: Signed, sent_params: dict[str, Any] | None) -> tuple[str, str]:
    """The params that the model is handed by Podium and by MLflow."""
    body: dict[str, Any] = {"inputs": {"c": [1.0]}}
    if sent_params is not None:
        body["params"] = sent_params
    return (
        brief(lambda: signed.enforced(signed.batch(body))[1]),
        brief(lambda: signed.params_by_mlflow(body)),
    )


@pytest.mark.parametrize("type_", PARAMS)
def test_params_are_mlflows(type_: str) -> None:
    """Sent or by default, single or in a list; unknown ones are dropped."""
    default, values = PARAMS[type_][0], PARAMS[type_]
    inputs = [column("double", "c")]
    single = Signed(inputs, [param(type_, "p", default)])
    listed = Signed(inputs, [param(type_, "p", [default], shape=[-1])])
    for signed, sent_params in [
        *((single, {"p": value}) for value in values),
        *((listed, {"p": part}) for part in (values, [], [default])),
        *((each, nothing) for each in (single, listed) for nothing in (None, {}, {"z": 1})),
    ]:
        ours, theirs = params_handed(signed, sent_params)
        assert ours == theirs, sent_params
        assert "fails" not in ours


@pytest.mark.parametrize("default", [*NOT_FINITE, None])
def test_defaults_of_params_are_mlflows(default: Any) -> None:
    """NaN and infinities too, which no request can send."""
    ours, theirs = params_handed(
        Signed([column("double", "c")], [param("double", "p", default)]), None
    )
    assert ours == theirs == repr({"p": default})


@pytest.mark.parametrize(("type_", "value", "mlflows", "podiums"), cases(DIFFERENT_PARAMS))
def test_params_differ_from_mlflows_only_as_listed(
    type_: str, value: Any, mlflows: str, podiums: str
) -> None:
    """Podium is as exact about params as about columns."""
    signed = Signed([column("double", "c")], [param(type_, "p", None)])
    assert params_handed(signed, {"p": value}) == (podiums, mlflows)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        *(("boolean", True), ("long", 5), ("double", 0.5), ("string", "a"), ("binary", "aGk=")),
        *((type_, None) for type_ in ("integer", "float", "datetime", "string")),
        *((array("long"), [1, 2]), (array("double"), [0.5, None]), (array("string"), [])),
        *((map_of("double"), {"k": 0.5}), (ANY, [1, {"b": None}]), (ANY, None)),
        (object_of({"b": "long"}, {"c": "string"}), {"b": 1}),
        (array(object_of({"b": "long"})), [{"b": 1}, {"b": 2}]),
    ],
)
def test_params_that_are_objects_are_mlflows(type_: Any, value: Any) -> None:
    """Python's own values, as they were sent."""
    signed = with_object(type_)
    requests: list[dict[str, Any] | None] = [{"p": {"a": value}}, {"p": {}}, {}, None]
    for sent_params in requests:
        ours, theirs = params_handed(signed, sent_params)
        assert ours == theirs
        assert "fails" not in ours


@pytest.mark.parametrize(("type_", "value", "mlflows", "podiums"), cases(DIFFERENT_OBJECT_PARAMS))
def test_params_that_are_objects_differ_from_mlflows_only_as_listed(
    type_: Any, value: Any, mlflows: str, podiums: str
) -> None:
    """Podium is as exact about them as about nested columns."""
    assert params_handed(with_object(type_), {"p": {"a": value}}) == (podiums, mlflows)


@pytest.mark.parametrize("value", [None, 5, [1], {"z": 1}, "x"])
def test_what_is_no_such_object_is_refused_by_both(value: Any) -> None:
    """Null included: unlike other params an object is never null."""
    ours, theirs = params_handed(with_object("long"), {"p": value})
    assert "refused" in ours
    assert "fails" in theirs


def with_object(type_: Any) -> Signed:
    """A signature with a param `p`, an object of which nothing is required."""
    optional = object_of({}, {"a": type_})
    return Signed(
        [column("double", "c")], [{"name": "p", "default": {}, "shape": None, **optional}]
    )


@pytest.mark.parametrize("value", [5, [5], "x", True])
def test_params_that_are_no_object(value: Any) -> None:
    """Both refuse them where the signature has params, and drop them where it has none."""
    body = {"inputs": {"c": [1.0]}, "params": value}
    signed = Signed([column("double", "c")], [param("long", "p", 1)])
    assert brief(lambda: signed.batch(body).params) == "refused: type"
    assert "fails" in brief(lambda: signed.params_by_mlflow(body))
    without = Signed([column("double", "c")])
    assert without.batch(body).params == without.params_by_mlflow(body) == {}


@exploring(60)
@given(st.sampled_from(sorted(PARAMS)), st.booleans(), st.data())
def test_p14_params_that_the_contract_takes_are_never_refused_by_mlflows_enforcement(
    type_: str,
    listed: bool,  # noqa: FBT001 - Hypothesis gives it by name
    data: st.DataObject,
) -> None:
    """Nor changed where MLflow takes them from the request itself."""
    value = st.sampled_from(PARAMS[type_]) | JUNK
    chosen = data.draw(st.lists(value, max_size=2) if listed else value)
    shape = [-1] if listed else None
    default = [PARAMS[type_][0]] if listed else PARAMS[type_][0]
    signed = Signed([column("double", "c")], [param(type_, "p", default, shape=shape)])
    body = {"inputs": {"c": 1}, "params": {"p": chosen}}
    try:
        batch = signed.batch(body)
    except InvalidInput:
        return
    ours = signed.enforced(batch)[1]
    try:
        theirs = signed.params_by_mlflow(body)
    except MlflowException:
        return
    assert repr(ours) == repr(theirs)
