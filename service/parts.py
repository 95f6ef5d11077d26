"""The parts of an engine, each built as the settings say; what they do is told to observers."""

import os
import sys
import time
from collections.abc import Callable, Collection, Container, Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from service.bake_tag import BakeRule
from service.call_times import CallTimes
from service.comparer.front import Comparer
from service.comparer.wire import LONGEST_PAIR
from service.config.environment import host_environment, registry_environment
from service.config.home import HomeUnusable
from service.config.machine_memory import usable_memory
from service.config.settings import Settings
from service.config.surroundings import GivenToModels
from service.contract.contract import RequestLimits
from service.decoder.front import Decoder, DecoderLimits
from service.environment_choice import VersionChoices
from service.environments.build_settings import EnvironmentSettings, builder_environment
from service.environments.choosing import EnvironmentRules
from service.environments.late import LateEnvironments, LateZygotes
from service.following.gates.blocked import BlockedGate
from service.following.gates.compatible import CompatibleGate
from service.following.gates.example import ExampleGate
from service.following.gates.gate import Gates, TagGate
from service.following.gates.requirements import RequirementsGate
from service.following.gates.signature import SignatureGate
from service.following.gates.tags import TagsGate
from service.following.gates.trust import TrustGate
from service.following.gates.validated_source import AsksVersions, ValidatedSourceGate
from service.following.gates.validation import Required, ValidationGate
from service.following.gates.variables import EnvironmentGate
from service.following.history import History
from service.following.ledger import Ledger, LedgerFile
from service.following.servable import Shadow
from service.following.slots import Slots
from service.hosting.observer import OfShadowHosts
from service.hosting.residents import Residents
from service.hosting.specification import PoolLimits
from service.inspector.front import Inspector
from service.observers import Observers
from service.processes.front.child import Forks
from service.processes.front.output import OnLine
from service.processes.front.scratch import Scratch
from service.refs import ModelRef, VersionId
from service.registry.forwarder.front import Forwarder
from service.registry.front.client import Cache, MlflowRegistry, RegistryDeadlines
from service.registry.front.kept_environments import KeepsEnvironments, KeptEnvironments
from service.registry.front.last_known_good import (
    DiskHistory,
    HistoryObserver,
)
from service.registry.front.tombstones import DiskTombstones, TombstoneObserver
from service.shadowing.shadow_samples import SampleLimits, ShadowSamples
from service.shadowing.shadowing import Shadowing
from service.staging import HoldsZygotes, HostStager
from service.tombstones import Tombstone
from service.zygote.front.handle import Zygote
from service.zygote.front.spawning import Spawned, ZygoteCommand

SHADOWS_PART: Final = 4
"""Of the memory that there is a shadow's host may take a fourth, where no limit is set."""

if TYPE_CHECKING:
    from service.environments.zygotes import EnvironmentZygotes


def new_ledger(settings: Settings, environment: Mapping[str, str], observers: Observers) -> Ledger:
    """The ledger of this service, with the entries that it kept before."""
    folder = settings.service_folder(environment)
    file = LedgerFile(folder / "ledger.jsonl", observers.ledger)
    return Ledger(file, file.read(), observers.noted)


def new_history(
    settings: Settings,
    environment: Mapping[str, str],
    registry: MlflowRegistry,
    observer: HistoryObserver,
    environments: KeepsEnvironments,
) -> DiskHistory:
    """What each slot has served before, on disk."""
    folder = settings.history_folder(environment)
    return DiskHistory(folder, registry, observer, KeptEnvironments(environments))


def new_gates(  # noqa: PLR0913, PLR0917 - one of each that a gate asks
    settings: Settings,
    forks: Forks,
    history: History,
    versions: AsksVersions,
    given: GivenToModels,
    observers: Observers,
    requirements: RequirementsGate,
) -> Gates:
    """Every gate that the settings ask for."""
    common = host_environment(os.environ, settings.hosts)

    def variables_of(model: str) -> Collection[str]:
        return {*common, *given.of(model).variables}

    limits = RequestLimits(max_rows=settings.max_rows)
    signature = SignatureGate(limits, allow_unsigned=settings.allow_unsigned)
    inspector = Inspector(forks, observers.inspector_printed)
    trust = [TrustGate(inspector)] if settings.trust == "no-pickle" else []
    breaking = settings.allow_breaking
    return Gates(
        of_version=(
            BlockedGate(),
            signature,
            *trust,
            requirements,
            EnvironmentGate(variables_of),
            ExampleGate(),
        ),
        of_slot=(CompatibleGate(signature.describe, history, allow_breaking=breaking),),
        of_tags=(TagsGate(settings.require_tags), *_validation(settings, versions)),
    )


