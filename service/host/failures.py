"""What a host says of an exception that a prediction ended with."""

from typing import Final

from mlflow.exceptions import MlflowException

from service.host import outputs
from service.host.wire import LONGEST_CODE, Failure, MlflowError, PredictFault

# mlflow/types/type_hints.py, `_validate_data_against_type_hint`: checked before the model's code.
_OF_A_TYPE_HINT: Final = "Failed to validate data against type hint"


def failure_of(error: BaseException) -> Failure:
    """Whose fault it was: the input's, where a type hint refuses it; else the model's."""
    if isinstance(error, outputs.NotEncodable):
        return PredictFault.NOT_ENCODABLE
    if isinstance(error, outputs.NotByRow):
        return PredictFault.NOT_BY_ROW
    if not isinstance(error, MlflowException):
        return PredictFault.MODEL_RAISED
    if str(error).startswith(_OF_A_TYPE_HINT):
        return PredictFault.INPUT_REFUSED
    code = error.error_code
    if type(code) is str and code.isascii() and len(code) <= LONGEST_CODE:
        return MlflowError(code)
    return PredictFault.MODEL_RAISED
