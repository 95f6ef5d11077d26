"""What an answer of the registry, or of an artifact's store, means: one code for each fault.

MLflow's client raises much alike for very different faults, often with nothing but a text to tell
them by; what is looked for in a text here is MLflow's or the library's own wording, tried on each.

Where the client was set up wrongly nothing comes right by waiting, and "does not answer" would send
an operator to the wrong place. What is wrong with an artifact's own store (S3, Azure, Google, or
whichever holds the files) is no fault of the registry's, so no variable of MLflow's mends it; it is
told by the libraries' names of their errors, since none of them need be installed.
"""

import errno
import re
import socket
import ssl
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

import requests
import urllib3
from mlflow.exceptions import InvalidUrlException, MlflowException, RestException
from mlflow.tracking.registry import UnsupportedModelRegistryStoreURIException

from service.processes.exhausted import chain, is_want_of_processes
from service.registry.wire import Fault

NOT_FOUND: Final = frozenset({"RESOURCE_DOES_NOT_EXIST"})
_UNAUTHENTICATED: Final = frozenset({"UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"})
_FORBIDDEN: Final = frozenset({"PERMISSION_DENIED"})
# mlflow/server/security_utils.py, INVALID_HOST_MSG
_HOST_REFUSED: Final = "Invalid Host header"
# mlflow/store/workspace/sqlalchemy_store.py and workspace_rest_store_mixin.py; their codes are
# those of a model that is not there.
_OF_WORKSPACES: Final = (
    (re.compile(r"^RESOURCE_DOES_NOT_EXIST: Workspace '.*' not found"), Fault.WORKSPACE),
    (re.compile(r"^Active workspace '.*' cannot be used because"), Fault.WORKSPACE),
    (re.compile(r"could not determine whether the server supports workspaces"), Fault.NONSENSE),
)
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
# mlflow/utils/rest_utils.py, verify_rest_response
_ANSWER: Final = "Response body:"
# By type; the first of these that stands in the chain of causes counts.
_SET_UP_BY_TYPE: Final = (
    # They are told as an address of MLflow's too.
    (requests.exceptions.ProxyError, Fault.PROXY),
    (requests.exceptions.InvalidProxyURL, Fault.PROXY),
    (urllib3.exceptions.ProxySchemeUnknown, Fault.PROXY),
    (UnsupportedModelRegistryStoreURIException, Fault.ADDRESS),
    (InvalidUrlException, Fault.ADDRESS),
    (requests.exceptions.InvalidURL, Fault.ADDRESS),
    (requests.exceptions.MissingSchema, Fault.ADDRESS),
    (requests.exceptions.InvalidHeader, Fault.CLIENT_SETTING),
    (ssl.SSLCertVerificationError, Fault.UNTRUSTED),
    (socket.gaierror, Fault.UNKNOWN_HOST),
    (ModuleNotFoundError, Fault.DRIVER_MISSING),
)
# Named by its library's module, so that a driver that is not there need not be.
_SET_UP_BY_MODULE: Final = (("alembic.", Fault.SCHEMA), ("sqlalchemy.exc", Fault.DATABASE))
_SET_UP_BY_TEXT: Final = (
    # mlflow/store/db/utils.py, _verify_schema
    (re.compile(r"out-of-date database schema|Can't locate revision"), Fault.SCHEMA),
    # requests/adapters.py, cert_verify
    (re.compile(r"Could not find (a suitable )?(the )?TLS"), Fault.CERTIFICATE_FILE),
    (
        re.compile(r"NO_CERTIFICATE_OR_CRL_FOUND|\[(X509|SSL|PEM)[^\]]*\] (no start line|PEM lib)"),
        Fault.CERTIFICATE_FILE,
    ),
    (re.compile(r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|UNKNOWN_PROTOCOL"), Fault.NO_TLS),
    # mlflow/tracking/_tracking_service/utils.py
    (
        re.compile(r"filesystem tracking backend|file store .*(maintenance|no longer)"),
        Fault.ADDRESS,
    ),
    (re.compile(r"Unity Catalog tracking URI|Databricks credential"), Fault.ADDRESS),
    # mlflow/environment_variables.py and mlflow/utils/rest_utils.py
    (
        re.compile(r"Failed to convert .* for MLFLOW_|MLFLOW_\w+ value must be one of"),
        Fault.CLIENT_SETTING,
    ),
    (re.compile(r"must not be set! This error may have occurred because"), Fault.CLIENT_SETTING),
)
_LIBRARIES: Final = ("botocore.", "boto3.", "s3transfer.", "azure.", "google.")
_STORE_BY_NAME: Final = MappingProxyType(
    {
        # botocore/exceptions.py
        "NoCredentialsError": Fault.ARTIFACT_UNAUTHENTICATED,
        "PartialCredentialsError": Fault.ARTIFACT_UNAUTHENTICATED,
        "CredentialRetrievalError": Fault.ARTIFACT_UNAUTHENTICATED,
        "TokenRetrievalError": Fault.ARTIFACT_UNAUTHENTICATED,
        "NoAuthTokenError": Fault.ARTIFACT_UNAUTHENTICATED,
        "SSOTokenLoadError": Fault.ARTIFACT_UNAUTHENTICATED,
        "UnauthorizedSSOTokenError": Fault.ARTIFACT_UNAUTHENTICATED,
        "EndpointConnectionError": Fault.STORE_UNREACHABLE,
        "ConnectionError": Fault.STORE_UNREACHABLE,
        "ConnectionClosedError": Fault.STORE_UNREACHABLE,
        "ConnectTimeoutError": Fault.STORE_UNREACHABLE,
        "ReadTimeoutError": Fault.STORE_UNREACHABLE,
        "ProxyConnectionError": Fault.STORE_UNREACHABLE,
        "SSLError": Fault.STORE_UNREACHABLE,
        "HTTPClientError": Fault.STORE_UNREACHABLE,
        "ProfileNotFound": Fault.STORE_SETTING,
        "ConfigNotFound": Fault.STORE_SETTING,
        "ConfigParseError": Fault.STORE_SETTING,
        "InvalidConfigError": Fault.STORE_SETTING,
        "InvalidRegionError": Fault.STORE_SETTING,
        "NoRegionError": Fault.STORE_SETTING,
        "ParamValidationError": Fault.STORE_SETTING,
        # azure/core/exceptions.py, azure/identity
        "ClientAuthenticationError": Fault.ARTIFACT_UNAUTHENTICATED,
        "CredentialUnavailableError": Fault.ARTIFACT_UNAUTHENTICATED,
        "ServiceRequestError": Fault.STORE_UNREACHABLE,
        "ServiceResponseError": Fault.STORE_UNREACHABLE,
        # google/auth/exceptions.py, google/api_core/exceptions.py
        "DefaultCredentialsError": Fault.ARTIFACT_UNAUTHENTICATED,
        "RefreshError": Fault.ARTIFACT_UNAUTHENTICATED,
        "Unauthorized": Fault.ARTIFACT_UNAUTHENTICATED,
        "Forbidden": Fault.ARTIFACT_FORBIDDEN,
        "TransportError": Fault.STORE_UNREACHABLE,
    }
)
# What S3 answers (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), and Azure.
_STORE_BY_CODE: Final = MappingProxyType(
    {
        "InvalidAccessKeyId": Fault.ARTIFACT_UNAUTHENTICATED,
        "SignatureDoesNotMatch": Fault.ARTIFACT_UNAUTHENTICATED,
        "ExpiredToken": Fault.ARTIFACT_UNAUTHENTICATED,
        "InvalidToken": Fault.ARTIFACT_UNAUTHENTICATED,
        "TokenRefreshRequired": Fault.ARTIFACT_UNAUTHENTICATED,
        "RequestTimeTooSkewed": Fault.ARTIFACT_UNAUTHENTICATED,
        "AuthenticationFailed": Fault.ARTIFACT_UNAUTHENTICATED,
        "401": Fault.ARTIFACT_UNAUTHENTICATED,
        "AccessDenied": Fault.ARTIFACT_FORBIDDEN,
        "AllAccessDisabled": Fault.ARTIFACT_FORBIDDEN,
        "AuthorizationPermissionMismatch": Fault.ARTIFACT_FORBIDDEN,
        "403": Fault.ARTIFACT_FORBIDDEN,
        "NoSuchBucket": Fault.BUCKET_MISSING,
        "ContainerNotFound": Fault.BUCKET_MISSING,
        "PermanentRedirect": Fault.STORE_SETTING,
        "AuthorizationHeaderMalformed": Fault.STORE_SETTING,
        "IllegalLocationConstraintException": Fault.STORE_SETTING,
        "InvalidBucketName": Fault.STORE_SETTING,
        "301": Fault.STORE_SETTING,
    }
)
_STORE_BY_TEXT: Final = (
    # botocore/client.py, of an endpoint without a scheme
    (re.compile(r"^Invalid endpoint: "), Fault.STORE_SETTING),
    # mlflow/store/artifact/artifact_repository_registry.py: a scheme of a plugin
    (re.compile(r"Could not find a registered artifact repository"), Fault.STORE_DRIVER_MISSING),
    # pyarrow's, of HDFS
    (re.compile(r"Unable to load lib(jvm|hdfs)|load libhdfs"), Fault.STORE_DRIVER_MISSING),
)


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
        if error.error_code in absent and _of_workspaces(error) is None:
            return None
        raise RegistryFault(fault_of_look(error), error) from error
    except Exception as error:  # a registry that talks nonsense raises nearly anything
        raise RegistryFault(fault_of_look(error), f"{type(error).__name__}: {error}") from error


def fault_of_look(error: Exception) -> Fault:
    """Why the registry gave no answer."""
    if is_want_of_processes(error):
        return Fault.PROCESSES
    refusal = _of_workspaces(error) or misconfigured(error) or _passing_by(error) or _refusal(error)
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


def _of_workspaces(error: Exception) -> Fault | None:
    text = str(error) if isinstance(error, MlflowException) else ""
    return next((fault for wording, fault in _OF_WORKSPACES if wording.search(text)), None)


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


def misconfigured(error: Exception) -> Fault | None:
    """What is set up wrongly; None if the error does not say so."""
    causes = list(chain(error))
    by_type = (
        fault for kind, fault in _SET_UP_BY_TYPE for each in causes if isinstance(each, kind)
    )
    found = next(by_type, None) or _by_module(causes)
    return found or _by_text("\n".join(_words(each) for each in causes))


def _by_module(causes: list[BaseException]) -> Fault | None:
    modules = [type(each).__module__ for each in causes]
    found = (
        fault for module in modules for name, fault in _SET_UP_BY_MODULE if module.startswith(name)
    )
    return next(found, None)


def _by_text(text: str) -> Fault | None:
    return next((fault for wording, fault in _SET_UP_BY_TEXT if wording.search(text)), None)


def _words(error: BaseException) -> str:
    # What a server has answered is its own text, and says nothing of how the client is set up.
    if isinstance(error, RestException):
        return ""
    return str(error).partition(_ANSWER)[0]


def fault_of_store(error: Exception) -> Fault | None:
    """What is wrong with the store, or with how it is set up; None if the error does not say so."""
    found = (_fault_of_one(each) for each in chain(error))
    return next((fault for fault in found if fault is not None), None)


def _fault_of_one(error: BaseException) -> Fault | None:
    if isinstance(error, ModuleNotFoundError):
        return Fault.STORE_DRIVER_MISSING
    if type(error).__module__.startswith(_LIBRARIES):
        return _STORE_BY_CODE.get(_code(error)) or _STORE_BY_NAME.get(type(error).__name__)
    text = str(error)
    return next((fault for wording, fault in _STORE_BY_TEXT if wording.search(text)), None)


def _code(error: BaseException) -> str:
    """What the store has answered: S3's code, Azure's, or a status."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, Mapping):
        return str(response.get("Error", {}).get("Code", ""))
    code = getattr(error, "error_code", None) or getattr(error, "status_code", None)
    return str(getattr(code, "value", code) or "")
