"""What one check found: passed, failed, or not checked, which is never the same as passed.

And how a check reads what the service answers: a value, or a few words about what is wrong with it.
"""

import enum
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpx

from service.local.tracking import why_silent


class CheckOutcome(enum.Enum):
    """The three ways that a check ends."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's end.

    Attributes:
        slot: `name@alias` if the check concerns one, None for the whole service.
        milliseconds: how long the check took, its requests included.
        note: a few words: what was seen, what is wrong, or why it was not checked.
    """

    name: str
    slot: str | None
    outcome: CheckOutcome
    milliseconds: float
    note: str


class Failed(Exception):
    """The service did not do what it promises; the message says what it did."""


class NoService(Exception):
    """No Podium answers at the address; the message says why, as half a sentence."""


class NotChecked(Exception):
    """Nothing can be said; the message says why."""


async def judged(name: str, slot: str | None, work: Awaitable[str]) -> CheckResult:
    """Runs the check, which returns a note or raises; an answer that does not come is a failure."""
    began = time.perf_counter()
    try:
        outcome, note = CheckOutcome.PASSED, await work
    except NotChecked as reason:
        outcome, note = CheckOutcome.NOT_CHECKED, str(reason)
    except Failed as reason:
        outcome, note = CheckOutcome.FAILED, str(reason)
    except httpx.HTTPError as error:
        outcome, note = CheckOutcome.FAILED, f"no answer: {why_silent(error)}"
    return CheckResult(name, slot, outcome, (time.perf_counter() - began) * 1000, note)


def expect(answer: httpx.Response, status: int) -> httpx.Response:
    """The answer, if it has that status. Raises `Failed`."""
    if answer.status_code != status:
        raise Failed(f"answered {answer.status_code} instead of {status}")
    return answer


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """The body as a JSON object. Raises `Failed`."""
    try:
        body = answer.json()
    except ValueError:
        raise Failed("the body is not JSON") from None
    if not isinstance(body, dict):
        raise Failed("the body is not a JSON object")
    return body


def header(answer: httpx.Response, name: str) -> str:
    """A percent-encoded UTF-8 header, decoded. Raises `Failed` if it is missing or broken."""
    value = answer.headers.get(name)
    if not value:
        raise Failed(f"the header {name} is missing")
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise Failed(f"the header {name} is not percent-encoded UTF-8") from None
