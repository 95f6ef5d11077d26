"""Why an address gave no answer: half a sentence for people, without the address.

An address may hold a password, and the names of Python's errors say nothing to an operator.
"""

import socket
import ssl
from collections.abc import Iterator

import httpx

NO_ADDRESS = "that is not an address; one is written http://HOST:PORT"
_NOT_ASKED = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError)


def why_silent(error: Exception) -> str:
    """For what httpx raised instead of an answer."""
    if isinstance(error, _NOT_ASKED):
        return NO_ADDRESS
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "it timed out"
    if isinstance(error, httpx.ConnectError):
        return _why_not_connected(error)
    return "the connection ended without an answer"


def _why_not_connected(error: BaseException) -> str:
    causes = tuple(_causes(error))
    for kind, why in (
        (ConnectionRefusedError, "the connection is refused"),
        (socket.gaierror, "there is no such host"),
        (ssl.SSLError, "no trusted encryption is agreed on"),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return why
    return "there is no connection to it"


def _causes(error: BaseException) -> Iterator[BaseException]:
    # A name with several addresses fails with a group, one error for each of them.
    yield error
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for each in (*inner, error.__cause__ or error.__context__):
        if each is not None:
            yield from _causes(each)
