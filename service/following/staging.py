"""Makes a fetched version ready: its contract, its gates, its hosts, its warm-up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from service.contract.contract import Contract, Limits, compile_contract
from service.contract.model_input import ModelInput
from service.errors import ClientError, VersionFault
from service.following.ports import FetchedVersion, Staged
from service.following.refs import VersionId
from service.hosting.observer import HostingObserver
from service.hosting.pool import Pool
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

    def __init__(
        self,
        forks: Forks,
        contract_limits: Limits,
        pool_limits: PoolLimits,
        observer_of: Callable[[VersionId], HostingObserver],
    ) -> None:
        self._forks = forks
        self._contract_limits = contract_limits
        self._pool_limits = pool_limits
        self._observer_of = observer_of

    async def stage(self, fetched: FetchedVersion) -> Staged:
        """Contract first, since it costs nothing; then hosts. Raises as the port says."""
        contract = self._contract(fetched)
        join = joinable(fetched.loader_module, fetched.tags)
        model = HostedModel(
            path=fetched.path,
            joinable=join.allowed,
            joinable_reason=join.reason,
            retry=fetched.tags.get(RETRY_TAG, "").strip().lower() != "false",
            example=_example(contract, fetched.serving_example),
        )
        observer = self._observer_of(fetched.version)
        pool = await Pool.start(self._forks, model, self._pool_limits, observer)
        return Staged(contract, pool)

    def _contract(self, fetched: FetchedVersion) -> Contract:
        if fetched.signature is None:
            raise VersionFault(
                "gate",
                "signature_missing",
                "The model has no signature; log it with one, so that requests can be checked.",
            )
        return compile_contract(
            fetched.signature, self._contract_limits, from_type_hint=fetched.from_type_hint
        )


def _example(contract: Contract, text: bytes | None) -> ModelInput | None:
    if text is None:
        return None
    try:
        return contract.parse(text, "application/json")
    except ClientError as error:
        raise VersionFault(
            "warm_up",
            "example_invalid",
            "The version's own input example does not fit its signature.",
            repr(getattr(error, "errors", error)),
        ) from error
