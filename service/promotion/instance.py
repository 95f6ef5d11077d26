"""One running instance of a service, asked to make a version ready, and followed until it is."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal

import httpx
from pydantic import BaseModel, ValidationError

from service.checks.asking import NO_PODIUM, ask
from service.checks.result import NoService
from service.checks.target import path_of
from service.refs import ModelRef

Outcome = Literal["ready", "refused", "undecided", "unreachable"]

_LOOK_EVERY: Final = 0.5
_STEP_SECONDS: Final = 10.0
# One that is started anew has forgotten what it was asked; one that is busy answers the next time.
_MOST_SILENT: Final = 5
_UNREADABLE: Final = NoService(NO_PODIUM)


class InstanceFinding(BaseModel):
    """What a gate has seen."""

    gate: str
    code: str
    sentence: str


class InstanceRefusal(BaseModel):
    """Why the version is refused."""

    stage: str
    code: str
    message: str
    detail: str | None = None
    gate: str | None = None
    passing: bool


class InstanceTold(BaseModel):
    """What an instance says of a version: `service.http.preparation.PreparationReport`."""

    version: str
    state: Literal["preparing", "ready", "passed", "refused", "ended"]
    stage: str | None
    stages: Mapping[str, float]
    findings: Sequence[InstanceFinding]
    refusals: Sequence[InstanceRefusal]
    why: str | None
    digest: str | None
    artifact_bytes: int | None
    serves: str | None
    serving_memory_bytes: int | None
    held: str | None = None


@dataclass(frozen=True, slots=True)
class NotTold:
    """Why an instance says nothing of it."""

    outcome: Outcome
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Question:
    """What instances are asked: of which version for which alias, by whom, and until when.

    Attributes:
        token: the admin token of each.
        until: by the monotonic clock.
        keep_seconds: how long it is to be kept warm.
        dry_run: whether gates alone are asked.
        reason: why, for the ledgers of instances; empty where nobody says.
    """

    ref: ModelRef
    version: str
    token: str
    until: float
    keep_seconds: float = 600.0
    dry_run: bool = False
    reason: str = ""

    @property
    def path(self) -> str:
        """Where that is asked."""
        return f"{path_of(self.ref.name, self.ref.alias)}/prepare"

    @property
    def left(self) -> float:
        """Seconds."""
        return self.until - time.monotonic()


_REFUSALS: Final = {
    HTTPStatus.UNAUTHORIZED: ("unauthorized", "the service refuses the admin token"),
    HTTPStatus.FORBIDDEN: ("forbidden", "the service has no admin token: see PODIUM_ADMIN_TOKEN"),
    HTTPStatus.BAD_REQUEST: ("bad_request", "the service does not take the request"),
}
NOT_THERE_YET: Final = "not_there_yet"
"""The code of a service that follows patterns, and will follow that alias once there is one."""
_NOT_FOUND: Final = {
    "unknown_model": "the service follows no such model and alias",
    NOT_THERE_YET: "the service follows that alias once the registry has it",
    "not_prepared": "the service has been started anew meanwhile; ask again",
}
_OLDER: Final = (
    "the service has no such route here: it is older than this command, or answers that on its "
    "PODIUM_ADMIN_PORT"
)


def follow(
    url: str, question: Question, stop: threading.Event, progress: Callable[[str], None]
) -> InstanceTold | NotTold:
    """What the instance has come to, or how far by then; `progress` is told of each new stage.

    Returns early when `stop` is set.
    """
    try:
        told = _asked(url, question, stop)
        stage = None
        while isinstance(told, InstanceTold) and told.state == "preparing":
            if told.stage != stage and told.stage is not None:
                stage = told.stage
                progress(stage)
            if stop.wait(min(_LOOK_EVERY, max(0.0, question.left))) or question.left <= 0:
                return told
            told = _looked(url, question, stop)
    except NoService as reason:
        return NotTold("unreachable", "unreachable", f"no service answers: {reason}")
    return told


def _asked(url: str, question: Question, stop: threading.Event) -> InstanceTold | NotTold:
    body: dict[str, object] = {
        "version": question.version,
        "keep_seconds": question.keep_seconds,
        "dry_run": question.dry_run,
    }
    if question.reason:
        body["reason"] = question.reason
    return _until_told(stop, lambda: _answer("POST", url, question, "", body))


def _looked(url: str, question: Question, stop: threading.Event) -> InstanceTold | NotTold:
    which = f"?version={question.version}&dry_run={str(question.dry_run).lower()}"
    return _until_told(stop, lambda: _answer("GET", url, question, which))


def _until_told(
    stop: threading.Event, ask_once: Callable[[], InstanceTold | NotTold]
) -> InstanceTold | NotTold:
    """Asks again where nothing answers, a few times. Raises `NoService`."""
    tries = 0
    while True:
        tries += 1
        try:
            return ask_once()
        except NoService:
            if tries >= _MOST_SILENT or stop.wait(_LOOK_EVERY):
                raise


def _answer(
    method: str, url: str, question: Question, which: str, body: Mapping[str, object] | None = None
) -> InstanceTold | NotTold:
    headers = {"Authorization": f"Bearer {question.token}"}
    seconds = min(_STEP_SECONDS, max(1.0, question.left))
    answer = ask(
        method, url, f"{question.path}{which}", headers=headers, seconds=seconds, json=body
    )
    try:
        return (
            InstanceTold.model_validate_json(answer.content)
            if answer.is_success
            else _refused(answer)
        )
    except (ValidationError, ValueError, LookupError, TypeError):
        raise _UNREADABLE from None


def _refused(answer: httpx.Response) -> NotTold:
    status = answer.status_code
    if status == HTTPStatus.NOT_FOUND:
        code = str(answer.json()["code"])
        outcome: Outcome = "undecided" if code in {NOT_THERE_YET, "not_prepared"} else "refused"
        return NotTold(outcome, code, _NOT_FOUND.get(code, _OLDER))
    if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        return NotTold("undecided", str(answer.json()["code"]), str(answer.json()["detail"]))
    code, sentence = _REFUSALS[HTTPStatus(status)]
    return NotTold("refused", code, sentence)
