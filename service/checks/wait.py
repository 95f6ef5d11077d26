"""`podium wait`: returns when a slot of a running service serves a version, or says why not."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

import httpx
from rich.console import Console
from rich.text import Text

from service.checks.asking import NO_PODIUM, ask
from service.checks.result import NoService
from service.checks.target import path_of
from service.following.sentences import plain
from service.refs import ModelRef

DONE: Final = 0
REFUSED: Final = 1
WRONG_USE: Final = 2
UNDECIDED: Final = 3
_LOOK_EVERY: Final = 0.25
_LEAST_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look has found: an exit status, None while that is open; and a sentence for it.

    `instance` is the word by which the process that has answered is told from others. `proven`:
    whether what it serves has baked; `failing`: whether it has not, and most of its requests have
    failed; `gave_way`: whether it was refused for what came of that.
    """

    status: int | None
    why: str
    instance: str = ""
    proven: bool = True
    failing: bool = False
    gave_way: bool = False


def wait(  # noqa: PLR0913 - what an operator says, and what a test steps
    url: str,
    ref: ModelRef,
    version: str | None,
    *,
    seconds: float,
    advice: str = "",
    console: Console | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Looks until the slot serves the version, or whatever its alias is on if that is None.

    Prints one sentence. Returns `DONE`; `REFUSED` if the service has refused the version and does
    not try it again by itself; `WRONG_USE` if it does not follow that alias; `UNDECIDED` after so
    many seconds. `advice` is added where no service answers.
    """
    printed = console or Console(highlight=False)
    until = monotonic() + seconds
    while True:
        left = until - monotonic()
        seen = look(url, ref, version, max(_LEAST_SECONDS, left), advice)
        left = until - monotonic()
        if seen.status is not None or left <= 0:
            break
        sleep(min(_LOOK_EVERY, left))
    status = UNDECIDED if seen.status is None else seen.status
    late = f"not within {seconds:g} s: " if seen.status is None else ""
    # Names are anybody's: text, never markup; whole also where the terminal is narrow.
    printed.print(Text(plain(f"{ref}  {late}{seen.why}")), soft_wrap=True)
    return status


def look(  # noqa: PLR0913 - what one question is about
    url: str,
    ref: ModelRef,
    version: str | None,
    seconds: float,
    advice: str = "",
    *,
    baked: bool = False,
) -> Seen:
    """Whether the slot serves the version now, asked for so many seconds at most, or ten.

    `baked`: and whether the time is over in which it has to show that it does no worse.
    """
    try:
        answer = ask("GET", url, path_of(ref.name, ref.alias), seconds=min(10.0, seconds))
        return _seen(answer, version, baked=baked)
    except NoService as reason:
        return Seen(None, f"no service answers: {reason}{advice}")


def _seen(answer: httpx.Response, version: str | None, *, baked: bool) -> Seen:
    try:
        told = answer.json()
        if answer.status_code == HTTPStatus.NOT_FOUND and told["code"] == "unknown_model":
            return Seen(WRONG_USE, "the service follows no such model and alias")
        if answer.status_code == HTTPStatus.NOT_FOUND and told["code"] == "not_there_yet":
            return Seen(None, "the registry has no such model and alias yet")
        if answer.is_success:
            seen = _judged(told, version)
            if baked and seen.status == DONE:
                seen = _baked(told, seen)
            return replace(seen, instance=str(told.get("instance", "")))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NoService(NO_PODIUM) from error
    raise NoService(f"{NO_PODIUM} ({answer.status_code})")


def _judged(told: Mapping[str, Any], version: str | None) -> Seen:
    serves, aspired = told["version"], told["aspired"]
    wanted = aspired if version is None else version
    if serves is not None and serves == wanted and told["ready"]:
        return Seen(DONE, f"serves version {serves}")
    if wanted is not None and told.get("withdrawn") == wanted:
        return Seen(REFUSED, _why_withdrawn(told, wanted))
    verdict = told.get("verdict")
    if wanted is not None and verdict and verdict["version"] == wanted:
        return Seen(REFUSED, str(verdict["message"]), gave_way=True)
    if wanted is not None and told["quarantined"] == wanted:
        return Seen(REFUSED, f"version {wanted} was refused: {_failure(told)}")
    return Seen(None, _so_far(told))


def _baked(told: Mapping[str, Any], seen: Seen) -> Seen:
    """As it serves, it may have to show yet that it does no worse than the one before."""
    bake = told.get("bake")
    if not bake:
        return seen
    so_far = f"{bake['failures']} of {bake['requests']} requests have failed"
    if bake["unproven"]:
        failing = bool(bake.get("failing")) or 2 * bake["failures"] > bake["requests"]
        why = f"{seen.why}, unproven: {so_far}"
        return replace(seen, why=why, proven=False, failing=failing)
    return Seen(None, f"{seen.why}, which bakes until {bake['until']}: {so_far}")


def _why_withdrawn(told: Mapping[str, Any], version: str) -> str:
    failure = told["last_failure"]
    if failure["code"] == "withdrawn":
        return str(failure["message"])
    return f"version {version} is withdrawn: {_failure(told)}"


def _so_far(told: Mapping[str, Any]) -> str:
    serves = f"version {told['version']}" if told["version"] else "nothing"
    says = [f"{'serves' if told['ready'] else 'has'} {serves}"]
    if told["aspired"]:
        says.append(f"the alias is on version {told['aspired']}")
    if told["last_failure"]:
        says.append(_failure(told))
    look = told["look"]["failure"]
    if look:
        says.append(f"the registry: {look['message']}")
    return "; ".join(says)


def _failure(told: Mapping[str, Any]) -> str:
    return f"{told['last_failure']['code']}: {told['last_failure']['message']}"