def new_requirements_gate(settings: Settings, choices: VersionChoices) -> RequirementsGate:
    """What a version asks for, of the environment that it is to run in."""
    asked = settings.requirements
    return RequirementsGate(
        refuse=asked == "refuse", ignore=asked == "ignore", choose=choices.first
    )


def new_choices(settings: Settings, ran_in: Callable[[VersionId], str | None]) -> VersionChoices:
    """Which environment each version runs in; `ran_in` says where it did before."""
    rules = EnvironmentRules(
        settings.environments,
        exact=settings.env_same == "exact",
        artifact_wheels=settings.trust != "no-pickle",
    )
    return VersionChoices(rules, ran_in)


def build_settings(
    settings: Settings, environment: Mapping[str, str], folder: Path
) -> EnvironmentSettings:
    """How environments are built in that folder; `environment` says of package indexes."""
    return EnvironmentSettings(
        folder=folder,
        indexes=settings.indexes,
        wheelhouse=settings.wheelhouse,
        pythons=tuple(map(Path, settings.pythons)),
        allow_source_builds=settings.allow_source_builds,
        max_bytes=settings.env_bytes,
        builder_environment=builder_environment(environment),
        timeout=settings.env_timeout_seconds,
    )


def new_environment_zygotes(
    settings: Settings, builder: LateEnvironments, scratch: Scratch, observers: Observers
) -> LateZygotes:
    """The zygotes of environments, each as long as a version runs in it."""

    def make() -> "EnvironmentZygotes":
        from service.environments.host_code import HostCode
        from service.environments.zygotes import EnvironmentZygotes

        return EnvironmentZygotes(
            HostCode(settings.home.absolute() / "host-code"),
            host_environment(os.environ, settings.hosts),
            verify=builder.verify,
            on_death=observers.zygote_died,
            scratch=scratch,
            on_line=observers.zygote_printed,
        )

    return LateZygotes(make)


def _validation(settings: Settings, versions: AsksVersions) -> Collection[TagGate]:
    if settings.require_validation == "false":
        return ()
    _, _, policy = settings.require_validation.partition("=")
    status = settings.status_tag
    gate = ValidationGate(Required(status.key, status.passed, policy or None))
    prefix = settings.validated_as
    return (ValidatedSourceGate(gate, prefix, versions),) if prefix else (gate,)


def new_scratch(settings: Settings) -> Scratch:
    """Where children's temporary folders are; blocks for as long as the disk does."""
    return Scratch(settings.home.absolute() / "tmp")


def new_zygote(
    command: ZygoteCommand, begun: Spawned | None, scratch: Scratch, observers: Observers
) -> Zygote:
    """The process that all others are forked from, with the libraries that they need."""
    return Zygote(
        command,
        begun,
        on_death=observers.zygote_died,
        scratch=scratch,
        on_line=observers.zygote_printed,
    )


def new_registry(
    settings: Settings, environment: Mapping[str, str], zygote: Zygote, on_line: OnLine
) -> MlflowRegistry:
    """The registry behind its child; what a fetch that was killed has left is removed."""
    cache = Cache(settings.home.absolute() / "cache", settings.cache_bytes)
    deadlines = RegistryDeadlines(fetch=settings.load_timeout_seconds)
    known = registry_environment(environment)
    registry = MlflowRegistry(zygote, known, cache, on_line, deadlines)
    registry.remove_partial(older_than=time.time() - settings.load_timeout_seconds)
    return registry


def new_tombstones(
    settings: Settings,
    registry: MlflowRegistry,
    scratch: Scratch,
    observer: TombstoneObserver,
    samples: ShadowSamples,
) -> DiskTombstones:
    """What is withdrawn from every service of the home."""
    home = settings.home.absolute()
    folders = home / "withdrawn", home / "cache"
    return DiskTombstones(*folders, registry.forget, scratch.tidy, observer, samples.forget)


def withdrawn_before(tombstones: DiskTombstones) -> Collection[Tombstone]:
    """What is withdrawn when the service starts. Raises `HomeUnusable` where nobody can tell."""
    try:
        return tombstones.read_at_once()
    except OSError as error:
        reason = error.strerror or "its disk fails"
        raise HomeUnusable(
            f"PODIUM_HOME: what was withdrawn cannot be read: {reason}; see its folder withdrawn"
        ) from None


