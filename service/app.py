"""The composition root: builds everything, starts it, and ends what it has started."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Final

import uvloop
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from service.access import Access, forget_secrets, open_keys
from service.addresses import MlflowAddresses, shown
from service.contract.contract import Limits as ContractLimits
from service.descriptors import connections_within, raise_descriptor_limit
from service.environment import host_environment, registry_environment
from service.following.clock import Clock
from service.following.follower import Follower
from service.following.gates import Gates
from service.following.history import History
from service.following.ledger import Ledger
from service.following.ledger_file import LedgerFile
from service.following.refs import VersionId
from service.following.slots import Slots
from service.following.staging import HostStager
from service.gates import gates_of
from service.home import make_home
from service.hosting.decoding import DECODER_ROLE, Decoder, DecoderLimits
from service.hosting.inspection import INSPECTOR_ROLE
from service.hosting.observer import HostingObserver
from service.hosting.specification import Limits as PoolLimits
from service.hosting.starting import HOST_ROLE
from service.http.create import create_http
from service.http.held import HeldBytes
from service.keys import KeysFile
from service.logs import Logs, configure_logs
from service.metrics import Metrics
from service.patience import ClientLimits
from service.processes.scratch import Scratch
from service.processes.zygote import Zygote
from service.registry.artifacts import remove_partial
from service.registry.client import Cache, Deadlines, MlflowRegistry, registry_role
from service.registry.last_known_good import DiskHistory
from service.reporting import (
    ConnectionReport,
    DecoderReport,
    FollowingReport,
    HistoryReport,
    HostingReport,
    LedgerReport,
    zygote_died,
)
from service.server import Server, Stopping
from service.settings import Settings

# As many as uvicorn asks for itself.
_BACKLOG: Final = 2048


class CannotListen(Exception):
    """The address is taken or not ours; one line for people."""


def serve(
    settings: Settings, environment: Mapping[str, str], limits: ClientLimits | None = None
) -> None:
    """Serves until SIGTERM or SIGINT, drains, and returns with every process ended.

    Raises `CannotListen`, `HomeUnusable` or `BadKeys` before anything has been started. From
    then on this process's own environment holds no secret, and its limit of file descriptors is
    what the system allows.
    """
    listener = listen(settings)
    with contextlib.closing(listener):
        make_home(settings.home)
        keys = open_keys(settings)
        forget_secrets(os.environ)
        _serve_logged(settings, environment, listener, keys, limits)


def _serve_logged(
    settings: Settings,
    environment: Mapping[str, str],
    listener: socket.socket,
    keys: KeysFile | None,
    limits: ClientLimits | None,
) -> None:
    logs = configure_logs(sys.stderr.buffer)
    try:
        with logs.of_libraries():
            uvloop.run(_serve(settings, environment, listener, logs, keys, limits))
    finally:
        logs.close()


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
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
            "choose another with --port"
        ) from None
    return listener


async def _serve(  # noqa: PLR0913, PLR0917 - what a start is given
    settings: Settings,
    environment: Mapping[str, str],
    listener: socket.socket,
    logs: Logs,
    keys: KeysFile | None,
    limits: ClientLimits | None,
) -> None:
    delay, drain = settings.stop_delay_seconds, settings.drain_seconds

    def told() -> None:
        logs.logger.info("stopping", delay_seconds=delay, drain_seconds=drain)

    stopping = Stopping(delay, drain, told)
    metrics = Metrics(CollectorRegistry())
    app = create_app(settings, environment, logs, metrics, stopping, keys)
    report = ConnectionReport(metrics, logs.logger)
    server = Server(app, _client_limits(limits, logs), report, stopping)
    metrics.watch_connections(server.connections)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    host, port = listener.getsockname()[:2]
    logs.logger.info(
        "listening",
        url=f"http://{host}:{port}",
        models=list(settings.models),
        mlflow=_followed(environment),
    )
    await server.serve(sockets=[listener])


def _client_limits(given: ClientLimits | None, logs: Logs) -> ClientLimits:
    """Those given, or the default ones with as many connections as there are descriptors for."""
    descriptors = raise_descriptor_limit()
    limits = given or ClientLimits(connections=connections_within(descriptors))
    logs.logger.info("limits", descriptors=descriptors, connections=limits.connections)
    return limits


def _followed(environment: Mapping[str, str]) -> str | None:
    """The registry's address, without user and password."""
    addresses = MlflowAddresses.named_in(environment)
    return None if addresses is None else shown(addresses.registry)


def create_app(  # noqa: PLR0913, PLR0917 - what a start is given
    settings: Settings,
    environment: Mapping[str, str],
    logs: Logs,
    metrics: Metrics,
    stopping: Callable[[], bool],
    keys: KeysFile | None,
) -> ASGIApp:
    """The whole service as one ASGI application; its lifespan starts and ends all of it.

    `environment` is where MLflow's address and credentials are taken from; the service is not ready
    while `stopping` holds. Predictions ask for one of the `keys`, whose file is followed.
    """
    bodies, replies = HeldBytes(settings.max_queue_bytes), HeldBytes(settings.max_queue_bytes)
    metrics.watch_held(bodies, replies)
    slots = Slots(settings.refs)
    metrics.watch(slots)
    access = Access.of(settings, keys, metrics, logs)
    ledger = _ledger(settings, metrics, logs)
    return create_http(
        slots,
        max_body_bytes=settings.max_body_bytes,
        bodies=bodies,
        replies=replies,
        registry=metrics.registry,
        logger=logs.logger,
        observers=(metrics, logs.requests),
        stopping=stopping,
        reload=access.wishes.reload,
        keys=access.keys,
        admin=access.admin,
        more=access.routers,
        ledger=ledger,
        may_see_details=access.admin.allows,
        lifespan=partial(_lifespan, settings, environment, slots, ledger, metrics, logs, access),
    )


