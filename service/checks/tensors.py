"""The Open Inference Protocol, asked with a version's own example and with what is none.

What the metadata announces is what comes back: names, datatypes and how many rows.
"""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from service.checks.answers import identity
from service.checks.result import CheckResult, Failed, NotChecked, expect, json_object, judged
from service.checks.target import Target
from service.contract.tensors.example_message import example_message
from service.contract.tensors.tensor_input import TensorInfo


async def infer(service: httpx.AsyncClient, target: Target) -> CheckResult:
    """`/v2/models/.../infer` answers the example with the outputs that are announced."""
    return await judged("infer", target.slot, _infer(service, target))


async def infer_refuses(service: httpx.AsyncClient, target: Target) -> CheckResult:
    """It answers what is broken with 400 and an `error`, without repeating it."""
    return await judged("refusal by /infer", target.slot, _refuses(service, target))


def _path(target: Target) -> str:
    return f"/v2/models/{quote(target.slot, safe='@')}"


async def _infer(service: httpx.AsyncClient, target: Target) -> str:
    request, path = target.request, _path(target)
    said = json_object(expect(await service.get(path), 200))
    infos = [_info(each) for each in said.get("inputs", ())]
    message = example_message(request, infos)
    if message is None:
        raise NotChecked("the example is not plainly one of named tensors")
    answer = expect(await service.post(f"{path}/infer", json=message), 200)
    body = json_object(answer)
    if body.get("model_version") != identity(answer)["version"]:
        raise Failed("body and headers name different versions")
    return f"version {body['model_version']}, {_kept(said, body)}"


def _info(announced: Mapping[str, Any]) -> TensorInfo:
    return TensorInfo(announced["name"], announced["datatype"], tuple(announced["shape"]))


def _kept(said: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    """How many outputs there are; raises `Failed` where they are not as announced."""
    got = {each["name"]: each for each in body.get("outputs", ())}
    announced = {each["name"]: each for each in said.get("outputs", ())}
    if announced and got.keys() != announced.keys():
        raise Failed("the outputs have other names than are announced")
    for name, each in announced.items():
        if each["datatype"] != got[name]["datatype"]:
            raise Failed("an output has another datatype than is announced")
    return f"{len(got)} output" + ("" if len(got) == 1 else "s")


async def _refuses(service: httpx.AsyncClient, target: Target) -> str:
    target.serving()
    secret = f"smoke-{secrets.token_hex(8)}"
    for body in (f'{{"inputs": [{{"name": "{secret}"', f'{{"inputs": [{{"name": "{secret}"}}]}}'):
        answer = await service.post(f"{_path(target)}/infer", content=body.encode())
        if not isinstance(json_object(expect(answer, 400)).get("error"), str):
            raise Failed("the refusal has no `error`")
        if secret in answer.text:
            raise Failed("the refusal repeats what was sent")
    return ""
