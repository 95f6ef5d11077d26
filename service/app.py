"""The composition root: builds everything, starts it, and ends what it has started."""

import asyncio
import contextlib
import errno
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeVar

import uvloop
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from service.access.access import Access, forget_secrets, open_keys
from service.access.keys import KeysFile
from service.background import Work, begin, keep_running
from service.config.addresses import MlflowAddresses, shown, url_of
from service.config.home import HomeUnusable, make_home
from service.config.settings import Settings, unknown_settings
from service.config.surroundings import GivenToModels
from service.following.clock import Clock
from service.following.follower import Follower
from service.following.ledger import Ledger
from service.following.slots import Slots
from service.following.standing import Standing
from service.http.create import create_http
from service.parts import (
    client_limits,
    new_decoder,
    new_forwarder,
    new_gates,
    new_history,
    new_ledger,
    new_registry,
    new_scratch,
    new_stager,
    new_tombstones,
    new_zygote,
    withdrawn_before,
)
from service.predicting.held import HeldBytes
from service.processes.front.adopted_orphans import AdoptedOrphans
from service.processes.front.beside import Beside
from service.server.descriptors import connections_within, raise_descriptor_limit
from service.server.relied_on import require_fit_server
from service.server.server import Drained, Server, Stopping
from service.server.timeouts import ClientLimits
from service.telemetry.logs import LogForm, Logs, configure_logs, log_form
from service.telemetry.metrics.metrics import Metrics
from service.telemetry.reporting import BackgroundReport, ConnectionReport, FollowingReport
from service.zygote.front.spawning import Spawned
from service.zygote_command import zygote_command

# As many as uvicorn asks for itself.
_BACKLOG: Final = 2048
# Not frozen and not yet looked at for cycles: a few MB at most. Python's own is 700.
_YOUNG_OBJECTS: Final = 10_000
# At the start: a folder, and what slots have served.
_DISK_SECONDS: Final = 30.0
_Found = TypeVar("_Found")
# The address is none of this machine's, or a name that nobody knows.
_NO_ADDRESS: Final = frozenset(
    {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, socket.EAI_NONAME, socket.EAI_AGAIN}
)


class CannotListen(Exception):
    """The address is taken or not ours; one line for people."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a service is started with.

    Attributes:
        settings: checked already.
        environment: where MLflow's address and credentials are taken from.
        zygote: one that imports already, as `service.zygote_command` begins it; None: the service
            starts one when it needs it.
        surroundings: what models are given.
    """

    settings: Settings
    environment: Mapping[str, str]
    zygote: Spawned | None = None
    surroundings: GivenToModels = field(default_factory=GivenToModels)


def serve(given: Given, limits: ClientLimits | None = None) -> None:
    """Serves until SIGTERM or SIGINT, drains, and returns with every process ended.

    Raises `CannotListen`, `HomeUnusable`, `BadKeys` or `UnfitServer` before it has started
    anything. From then on this process's own environment holds no secret, and its limit of file
    descriptors is what the system allows.
    """
    settings = given.settings
    require_fit_server()
    listener = listen(settings)
    with contextlib.closing(listener):
        make_home(settings.home)
        # Once, since the disk is asked for that.
        settings = settings.model_copy(update={"home": settings.home.resolve()})
        keys = open_keys(settings)
        forget_secrets(os.environ)
        _serve_logged(replace(given, settings=settings), listener, keys, limits)


def _serve_logged(
    given: Given, listener: socket.socket, keys: KeysFile | None, limits: ClientLimits | None
) -> None:
    logs = configure_logs(sys.stderr.buffer, form=_log_form(given.settings))
    try:
        with logs.of_libraries():
            ended = uvloop.run(_serve(given, listener, logs, keys, limits))
        _tell_stopped(logs, ended)
    except HomeUnusable:
        raise
    except Exception as error:
        # One entry of the log, as every traceback is.
        logs.logger.critical("crashed", exc_info=error)
        sys.exit(1)
    finally:
        logs.close()


