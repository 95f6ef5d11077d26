"""What MLflow's registry says of an alias, asked over REST, and whether the service follows it."""

import asyncio

import httpx

from service.checks.result import CheckResult, Failed, NotChecked, header, judged
from service.checks.target import NotServing, Target, described
from service.config.addresses import is_web_address
from service.local.tracking import RegistrySilent, version_of_alias

_LOOK_EVERY = 0.25
_ANSWER_SECONDS = 10.0


class AliasLookup:
    """MLflow's registry, asked at its address for at most `limit` seconds a question.

    Without an address, or with one that is not reached over HTTP, nothing can be checked; that is
    said, and is not a failure of the service. Once it did not answer it is not asked again.
    """

    def __init__(
        self, client: httpx.AsyncClient, uri: str | None, limit: float = _ANSWER_SECONDS
    ) -> None:
        self._client = client
        self._uri = uri
        self._limit = limit
        self._silent: str | None = None

    async def version(self, name: str, alias: str) -> str | None:
        """The version that the alias is on, None if there is none. Raises `NotChecked`."""
        if self._uri is None:
            raise NotChecked("no registry is known; set MLFLOW_TRACKING_URI")
        if not is_web_address(self._uri):
            raise NotChecked("the registry is not one that is reached over HTTP")
        if self._silent is not None:
            raise NotChecked(self._silent)
        try:
            async with asyncio.timeout(self._limit):
                return await version_of_alias(self._client, self._uri, name, alias)
        except TimeoutError:
            self._silent = f"the registry did not answer within {self._limit:g} s"
            raise NotChecked(self._silent) from None
        except RegistrySilent as error:
            self._silent = str(error) if error.lasting else None
            raise NotChecked(str(error)) from None


async def follows_alias(
    service: httpx.AsyncClient, registry: AliasLookup, target: Target, patience: float
) -> CheckResult:
    """The version that answers is the one that the alias is on.

    At the latest after `patience` seconds: an alias that has just been moved is followed soon.
    """
    work = _follows(service, registry, target, patience)
    return await judged("version is the alias's", target.slot, work)


async def _follows(
    service: httpx.AsyncClient, registry: AliasLookup, target: Target, patience: float
) -> str:
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        wanted = await registry.version(target.name, target.alias)
        if wanted is None:
            raise NotChecked("the registry has no such alias")
        try:
            served = await _served(service, target)
            if served == wanted:
                return f"version {served}"
            found = f"version {served} answers"
        except NotServing as reason:
            found = str(reason)
        if asyncio.get_running_loop().time() >= deadline:
            raise Failed(f"{found}; the alias is on version {wanted}")
        await asyncio.sleep(_LOOK_EVERY)


async def _served(service: httpx.AsyncClient, target: Target) -> str:
    """The version that an answer names; what the service says of itself if nothing can be asked."""
    if target.example is None:
        return (await described(service, target.name, target.alias)).serving()
    answer = await service.post(f"{target.base}/predict", json=target.example)
    return header(answer, "Podium-Version")
