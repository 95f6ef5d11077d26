"""Makes a fetched version ready: its contract, its hosts, its warm-up.

Here following's port meets hosting and the decoder, neither of which following knows.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from service.contract.contract import Contract, RequestLimits
from service.contract.definition import Definition
from service.contract.formats.unsigned import UnsignedContract
from service.contract.model_input import ValidInput
from service.decoder.front import JSON_BYTES, Decoder, RequestReader
from service.environments.environment import STAGE, BuiltEnvironment
from service.errors import ClientError, InvalidInput, NotNow, PassingFault, VersionFault
from service.following.contracts import Contracts
from service.following.ports import FetchedVersion, Staged
from service.following.sentences import listed
from service.hosting.observer import HostingObserver
from service.hosting.on_demand import OnDemand
from service.hosting.pool import Pool
from service.hosting.residents import Residents
from service.hosting.specification import (
    HOST_ROLE,
    SKOPS_HOST_ROLE,
    HostedModel,
    PoolLimits,
    Surroundings,
)
from service.hosting.starting import LocalHosts
from service.processes.front.beside import Beside
from service.processes.front.child import Forks
from service.refs import VersionId
from service.retry_tag import may_retry

BATCHING_TAG: Final = "podium.batching"
_WISHES: Final[Mapping[str, bool]] = {"rows": True, "off": False}


@dataclass(frozen=True, slots=True)
class Joinable:
    """The operator's word on whether requests may be joined, None if there is none; a sentence."""

    allowed: bool | None
    reason: str


def joinable(tags: Mapping[str, str]) -> Joinable:
    """By the version tag `podium.batching` (`rows` or `off`); else its host is to say (P16)."""
    wish = tags.get(BATCHING_TAG, "").strip().lower()
    if wish in _WISHES:
        return Joinable(_WISHES[wish], f"the version is tagged {BATCHING_TAG}={wish}")
    return Joinable(None, "as is known of its classes")


class HeldForks(Forks, Protocol):
    """Makes processes of one environment for as long as it is held."""

    def release(self) -> None:
        """With the last holder the environment's processes end. Returns at once."""
        ...


class HoldsZygotes(Protocol):
    """Whoever has zygotes of environments: `service.environments.zygotes.EnvironmentZygotes`."""

    async def of(self, built: BuiltEnvironment, role: str, /) -> HeldForks:
        """Ready to fork, that role first, to be released; raises `FollowingError`."""
        ...


class NoZygotes:
    """`HoldsZygotes` of a service that has no environments built."""

    async def of(self, built: BuiltEnvironment, role: str, /) -> HeldForks:
        """None."""
        raise RuntimeError(f"nobody has zygotes of {role} for {built.key}")


ObjectionsBy = Callable[[Forks], Callable[[Path], Awaitable[Sequence[str]]]]
"""How an artifact is looked at with the libraries of an environment, whose processes these are."""


