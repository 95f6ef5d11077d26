"""What is looked at before anything is started, each finding one clear sentence.

Another `up` of the same home, what a killed one left, the two ports, and the home itself. And the
admin token, which is made in the home for its owner's eyes alone.
"""

import errno
import itertools
import os
import secrets
import shlex
import socket
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import httpx

from service.config.home import HomeUnusable, make_home
from service.config.settings import LocalSettings
from service.local.commands import model_flags, pasted
from service.local.family import UpFailed
from service.local.running import Mark, RunningUp, alive, read_record, read_running
from service.local.settings import DEFAULT_MODELS, LOOPBACK, UpSettings
from service.local.tracking import version_at

# Ports below ask for rights.
_FIRST_PORT, _LAST_PORT = 1024, 65535
_DEFAULTS = {
    "PODIUM_PORT": LocalSettings.model_fields["port"].default,
    "PODIUM_ADMIN_PORT": None,
    "PODIUM_TRACKING_PORT": LocalSettings.model_fields["tracking_port"].default,
}


async def check(settings: UpSettings, asked: httpx.AsyncClient) -> None:
    """Returns if everything can be started; the home is then there. Raises `UpFailed`."""
    _check_ports_are_named(settings)
    _check_other_up(settings)
    _check_leftovers(settings)
    _check_service_port(settings)
    await _check_tracking_port(settings, asked)
    _check_home(settings)


def _check_ports_are_named(settings: UpSettings) -> None:
    free = [name for name, port in _ports(settings).items() if port == 0]
    if free:
        raise UpFailed(f"`podium up` cannot use port 0; set {' and '.join(free)} to another port.")


def _ports(settings: UpSettings) -> dict[str, int]:
    ports = {"PODIUM_PORT": settings.port, "PODIUM_TRACKING_PORT": settings.tracking_port}
    if settings.admin_port is not None:
        ports["PODIUM_ADMIN_PORT"] = settings.admin_port
    return ports


def _check_home(settings: UpSettings) -> None:
    try:
        make_home(settings.home)
    except HomeUnusable as error:
        raise UpFailed(f"{error}.") from None


def _check_other_up(settings: UpSettings) -> None:
    running = read_running(settings.home)
    if running is not None:
        raise UpFailed(_already(running))


def _already(running: RunningUp) -> str:
    return (
        f"`podium up` already runs here, as process {running.up.pid}: "
        f"MLflow on {running.tracking_uri}, the service on {running.service_url}.\n"
        f"To end it: kill {running.up.pid}"
    )


def _check_leftovers(settings: UpSettings) -> None:
    record = read_record(settings.home)
    if record is not None and record.leftovers:
        raise UpFailed(_left_over(record.leftovers))


def _left_over(leftovers: Mapping[str, Mark]) -> str:
    named = " and ".join(f"{name} (process {mark.pid})" for name, mark in leftovers.items())
    # Without its first process, a group is reached by its number with a minus.
    numbers = [str(mark.pid if alive(mark) else -mark.pid) for mark in leftovers.values()]
    return (
        f"A `podium up` that was killed has left something running: {named}.\n"
        f"To end it: {shlex.join(['kill', '--', *numbers])}"
    )


def _check_service_port(settings: UpSettings) -> None:
    if settings.port == settings.tracking_port:
        raise UpFailed(
            f"MLflow and the service cannot share port {settings.port}. "
            f"Choose another one: {_moved(settings, 'PODIUM_PORT')}"
        )
    if settings.admin_port in {settings.port, settings.tracking_port}:
        raise UpFailed(
            f"The admin port {settings.admin_port} must be another one than that of MLflow and of "
            f"the service. Choose another one: {_moved(settings, 'PODIUM_ADMIN_PORT')}"
        )
    ports = {"service's": ("PODIUM_PORT", settings.port)}
    if settings.admin_port is not None:
        ports["admin"] = ("PODIUM_ADMIN_PORT", settings.admin_port)
    for whose, (name, port) in ports.items():
        reason = why_taken(settings.host, port)
        if reason is not None:
            raise UpFailed(
                f"The {whose} port {port} on {settings.host} {reason}. "
                f"Choose another one: {_moved(settings, name)}"
            )


async def _check_tracking_port(settings: UpSettings, asked: httpx.AsyncClient) -> None:
    reason = why_taken(LOOPBACK, settings.tracking_port)
    if reason is None:
        return
    another = _moved(settings, "PODIUM_TRACKING_PORT")
    version = await version_at(asked, settings.tracking_uri)
    if version is None:
        raise UpFailed(
            f"MLflow's port {settings.tracking_port} on {LOOPBACK} {reason}. "
            f"Choose another one: {another}"
        )
    asked_for = shlex.join(["serve", *model_flags(settings)])
    serve = pasted(asked_for, settings.home, MLFLOW_TRACKING_URI=settings.tracking_uri)
    raise UpFailed(
        f"MLflow {version} already answers on {settings.tracking_uri}.\n"
        f"To serve a model from it: {serve}\n"
        f"To have one beside it: {another}"
    )


def _moved(settings: UpSettings, moved: str) -> str:
    """The same `up` with that port elsewhere, on one that is free now."""
    ports = _ports(settings)
    host = LOOPBACK if moved == "PODIUM_TRACKING_PORT" else settings.host
    chosen = {**ports, moved: _free_beside(host, ports[moved], set(ports.values()))}
    given = {name: str(port) for name, port in chosen.items() if port != _DEFAULTS[name]}
    if settings.host != LOOPBACK:
        given = {"PODIUM_HOST": settings.host, **given}
    models = [] if settings.models == DEFAULT_MODELS else model_flags(settings)
    return pasted(shlex.join(["up", *models]), settings.home, **given)


def _free_beside(host: str, port: int, taken: Collection[int]) -> int:
    above, below = range(port + 1, _LAST_PORT + 1), range(port - 1, _FIRST_PORT - 1, -1)
    tried = (other for other in itertools.chain(above, below) if other not in taken)
    free = (other for other in tried if why_taken(host, other) != TAKEN)
    return next(free, port)


TAKEN: Final = "is taken by another program"
"""The reason that another port would help against."""


def why_taken(host: str, port: int) -> str | None:
    """Whether somebody listens there: None if it is free, else the reason as half a sentence.

    It asks as uvicorn will: an address that only lingers from a connection just closed is free.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        return _reason(error)
    return None


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return TAKEN
    return f"cannot be listened on ({error.strerror})"


_OWNERS = 0o600
_BYTES = 32


def make_token(path: Path) -> None:
    """A random token lies there, the same from one `up` to the next. Raises `UpFailed`."""
    try:
        if not (path.exists() and path.read_text().strip()):
            _write(path, secrets.token_urlsafe(_BYTES))
        path.chmod(_OWNERS)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UpFailed(f"The admin token cannot be kept in {path}: {reason}.") from None


def _write(path: Path, token: str) -> None:
    # Whole or not at all, and never for a moment anybody's to read.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNERS), "w") as file:
        file.write(f"{token}\n")
    draft.replace(path)
