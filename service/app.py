"""A service as a process: an engine, its doors, and the server that they stand in."""

import asyncio
import contextlib
import errno
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import uvloop
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from service.access.access import Access, forget_secrets, open_keys
from service.access.keys import KeysFile
from service.background import Work
from service.config.addresses import MlflowAddresses, mlflow_pages, shown_registry, url_of
from service.config.home import HomeUnusable, make_home
from service.config.settings import Settings, unknown_settings
from service.console.console import Console
from service.engine import Engine, Given
from service.events.event_teller import EventTeller
from service.http.access import Readers
from service.http.create import create_http
from service.observers import Observers, both
from service.predicting.request import HeldBytes, RequestIds
from service.predicting.route import RouteContext
from service.processes.front.ending import Ending
from service.server.connections import connections_within, raise_descriptor_limit
from service.server.relied_on import require_fit_server
from service.server.server import Drained, Server, Stopping
from service.server.timeouts import ClientLimits
from service.telemetry.logs import LogForm, Logs, configure_logs, log_form
from service.telemetry.metrics.metrics import Metrics
from service.telemetry.metrics.shadowing import ShadowCollector
from service.telemetry.reporting import (
    BackgroundReport,
    ConnectionReport,
    DecoderReport,
    FollowingReport,
    ForwardingReport,
    HistoryReport,
    HostingReport,
    LedgerReport,
    zygote_died,
)
from service.telemetry.residency import ResidencyReport
from service.telling import EventTelling

if TYPE_CHECKING:
    from service.grpc.server import RpcServer

# As many as uvicorn asks for itself.
_BACKLOG: Final = 2048
# Not frozen and not yet looked at for cycles: a few MB at most. Python's own is 700.
_YOUNG_OBJECTS: Final = 10_000
# What a body may take on the wire for each of its bytes: in chunks of one byte, six.
_WIRE_BYTES: Final = 8
# The address is none of this machine's, or a name that nobody knows.
_NO_ADDRESS: Final = frozenset(
    {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, socket.EAI_NONAME, socket.EAI_AGAIN}
)


class CannotListen(Exception):
    """The address is taken or not ours; one line for people."""


def serve(given: Given, limits: ClientLimits | None = None) -> None:
    """Serves until SIGTERM or SIGINT, drains, and returns with every process ended.

    Raises `CannotListen`, `HomeUnusable`, `BadKeys` or `UnfitServer` before it has started
    anything. From then on this process's own environment holds no secret, and its limit of file
    descriptors is what the system allows.
    """
    settings = given.settings
    require_fit_server()
    with contextlib.ExitStack() as closing:
        listeners = [closing.enter_context(contextlib.closing(each)) for each in _listen(settings)]
        make_home(settings.home)
        # Once, since the disk is asked for that.
        settings = settings.model_copy(update={"home": settings.home.resolve()})
        keys = open_keys(settings)
        forget_secrets(os.environ)
        _serve_logged(replace(given, settings=settings), listeners, keys, limits)


def _serve_logged(
    given: Given,
    listeners: Sequence[socket.socket],
    keys: KeysFile | None,
    limits: ClientLimits | None,
) -> None:
    logs = configure_logs(sys.stderr.buffer, form=_log_form(given.settings))
    try:
        with logs.of_libraries():
            ended = uvloop.run(_serve(given, listeners, logs, keys, limits))
        _tell_stopped(logs, ended)
    except (CannotListen, HomeUnusable):
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


def _listen(settings: Settings) -> Iterator[socket.socket]:
    """The public port's socket, and that of the admin port, if there is one."""
    yield listen(settings.host, settings.port)
    if settings.admin_port is not None:
        yield listen(settings.host, settings.admin_port, "--admin-port")


