"""What a host says of an exception that a prediction ended with."""

import itertools
import sys
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Final

from mlflow.exceptions import MlflowException

from service.host import outputs
from service.host.output_tensors import UnknownOutput
from service.host.wire import LONGEST_CODE, MlflowError, NoReply, PredictFault

_FAULTS: Final = {
    outputs.NotEncodable: PredictFault.NOT_ENCODABLE,
    outputs.NotByRow: PredictFault.NOT_BY_ROW,
    UnknownOutput: PredictFault.UNKNOWN_OUTPUT,
}
_OURS: Final = "service."
_MLFLOWS: Final = "mlflow."
# Where MLflow makes of a request what the author's code is called with: a request of its class for
# chats (mlflow/pyfunc/loaders, and `_PythonModelPyfuncWrapper`), or values of a type hint
# (mlflow/pyfunc/utils/data_validation.py).
_CHECKS: Final = frozenset({"_convert_input", "_validate_model_input"})
# What they refuse by (pydantic's `ValidationError` is a ValueError), and what they are made of:
# whatever else is called is an author's.
_REFUSALS: Final = (MlflowException, TypeError, ValueError)
_THEIRS: Final = sys.stdlib_module_names | {"mlflow", "numpy", "pandas", "pydantic"}


def failure_of(error: BaseException) -> NoReply:
    """Whose fault it was: the input's, where MLflow refuses it before the model's code; or its."""
    for kind, fault in _FAULTS.items():
        if isinstance(error, kind):
            return fault
    if _is_of_the_request(error):
        return PredictFault.INPUT_REFUSED
    if not isinstance(error, MlflowException):
        return PredictFault.MODEL_RAISED
    code = error.error_code
    if type(code) is str and code.isascii() and len(code) <= LONGEST_CODE:
        return MlflowError(code)
    return PredictFault.MODEL_RAISED


def _is_of_the_request(error: BaseException) -> bool:
    refusal = _of_a_check(error)
    return refusal is not None and _is_own_refusal(refusal)


def _of_a_check(error: BaseException) -> BaseException | None:
    """What a check has ended with: the error, or what MLflow has caught and the error stands for.

    None where no check has, or that of a model which another one asks.
    """
    if not _is_theirs(error):
        return None
    if _is_in_a_check(error):
        return error
    before = error.__context__
    return before if before is not None and _is_in_a_check(before) else None


def _is_own_refusal(error: BaseException) -> bool:
    """Whether a check refuses what it was given, and does not hand on what an author's code raised.

    What a validator may refuse by, pydantic has made a `ValidationError` of.
    """
    if not isinstance(error, _REFUSALS) or not _is_theirs(error):
        return False
    before = error.__cause__ or error.__context__
    # MLflow's own may stand for anything.
    return not isinstance(error, MlflowException) or before is None or _is_own_refusal(before)


def _is_theirs(error: BaseException) -> bool:
    """Whether no code but theirs had a part in it, below the host's."""
    called = itertools.dropwhile(_is_ours, _frames(error.__traceback__))
    return all(_module(frame).partition(".")[0] in _THEIRS for frame in called)


def _is_in_a_check(error: BaseException) -> bool:
    """Whether MLflow's code alone has called a check that ended with it."""
    called = itertools.dropwhile(_is_ours, _frames(error.__traceback__))
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
