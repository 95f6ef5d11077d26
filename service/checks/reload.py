"""`podium reload`: a running service looks at the registry now, and tries what it has refused."""

from http import HTTPStatus
from typing import Final

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


def reload(
    url: str, ref: ModelRef, token: str, *, advice: str = "", console: Console | None = None
) -> int:
    """Asks for it with the admin token, and prints one sentence.

    Returns `DONE` once the service has taken it, `REFUSED` if it does not take the token,
    `WRONG_USE` if it does not follow that alias, `UNDECIDED` if no service answers.
    """
    headers = {"Authorization": f"Bearer {token}"}
    try:
        answer = ask("POST", url, f"{path_of(ref.name, ref.alias)}/reload", headers=headers)
        status, says = _said(answer)
    except NoService as reason:
        status, says = UNDECIDED, f"no service answers: {reason}{advice}"
    printed = console or Console(highlight=False)
    printed.print(Text(plain(f"{ref}  {says}")), soft_wrap=True)
    return status


def _is_not_there_yet(answer: httpx.Response) -> bool:
    try:
        return bool(answer.json()["code"] == "not_there_yet")
    except (ValueError, LookupError, TypeError):
        return False


def _said(answer: httpx.Response) -> tuple[int, str]:
    if answer.status_code == HTTPStatus.NOT_FOUND and _is_not_there_yet(answer):
        return DONE, "the registry had no such model and alias; the service looks at it now"
    try:
        return _SAYS[HTTPStatus(answer.status_code)]
    except (ValueError, KeyError):
        raise NoService(f"{NO_PODIUM} ({answer.status_code})") from None