def listen(host: str, port: int, flag: str = "--port") -> socket.socket:
    """A listening socket on that address. Raises `CannotListen`, which names the flag."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # From now on whoever connects waits, and is not refused.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"cannot listen on {host}:{port}: {error.strerror or error}; "
            f"choose another with {'--host' if error.errno in _NO_ADDRESS else flag}"
        ) from None
    return listener


async def _serve(
    given: Given,
    listeners: Sequence[socket.socket],
    logs: Logs,
    keys: KeysFile | None,
    limits: ClientLimits | None,
) -> Drained:
    settings = given.settings
    delay, drain = settings.stop_delay_seconds, settings.drain_seconds

    metrics = Metrics(CollectorRegistry())
    limits = _limits(settings, limits, logs)
    _tell_start(given, listeners, logs)
    # Who is asked to stop while it starts does so once it has started.
    asked: list[None] = []
    _on_signals(partial(asked.append, None))
    async with contextlib.AsyncExitStack() as ending:
        telling = await ending.enter_async_context(
            EventTelling.of(given, metrics.registry, logs.logger)
        )
        telling.started()

        def told() -> None:
            logs.logger.info("stopping", delay_seconds=delay, drain_seconds=drain)
            telling.stopping()
            # They would be drained for as long as anybody looks.
            console.stream.watchers.close()

        stopping = Stopping(delay, drain, told)
        observers = _observers(metrics, logs, telling.teller)
        engine = await ending.enter_async_context(Engine.of(given, observers))
        metrics.registry.register(ShadowCollector(engine.shadowing))
        access = Access.of(settings, keys, engine.follower, metrics, logs)
        console = _console(given, engine, access, telling)
        admin_port = listeners[1].getsockname()[1] if len(listeners) > 1 else None
        context = _route_context(engine, metrics, logs, console)
        app = create_app(
            engine, access, metrics, context, stopping, telling, console, admin_port=admin_port
        )
        server = Server(app, limits, ConnectionReport(metrics, logs.logger), stopping)
        metrics.http.watch_connections(server.connections)
        if settings.grpc_port is not None:
            readers = Readers(access.keys, access.admin)
            calls = await _listen_to_calls(engine, context, readers, stopping, logs)
            ending.push_async_callback(calls.ended)
            stopping.also(calls.stop_later)
        engine.keep_running(Work.KEYS, partial(access.follow, logs))
        engine.keep_running(Work.CONSOLE, console.stream.run)
        _on_signals(server.stop)
        for _ in asked:
            server.stop()
        _leave_what_stays_to_itself()
        await server.serve(sockets=list(listeners))
    return server.drained


def _on_signals(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)


def _console(given: Given, engine: Engine, access: Access, telling: EventTelling) -> Console:
    settings = given.settings
    return Console.of(
        engine.slots,
        engine.ledger,
        Readers(access.keys, access.admin),
        instance=telling.instance,
        lost_events=telling.trouble,
        mlflow_url=settings.console_mlflow_url or mlflow_pages(given.environment),
    )


def _tell_start(given: Given, listeners: Sequence[socket.socket], logs: Logs) -> None:
    url, admin_url, *_ = (*(url_of(*each.getsockname()[:2]) for each in listeners), None)
    logs.logger.info(
        "listening",
        url=url,
        admin_url=admin_url,
        models=list(given.settings.models),
        mlflow=_followed(given.environment),
    )
    logs.logger.info("console", url=f"{admin_url or url}/")
    if given.surroundings.absent:
        logs.logger.warning("model_environment_absent", variables=given.surroundings.absent)
    for each in unknown_settings(given.environment):
        logs.logger.warning("setting_unknown", message=str(each), nearest=each.nearest)


def _limits(settings: Settings, given: ClientLimits | None, logs: Logs) -> ClientLimits:
    """Those given, or the settings' with as many connections as there are descriptors for."""
    descriptors = raise_descriptor_limit()
    limits = given or client_limits(settings, connections_within(descriptors))
    logs.logger.info("limits", descriptors=descriptors, connections=limits.connections)
    return limits


def client_limits(settings: Settings, connections: int) -> ClientLimits:
    """Room for so many connections, and for the longest body in the smallest chunks."""
    usual = ClientLimits(connections=connections, idle_seconds=settings.keep_alive_seconds)
    most = max(usual.request_bytes, _WIRE_BYTES * settings.max_body_bytes)
    return replace(usual, request_bytes=most)


def _followed(environment: Mapping[str, str]) -> str | None:
    """The registry's address, without user and password, and the workspace if one is named."""
    addresses = MlflowAddresses.named_in(environment)
    return None if addresses is None else shown_registry(addresses, environment)


def _observers(metrics: Metrics, logs: Logs, teller: EventTeller | None) -> Observers:
    """Metrics, logs and whoever else is told, as the engine's parts tell them."""
    told = _of_metrics_and_logs(metrics, logs)
    if teller is None:
        return told

    def zygote_ended(ending: Ending) -> None:
        told.zygote_died(ending)
        teller.zygote_died(ending)

    return replace(
        told,
        following=both(told.following, teller),
        hosting=lambda version: HostingReport(
            version, metrics.hosting.pool(version), logs.logger, teller.host_died
        ),
        zygote_died=zygote_ended,
        noted=teller.noted,
    )


