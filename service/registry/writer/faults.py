"""Why MLflow has not done what it was asked to: refused, or not answered."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, TypeVar

import requests
from mlflow.exceptions import MlflowException

NOT_FOUND: Final = "RESOURCE_DOES_NOT_EXIST"
NO_WORKSPACE: Final = "NO_WORKSPACE"
"""A code of Podium's own, for what MLflow tells as it tells a model that is not there."""
NAMES_NOTHING: Final = frozenset({NOT_FOUND, NO_WORKSPACE})
"""Whoever asks has named what is not there."""
EXISTS: Final = "RESOURCE_ALREADY_EXISTS"
UNAUTHENTICATED: Final = "UNAUTHENTICATED"
DENIED: Final = "PERMISSION_DENIED"
"""Also of what is not there, where MLflow knows accounts and this one is no administrator."""
_LONGEST_SAID: Final = 300
_UNAUTHENTICATED: Final = frozenset({UNAUTHENTICATED, "CUSTOMER_UNAUTHORIZED"})
# mlflow/utils/rest_utils.py: what is no JSON of MLflow's, or no answer at all.
_STATUS: Final = re.compile(r"error code (\d{3})")
# mlflow/store/workspace/sqlalchemy_store.py and workspace_rest_store_mixin.py
_WORKSPACE_MISSING: Final = re.compile(
    r"^RESOURCE_DOES_NOT_EXIST: Workspace '.*' not found"
    r"|^Active workspace '.*' cannot be used because"
)
_NO_ANSWER: Final = ("failed with exception", "too many 5", "Failed to parse response")
_NO_CONNECTION: Final = (
    *(requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError),
    *(ConnectionError, TimeoutError),
)
_PASSING: Final = frozenset({"TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "INTERNAL_ERROR"})
T = TypeVar("T")


class WriteRefused(Exception):
    """MLflow has refused; the message names the permission that is missing, where one is.

    Attributes:
        code: MLflow's own, as `RESOURCE_DOES_NOT_EXIST`.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Unreachable(Exception):
    """MLflow has not answered, so that nobody knows whether it has done it; for people."""


def asked(question: Callable[[], T], needs: str) -> T:
    """The answer. Raises `WriteRefused` and `Unreachable`.

    `needs` says which permission on what the question asks for, as in `EDIT on the model iris`.
    """
    try:
        return question()
    except MlflowException as error:
        raise _told(error, needs) from error
    except Exception as error:  # a server that talks nonsense raises nearly anything
        if refused := _refused_transfer(error, needs):
            raise refused from error
        raise Unreachable(f"MLflow does not answer: {type(error).__name__}") from error


def _refused_transfer(error: Exception, needs: str) -> WriteRefused | None:
    """Of files, whose answers are no JSON of MLflow's; None unless it is a refusal."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(needs)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return WriteRefused(
            "whatever stands before MLflow takes no file of that size: raise its limit (nginx: "
            "client_max_body_size)",
            "TOO_LARGE",
        )
    return None


def _forbidden(needs: str) -> WriteRefused:
    return WriteRefused(f"MLflow does not allow this account to: it needs {needs}", DENIED)


def is_unanswered(error: Exception) -> bool:
    """Whether nobody has answered, or a server has failed: the same may go well later."""
    if isinstance(error, MlflowException):
        return isinstance(_told(error, ""), Unreachable)
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return is_passing_status(error.response.status_code)
    return isinstance(error, _NO_CONNECTION)


def is_passing_status(status: int) -> bool:
    """Whether a server that answers with it may answer otherwise later."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _told(error: MlflowException, needs: str) -> WriteRefused | Unreachable:
    said, code = str(error).strip(), str(error.error_code)
    found = _STATUS.search(said)
    status = found[1] if found else ""
    if status == "401" or code in _UNAUTHENTICATED:
        return WriteRefused(
            "MLflow does not know this account: set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
            UNAUTHENTICATED,
        )
    if status == "403" or code == "PERMISSION_DENIED":
        return _forbidden(needs)
    if code in _PASSING or status.startswith("5") or any(each in said for each in _NO_ANSWER):
        return Unreachable("MLflow does not answer, or fails: is it running, and at that address?")
    if _WORKSPACE_MISSING.search(said):
        return WriteRefused(
            "MLflow has no workspace of the name that stands in MLFLOW_WORKSPACE, or has no "
            "workspaces at all: correct the name, or unset MLFLOW_WORKSPACE",
            NO_WORKSPACE,
        )
    return WriteRefused(f"MLflow refuses: {said.partition(chr(10))[0][:_LONGEST_SAID]}", code)
