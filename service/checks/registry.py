"""What MLflow's registry says of an alias, asked over REST, and whether the service follows it."""

import asyncio

import httpx

from service.checks.replies import header
from service.checks.result import CheckResult, Failed, NotChecked, judged
from service.checks.target import Target, described

_LOOK_EVERY = 0.25


class Registry:
    """MLflow's registry behind a tracking address.

    Without an address, or with one that is not reached over HTTP, nothing can be checked; that is
    said, and is no failure of the service.
    """

    def __init__(self, client: httpx.AsyncClient, tracking_uri: str | None) -> None:
        self._client = client
        self._uri = tracking_uri

    async def version(self, name: str, alias: str) -> str | None:
        """The version that the alias is on, None if there is none. Raises `NotChecked`."""
        if self._uri is None:
            raise NotChecked("no registry is known; set MLFLOW_TRACKING_URI")
        if not self._uri.startswith(("http://", "https://")):
            raise NotChecked("the registry is not one that is reached over HTTP")
        return await self._asked(self._uri.rstrip("/"), name, alias)

    async def _asked(self, uri: str, name: str, alias: str) -> str | None:
        path = f"{uri}/api/2.0/mlflow/registered-models/get"
        try:
            answer = await self._client.get(path, params={"name": name})
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            aliases = answer.raise_for_status().json()["registered_model"].get("aliases", [])
            return next((str(one["version"]) for one in aliases if one["alias"] == alias), None)
        except httpx.HTTPStatusError as error:
            raise NotChecked(f"the registry answers {error.response.status_code}") from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise NotChecked("the registry cannot be reached") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NotChecked("the registry's answer cannot be read") from None


async def follows_alias(
    service: httpx.AsyncClient, registry: Registry, target: Target, patience: float
) -> CheckResult:
    """The version that answers is the one that the alias is on.

    At the latest after `patience` seconds: an alias that has just been moved is followed soon.
    """
    work = _follows(service, registry, target, patience)
    return await judged("version is the alias's", target.slot, work)


async def _follows(
    service: httpx.AsyncClient, registry: Registry, target: Target, patience: float
) -> str:
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        wanted = await registry.version(target.name, target.alias)
        if wanted is None:
            raise NotChecked("the registry has no such alias")
        served = await _served(service, target)
        if served == wanted:
            return f"version {served}"
        if asyncio.get_running_loop().time() >= deadline:
            raise Failed(f"version {served} answers, the alias is on {wanted}")
        await asyncio.sleep(_LOOK_EVERY)


async def _served(service: httpx.AsyncClient, target: Target) -> str:
    """The version that an answer names; what the service says of itself if nothing can be asked."""
    if target.example is None:
        return (await described(service, target.name, target.alias)).version or "none"
    answer = await service.post(f"{target.base}/predict", json=target.example)
    return header(answer, "Podium-Version")