def _of_metrics_and_logs(metrics: Metrics, logs: Logs) -> Observers:
    logger = logs.logger
    return Observers(
        following=FollowingReport(metrics, logger),
        hosting=lambda version: HostingReport(version, metrics.hosting.pool(version), logger),
        decoder=DecoderReport(metrics, logger),
        files=HistoryReport(logger),
        ledger=LedgerReport(metrics, logger),
        forwarding=lambda: ForwardingReport(metrics, logger),
        residency=lambda: ResidencyReport(metrics.registry, logger),
        zygote_died=partial(zygote_died, metrics, logger),
        zygote_printed=lambda stream, line: logger.info("zygote_output", stream=stream, line=line),
        inspector_printed=lambda stream, line: logger.info(
            "inspector_output", stream=stream, line=line
        ),
        registry_printed=lambda stream, line: logger.info(
            "registry_output", stream=stream, line=line
        ),
        comparer_printed=lambda stream, line: logger.info(
            "comparer_output", stream=stream, line=line
        ),
        comparer_ended=lambda reason: logger.warning("comparer_ended", reason=reason),
        watch=metrics.watch,
        listening=BackgroundReport(metrics, logger).listening,
    )


def _route_context(engine: Engine, metrics: Metrics, logs: Logs, console: Console) -> RouteContext:
    """What prediction routes share, whatever transport they have."""
    settings = engine.settings
    bodies, replies = HeldBytes(settings.max_queue_bytes), HeldBytes(settings.max_queue_bytes)
    metrics.http.watch_held(bodies, replies)
    return RouteContext(
        settings.max_body_bytes,
        bodies,
        replies,
        RequestIds(),
        (metrics.http, *logs.observers, console.series),
        logs.logger,
        settings.request_seconds,
        hears=engine.shadowing,
    )


async def _listen_to_calls(
    engine: Engine,
    context: RouteContext,
    readers: Readers,
    stopping: Callable[[], bool],
    logs: Logs,
) -> "RpcServer":
    """gRPC's server, started; raises `CannotListen`."""
    try:
        # Its libraries are an extra, and nothing is imported where nobody asks for it.
        from service.grpc.server import RpcServer
    except ImportError:
        raise CannotListen(
            "PODIUM_GRPC_PORT needs libraries that are not here: pip install 'podium[grpc]'"
        ) from None

    settings = engine.settings
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        server = RpcServer(f"{host}:{settings.grpc_port}", engine.slots, context, readers, stopping)
    except RuntimeError:
        raise CannotListen(
            f"cannot listen on {host}:{settings.grpc_port} for gRPC; choose another with "
            "--grpc-port"
        ) from None
    await server.start()
    logs.logger.info("listening_grpc", address=f"{host}:{server.port}")
    return server


def create_app(  # noqa: PLR0913, PLR0917 - the parts that it shows
    engine: Engine,
    access: Access,
    metrics: Metrics,
    context: RouteContext,
    stopping: Callable[[], bool],
    telling: EventTelling,
    console: Console,
    admin_port: int | None = None,
) -> ASGIApp:
    """The engine's HTTP; it is not ready while `stopping` holds."""
    settings, follower = engine.settings, engine.follower
    return create_http(
        engine.slots,
        context,
        registry=metrics.registry,
        stopping=stopping,
        reload=follower.reload,
        withdraw=(follower.withdrawing.withdraw, engine.restore),
        preparations=follower.preparing,
        keys=access.keys,
        admin=access.admin,
        more=access.routers,
        ledger=engine.ledger,
        may_see_details=access.admin.allows,
        prefixes=settings.prefixes,
        origins=settings.cors_origins,
        instance=telling.instance,
        lost_events=telling.trouble,
        shadows=engine.shadowing,
        admin_routers=console.routers,
        admin_port=admin_port,
    )


def _leave_what_stays_to_itself() -> None:
    # Modules, routes and schemas are never garbage: to look through all of them, as a full
    # collection does, stops the loop for 20 ms and more.
    gc.collect()
    gc.freeze()
    # What requests make is freed by its counts; looking for cycles among those that are under way
    # finds none, and would take 3% of the front's time.
    gc.set_threshold(_YOUNG_OBJECTS)
