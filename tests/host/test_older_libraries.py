"""What hosts do where MLflow is older than Podium's own; `make environments` has real ones."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from mlflow.pyfunc import PyFuncModel

from service.host.raw_model import raw_model
from tests.test_architecture import ROOT

TRACED = """
import sys
sys.path.insert(0, sys.argv[1])
import mlflow
from service.host.older_traces import hand_traces_on
from service.host.tracking import forgo_tracking

@mlflow.trace
def traced(value):
    mlflow.get_current_active_span().set_attribute("a", 1)
    mlflow.update_current_trace(tags={"a": "b"})
    with mlflow.start_span("inner") as span:
        span.set_inputs({"value": value})
    return value + 1

forgo_tracking()
hand_traces_on(None)
print(traced(1), type(mlflow.get_current_active_span()).__name__)
mlflow.set_tracking_uri("file:" + sys.argv[2])
print(mlflow.get_current_active_span())
"""


def test_w3_traces_of_an_older_mlflow_vanish_and_their_spans_can_be_asked(tmp_path: Path) -> None:
    """Nothing is written; that they are not handed on, where they should be, is told."""
    command = [sys.executable, "-I", "-W", "ignore", "-c", TRACED, str(ROOT), str(tmp_path / "own")]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=400
    )
    told, answer, outside = done.stdout.splitlines()
    assert "traces of this version are dropped" in told
    assert (answer, outside) == ("2 NoOpSpan", "None")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("loader", "called", "expected"),
    [
        ("mlflow.sklearn", SimpleNamespace(sklearn_model="its estimator"), "its estimator"),
        ("mlflow.xgboost", SimpleNamespace(xgb_model="its booster"), "its booster"),
        ("mlflow.sklearn", "an estimator", "an estimator"),
        ("mlflow.pyfunc.model", "a wrapper", "a wrapper"),
    ],
)
def test_what_an_older_mlflow_does_not_tell_is_found_where_it_is_kept(
    loader: str, called: Any, expected: str
) -> None:
    """Before 2.6 MLflow calls scikit-learn's estimators themselves."""
    flavors = {"python_function": {"loader_module": loader}}
    model = SimpleNamespace(metadata=SimpleNamespace(flavors=flavors), _model_impl=called)
    assert raw_model(cast("PyFuncModel", model)) == expected
