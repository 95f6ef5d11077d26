"""`podium smoke`: everything that an application relies on, asked of a running service once.

It changes nothing, and sends the service only its own input examples and requests that must be
refused.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
from rich.console import Console

from service.checks import probes
from service.checks.answers import (
    invocations,
    invocations_refuses,
    predict,
    predict_refuses,
    request_id,
)
from service.checks.asking import trusted
from service.checks.registry import AliasLookup, follows_alias
from service.checks.report import ReportLines, summary, write_junit
from service.checks.result import CheckOutcome, CheckResult, Failed, NoService
from service.checks.target import Target, described, description
from service.checks.tensors import infer, infer_refuses
from service.config.addresses import is_near, is_web_address, shown
from service.local.tracking import NO_ADDRESS, why_silent

_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
# Twice the default pause between two looks at the registry, and the time that a swap takes.
_PATIENCE = 5.0
_UNREACHABLE = 2


def smoke(  # noqa: PLR0913 - what a command is told, once
    url: str,
    *,
    registry_uri: str | None,
    junit: Path | None,
    key: str | None = None,
    advice: str = "",
    console: Console | None = None,
) -> int:
    """Runs all checks and prints each result as soon as it is there.

    `key` is an API key of the service, for one that asks for it. `advice` is added where no service
    answers. Returns the exit status: 0 if none failed (some may not have been checked), 1 if one
    did or the file could not be written, 2 if no service answers.
    """
    lines = ReportLines(console or Console(highlight=False))
    lines.say(f"service  {shown(url)}")
    lines.say(f"MLflow   {'not known' if registry_uri is None else shown(registry_uri)}")
    try:
        results = asyncio.run(_all(url, registry_uri, key, lines.result))
        status = int(any(one.outcome is CheckOutcome.FAILED for one in results))
    except NoService as reason:
        note = f"no service answers: {reason}{advice}"
        results = [CheckResult("reach the service", None, CheckOutcome.FAILED, 0.0, note)]
        lines.result(results[0])
        status = _UNREACHABLE
    lines.say(summary(results))
    written = junit is None or _written(results, junit, lines)
    return status or int(not written)


def _written(results: Sequence[CheckResult], junit: Path, lines: ReportLines) -> bool:
    try:
        write_junit(results, junit)
    except OSError as error:
        lines.say(f"The JUnit file cannot be written ({error.strerror}).")
        return False
    return True


async def _all(
    url: str, registry_uri: str | None, key: str | None, told: Callable[[CheckResult], None]
) -> list[CheckResult]:
    if not is_web_address(url):
        raise NoService(NO_ADDRESS)
    results = []
    async with _client(url, base_url=url) as service, _client(registry_uri or "") as asked:
        if key is not None:
            service.headers["Authorization"] = f"Bearer {key}"
        await _reach(service)
        async for result in checks(service, AliasLookup(asked, registry_uri), _PATIENCE):
            told(result)
            results.append(result)
    return results


async def _reach(service: httpx.AsyncClient) -> None:
    try:
        answer = await service.get("/health/live")
    except httpx.TransportError as error:
        raise NoService(why_silent(error)) from error
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise NoService("what answers is not a Podium")


def _client(url: str, base_url: str = "") -> httpx.AsyncClient:
    # A proxy that the environment names stands between this machine and others, not within it.
    return httpx.AsyncClient(
        base_url=base_url, timeout=_TIMEOUT, trust_env=not is_near(url), verify=trusted(url)
    )


async def checks(
    service: httpx.AsyncClient, registry: AliasLookup, patience: float
) -> AsyncIterator[CheckResult]:
    """Every check's result, one after the other: the service's own, then each slot's.

    `patience` is how long a moved alias may take to be followed, in seconds.
    """
    for probe in (probes.live, probes.ready, probes.ping, probes.version, probes.models):
        yield await probe(service)
    for position, (name, alias) in enumerate(await _slots(service)):
        yield await description(service, name, alias)
        target = await _target(service, name, alias)
        if target is None:
            continue
        async for result in _of_slot(service, registry, target, patience):
            yield result
        if position == 0 and await _has_default(service):
            async for result in _of_default_routes(service, target):
                yield result


async def _slots(service: httpx.AsyncClient) -> list[tuple[str, str]]:
    """Names and aliases; none where `/models` fails, which is a result of its own."""
    try:
        return [(slot["name"], slot["alias"]) for slot in await probes.listed(service)]
    except (Failed, httpx.HTTPError):
        return []


async def _has_default(service: httpx.AsyncClient) -> bool:
    try:
        return await probes.has_default(service)
    except (Failed, httpx.HTTPError):
        return True


async def _target(service: httpx.AsyncClient, name: str, alias: str) -> Target | None:
    try:
        return await described(service, name, alias)
    except (Failed, httpx.HTTPError):
        return None


async def _of_slot(
    service: httpx.AsyncClient, registry: AliasLookup, target: Target, patience: float
) -> AsyncIterator[CheckResult]:
    yield await predict(service, target)
    yield await invocations(service, target)
    yield await infer(service, target)
    yield await follows_alias(service, registry, target, patience)
    yield await predict_refuses(service, target)
    yield await invocations_refuses(service, target)
    yield await infer_refuses(service, target)


async def _of_default_routes(
    service: httpx.AsyncClient, target: Target
) -> AsyncIterator[CheckResult]:
    default = replace(target, base="")
    yield await predict(service, default)
    yield await invocations(service, default)
    yield await request_id(service, default)