@contextlib.asynccontextmanager
async def _lifespan(  # noqa: PLR0913, PLR0917 - what the application shares with what it starts
    settings: Settings,
    environment: Mapping[str, str],
    slots: Slots,
    ledger: Ledger,
    metrics: Metrics,
    logs: Logs,
    access: Access,
    _: FastAPI,
) -> AsyncIterator[None]:
    zygote = _zygote(settings, environment, metrics, logs)
    registry = _registry(settings, environment, zygote, logs)
    decoder = _decoder(settings, zygote, metrics, logs)
    stager = _stager(settings, zygote, decoder, metrics, logs)
    history = _history(settings, registry, logs)
    follower = Follower(
        slots,
        registry,
        stager,
        FollowingReport(metrics, logs.logger),
        Clock(),
        poll_seconds=settings.poll_seconds,
        keep_warm_seconds=settings.keep_warm_seconds,
        gates=_gates(settings, zygote, history, logs),
        history=history,
        ledger=ledger,
    )
    access.wishes.follower = follower
    following = [asyncio.create_task(work) for work in (follower.run(), access.follow(logs))]
    _leave_what_stays_to_itself()
    try:
        yield
    finally:
        for each in following:
            each.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await follower.close()
        await registry.close()
        await decoder.close()
        await zygote.close()
        await asyncio.to_thread(ledger.close)
        await asyncio.to_thread(history.close)


def _ledger(settings: Settings, metrics: Metrics, logs: Logs) -> Ledger:
    path = settings.service_folder / "ledger.jsonl"
    file = LedgerFile(path, LedgerReport(metrics, logs.logger))
    return Ledger(file, file.read())


def _history(settings: Settings, registry: MlflowRegistry, logs: Logs) -> DiskHistory:
    folder = settings.service_folder / "slots"
    return DiskHistory(folder, registry, HistoryReport(logs.logger))


def _gates(settings: Settings, zygote: Zygote, history: History, logs: Logs) -> Gates:
    def printed(stream: str, line: str) -> None:
        logs.logger.info("inspector_output", stream=stream, line=line)

    return gates_of(settings, zygote, history, printed)


def _leave_what_stays_to_itself() -> None:
    # Modules, routes and schemas are never garbage: to look through all of them, as a full
    # collection does, stops the loop for 20 ms and more.
    gc.collect()
    gc.freeze()


def _zygote(
    settings: Settings, environment: Mapping[str, str], metrics: Metrics, logs: Logs
) -> Zygote:
    return Zygote(
        [HOST_ROLE, registry_role(environment), DECODER_ROLE, INSPECTOR_ROLE],
        host_environment(os.environ, settings.hosts),
        on_death=partial(zygote_died, metrics, logs.logger),
        scratch=Scratch(settings.home.resolve() / "tmp"),
    )


def _registry(
    settings: Settings, environment: Mapping[str, str], zygote: Zygote, logs: Logs
) -> MlflowRegistry:
    def printed(stream: str, line: str) -> None:
        logs.logger.info("registry_output", stream=stream, line=line)

    cache = Cache(settings.home.resolve() / "cache", settings.cache_bytes)
    remove_partial(cache.folder, older_than=time.time() - settings.load_timeout_seconds)
    deadlines = Deadlines(fetch=settings.load_timeout_seconds)
    return MlflowRegistry(zygote, registry_environment(environment), cache, printed, deadlines)


def _decoder(settings: Settings, zygote: Zygote, metrics: Metrics, logs: Logs) -> Decoder:
    limits = DecoderLimits(settings.max_body_bytes)
    return Decoder(zygote, limits, DecoderReport(metrics, logs.logger))


def _stager(
    settings: Settings, zygote: Zygote, decoder: Decoder, metrics: Metrics, logs: Logs
) -> HostStager:
    def observer_of(version: VersionId) -> HostingObserver:
        return HostingReport(version, metrics.pool(version), logs.logger)

    pool = PoolLimits(
        hosts=settings.hosts,
        max_batch_rows=settings.max_batch_rows,
        max_queue=settings.max_queue,
        max_reply_bytes=settings.max_reply_bytes,
        predict_seconds=settings.predict_timeout_seconds,
        load_seconds=settings.load_timeout_seconds,
        memory_bytes=settings.host_memory_bytes,
    )
    contract = ContractLimits(max_rows=settings.max_rows)
    return HostStager(
        zygote,
        decoder,
        contract,
        pool,
        observer_of,
        allow_unsigned=settings.allow_unsigned,
        no_pickle=settings.trust == "no-pickle",
    )
