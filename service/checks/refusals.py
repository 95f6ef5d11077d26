"""A request that cannot be answered is refused as the protocol says, without repeating it."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

import httpx

from service.checks.replies import expect, header, json_object
from service.checks.result import CheckResult, Failed, judged
from service.checks.target import Target

_JSON = {"content-type": "application/json"}


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
