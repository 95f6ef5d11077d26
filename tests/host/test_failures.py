"""Whose fault an exception of a prediction was."""

from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2

from service.host.failures import failure_of
from service.host.outputs import NotEncodable
from service.host.wire import MlflowError, NoReply, PredictFault


def objection(code: Any) -> MlflowException:
    """An exception of MLflow's whose code somebody has written over."""
    error = MlflowException("no")
    error.error_code = code
    return error


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (NotEncodable("no"), PredictFault.NOT_ENCODABLE),
        (ValueError("no"), PredictFault.MODEL_RAISED),
        (SystemExit(1), PredictFault.MODEL_RAISED),
        (MlflowException("no"), MlflowError("INTERNAL_ERROR")),
        (MlflowException("no", databricks_pb2.NOT_FOUND), MlflowError("NOT_FOUND")),
        (objection(5), PredictFault.MODEL_RAISED),
        (objection("\ud800"), PredictFault.MODEL_RAISED),
        (objection("X" * 1000), PredictFault.MODEL_RAISED),
    ],
)
def test_failure_says_whose_fault_it_was(error: BaseException, failure: NoReply) -> None:
    """MLflow's codes are told, as long as they can be."""
    assert failure_of(error) == failure
    assert type(failure_of(error)) is type(failure)
