"""A model is handed the params that MLflow's own scoring server would hand it, or they are refused.

`DIFFERENT_PARAMS` in `tests.hosting.differences` lists where the two differ.
"""

from collections.abc import Mapping
from typing import Any, Final

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from mlflow.exceptions import MlflowException

from service.errors import InvalidInput
from tests.contract.signatures import column, param
from tests.hosting.differences import DIFFERENT_PARAMS
from tests.hosting.handed import Signed, brief
from tests.hosting.payloads import BOUNDED, JUNK

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


@pytest.mark.parametrize(("type_", "value", "mlflows", "podiums"), DIFFERENT_PARAMS)
def test_params_differ_from_mlflows_only_as_listed(
    type_: str, value: Any, mlflows: str, podiums: str
) -> None:
    """Podium is as exact about params as about columns."""
    signed = Signed([column("double", "c")], [param(type_, "p", None)])
    assert params_handed(signed, {"p": value}) == (podiums, mlflows)


@settings(BOUNDED, max_examples=200)
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
