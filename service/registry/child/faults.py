"""What an answer of the registry, or of an artifact's store, means: one code for each fault.

MLflow's client raises much alike for very different faults, often with nothing but a text to tell
them by; what is looked for in a text here is MLflow's or the library's own wording.
"""

import errno
import re
from collections.abc import Callable, Collection
from typing import Final, TypeVar

import requests
import urllib3
from mlflow.exceptions import MlflowException

from service.processes.causes import chain
from service.processes.exhausted import is_want_of_processes
from service.registry.child.misconfiguration import misconfigured
from service.registry.child.store_faults import fault_of_store
from service.registry.wire import Fault

NOT_FOUND: Final = frozenset({"RESOURCE_DOES_NOT_EXIST"})
_UNAUTHENTICATED: Final = frozenset({"UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"})
_FORBIDDEN: Final = frozenset({"PERMISSION_DENIED"})
# mlflow/server/security_utils.py, INVALID_HOST_MSG
_HOST_REFUSED: Final = "Invalid Host header"
# mlflow/utils/rest_utils.py, verify_rest_response: answers that are not MLflow's JSON.
_NO_JSON: Final = re.compile(
    r"was not in a valid JSON format|failed with error code (?!401|403|429|5)\d+ != 200"
)
# requests' and botocore's words where MLflow has put the error of one file into a text of its own.
_STATUS: Final = re.compile(
    r"\b(401|403) Client Error\b|\bAn error occurred \((403|AccessDenied)\)"
)
_DISK_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
_DISK: Final = re.compile(rf"\[Errno ({'|'.join(map(str, _DISK_ERRORS))})\]")
_NO_CONNECTION: Final = (
    *(requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError),
    *(ConnectionError, TimeoutError),
)
# Of the file that a SQLite address names, or of its folder, which MLflow makes.
_NO_FILE: Final = (FileNotFoundError, FileExistsError, NotADirectoryError, PermissionError)
_T = TypeVar("_T")


class RegistryFault(Exception):
    """An operation failed for a reason that has a code."""

    def __init__(self, fault: Fault, error: object = "") -> None:
        super().__init__(_without_secrets(error))
        self.fault = fault


def _without_secrets(error: object) -> str:
    """Its text; requests repeats a header that cannot be one, which may hold a token."""
    causes = chain(error) if isinstance(error, BaseException) else ()
    if any(isinstance(each, requests.exceptions.InvalidHeader) for each in causes):
        return "MLFLOW_TRACKING_TOKEN makes a header that cannot be one"
    return str(error)


def asked(question: Callable[[], _T], absent: Collection[str] = NOT_FOUND) -> _T | None:
    """The registry's answer, None where its error code says that there is no such thing.

    Raises `RegistryFault`.
    """
    try:
        return question()
    except MlflowException as error:
        if error.error_code in absent:
            return None
        raise RegistryFault(fault_of_look(error), error) from error
    except Exception as error:  # a registry that talks nonsense raises nearly anything
        raise RegistryFault(fault_of_look(error), f"{type(error).__name__}: {error}") from error


def fault_of_look(error: Exception) -> Fault:
    """Why the registry gave no answer."""
    if is_want_of_processes(error):
        return Fault.PROCESSES
    refusal = misconfigured(error) or _passing_by(error) or _refusal(error)
    if refusal is not None:
        return refusal
    if isinstance(error, _NO_FILE):
        return Fault.DATABASE
    nonsense = not isinstance(error, MlflowException) or _NO_JSON.search(str(error))
    return Fault.NONSENSE if nonsense else Fault.REFUSED


def fault_of_download(error: Exception) -> Fault:
    """Why the artifact did not come."""
    if is_want_of_processes(error):
        return Fault.PROCESSES
    of_store = fault_of_store(error)
    if of_store is not None:
        return of_store
    if isinstance(error, MlflowException) and error.error_code in NOT_FOUND:
        return Fault.ARTIFACT_MISSING
    fault = misconfigured(error) or _passing_by(error) or _refusal(error)
    if fault is Fault.FORBIDDEN:
        return Fault.ARTIFACT_FORBIDDEN
    if fault is None and _DISK.search(str(error)):
        return Fault.DISK
    return fault or Fault.NOT_FETCHED


def _passing_by(error: Exception) -> Fault | None:
    """Nothing came, or not in time."""
    for each in chain(error):
        if isinstance(each, requests.ReadTimeout) or _is_read_timeout(each):
            return Fault.TIMED_OUT
        if isinstance(each, _NO_CONNECTION):
            return Fault.UNREACHABLE
    return None


def _is_read_timeout(error: BaseException) -> bool:
    # requests calls a read that took too long a connection error once it was tried again.
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, urllib3.exceptions.ReadTimeoutError)


def _refusal(error: Exception) -> Fault | None:
    """An answer of somebody who will not let this account, or this address, in."""
    text = str(error)
    if _HOST_REFUSED in text:
        return Fault.HOST_REFUSED
    status = _status(error, text)
    code = error.error_code if isinstance(error, MlflowException) else ""
    if status == "401" or code in _UNAUTHENTICATED:
        return Fault.UNAUTHENTICATED
    if status == "403" or code in _FORBIDDEN:
        return Fault.FORBIDDEN
    return None


def _status(error: Exception, text: str) -> str:
    for each in chain(error):
        if isinstance(each, requests.HTTPError) and each.response is not None:
            return str(each.response.status_code)
    found = _STATUS.search(text)
    return "" if found is None else (found[1] or "403")
