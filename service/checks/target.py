"""One slot to be checked: where it is reached, and what is known of what it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from service.checks.replies import expect, json_object
from service.checks.result import CheckResult, Failed, NotChecked, judged


@dataclass(frozen=True, slots=True)
class Target:
    """A slot as `GET /models/{name}@{alias}` describes it.

    Attributes:
        base: what stands before `/predict`: the slot's own path, or nothing for the default routes.
        version: that serves now, None if none does.
        example: a request that the version's author has stored with it, None if there is none.
        needs_a_column: whether the signature requires a column by name, so that a request without
            it must be refused.
    """

    name: str
    alias: str
    base: str
    version: str | None = None
    example: Mapping[str, Any] | None = None
    needs_a_column: bool = False

    @property
    def slot(self) -> str:
        """For people."""
        return f"{self.name}@{self.alias}"

    @property
    def request(self) -> Mapping[str, Any]:
        """The example. Raises `NotChecked` without one."""
        if self.example is None:
            raise NotChecked("the version has no input example")
        return self.example


def path_of(name: str, alias: str) -> str:
    """The slot's path; a model may be called anything, with slashes too."""
    return f"/models/{quote(name, safe='')}@{quote(alias, safe='')}"


async def description(service: httpx.AsyncClient, name: str, alias: str) -> CheckResult:
    """`GET /models/{name}@{alias}` describes that slot and names the version that serves."""
    slot = f"{name}@{alias}"
    return await judged("GET /models/{slot}", slot, _description(service, name, alias))


async def _description(service: httpx.AsyncClient, name: str, alias: str) -> str:
    found = await described(service, name, alias)
    if found.version is None:
        raise Failed("no version serves")
    return f"version {found.version}"


async def described(service: httpx.AsyncClient, name: str, alias: str) -> Target:
    """The slot's target. Raises `Failed` if the service describes none, or another one."""
    path = path_of(name, alias)
    body = json_object(expect(await service.get(path), 200))
    if (body.get("name"), body.get("alias")) != (name, alias):
        raise Failed("another slot is described")
    version, example = body.get("version"), body.get("serving_example")
    return Target(
        name,
        alias,
        path,
        version if isinstance(version, str) else None,
        example if isinstance(example, dict) else None,
        _needs_a_column(body.get("signature")),
    )


def _needs_a_column(signature: object) -> bool:
    inputs = signature.get("inputs") if isinstance(signature, dict) else None
    columns = [one for one in inputs if isinstance(one, dict)] if isinstance(inputs, list) else []
    return any(one.get("name") is not None and one.get("required", True) for one in columns)
