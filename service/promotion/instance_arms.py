"""Running instances, asked how a version does that has a share of a slot's requests."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final

from service.checks.admin import asked_to_look
from service.checks.asking import NO_PODIUM, ask
from service.checks.result import NoService
from service.promotion.steps import ArmSeen, ArmState
from service.refs import ModelRef
from service.rollout.verdict import Sample
from service.rollout_tags import tag_name

_AT_ONCE: Final = 16
_SECONDS: Final = 5.0
_CLOCKS_DIFFER: Final = 5.0
# Of a slot that takes the version no more.
_REFUSALS: Final = ("quarantined", "blocked", "withdrawn")


@dataclass(frozen=True, slots=True)
class ArmsAt:
    """Those at these addresses, each asked side by side with the others.

    Attributes:
        token: the admin token of each.
    """

    ref: ModelRef
    urls: Sequence[str]
    token: str

    def tell(self) -> None:
        """They look at the registry now; one that does not answer finds it at its next look."""
        with ThreadPoolExecutor(_AT_ONCE) as beside:
            list(beside.map(lambda url: asked_to_look(url, self.ref, self.token), self.urls))

    def seen(self, version: str) -> Sequence[ArmSeen]:
        """In the order of the addresses."""
        with ThreadPoolExecutor(_AT_ONCE) as beside:
            return list(beside.map(partial(_seen, self.ref, version), self.urls))


def _seen(ref: ModelRef, version: str, url: str) -> ArmSeen:
    try:
        # Of the arm's own slot as well, which has no address of its own.
        answer = ask("GET", url, "/models", seconds=_SECONDS)
    except NoService as reason:
        return _silent(url, str(reason))
    if not answer.is_success:
        return _silent(url, f"{NO_PODIUM} ({answer.status_code})")
    try:
        seen = _read(url, ref, version, answer.json())
    except (ValueError, LookupError, TypeError, AttributeError):
        return _silent(url, NO_PODIUM)
    return replace(seen, ahead=_ahead(answer.headers.get("date", ""), datetime.now(UTC)))


def _ahead(date: str, now: datetime) -> float:
    try:
        ahead = (parsedate_to_datetime(date) - now).total_seconds()
    except (ValueError, TypeError):
        return 0.0
    # It has whole seconds, and has been under way: what is less says nothing of clocks.
    return ahead if abs(ahead) >= _CLOCKS_DIFFER else 0.0


def _silent(url: str, why: str) -> ArmSeen:
    return ArmSeen(url, "", "silent", f"no service answers: {why}")


def _read(url: str, ref: ModelRef, version: str, told: Mapping[str, Any]) -> ArmSeen:
    slots = {each["alias"]: each for each in told["models"] if each["name"] == ref.name}
    slot, name = slots.get(ref.alias), f"v{version}"
    if slot is None:
        return ArmSeen(url, "", "refused", "the service follows no such model and alias")
    arms = {each["alias"]: each for each in slot["arms"]}
    state, sentence = _standing(version, arms.get(name), slots.get(name))
    if name not in arms:
        sentence += _why_unshared(slot)
    return ArmSeen(
        url=url,
        instance=str(told["instance"]),
        state=state,
        sentence=sentence,
        serves=slot["version"],
        arm=_sample(arms.get(name)),
        own=_sample(arms.get(ref.alias)),
        worse=_verdict(version, slot) or _verdict(version, slots.get(name)),
        refuses=_is_refused(version, slot),
    )


def _verdict(version: str, slot: Mapping[str, Any] | None) -> str:
    verdict = None if slot is None else slot.get("verdict")
    if verdict is None or verdict["version"] != version:
        return ""
    return str(verdict["message"])


def _is_refused(version: str, slot: Mapping[str, Any] | None) -> bool:
    return slot is not None and version in {slot[each] for each in _REFUSALS}


def _standing(
    version: str, arm: Mapping[str, Any] | None, slot: Mapping[str, Any] | None
) -> tuple[ArmState, str]:
    if arm is None:
        return "coming", f"it gives version {version} no share yet"
    failure = arm["failure"]
    said = "" if failure is None else f": {failure['code']}: {failure['message']}"
    if arm["version"] == version and arm["weight"] > 0:
        return "serves", f"gives version {version} {arm['weight']:g}%"
    if _is_refused(version, slot):
        return "refused", f"version {version} was refused{said}"
    return "coming", f"version {version} is not ready there yet{said}"


def _why_unshared(slot: Mapping[str, Any]) -> str:
    """What is wrong with the tag there: a service may take no arms, or have another time."""
    tag = tag_name("split", slot["alias"])
    said = [each["message"] for each in slot.get("wrong_tags") or () if each["tag"] == tag]
    return "".join(f": {each}" for each in said)


def _sample(arm: Mapping[str, Any] | None) -> Sample | None:
    if arm is None or arm["requests"] is None:
        return None
    return Sample(int(arm["requests"]), int(arm["failures"]))
