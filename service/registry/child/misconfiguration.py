"""How MLflow's client was set up wrongly, told by the error that it raises then.

Nothing of this comes right by waiting, and "does not answer" would send an operator to the wrong
place. What is looked for in a text is the library's own wording, tried on each.
"""

import re
import socket
import ssl
from typing import Final

import requests
import urllib3
from mlflow.exceptions import InvalidUrlException, RestException
from mlflow.tracking.registry import UnsupportedModelRegistryStoreURIException

from service.processes.causes import chain
from service.registry.wire import Fault

# mlflow/utils/rest_utils.py, verify_rest_response
_ANSWER: Final = "Response body:"
# By type; the first of these that stands in the chain of causes counts.
_BY_TYPE: Final = (
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
_BY_MODULE: Final = (("alembic.", Fault.SCHEMA), ("sqlalchemy.exc", Fault.DATABASE))
_BY_TEXT: Final = (
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


def misconfigured(error: Exception) -> Fault | None:
    """What is set up wrongly; None if the error does not say so."""
    causes = list(chain(error))
    by_type = (fault for kind, fault in _BY_TYPE for each in causes if isinstance(each, kind))
    found = next(by_type, None) or _by_module(causes)
    return found or _by_text("\n".join(_words(each) for each in causes))


def _by_module(causes: list[BaseException]) -> Fault | None:
    modules = [type(each).__module__ for each in causes]
    found = (fault for module in modules for name, fault in _BY_MODULE if module.startswith(name))
    return next(found, None)


def _by_text(text: str) -> Fault | None:
    return next((fault for wording, fault in _BY_TEXT if wording.search(text)), None)


def _words(error: BaseException) -> str:
    # What a server has answered is its own text, and says nothing of how the client is set up.
    if isinstance(error, RestException):
        return ""
    return str(error).partition(_ANSWER)[0]
