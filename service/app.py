"""The composition root: builds everything, starts it, and ends what it has started."""

import asyncio
import contextlib
import logging
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

from service.addresses import MlflowAddresses, shown
from service.contract.contract import Limits as ContractLimits
from service.environment import host_environment, registry_environment
from service.following.clock import Clock
from service.following.follower import Follower
from service.following.refs import VersionId
from service.following.slots import Slots
from service.following.staging import HostStager
from service.home import make_home
from service.hosting.decoding import DECODER_ROLE, Decoder, DecoderLimits
from service.hosting.observer import HostingObserver
from service.hosting.specification import Limits as PoolLimits
from service.hosting.starting import HOST_ROLE
from service.http.create import create_http
from service.logs import Logs, configure_logs
from service.metrics import Metrics
from service.processes.scratch import Scratch
from service.processes.zygote import Zygote
from service.registry.artifacts import remove_partial
from service.registry.client import REGISTRY_ROLE, Cache, Deadlines, MlflowRegistry
from service.reporting import DecoderReport, FollowingReport, HostingReport, zygote_died
from service.server import Server, Stopping
from service.settings import Settings

# As many as uvicorn asks for itself.
_BACKLOG: Final = 2048


class CannotListen(Exception):
    """The address is taken or not ours; one line for people."""


def serve(settings: Settings, environment: Mapping[str, str]) -> None:
    """Serves until SIGTERM or SIGINT, drains, and returns with every process ended.

    Raises `CannotListen` or `HomeUnusable` before anything has been started.
    """
    listener = listen(settings)
    with contextlib.closing(listener):
        make_home(settings.home)
        _serve_logged(settings, environment, listener)


def _serve_logged(
    settings: Settings, environment: Mapping[str, str], listener: socket.socket
) -> None:
    logs = configure_logs(sys.stderr.buffer)
    logging.getLogger("uvicorn").addHandler(logs.handler)
    try:
        uvloop.run(_serve(settings, environment, listener, logs))
    finally:
        logging.getLogger("uvicorn").removeHandler(logs.handler)
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


async def _serve(
    settings: Settings, environment: Mapping[str, str], listener: socket.socket, logs: Logs
) -> None:
    stopping = Stopping()

    def told() -> None:
        delay, drain = settings.stop_delay_seconds, settings.drain_seconds
        logs.logger.info("stopping", delay_seconds=delay, drain_seconds=drain)

    app = create_app(settings, environment, logs, stopping)
    server = Server(app, stopping, settings.stop_delay_seconds, settings.drain_seconds, told)
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


def _followed(environment: Mapping[str, str]) -> str | None:
    """The registry's address, without user and password."""
    addresses = MlflowAddresses.named_in(environment)
    return None if addresses is None else shown(addresses.registry)


def create_app(
    settings: Settings,
    environment: Mapping[str, str],
    logs: Logs,
    stopping: Callable[[], bool] = lambda: False,
) -> ASGIApp:
    """The whole service as one ASGI application; its lifespan starts and ends all of it.

    `environment` is where MLflow's address and credentials are taken from; the service is not ready
    while `stopping` holds.
    """
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    slots = Slots(settings.refs)
    metrics.watch(slots)
    return create_http(
        slots,
        max_body_bytes=settings.max_body_bytes,
        registry=registry,
        logger=logs.logger,
        observers=(metrics, logs.requests),
        stopping=stopping,
        lifespan=partial(_lifespan, settings, environment, slots, metrics, logs),
    )


@contextlib.asynccontextmanager
async def _lifespan(
    settings: Settings,
    environment: Mapping[str, str],
    slots: Slots,
    metrics: Metrics,
    logs: Logs,
    _: FastAPI,
) -> AsyncIterator[None]:
    zygote = _zygote(settings, metrics, logs)
    registry = _registry(settings, environment, zygote, logs)
    decoder = _decoder(settings, zygote, metrics, logs)
    stager = _stager(settings, zygote, decoder, metrics, logs)
    follower = Follower(
        slots,
        registry,
        stager,
        FollowingReport(metrics, logs.logger),
        Clock(),
        poll_seconds=settings.poll_seconds,
        keep_warm_seconds=settings.keep_warm_seconds,
    )
    following = asyncio.create_task(follower.run())
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await follower.close()
        await registry.close()
        await decoder.close()
        await zygote.close()


def _zygote(settings: Settings, metrics: Metrics, logs: Logs) -> Zygote:
    return Zygote(
        [HOST_ROLE, REGISTRY_ROLE, DECODER_ROLE],
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
    limits = DecoderLimits(settings.max_body_bytes, settings.max_queue_bytes)
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
    )