class HostStager:
    """`service.following.ports.Stager` with real hosts."""

    def __init__(  # noqa: PLR0913 - what the composition root gives, once
        self,
        forks: Forks,
        decoder: Decoder,
        contract_limits: RequestLimits,
        pool_limits: PoolLimits,
        observer_of: Callable[[VersionId], HostingObserver],
        *,
        allow_unsigned: bool = False,
        no_pickle: bool = False,
        surroundings_of: Callable[[str], Surroundings] = lambda _: Surroundings(),
        traces: str | None = None,
        residents: Residents | None = None,
        zygotes: HoldsZygotes | None = None,
        objections_by: ObjectionsBy | None = None,
        shadows: bool = False,
    ) -> None:
        """`shadows`: nobody waits for what its versions answer, so they give way to all others."""
        self._forks = forks
        self._zygotes: HoldsZygotes = zygotes or NoZygotes()
        self._objections_by = objections_by
        self._decoder = decoder
        self._contracts = Contracts(contract_limits, allow_unsigned=allow_unsigned)
        self._pool_limits = pool_limits
        self._observer_of = observer_of
        self._no_pickle = no_pickle
        self._surroundings_of = surroundings_of
        self._traces = traces
        self._residents = residents
        self._verifying = Beside("verify")
        self._serves = self._shadows = shadows

    async def stage(
        self, fetched: FetchedVersion, environment: BuiltEnvironment | None = None
    ) -> Staged:
        """Contract first, since it needs no process; then hosts. Raises as the port says."""
        contract = await self._contracts.of(fetched)
        definition = self._contracts.define(fetched)
        join = joinable(fetched.tags)
        model = HostedModel(
            path=fetched.path,
            joinable=join.allowed,
            joinable_reason=join.reason,
            retry=may_retry(fetched.tags),
            example=await self._example(contract, definition, fetched.serving_example),
            no_pickle=self._no_pickle,
            role=SKOPS_HOST_ROLE if fetched.serialization_format == "skops" else HOST_ROLE,
            surroundings=self._surroundings_of(fetched.version.name),
            traces=self._traces,
            verify=fetched.verify,
            own_copies=fetched.own_copies,
            shadows=self._shadows,
        )
        observer = self._observer_of(fetched.version)
        if self._residents is not None:
            reader = RequestReader(contract, definition, self._decoder)
            start = partial(self._started_late, model, observer, environment)
            demanded = await self._on_demand(fetched.version, start, self._residents)
            return Staged(contract, reader, demanded, demanded)
        pool = await self._started(model, observer, environment)
        slice_rows = self._pool_limits.max_batch_rows if pool.status.row_wise else None
        decoder, beside = self._decoder, self._shadows
        reader = RequestReader(contract, definition, decoder, slice_rows, beside=beside)
        return Staged(contract, reader, pool)

    async def _started(
        self,
        model: HostedModel,
        observer: HostingObserver,
        environment: BuiltEnvironment | None,
    ) -> Pool:
        if environment is None:
            return await self._pool(self._forks, model, observer)
        held = await self._zygotes.of(environment, model.role)
        try:
            await self._trusted(held, model)
            pool = await self._pool(held, model, observer)
        except BaseException:
            held.release()
            raise
        pool.when_closed(held.release)
        return pool

    async def _trusted(self, forks: Forks, model: HostedModel) -> None:
        """The gate has looked with Podium's libraries; these are others, and load it."""
        if not model.no_pickle or self._objections_by is None:
            return
        objections = await self._objections_by(forks)(model.path)
        if objections:
            raise VersionFault(
                STAGE,
                "not_trusted",
                "Loading the version in an environment of its own takes trust: "
                f"{listed(objections)}. Log it with newer ones, or tag it "
                "podium.env_manager=local.",
            )

    async def _pool(self, forks: Forks, model: HostedModel, observer: HostingObserver) -> Pool:
        # Requests to what serves already must not feel that another version is loaded.
        hosts = LocalHosts(forks, model, self._pool_limits, observer)
        pool = await Pool.start(hosts, model, self._pool_limits, observer, behind=self._serves)
        self._serves = True
        return pool

    async def _started_late(
        self,
        model: HostedModel,
        observer: HostingObserver,
        environment: BuiltEnvironment | None,
    ) -> Pool:
        # It may have been fetched long ago.
        async with asyncio.timeout(self._pool_limits.load_seconds):
            await self._verifying.run(model.verify)
        return await self._started(model, observer, environment)

    async def _on_demand(
        self, version: VersionId, start: Callable[[], Awaitable[Pool]], residents: Residents
    ) -> OnDemand:
        """Loaded already where residents want that; raises then as `_started` does."""
        most_waiting = self._pool_limits.max_queue
        made = OnDemand(version, version.name, start, residents, most_waiting)
        if residents.wants(version, version.name):
            await made.load()
        return made

    async def _example(
        self,
        contract: Contract | UnsignedContract,
        definition: Definition,
        text: bytes | None,
    ) -> ValidInput | None:
        if text is None:
            return None
        try:
            return await self._read(contract, definition, text)
        except ClientError as error:
            raise VersionFault(
                "warm_up",
                "example_invalid",
                "The version's own input example does not fit its signature; the log says where. "
                "Log the model again with one that does, or with none.",
                repr(getattr(error, "errors", error)),
            ) from error
        except NotNow as error:
            raise PassingFault("warm_up", "no_process", error.message) from error

    async def _read(
        self, contract: Contract | UnsignedContract, definition: Definition, text: bytes
    ) -> ValidInput:
        try:
            return await self._read_by(contract, definition, text)
        except InvalidInput:
            # Clients' rows are limited; the version's own example is what its author has made it.
            pass
        unlimited = replace(definition, limits=RequestLimits(max_rows=sys.maxsize))
        return await self._read_by(await self._contracts.compile(unlimited), unlimited, text)

    async def _read_by(
        self, contract: Contract | UnsignedContract, definition: Definition, text: bytes
    ) -> ValidInput:
        if len(text) <= JSON_BYTES:
            return await self._contracts.parse(contract, text)
        reader = RequestReader(contract, definition, self._decoder)
        return await reader.read(text, "application/json")
