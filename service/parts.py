"""The parts of a running service, each built as its settings say; nothing is started here."""

import os
import time
from collections.abc import Collection, Container, Hashable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from service.config.environment import host_environment, registry_environment
from service.config.home import HomeUnusable
from service.config.settings import Settings
from service.config.surroundings import GivenToModels
from service.contract.contract import RequestLimits
from service.decoder.front import Decoder, DecoderLimits
from service.following.gates.gate import Gates
from service.following.history import History
from service.following.ledger import Ledger
from service.following.ledger_file import LedgerFile
from service.following.slots import Slots
from service.gates import gates_of
from service.hosting.observer import HostingObserver
from service.hosting.residents import Residents
from service.hosting.specification import PoolLimits
from service.processes.front.scratch import Scratch
from service.refs import VersionId
from service.registry.forwarder.front import Forwarder
from service.registry.front.client import Cache, MlflowRegistry, RegistryDeadlines
from service.registry.front.last_known_good import DiskHistory
from service.registry.front.tombstones import DiskTombstones
from service.server.timeouts import ClientLimits
from service.staging import HostStager
from service.telemetry.logs import Logs
from service.telemetry.metrics.metrics import Metrics
from service.telemetry.reporting import (
    DecoderReport,
    ForwardingReport,
    HistoryReport,
    HostingReport,
    LedgerReport,
    zygote_died,
)
from service.telemetry.residency_report import ResidencyReport
from service.tombstones import Tombstone
from service.zygote.front.handle import Zygote
from service.zygote.front.spawning import Spawned, ZygoteCommand

# What a body may take on the wire for each of its bytes: in chunks of one byte, six.
_WIRE_BYTES: Final = 8


def client_limits(settings: Settings, connections: int) -> ClientLimits:
    """Room for so many connections, and for the longest body in the smallest chunks."""
    usual = ClientLimits(connections=connections, idle_seconds=settings.keep_alive_seconds)
    most = max(usual.request_bytes, _WIRE_BYTES * settings.max_body_bytes)
    return replace(usual, request_bytes=most)


def new_ledger(settings: Settings, metrics: Metrics, logs: Logs) -> Ledger:
    """The ledger of this service, with the entries that it kept before."""
    path = settings.service_folder / "ledger.jsonl"
    file = LedgerFile(path, LedgerReport(metrics, logs.logger))
    return Ledger(file, file.read())


def new_history(settings: Settings, registry: MlflowRegistry, logs: Logs) -> DiskHistory:
    """What each slot has served before, on disk."""
    return DiskHistory(settings.history_folder, registry, HistoryReport(logs.logger))


def new_gates(
    settings: Settings, zygote: Zygote, history: History, given: GivenToModels, logs: Logs
) -> Gates:
    """Every gate that the settings ask for."""

    def printed(stream: str, line: str) -> None:
        logs.logger.info("inspector_output", stream=stream, line=line)

    common = host_environment(os.environ, settings.hosts)

    def variables_of(model: str) -> Collection[str]:
        return {*common, *given.of(model).variables}

    return gates_of(settings, zygote, history, variables_of, printed)


def new_scratch(settings: Settings) -> Scratch:
    """Where children's temporary folders are; blocks for as long as the disk does."""
    return Scratch(settings.home.absolute() / "tmp")


def new_zygote(
    command: ZygoteCommand, begun: Spawned | None, scratch: Scratch, metrics: Metrics, logs: Logs
) -> Zygote:
    """The process that all others are forked from, with the libraries that they need."""

    def printed(stream: str, line: str) -> None:
        logs.logger.info("zygote_output", stream=stream, line=line)

    return Zygote(
        command,
        begun,
        on_death=partial(zygote_died, metrics, logs.logger),
        scratch=scratch,
        on_line=printed,
    )


def new_registry(
    settings: Settings, environment: Mapping[str, str], zygote: Zygote, logs: Logs
) -> MlflowRegistry:
    """The registry behind its child; what a fetch that was killed has left is removed."""

    def printed(stream: str, line: str) -> None:
        logs.logger.info("registry_output", stream=stream, line=line)

    cache = Cache(settings.home.absolute() / "cache", settings.cache_bytes)
    deadlines = RegistryDeadlines(fetch=settings.load_timeout_seconds)
    known = registry_environment(environment)
    registry = MlflowRegistry(zygote, known, cache, printed, deadlines)
    registry.remove_partial(older_than=time.time() - settings.load_timeout_seconds)
    return registry


def new_tombstones(
    settings: Settings, registry: MlflowRegistry, scratch: Scratch, logs: Logs
) -> DiskTombstones:
    """What is withdrawn from every service of the home."""
    home, report = settings.home.absolute(), HistoryReport(logs.logger)
    folders = home / "withdrawn", home / "cache"
    return DiskTombstones(*folders, registry.forget, scratch.tidy, report)


def withdrawn_before(tombstones: DiskTombstones) -> Collection[Tombstone]:
    """What is withdrawn when the service starts. Raises `HomeUnusable` where nobody can tell."""
    try:
        return tombstones.read_at_once()
    except OSError as error:
        reason = error.strerror or "its disk fails"
        raise HomeUnusable(
            f"PODIUM_HOME: what was withdrawn cannot be read: {reason}; see its folder withdrawn"
        ) from None


def new_decoder(settings: Settings, zygote: Zygote, metrics: Metrics, logs: Logs) -> Decoder:
    """The reader of large bodies."""
    limits = DecoderLimits(settings.max_body_bytes)
    return Decoder(zygote, limits, DecoderReport(metrics, logs.logger))


def new_forwarder(
    settings: Settings,
    environment: Mapping[str, str],
    zygote: Zygote,
    metrics: Metrics,
    logs: Logs,
) -> Forwarder | None:
    """Who hands models' traces on to MLflow; None where nobody does."""
    if not settings.model_tracking:
        return None
    report = ForwardingReport(metrics, logs.logger)
    return Forwarder(zygote, registry_environment(environment), report)


def new_stager(  # noqa: PLR0913, PLR0917 - the parts that it is made of
    settings: Settings,
    zygote: Zygote,
    decoder: Decoder,
    forwarder: Forwarder | None,
    given: GivenToModels,
    metrics: Metrics,
    logs: Logs,
    slots: Slots,
) -> HostStager:
    """Makes a servable of a fetched version."""

    def observer_of(version: VersionId) -> HostingObserver:
        return HostingReport(version, metrics.hosting.pool(version), logs.logger)

    pool = PoolLimits(
        hosts=settings.hosts,
        max_batch_rows=settings.max_batch_rows,
        max_queue=settings.max_queue,
        max_reply_bytes=settings.max_reply_bytes,
        predict_seconds=settings.predict_timeout_seconds,
        load_seconds=settings.load_timeout_seconds,
        memory_bytes=settings.host_memory_bytes,
    )
    contract = RequestLimits(max_rows=settings.max_rows)
    return HostStager(
        zygote,
        decoder,
        contract,
        pool,
        observer_of,
        allow_unsigned=settings.allow_unsigned,
        no_pickle=settings.trust == "no-pickle",
        surroundings_of=given.of,
        traces=None if forwarder is None else forwarder.address,
        residents=_residents(settings, metrics, logs, slots),
    )


def _residents(settings: Settings, metrics: Metrics, logs: Logs, slots: Slots) -> Residents | None:
    """Who stays loaded; None where all do."""
    if settings.resident is None:
        return None

    def served() -> Container[Hashable]:
        return {slot.version for slot in slots.values()}

    return Residents(settings.resident, served, ResidencyReport(metrics, logs.logger))
