"""What an error of an artifact's own store means: S3, Azure, Google, or whichever holds the files.

It is no fault of the registry's, so no variable of MLflow's mends it. Told by the libraries' names
of their errors, since none of them need be installed.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from service.processes.causes import chain
from service.registry.wire import Fault

_LIBRARIES: Final = ("botocore.", "boto3.", "s3transfer.", "azure.", "google.")
_BY_NAME: Final = MappingProxyType(
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
_BY_CODE: Final = MappingProxyType(
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
_BY_TEXT: Final = (
    # botocore/client.py, of an endpoint without a scheme
    (re.compile(r"^Invalid endpoint: "), Fault.STORE_SETTING),
    # mlflow/store/artifact/artifact_repository_registry.py: a scheme of a plugin
    (re.compile(r"Could not find a registered artifact repository"), Fault.STORE_DRIVER_MISSING),
    # pyarrow's, of HDFS
    (re.compile(r"Unable to load lib(jvm|hdfs)|load libhdfs"), Fault.STORE_DRIVER_MISSING),
)


def fault_of_store(error: Exception) -> Fault | None:
    """What is wrong with the store, or with how it is set up; None if the error does not say so."""
    found = (_fault(each) for each in chain(error))
    return next((fault for fault in found if fault is not None), None)


def _fault(error: BaseException) -> Fault | None:
    if isinstance(error, ModuleNotFoundError):
        return Fault.STORE_DRIVER_MISSING
    if type(error).__module__.startswith(_LIBRARIES):
        return _BY_CODE.get(_code(error)) or _BY_NAME.get(type(error).__name__)
    text = str(error)
    return next((fault for wording, fault in _BY_TEXT if wording.search(text)), None)


def _code(error: BaseException) -> str:
    """What the store has answered: S3's code, Azure's, or a status."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, Mapping):
        return str(response.get("Error", {}).get("Code", ""))
    code = getattr(error, "error_code", None) or getattr(error, "status_code", None)
    return str(getattr(code, "value", code) or "")
