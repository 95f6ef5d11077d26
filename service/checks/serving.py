"""What a running service serves of some models, as `podium where` asks it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.checks.asking import NO_PODIUM, ask
from service.checks.result import NoService


@dataclass(frozen=True, slots=True)
class ServedArm:
    """Who answers a part of a slot's requests.

    Attributes:
        weight: the percentage that it gets now, 0 while it cannot answer; `wished`: that which it
            is to get.
        code: why it does not answer, where that is known.
    """

    alias: str
    version: str | None
    weight: float
    wished: float
    code: str | None


@dataclass(frozen=True, slots=True)
class ServedShadow:
    """Who hears of a slot's requests, and of how many percent; `state` as the service has it."""

    alias: str
    version: str | None
    percent: float
    state: str


@dataclass(frozen=True, slots=True)
class SlotVerdict:
    """That a version has done worse at a slot than the one before it, and why."""

    version: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ServedSlot:
    """One slot of a service; `version` is None where it serves nothing, `held` whether it stays.

    Attributes:
        arms: who answers its requests, its own version first, where these are shared.
        bakes: whether its version is not proven yet.
        verdict: that the version that its alias is on has given way; None: it has not.
        shadow: who hears of its requests; None: nobody.
    """

    name: str
    alias: str
    version: str | None
    state: str
    held: bool
    blocked: str | None
    code: str | None
    arms: Sequence[ServedArm] = ()
    bakes: bool = False
    verdict: SlotVerdict | None = None
    shadow: ServedShadow | None = None


def served(url: str, names: Collection[str]) -> Sequence[ServedSlot]:
    """Its slots of models of these names, without those that are arms alone. Raises `NoService`."""
    answer = ask("GET", url, "/models")
    if not answer.is_success:
        raise NoService(f"{NO_PODIUM} ({answer.status_code})")
    try:
        slots = [
            each
            for each in answer.json()["models"]
            if each["name"] in names and not each.get("arm")
        ]
        return [
            ServedSlot(
                name=each["name"],
                alias=each["alias"],
                version=each["version"],
                state=each["state"],
                held=each.get("held") is not None,
                blocked=each.get("blocked"),
                code=(each["last_failure"] or {}).get("code"),
                arms=[_arm(arm) for arm in each.get("arms") or ()],
                bakes=each.get("bake") is not None,
                verdict=_verdict(each.get("verdict")),
                shadow=_shadow(each.get("shadow")),
            )
            for each in slots
        ]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NoService(NO_PODIUM) from error


def _arm(told: Mapping[str, Any]) -> ServedArm:
    failure = told["failure"] or {}
    weight, wished = float(told["weight"]), float(told["wished"])
    return ServedArm(told["alias"], told["version"], weight, wished, failure.get("code"))


def _shadow(told: Mapping[str, Any] | None) -> ServedShadow | None:
    if told is None:
        return None
    return ServedShadow(told["alias"], told["version"], float(told["percent"]), told["state"])


def _verdict(told: Mapping[str, Any] | None) -> SlotVerdict | None:
    return None if told is None else SlotVerdict(told["version"], told["code"], told["message"])
