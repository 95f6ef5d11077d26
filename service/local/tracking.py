"""A local MLflow: how it is started, and how it is recognised."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping

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
