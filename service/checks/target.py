"""One slot to be checked: where it is reached, and what is known of what it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from service.checks.result import CheckResult, Failed, NotChecked, expect, json_object, judged


class NotServing(NotChecked):
    """No version serves, so that what it would answer cannot be checked."""


@dataclass(frozen=True, slots=True)
class Target:
    """A slot as `GET /models/{name}@{alias}` describes it.

    Attributes:
        base: what stands before `/predict`: the slot's own path, or nothing for the default routes.
        version: that serves now, None if none does.
        example: a request that the version's author has stored with it, None if there is none.
        needs_a_column: whether the signature requires a column by name, so that a request without
            it must be refused.
        trouble: what the service says of why no version serves; empty if it says nothing.
    """

    name: str
    alias: str
    base: str
    version: str | None = None
    example: Mapping[str, Any] | None = None
    needs_a_column: bool = False
    trouble: str = ""

    @property
    def slot(self) -> str:
        """For people."""
        return f"{self.name}@{self.alias}"

    def serving(self) -> str:
        """The version that serves. Raises `NotServing`, which quotes the service, without one."""
        if self.version is None:
            raise NotServing(f"no version serves: {self.trouble}".removesuffix(": "))
        return self.version

    @property
    def request(self) -> Mapping[str, Any]:
        """The example. Raises `NotChecked` without one, or if nothing serves it."""
        self.serving()
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
    try:
        return f"version {found.serving()}"
    except NotServing as reason:
        raise Failed(str(reason)) from None


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
        _trouble(body),
    )


def _trouble(body: Mapping[str, Any]) -> str:
    """The slot's last failure, else that of the looks at the registry, else that one loads."""
    look = body.get("look")
    failures = (body.get("last_failure"), look.get("failure") if isinstance(look, dict) else None)
    messages = (one.get("message") for one in failures if isinstance(one, dict))
    loading = "one is loading" if body.get("state") == "loading" else ""
    return next((text for text in messages if isinstance(text, str)), loading)


def _needs_a_column(signature: object) -> bool:
    inputs = signature.get("inputs") if isinstance(signature, dict) else None
    columns = [one for one in inputs if isinstance(one, dict)] if isinstance(inputs, list) else []
    return any(one.get("name") is not None and one.get("required", True) for one in columns)