def _tell_stopped(logs: Logs, ended: Drained) -> None:
    # The last line: whatever there was to end has ended.
    logs.logger.info(
        "stopped",
        seconds=round(ended.seconds, 3),
        drain_seconds=round(ended.drain_seconds, 3),
        finished=ended.finished,
        cut=ended.cut,
    )


def _log_form(settings: Settings) -> LogForm:
    return log_form(
        settings.log_format,
        settings.log_level,
        os.environ,
        requests=settings.request_log,
        on_terminal=sys.stderr.isatty(),
    )


def listen(settings: Settings) -> socket.socket:
    """A listening socket on the address of the settings."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        # From now on whoever connects waits, and is not refused.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}; "
            f"choose another with {'--host' if error.errno in _NO_ADDRESS else '--port'}"
        ) from None
    return listener


async def _serve(
    given: Given,
    listener: socket.socket,
    logs: Logs,
    keys: KeysFile | None,
    limits: ClientLimits | None,
) -> Drained:
    settings = given.settings
    delay, drain = settings.stop_delay_seconds, settings.drain_seconds

    def told() -> None:
        logs.logger.info("stopping", delay_seconds=delay, drain_seconds=drain)

    stopping = Stopping(delay, drain, told)
    metrics = Metrics(CollectorRegistry())
    ledger = await _from_disk(partial(new_ledger, settings, metrics, logs))
    app = create_app(given, logs, metrics, stopping, keys, ledger)
    report = ConnectionReport(metrics, logs.logger)
    server = Server(app, _limits(settings, limits, logs), report, stopping)
    metrics.http.watch_connections(server.connections)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    host, port = listener.getsockname()[:2]
    logs.logger.info(
        "listening",
        url=url_of(host, port),
        models=list(settings.models),
        mlflow=_followed(given.environment),
    )
    if given.surroundings.absent:
        logs.logger.warning("model_environment_absent", variables=given.surroundings.absent)
    for each in unknown_settings(given.environment):
        logs.logger.warning("setting_unknown", message=str(each), nearest=each.nearest)
    await server.serve(sockets=[listener])
    return server.drained


def _limits(settings: Settings, given: ClientLimits | None, logs: Logs) -> ClientLimits:
    """Those given, or the settings' with as many connections as there are descriptors for."""
    descriptors = raise_descriptor_limit()
    limits = given or client_limits(settings, connections_within(descriptors))
    logs.logger.info("limits", descriptors=descriptors, connections=limits.connections)
    return limits


def _followed(environment: Mapping[str, str]) -> str | None:
    """The registry's address, without user and password."""
    addresses = MlflowAddresses.named_in(environment)
    return None if addresses is None else shown(addresses.registry)


def create_app(  # noqa: PLR0913, PLR0917 - what has been opened before the application is there
    given: Given,
    logs: Logs,
    metrics: Metrics,
    stopping: Callable[[], bool],
    keys: KeysFile | None,
    ledger: Ledger,
) -> ASGIApp:
    """The whole service as one ASGI application; its lifespan starts and ends all of it.

    The service is not ready while `stopping` holds. Predictions ask for one of the `keys`, whose
    file is followed.
    """
    settings = given.settings
    bodies, replies = HeldBytes(settings.max_queue_bytes), HeldBytes(settings.max_queue_bytes)
    metrics.http.watch_held(bodies, replies)
    slots = Slots(settings.refs, settings.patterns, settings.max_slots)
    metrics.watch(slots)
    access = Access.of(settings, keys, metrics, logs)
    return create_http(
        slots,
        max_body_bytes=settings.max_body_bytes,
        request_seconds=settings.request_seconds,
        bodies=bodies,
        replies=replies,
        registry=metrics.registry,
        logger=logs.logger,
        observers=(metrics.http, *logs.observers),
        stopping=stopping,
        reload=access.wishes.reload,
        withdraw=(access.wishes.withdraw, access.wishes.restore),
        keys=access.keys,
        admin=access.admin,
        more=access.routers,
        ledger=ledger,
        may_see_details=access.admin.allows,
        prefixes=settings.prefixes,
        origins=settings.cors_origins,
        lifespan=partial(_lifespan, given, slots, ledger, metrics, logs, access),
    )


