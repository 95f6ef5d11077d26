"""Everything of a service but its doors: what follows the registry, and what predicts.

Commands, tests and any transport use it alike; nothing here knows of HTTP or of metrics.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Self, TypeVar

from service.background import Work, begin, keep_running
from service.call_times import CallTimes
from service.config.home import HomeUnusable
from service.config.settings import Settings
from service.config.surroundings import GivenToModels
from service.decoder.front import Decoder, DecoderLimits
from service.environment_choice import VersionEnvironments
from service.environments.late import LateEnvironments
from service.following.environments import FindsEnvironments
from service.following.follower import Follower
from service.following.gates.gate import Gates
from service.following.ledger import Ledger
from service.following.pace import Trigger
from service.following.ports import Clock
from service.following.slot_status import Standing
from service.following.slots import Slots
from service.following.withdrawing import Withdrawal
from service.observers import Observers
from service.parts import (
    bake_rule_of,
    build_settings,
    new_choices,
    new_environment_zygotes,
    new_forwarder,
    new_gates,
    new_history,
    new_ledger,
    new_registry,
    new_requirements_gate,
    new_samples,
    new_scratch,
    new_shadow_decoder,
    new_shadow_stager,
    new_shadowing,
    new_stager,
    new_tombstones,
    new_zygote,
    withdrawn_before,
)
from service.processes.front.beside import Beside
from service.processes.front.child import AdoptedOrphans
from service.refs import VersionId
from service.registry.forwarder.front import Forwarder
from service.registry.front.client import MlflowRegistry
from service.registry.front.last_known_good import DiskHistory, ran_in_before
from service.shadowing.shadow_samples import ShadowSamples
from service.shadowing.shadowing import Shadowing
from service.staging import HostStager
from service.zygote.front.handle import Zygote
from service.zygote.front.spawning import Spawned
from service.zygote_command import zygote_command

# At the start: a folder, and what slots have served.
_DISK_SECONDS: Final = 30.0
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Given:
    """What a service is started with.

    Attributes:
        settings: checked already.
        environment: where MLflow's address and credentials are taken from.
        zygote: one that imports already, as `service.zygote_command` begins it; None: the service
            starts one when it needs it.
        surroundings: what models are given.
        loads: whether versions are to be loaded; else they are judged by gates alone.
        environments: where those of versions lie; None: below the home.
        served: where a service keeps what its slots served, for which versions are judged here:
            what served there goes on where it did; None: this one's own.
    """

    settings: Settings
    environment: Mapping[str, str]
    zygote: Spawned | None = None
    surroundings: GivenToModels = field(default_factory=GivenToModels)
    loads: bool = True
    environments: Path | None = None
    served: Path | None = None


@dataclass(eq=False, slots=True)
class Engine:
    """The parts of one service, running; made by `Engine.of`.

    Attributes:
        settings: by which all of it was made.
        slots: what is served, for doors to bind requests to.
        follower: makes them agree with the registry, by the parts below.
        forwarder: hands models' traces on; None where nobody does.
        environments: says where versions run, and has that built.
        shadowing: has shadows predict what was answered.
        samples: what is kept of that.
        builder: builds it, and has what it has built.
        running: what goes on until it ends.
    """

    settings: Settings
    slots: Slots
    follower: Follower
    registry: MlflowRegistry
    gates: Gates
    stager: HostStager
    history: DiskHistory
    ledger: Ledger
    zygote: Zygote
    decoder: Decoder
    forwarder: Forwarder | None
    environments: FindsEnvironments
    shadowing: Shadowing
    samples: ShadowSamples
    builder: LateEnvironments
    running: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, given: Given, observers: Observers) -> AsyncIterator[Self]:
        """One that follows the registry until it is left, with every process of it ended then.

        Raises `HomeUnusable`. What is started here is ended here, in the reverse order; a part that
        fails at its end keeps none of the others from theirs.
        """
        async with contextlib.AsyncExitStack() as ending:
            ending.enter_context(observers.listening())
            engine = await cls._made(given, observers, ending)
            ending.push_async_callback(_end, engine.running)
            engine.keep_running(Work.FOLLOWING, engine.follower.run)
            engine.keep_running(Work.FOLLOWING, engine.follower.baking.run)
            if engine.forwarder is not None:
                engine.keep_running(Work.TRACES, engine.forwarder.run)
            engine.keep_running(Work.ORPHANS, AdoptedOrphans().run)
            if given.environments is None and given.loads:
                engine.keep_running(Work.CACHE, engine.builder.make_room)
                engine.keep_running(Work.SHADOWING, engine.samples.run)
            yield engine

    @classmethod
    async def _made(
        cls, given: Given, observers: Observers, ending: contextlib.AsyncExitStack
    ) -> Self:
        """All of it, and nothing of it begun; `ending` ends what is there by then."""
        settings, environment, models = given.settings, given.environment, given.surroundings
        closing = Beside("closing")  # each gives up a disk that hangs
        ledger = await _from_disk(partial(new_ledger, settings, environment, observers))
        ending.push_async_callback(closing.run, ledger.close)
        slots = Slots(settings.refs, settings.patterns, settings.max_slots)
        observers.watch(slots)
        made = partial(zygote_command, settings, environment, loads=given.loads)
        command = await _from_disk(made)
        scratch = await _from_disk(partial(new_scratch, settings))
        zygote = new_zygote(command, given.zygote, scratch, observers)
        ending.push_async_callback(zygote.close)
        forwarder = new_forwarder(settings, environment, zygote, observers)
        if forwarder is not None:
            ending.push_async_callback(forwarder.close)
        decoder = Decoder(zygote, DecoderLimits(settings.max_body_bytes), observers.decoder)
        ending.push_async_callback(decoder.close)
        registry = new_registry(settings, environment, zygote, observers.registry_printed)
        ending.push_async_callback(registry.close)
        folder = given.environments or settings.environments_folder
        builder = LateEnvironments(build_settings(settings, environment, folder))
        ending.push_async_callback(builder.close)
        zygotes = new_environment_zygotes(settings, builder, scratch, observers)
        ending.push_async_callback(zygotes.close)
        reading = new_shadow_decoder(settings, zygote, observers)
        ending.push_async_callback(reading.close)
        shadow_stager = new_shadow_stager(
            settings, zygote, reading, forwarder, models, observers, zygotes
        )
        samples = new_samples(settings, environment, slots)
        shadowing, comparer = new_shadowing(settings, zygote, slots, observers, samples)
        ending.push_async_callback(comparer.close)
        times = CallTimes()
        stager = new_stager(
            settings, zygote, decoder, forwarder, models, slots, observers, zygotes, times
        )
        history = new_history(settings, environment, registry, observers.files, builder)
        ending.push_async_callback(closing.run, history.close)
        choices = new_choices(settings, await _ran_in(given, history))
        requirements = new_requirements_gate(settings, choices)
        environments = VersionEnvironments(choices, builder, requirements.judge)
        gates = new_gates(settings, zygote, history, registry, models, observers, requirements)
        served = partial(history.open, settings.refs, settings.patterns, slots.room)
        slots.add(await _from_disk(served), Standing.FIRST)
        tombstones = new_tombstones(settings, registry, scratch, observers.files, samples)
        follower = Follower(
            slots,
            registry,
            stager,
            observers.following,
            Clock(),
            poll_seconds=settings.poll_seconds,
            keep_warm_seconds=settings.keep_warm_seconds,
            max_prepared=settings.max_prepared,
            takes_arms=settings.arms == "on",
            gates=gates,
            history=history,
            ledger=ledger,
            keeps_missing=settings.missing_alias == "keep",
            tombstones=tombstones,
            withdrawn=await _from_disk(partial(withdrawn_before, tombstones)),
            environments=environments,
            shadow_stager=shadow_stager,
            bake=bake_rule_of(settings),
            times=times,
        )
        slots.watch(lambda _: None, lambda slot: shadowing.forget(slot.ref))
        ending.push_async_callback(follower.close)
        ending.push_async_callback(shadowing.close)
        return cls(
            settings,
            slots,
            follower,
            registry,
            gates,
            stager,
            history,
            ledger,
            zygote,
            decoder,
            forwarder,
            environments,
            shadowing,
            samples,
            builder,
        )

    def keep_running(self, name: Work, work: Callable[[], Awaitable[None]]) -> None:
        """Does that until the engine ends: where it fails it is told, and begun again."""
        self.running.append(begin(name, keep_running(name, work)))

    async def restore(self, name: str, version: str) -> Withdrawal:
        """Takes back that the version was withdrawn, and looks at the registry now.

        Raises `UnknownModel`.
        """
        found = await self.follower.withdrawing.restore(name, version)
        self.follower.look_now(Trigger.OPERATOR)
        return found


async def _ran_in(given: Given, history: DiskHistory) -> Callable[[VersionId], str | None]:
    if given.served is None:
        return history.ran_in
    before = await _from_disk(partial(ran_in_before, given.served))
    return before.get


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
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
