"""Requests through both protocols: a version's own input example, and what cannot be answered.

The example is answered, whole, and named right; the other is refused as the protocol says, without
repeating it.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Any

import httpx

from service.checks.result import CheckResult, Failed, expect, header, json_object, judged
from service.checks.target import Target

_FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_HEADERS = {"name": "Podium-Model", "alias": "Podium-Alias", "version": "Podium-Version"}
_JSON = {"content-type": "application/json"}


async def predict(service: httpx.AsyncClient, target: Target) -> CheckResult:
    """`/predict`: as many predictions as rows, by the version that body and headers name."""
    path = f"{target.base}/predict"
    return await judged(_name(target, "predict"), target.slot, _predict(service, path, target))


async def invocations(service: httpx.AsyncClient, target: Target) -> CheckResult:
    """`/invocations`: as many predictions as rows, and the slot in the headers."""
    path = f"{target.base}/invocations"
    work = _invocations(service, path, target)
    return await judged(_name(target, "invocations"), target.slot, work)


def _name(target: Target, route: str) -> str:
    return route if target.base else f"{route} (default)"


async def _predict(service: httpx.AsyncClient, path: str, target: Target) -> str:
    answer = expect(await service.post(path, json=target.request), 200)
    body = json_object(answer)
    note = _counted(body, target.request)
    told = body.get("model")
    if told != identity(answer):
        raise Failed("body and headers name different versions")
    _is_of(answer, target)
    return f"version {header(answer, 'Podium-Version')}, {note}"


async def _invocations(service: httpx.AsyncClient, path: str, target: Target) -> str:
    answer = expect(await service.post(path, json=target.request), 200)
    note = _counted(json_object(answer), target.request)
    _is_of(answer, target)
    return f"version {header(answer, 'Podium-Version')}, {note}"


def identity(answer: httpx.Response) -> Mapping[str, str]:
    """Who has answered, by the headers; raises `Failed` without them."""
    return {key: header(answer, name) for key, name in _HEADERS.items()}


def _is_of(answer: httpx.Response, target: Target) -> None:
    named = identity(answer)
    if (named["name"], named["alias"]) != (target.name, target.alias):
        raise Failed("the headers name another slot")


def _counted(body: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    if "predictions" not in body:
        raise Failed("the body has no `predictions`")
    asked, got = rows_of(request), _length(body["predictions"])
    if asked is None or got is None:
        return "answered, not counted"
    if asked != got:
        raise Failed(f"{got} predictions for {asked} rows")
    return f"{got} prediction" + ("" if got == 1 else "s")


def rows_of(request: Mapping[str, Any]) -> int | None:
    """How many rows a request in one of MLflow's formats holds; None if that cannot be told."""
    data = next((request[key] for key in _FORMATS if key in request), None)
    if "dataframe_split" in request:
        data = data.get("data") if isinstance(data, dict) else None
    return _length(data)


def _length(value: object) -> int | None:
    """Of a list, or of the first of several named lists; a lone value is not a list of one."""
    if isinstance(value, dict):
        value = next(iter(value.values()), None)
    return len(value) if isinstance(value, list) else None


async def predict_refuses(service: httpx.AsyncClient, target: Target) -> CheckResult:
    """`/predict` answers 422 with a list of what is wrong."""
    work = _refuses(service, target, "predict", 422)
    return await judged("refusal by /predict", target.slot, work)


async def invocations_refuses(service: httpx.AsyncClient, target: Target) -> CheckResult:
    """`/invocations` answers 400 in MLflow's shape."""
    work = _refuses(service, target, "invocations", 400)
    return await judged("refusal by /invocations", target.slot, work)


async def request_id(service: httpx.AsyncClient, target: Target) -> CheckResult:
    """A request's `X-Request-ID` comes back with its answer, whatever the answer is."""
    return await judged("X-Request-ID", target.slot, _request_id(service, target))


async def _refuses(service: httpx.AsyncClient, target: Target, route: str, status: int) -> str:
    target.serving()
    secret = f"smoke-{secrets.token_hex(8)}"
    for body in _broken(secret, target):
        answer = await service.post(f"{target.base}/{route}", content=body, headers=_JSON)
        _is_refusal(json_object(expect(answer, status)), route)
        if secret in answer.text:
            raise Failed("the refusal repeats what was sent")
    return "" if target.needs_a_column else "broken JSON only: no column is required by name"


def _broken(secret: str, target: Target) -> list[bytes]:
    unfinished = f'{{"dataframe_records": [{{"{secret}": "{secret}"'
    unknown = f'{{"dataframe_records": [{{"{secret}": "{secret}"}}]}}'
    texts = [unfinished, unknown] if target.needs_a_column else [unfinished]
    return [text.encode() for text in texts]


def _is_refusal(body: Mapping[str, Any], route: str) -> None:
    if route == "predict" and not (isinstance(body.get("detail"), list) and body["detail"]):
        raise Failed("the refusal lists nothing under `detail`")
    if route == "invocations" and not isinstance(body.get("error_code"), str):
        raise Failed("the refusal has no `error_code`")


async def _request_id(service: httpx.AsyncClient, target: Target) -> str:
    sent = f"smoke-{secrets.token_hex(8)}"
    body = b"{" if target.example is None else json.dumps(target.example).encode()
    headers = {**_JSON, "x-request-id": sent}
    answer = await service.post(f"{target.base}/predict", content=body, headers=headers)
    if header(answer, "X-Request-ID") != sent:
        raise Failed("another id came back")
    return ""
