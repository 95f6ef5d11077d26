"""`podium reload` and `podium withdraw`: what the admin token may ask of a running service."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import httpx
from rich.console import Console
from rich.text import Text

from service.checks.asking import NO_PODIUM, ask
from service.checks.result import NoService
from service.checks.target import path_of
from service.checks.wait import DONE, REFUSED, UNDECIDED, WRONG_USE
from service.following.sentences import plain
from service.refs import ModelRef

_SAYS: Final = {
    HTTPStatus.ACCEPTED: (DONE, "the service looks at the registry now"),
    HTTPStatus.UNAUTHORIZED: (REFUSED, "the service refuses the admin token"),
    HTTPStatus.FORBIDDEN: (REFUSED, "the service has no admin token: see PODIUM_ADMIN_TOKEN"),
    HTTPStatus.NOT_FOUND: (WRONG_USE, "the service follows no such model and alias"),
}


NOT_HERE: Final = (
    "the service does not answer that on this port: give the address of its PODIUM_ADMIN_PORT"
)


def reload(  # noqa: PLR0913 - what an operator says
    url: str,
    ref: ModelRef,
    token: str,
    *,
    again: bool = False,
    advice: str = "",
    console: Console | None = None,
) -> int:
    """Asks for it with the admin token, and prints one sentence; `again`: of what gave way, too.

    Returns `DONE` once the service has taken it, `REFUSED` if it does not take the token,
    `WRONG_USE` if it does not follow that alias, `UNDECIDED` if no service answers.
    """
    status, says = asked_to_look(url, ref, token, again=again, advice=advice)
    printed = console or Console(highlight=False)
    printed.print(Text(plain(f"{ref}  {says}")), soft_wrap=True)
    return status


def asked_to_look(
    url: str, ref: ModelRef, token: str, *, again: bool = False, advice: str = ""
) -> tuple[int, str]:
    """Asks the service to look at the registry now; the exit status, and a sentence for people."""
    headers = {"Authorization": f"Bearer {token}"}
    path = f"{path_of(ref.name, ref.alias)}/reload{'?again=true' if again else ''}"
    try:
        return _said(ask("POST", url, path, headers=headers))
    except NoService as reason:
        return UNDECIDED, f"no service answers: {reason}{advice}"


def _is(answer: httpx.Response, code: str) -> bool:
    try:
        return bool(answer.json()["code"] == code)
    except (ValueError, LookupError, TypeError):
        return False


def _said(answer: httpx.Response) -> tuple[int, str]:
    if answer.status_code == HTTPStatus.NOT_FOUND and _is(answer, "not_there_yet"):
        return DONE, "the registry had no such model and alias; the service looks at it now"
    if answer.status_code == HTTPStatus.NOT_FOUND and _is(answer, "not_found"):
        return WRONG_USE, NOT_HERE
    try:
        return _SAYS[HTTPStatus(answer.status_code)]
    except (ValueError, KeyError):
        raise NoService(f"{NO_PODIUM} ({answer.status_code})") from None


# The service ends processes and removes files before it answers.
_SECONDS: Final = 60.0
_SAYS_OF_WITHDRAWING: Final = {
    HTTPStatus.UNAUTHORIZED: (REFUSED, "the service refuses the admin token"),
    HTTPStatus.FORBIDDEN: (REFUSED, "the service has no admin token: see PODIUM_ADMIN_TOKEN"),
    HTTPStatus.NOT_FOUND: (WRONG_USE, "the service follows no such model"),
}
_NO_VERSION: Final = "unknown_version"
_UNCHECKED: Final = "; the registry does not answer whether it has such a version"
_UNKEPT: Final = (
    "but that could not be written to PODIUM_HOME: see the service's log, or a restart forgets it"
)


def model_of(text: str) -> str:
    """The model's name, given alone or as `name@alias`. Raises `BadRef`."""
    return ModelRef.parse(text).name if "@" in text else text


def withdraw(  # noqa: PLR0913 - what an operator says
    url: str,
    name: str,
    version: str,
    token: str,
    *,
    undo: bool = False,
    reason: str = "",
    advice: str = "",
    console: Console | None = None,
) -> int:
    """Asks for it, or with `undo` takes it back, with the admin token; prints one sentence.

    `reason` is why, which the service keeps until it is taken back.

    Returns `DONE` once it holds, and after a restart too; `REFUSED` if the service does not take
    the token, cannot keep it, or where the registry says otherwise; `WRONG_USE` if it does not
    follow that model or the registry has no such version, `UNDECIDED` if no service answers.
    """
    method, path = "DELETE" if undo else "POST", f"/models/{quote(name, safe='')}/versions/"
    headers = {"Authorization": f"Bearer {token}"}
    try:
        body = {"reason": reason} if reason and not undo else None
        route, seconds = f"{path}{version}/withdraw", _SECONDS
        answer = ask(method, url, route, headers=headers, seconds=seconds, json=body)
        status, says = _told(answer, undo=undo)
    except NoService as silence:
        status, says = UNDECIDED, f"no service answers: {silence}{advice}"
    printed = console or Console(highlight=False)
    # Names are anybody's: text, never markup; whole also where the terminal is narrow.
    printed.print(Text(plain(f"{name} version {version}  {says}")), soft_wrap=True)
    return status


def _told(answer: httpx.Response, *, undo: bool) -> tuple[int, str]:
    try:
        if answer.is_success:
            told = answer.json()
            return _undone(told) if undo else _done(told)
        if answer.status_code == HTTPStatus.NOT_FOUND and answer.json()["code"] == _NO_VERSION:
            return WRONG_USE, str(answer.json()["detail"])
        if answer.status_code == HTTPStatus.NOT_FOUND and _is(answer, "not_found"):
            return WRONG_USE, NOT_HERE
        if answer.status_code != HTTPStatus.NOT_FOUND or answer.json()["code"] == "unknown_model":
            return _SAYS_OF_WITHDRAWING[HTTPStatus(answer.status_code)]
    except (ValueError, LookupError, TypeError, AttributeError):
        pass
    raise NoService(f"{NO_PODIUM} ({answer.status_code})")


def _done(told: Mapping[str, Any]) -> tuple[int, str]:
    slots = told["slots"]
    served = f"requests to {', '.join(slots)} get 410" if slots else "no slot was on it"
    files = "" if told["cleared"] else "; its files go as soon as nothing here uses them any more"
    unchecked = "" if told.get("checked", True) else _UNCHECKED
    says = f"is withdrawn: {served}{unchecked}{files}"
    return (DONE, says) if told["kept"] else (REFUSED, f"{says}; {_UNKEPT}")


def _undone(told: Mapping[str, Any]) -> tuple[int, str]:
    if told["withdrawn_by"]:
        return REFUSED, "is still withdrawn, by its tag podium.withdrawn in the registry"
    says = "is not withdrawn any more"
    return (DONE, says) if told["kept"] else (REFUSED, f"{says}; {_UNKEPT}")
