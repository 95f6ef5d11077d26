"""What orchestrators, people and MLflow's own tools ask a service before they send it anything."""

from typing import Any

import httpx

from service.checks.result import CheckResult, Failed, expect, json_object, judged

_STATES = {"empty", "loading", "serving", "cold", "refused"}


async def live(service: httpx.AsyncClient) -> CheckResult:
    """`/health/live` answers 200."""
    return await judged("GET /health/live", None, _answers(service, "/health/live"))


async def ready(service: httpx.AsyncClient) -> CheckResult:
    """`/health/ready` answers 200: every slot has a version that can predict."""
    return await judged("GET /health/ready", None, _answers(service, "/health/ready"))


async def ping(service: httpx.AsyncClient) -> CheckResult:
    """`/ping` answers 200, as MLflow's scoring protocol has it."""
    return await judged("GET /ping", None, _answers(service, "/ping"))


async def version(service: httpx.AsyncClient) -> CheckResult:
    """`/version` answers the bare version of MLflow whose protocol is spoken."""
    return await judged("GET /version", None, _version(service))


async def models(service: httpx.AsyncClient) -> CheckResult:
    """`/models` lists at least one slot, each with a name, an alias and a known state."""
    return await judged("GET /models", None, _models(service))


async def _answers(service: httpx.AsyncClient, path: str) -> str:
    expect(await service.get(path), 200)
    return ""


async def _version(service: httpx.AsyncClient) -> str:
    text = expect(await service.get("/version"), 200).text.strip()
    if not text[:1].isdigit():
        raise Failed("the body is not a bare version")
    return f"MLflow {text}"


async def _models(service: httpx.AsyncClient) -> str:
    slots = await listed(service)
    for slot in slots:
        if slot["state"] not in _STATES or not isinstance(slot.get("ready"), bool):
            raise Failed("a slot without a known state")
    return f"{len(slots)} slot" + ("" if len(slots) == 1 else "s")


async def listed(service: httpx.AsyncClient) -> list[dict[str, Any]]:
    """The slots of `/models` in their order, each with `name`, `alias` and `state` as texts.

    Raises `Failed` for anything else, an empty list included.
    """
    slots = json_object(expect(await service.get("/models"), 200)).get("models")
    if not isinstance(slots, list) or not slots:
        raise Failed("no list of slots under `models`")
    for slot in slots:
        if not _is_slot(slot):
            raise Failed("a slot without name, alias and state")
    return slots


async def has_default(service: httpx.AsyncClient) -> bool:
    """Whether the first slot has the default routes; what patterns find has none."""
    told = json_object(expect(await service.get("/models"), 200)).get("patterns")
    return not isinstance(told, dict) or told.get("default") is not None


def _is_slot(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    texts = [value.get(key) for key in ("name", "alias", "state")]
    return all(isinstance(text, str) and text for text in texts)
