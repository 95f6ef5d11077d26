"""A local MLflow: how it is started, recognised and asked, and why an address gave no answer.

An alias is asked for over REST, so that the front, `up` and the checks stay free of MLflow's
client. A reason is half a sentence for people, without the address: that may hold a password, and
the names of Python's errors say nothing to an operator.
"""

import asyncio
import os
import re
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping

import httpx

from service.config.settings import without_secrets
from service.local.child import Command
from service.local.settings import LOOPBACK, UpSettings

NAME = "MLflow"
_ASK_EVERY = 0.1
_VERSION = re.compile(r"\d[\w.+-]{0,40}", re.ASCII)
# MLflow's options can also come from MLFLOW_* variables: a server that is said to be local, on
# SQLite and below one folder must not become another by what somebody's shell exports. What
# concerns webhooks has no option and no such effect.
_KEPT = "MLFLOW_WEBHOOK_"


def client() -> httpx.AsyncClient:
    """For this machine's own addresses: no proxy comes in between, nothing waits for ever."""
    return httpx.AsyncClient(trust_env=False, timeout=5.0)


def tracking_command(settings: UpSettings) -> Command:
    """The tracking server with its page: SQLite, artifacts through the server, the loopback."""
    home = settings.home.resolve()
    arguments = (
        *(sys.executable, "-P", "-m", "mlflow", "server"),
        *("--host", LOOPBACK, "--port", str(settings.tracking_port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}"),
        *("--serve-artifacts", "--artifacts-destination", str(home / "artifacts")),
    )
    return Command(NAME, arguments, _environment(os.environ), log=settings.logs / "mlflow.log")


def _environment(inherited: Mapping[str, str]) -> Mapping[str, str]:
    kept = {
        name: value
        for name, value in without_secrets(inherited).items()
        if name.startswith(_KEPT) or not name.lstrip("_").startswith("MLFLOW_")
    }
    # Its eight job consumers take 235 MB each, and nothing here gives them a job.
    switches = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return kept | switches


async def version_at(asked: httpx.AsyncClient, url: str) -> str | None:
    """The version of the MLflow tracking server that answers there; None if none does.

    MLflow's scoring server has the same routes, but says nothing on `/health`.
    """
    try:
        health, version = await asked.get(f"{url}/health"), await asked.get(f"{url}/version")
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    told = version.text.strip()
    healthy = health.is_success and health.text.strip() == "OK"
    return told if healthy and version.is_success and _VERSION.fullmatch(told) else None


async def until_answering(asked: httpx.AsyncClient, url: str, limit: float) -> None:
    """Returns once the address answers 200. Raises `TimeoutError` after `limit` seconds."""
    async with asyncio.timeout(limit):
        while not await _answers(asked, url):  # noqa: ASYNC110 - a server has no event for it
            await asyncio.sleep(_ASK_EVERY)


async def _answers(asked: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await asked.get(url)).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


class RegistrySilent(Exception):
    """The registry does not tell; the message says why, as a sentence without its full stop.

    `lasting` means that it did not answer at all, so that asking it again costs the wait again.
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


async def version_of_alias(asked: httpx.AsyncClient, url: str, name: str, alias: str) -> str | None:
    """The version that the alias is on; None if there is no such model or alias.

    Raises `RegistrySilent` if there is no answer, or none that can be used.
    """
    path = f"{url.rstrip('/')}/api/2.0/mlflow/registered-models/get"
    try:
        answer = await asked.get(path, params={"name": name})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        aliases = answer.raise_for_status().json()["registered_model"].get("aliases", [])
        return next((str(one["version"]) for one in aliases if one["alias"] == alias), None)
    except httpx.HTTPStatusError as error:
        raise RegistrySilent(f"the registry answers {error.response.status_code}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = why_silent(error)
        raise RegistrySilent(f"the registry cannot be reached: {why}", lasting=True) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RegistrySilent("the registry's answer cannot be read") from error


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
        (socket.gaierror, "the host name is unknown"),
        (ssl.SSLError, "the TLS handshake failed (its certificate, or no TLS there)"),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return why
    return "no connection could be made"


def _causes(error: BaseException) -> Iterator[BaseException]:
    # A name with several addresses fails with a group, one error for each of them.
    yield error
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for each in (*inner, error.__cause__ or error.__context__):
        if each is not None:
            yield from _causes(each)