def new_forwarder(
    settings: Settings, environment: Mapping[str, str], zygote: Zygote, observers: Observers
) -> Forwarder | None:
    """Who hands models' traces on to MLflow; None where nobody does."""
    if not settings.model_tracking:
        return None
    return Forwarder(zygote, registry_environment(environment), observers.forwarding())


def new_stager(  # noqa: PLR0913, PLR0917 - the parts that it is made of
    settings: Settings,
    zygote: Zygote,
    decoder: Decoder,
    forwarder: Forwarder | None,
    given: GivenToModels,
    slots: Slots,
    observers: Observers,
    zygotes: HoldsZygotes,
    times: CallTimes,
) -> HostStager:
    """Makes a servable of a fetched version."""
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
        times.heard_by(observers.hosting),
        allow_unsigned=settings.allow_unsigned,
        no_pickle=settings.trust == "no-pickle",
        surroundings_of=given.of,
        traces=None if forwarder is None else forwarder.address,
        residents=_residents(settings, slots, observers),
        zygotes=zygotes,
        objections_by=lambda forks: Inspector(forks, observers.inspector_printed).inspect,
    )


def new_shadow_decoder(settings: Settings, zygote: Zygote, observers: Observers) -> Decoder:
    """Reads requests for shadows by their own contracts, in nobody's way."""
    limits = DecoderLimits(settings.max_body_bytes, behind=True)
    return Decoder(zygote, limits, observers.decoder)


def new_shadow_stager(  # noqa: PLR0913, PLR0917 - the parts that it is made of
    settings: Settings,
    zygote: Zygote,
    decoder: Decoder,
    forwarder: Forwarder | None,
    given: GivenToModels,
    observers: Observers,
    zygotes: HoldsZygotes,
) -> HostStager:
    """Makes a servable that hears of requests: one host, last of all, its memory always bounded."""
    pool = PoolLimits(
        hosts=1,
        max_batch_rows=settings.max_batch_rows,
        max_queue=settings.max_queue,
        max_reply_bytes=min(settings.max_reply_bytes, LONGEST_PAIR),
        predict_seconds=settings.predict_timeout_seconds,
        load_seconds=settings.load_timeout_seconds,
        memory_bytes=settings.host_memory_bytes or usable_memory() // SHADOWS_PART,
    )
    return HostStager(
        zygote,
        decoder,
        RequestLimits(max_rows=settings.max_rows),
        pool,
        lambda version: OfShadowHosts(observers.hosting(version)),
        allow_unsigned=settings.allow_unsigned,
        no_pickle=settings.trust == "no-pickle",
        surroundings_of=given.of,
        traces=None if forwarder is None else forwarder.address,
        zygotes=zygotes,
        objections_by=lambda forks: Inspector(forks, observers.inspector_printed).inspect,
        shadows=True,
    )


def new_samples(settings: Settings, environment: Mapping[str, str], slots: Slots) -> ShadowSamples:
    """Looks after requests over which shadows differed, those kept under other settings too."""
    folder = settings.service_folder(environment) / "shadow-samples"
    limits = SampleLimits(*(settings.sample_limits or (sys.maxsize,)))
    return ShadowSamples(folder, limits, lambda version: version in slots.tombstones)


def new_shadowing(
    settings: Settings,
    zygote: Zygote,
    slots: Slots,
    observers: Observers,
    samples: ShadowSamples,
) -> tuple[Shadowing, Comparer]:
    """What has shadows predict, and what it compares answers by."""
    comparer = Comparer(zygote, observers.comparer_ended, observers.comparer_printed)
    most = settings.max_queue_bytes // SHADOWS_PART

    def shadow_of(ref: ModelRef) -> Shadow | None:
        slot = slots.get(str(ref))
        return None if slot is None else slot.traffic.shadow

    seconds = settings.predict_timeout_seconds
    kept = None if settings.sample_limits is None else samples
    return Shadowing(shadow_of, comparer, most, seconds, kept), comparer


def bake_rule_of(settings: Settings) -> BakeRule:
    """By which versions bake where no tag says otherwise."""
    return BakeRule(
        settings.bake_seconds,
        max(settings.bake_seconds, settings.bake_most_seconds),
        slower=settings.bake_slower,
    )


def _residents(settings: Settings, slots: Slots, observers: Observers) -> Residents | None:
    """Who stays loaded; None where all do."""
    if settings.resident is None:
        return None

    def served() -> Container[Hashable]:
        return {slot.version for slot in slots.values()}

    return Residents(settings.resident, served, observers.residency())
