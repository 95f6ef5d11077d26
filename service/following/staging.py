"""Makes a fetched version ready: its contract, its hosts, its warm-up."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from service.contract.contract import Limits
from service.contract.definition import Definition
from service.contract.model_input import ValidInput
from service.errors import ClientError, NotNow, PassingFault, VersionFault
from service.following.gates_signature import define
from service.following.ports import FetchedVersion, Staged
from service.following.refs import VersionId
from service.hosting.decoding import Decoder
from service.hosting.observer import HostingObserver
from service.hosting.pool import Pool
from service.hosting.request_reader import RequestReader
from service.hosting.roles import HOST_ROLE, SKOPS_HOST_ROLE
from service.hosting.specification import HostedModel
from service.hosting.specification import Limits as PoolLimits
from service.processes.child import Forks

BATCHING_TAG: Final = "podium.batching"
RETRY_TAG: Final = "podium.retry"
# Flavours whose predict answers row by row unless somebody has built it otherwise; warm-up looks.
_ROW_WISE_LOADERS: Final = frozenset(
    {"mlflow.catboost", "mlflow.lightgbm", "mlflow.sklearn", "mlflow.xgboost"}
)


@dataclass(frozen=True, slots=True)
class Joinable:
    """Whether requests may be joined if warm-up shows no harm, and one sentence why."""

    allowed: bool
    reason: str


def joinable(loader_module: str, tags: Mapping[str, str]) -> Joinable:
    """By the version tag `podium.batching` (`rows` or `off`), else by flavour (P16)."""
    wish = tags.get(BATCHING_TAG, "").strip().lower()
    if wish == "off":
        return Joinable(allowed=False, reason=f"the version is tagged {BATCHING_TAG}=off")
    if wish == "rows":
        return Joinable(allowed=True, reason=f"the version is tagged {BATCHING_TAG}=rows")
    if loader_module in _ROW_WISE_LOADERS:
        return Joinable(allowed=True, reason="its flavour answers row by row")
    return Joinable(
        allowed=False,
        reason=f"its flavour may look at several rows; tag it {BATCHING_TAG}=rows if it does not",
    )


class HostStager:
    """`service.following.ports.Stager` with real hosts."""

    def __init__(  # noqa: PLR0913 - what the composition root gives, once
        self,
        forks: Forks,
        decoder: Decoder,
        contract_limits: Limits,
        pool_limits: PoolLimits,
        observer_of: Callable[[VersionId], HostingObserver],
        *,
        allow_unsigned: bool = False,
        no_pickle: bool = False,
    ) -> None:
        self._forks = forks
        self._decoder = decoder
        self._contract_limits = contract_limits
        self._pool_limits = pool_limits
        self._observer_of = observer_of
        self._allow_unsigned = allow_unsigned
        self._no_pickle = no_pickle
        self._serves = False

    async def stage(self, fetched: FetchedVersion) -> Staged:
        """Contract first, since it costs nothing; then hosts. Raises as the port says."""
        definition = define(fetched, self._contract_limits, allow_unsigned=self._allow_unsigned)
        contract = definition.compile()
        join = joinable(fetched.loader_module, fetched.tags)
        model = HostedModel(
            path=fetched.path,
            joinable=join.allowed,
            joinable_reason=join.reason,
            retry=fetched.tags.get(RETRY_TAG, "").strip().lower() != "false",
            example=await self._example(definition, fetched.serving_example),
            no_pickle=self._no_pickle,
            role=SKOPS_HOST_ROLE if fetched.serialization_format == "skops" else HOST_ROLE,
            verify=fetched.verify,
            own_copies=fetched.own_copies,
        )
        observer = self._observer_of(fetched.version)
        # Requests to what serves already must not feel that another version is loaded.
        pool = await Pool.start(
            self._forks, model, self._pool_limits, observer, behind=self._serves
        )
        self._serves = True
        slice_rows = self._pool_limits.max_batch_rows if pool.status.row_wise else None
        reader = RequestReader(contract, definition, self._decoder, slice_rows)
        return Staged(contract, reader, pool)

    async def _example(self, definition: Definition, text: bytes | None) -> ValidInput | None:
        if text is None:
            return None
        # Clients' rows are limited; the version's own example is what its author has made it.
        unlimited = replace(definition, limits=Limits(max_rows=sys.maxsize))
        reader = RequestReader(unlimited.compile(), unlimited, self._decoder)
        try:
            return await reader.read(text, "application/json")
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
