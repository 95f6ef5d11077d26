"""What a host says of an exception that a prediction ended with."""

import itertools
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Final

from mlflow.exceptions import MlflowException

from service.host import outputs
from service.host.wire import LONGEST_CODE, MlflowError, NoReply, PredictFault

_OURS: Final = "service."
_MLFLOWS: Final = "mlflow."
# Where MLflow makes of a request what the author's code is called with: a request of its class for
# chats (mlflow/pyfunc/loaders, and `_PythonModelPyfuncWrapper`), or values of a type hint
# (mlflow/pyfunc/utils/data_validation.py).
_CHECKS: Final = frozenset({"_convert_input", "_validate_model_input"})


def failure_of(error: BaseException) -> NoReply:
    """Whose fault it was: the input's, where MLflow refuses it before the model's code; or its."""
    if isinstance(error, outputs.NotEncodable):
        return PredictFault.NOT_ENCODABLE
    if isinstance(error, outputs.NotByRow):
        return PredictFault.NOT_BY_ROW
    if _is_of_the_request(error):
        return PredictFault.INPUT_REFUSED
    if not isinstance(error, MlflowException):
        return PredictFault.MODEL_RAISED
    code = error.error_code
    if type(code) is str and code.isascii() and len(code) <= LONGEST_CODE:
        return MlflowError(code)
    return PredictFault.MODEL_RAISED


def _is_of_the_request(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or not isinstance(error, Exception):
        return False
    called = itertools.dropwhile(_is_ours, _frames(error.__traceback__))
    if _is_in_a_check(called):
        return True
    # MLflow's own may stand for what another library has raised in the check.
    before = error.__context__
    return before is not None and _is_in_a_check(_frames(before.__traceback__))


def _is_in_a_check(called: Iterator[FrameType]) -> bool:
    """Whether a check was called by MLflow's code alone, and not by a model that asks another."""
    by_mlflow = itertools.takewhile(lambda frame: _module(frame).startswith(_MLFLOWS), called)
    return any(frame.f_code.co_name in _CHECKS for frame in by_mlflow)


def _frames(trace: TracebackType | None) -> Iterator[FrameType]:
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _is_ours(frame: FrameType) -> bool:
    return _module(frame).startswith(_OURS)


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