@contextlib.asynccontextmanager
async def _lifespan(  # noqa: PLR0913, PLR0917 - what the application shares with what it starts
    given: Given,
    slots: Slots,
    ledger: Ledger,
    metrics: Metrics,
    logs: Logs,
    access: Access,
    _: FastAPI,
) -> AsyncIterator[None]:
    settings, environment = given.settings, given.environment
    scratch = await _from_disk(partial(new_scratch, settings))
    command = await _from_disk(partial(zygote_command, settings, environment))
    zygote = new_zygote(command, given.zygote, scratch, metrics, logs)
    registry = new_registry(settings, environment, zygote, logs)
    decoder = new_decoder(settings, zygote, metrics, logs)
    forwarder = new_forwarder(settings, environment, zygote, metrics, logs)
    stager = new_stager(
        settings, zygote, decoder, forwarder, given.surroundings, metrics, logs, slots
    )
    history = new_history(settings, registry, logs)
    served = partial(history.open, settings.refs, settings.patterns, slots.room)
    slots.add(await _from_disk(served), Standing.FIRST)
    tombstones = new_tombstones(settings, registry, scratch, logs)
    withdrawn = await _from_disk(partial(withdrawn_before, tombstones))
    follower = Follower(
        slots,
        registry,
        stager,
        FollowingReport(metrics, logs.logger),
        Clock(),
        poll_seconds=settings.poll_seconds,
        keep_warm_seconds=settings.keep_warm_seconds,
        gates=new_gates(settings, zygote, history, given.surroundings, logs),
        history=history,
        ledger=ledger,
        keeps_missing=settings.missing_alias == "keep",
        tombstones=tombstones,
        withdrawn=withdrawn,
    )
    access.wishes.follower = follower
    async with contextlib.AsyncExitStack() as ending:
        # In the reverse order; one that fails keeps none of the others from its end.
        ending.enter_context(BackgroundReport(metrics, logs.logger).listening())
        closing = Beside("closing")  # each gives up a disk that hangs
        ending.push_async_callback(closing.run, history.close)
        ending.push_async_callback(closing.run, ledger.close)
        forwarders = () if forwarder is None else (forwarder,)
        for part in (zygote, *forwarders, decoder, registry, follower):
            ending.push_async_callback(part.close)
        running = (
            begin(Work.FOLLOWING, keep_running(Work.FOLLOWING, follower.run)),
            begin(Work.KEYS, keep_running(Work.KEYS, partial(access.follow, logs))),
            *(begin(Work.TRACES, keep_running(Work.TRACES, each.run)) for each in forwarders),
            begin(Work.ORPHANS, keep_running(Work.ORPHANS, AdoptedOrphans().run)),
        )
        ending.push_async_callback(_end, running)
        _leave_what_stays_to_itself()
        yield


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _from_disk(work: Callable[[], _Found]) -> _Found:
    """What the work says, which asks the disk of the home. Raises `HomeUnusable` if that hangs."""
    try:
        async with asyncio.timeout(_DISK_SECONDS):
            return await Beside("home").run(work)
    except TimeoutError:
        raise HomeUnusable("PODIUM_HOME: its disk does not answer") from None


def _leave_what_stays_to_itself() -> None:
    # Modules, routes and schemas are never garbage: to look through all of them, as a full
    # collection does, stops the loop for 20 ms and more.
    gc.collect()
    gc.freeze()
    # What requests make is freed by its counts; looking for cycles among those that are under way
    # finds none, and would take 3% of the front's time.
    gc.set_threshold(_YOUNG_OBJECTS)
