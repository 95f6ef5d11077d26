"""A model is handed the params that MLflow's own scoring server would hand it, or they are refused.

`tests.as_mlflow.catalogue` has the cases that have a rule, and those that both read alike.
"""

from typing import Any, Final

import hypothesis.strategies as st
import pytest
from hypothesis import given
from mlflow.exceptions import MlflowException

from service.errors import InvalidInput
from tests.as_mlflow.alike import PARAMS, object_param
from tests.contract.signatures import column, param
from tests.host.handed import Signed, brief
from tests.host.payloads import JUNK
from tests.support.exploring import exploring

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


@pytest.mark.parametrize("default", [*NOT_FINITE, None])
def test_defaults_of_params_are_mlflows(default: Any) -> None:
    """NaN and infinities too, which no request can send."""
    ours, theirs = params_handed(
        Signed([column("double", "c")], [param("double", "p", default)]), None
    )
    assert ours == theirs == repr({"p": default})


@pytest.mark.parametrize("value", [None, 5, [1], {"z": 1}, "x"])
def test_what_is_no_such_object_is_refused_by_both(value: Any) -> None:
    """Null included: unlike other params an object is never null."""
    signed = Signed([column("double", "c")], object_param("long"))
    ours, theirs = params_handed(signed, {"p": value})
    assert "refused" in ours
    assert "fails" in theirs


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
