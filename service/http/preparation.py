"""`POST /models/{name}@{alias}/prepare`: a version is made ready before the alias moves to it.

It is fetched, judged by every gate, loaded and warmed up, and kept warm for a while; nobody is
answered by it before the alias moves. That takes as long as a swap, and `GET` of the same route
says how it stands. Both are for whoever holds the admin token, since they tell reasons.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.errors import ClientError
from service.following.preparation import Artifact, Preparation, PreparationState, Refusal
from service.following.sentences import plain
from service.following.slot import Slot
from service.following.slots import Slots
from service.http.access import Admin
from service.http.finding_report import FindingReport, findings_of
from service.http.intake import SmallBodies
from service.http.openapi_parts import refused
from service.predicting.request import ClientGone

LONGEST_TOLD: Final = 500
"""Characters of why somebody asks for something."""
MOST_SECONDS: Final = 3600.0
"""For which a version is kept warm at most."""
_USUAL_SECONDS: Final = 600.0
_LONGEST_BODY: Final = 4096
_PATH: Final = "/models/{name:path}@{alias}/prepare"
# MLflow counts from 1, and no number of its has more digits.
_Number = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
_WRONG: Final = (
    'The body must be JSON as in {"version": "3", "keep_seconds": 600, "dry_run": false}; '
    f"keep_seconds is at most {MOST_SECONDS:g}, reason has at most {LONGEST_TOLD} characters, and "
    "only the version is needed."
)


class Preparations(Protocol):
    """Makes versions ready; `service.following.preparing.Preparing`."""

    def ask(
        self, slot: Slot, number: str, keep_seconds: float, *, dry_run: bool, reason: str = ""
    ) -> Preparation:
        """Begins with it, or follows what has begun; how it stands now. The ledger has `reason`."""
        ...

    def told(self, slot: Slot, number: str | None = None, *, dry_run: bool = False) -> Preparation:
        """How it stands with that version, or with the newest; raises `NotPrepared`."""
        ...


class PrepareRequest(BaseModel):
    """Which version, and for how many seconds it is kept warm from when it is ready.

    `dry_run`: it is fetched and judged by every gate, and neither loaded nor kept. `reason` is why,
    for the ledger.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    version: _Number
    keep_seconds: Annotated[float, Field(gt=0, le=MOST_SECONDS)] = _USUAL_SECONDS
    dry_run: bool = False
    reason: Annotated[str, Field(max_length=LONGEST_TOLD)] = ""


class RefusalReport(BaseModel):
    """Why the version is refused; `passing`: asking again later may come to something else."""

    stage: str
    code: str
    message: str
    detail: str | None
    gate: str | None
    passing: bool


class PreparationReport(BaseModel):
    """How it stands with a version that is to be made ready.

    `state`: `preparing`; `ready`: the alias may move, and the version answers at once; `passed`: a
    dry run in which every gate let it pass; `refused`, as `refusals` say; `ended`: it is not kept
    any more, `why` says why. `stage` is under way, `stages` are the seconds of each so far.
    `artifact_bytes` and `digest` are those of its files, null while they are not known. `serves` is
    what answers now, `serving_memory_bytes` what the processes of that take. `held` is until when
    the alias is held, and why: a move of it is followed after that; null where it is not held.
    """

    model: str
    alias: str
    version: str
    dry_run: bool
    state: PreparationState
    stage: str | None
    stages: dict[str, float]
    findings: list[FindingReport]
    refusals: list[RefusalReport]
    why: str | None
    asked_at: datetime
    keep_seconds: float
    warm_until: datetime | None
    digest: str | None
    artifact_bytes: int | None
    serves: str | None
    serving_memory_bytes: int | None
    held: str | None


def preparation_router(slots: Slots, admin: Admin, preparations: Preparations) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["models"])
    bodies, secured = SmallBodies(_LONGEST_BODY), admin.security

    @router.post(
        _PATH,
        status_code=202,
        responses=_REFUSED,
        openapi_extra={**secured, "requestBody": _BODY},
    )
    async def prepare_version(name: str, alias: str, request: Request) -> PreparationReport:
        """Begins to make the version ready for that alias, or follows what has begun."""
        admin.require(request)
        slot = slots.find(f"{name}@{alias}")
        wanted = await _wanted(request, bodies)
        number, seconds = _plain(wanted.version), wanted.keep_seconds
        dry_run, reason = wanted.dry_run, plain(wanted.reason)
        asked = preparations.ask(slot, number, seconds, dry_run=dry_run, reason=reason)
        return _report(slot, asked)

    @router.get(_PATH, responses=_REFUSED, openapi_extra={**secured, "parameters": _PARAMETERS})
    async def preparation(name: str, alias: str, request: Request) -> PreparationReport:
        """How it stands with that version, or with the one that was asked for last."""
        admin.require(request)
        slot = slots.find(f"{name}@{alias}")
        given = request.query_params
        number, dry_run = given.get("version"), given.get("dry_run") == "true"
        number = None if number is None else _plain(number)
        return _report(slot, preparations.told(slot, number, dry_run=dry_run))

    return router


def _plain(number: str) -> str:
    return number.lstrip("0") or "0"


async def _wanted(request: Request, bodies: SmallBodies) -> PrepareRequest:
    try:
        return PrepareRequest.model_validate_json(await bodies.read(request))
    except (ValidationError, ClientGone):
        # Never the client's own text, which says less than what is meant.
        raise ClientError(_WRONG) from None


def _report(slot: Slot, told: Preparation) -> PreparationReport:
    artifact = told.artifact or Artifact("", None)
    return PreparationReport(
        model=told.ref.name,
        alias=told.ref.alias,
        version=told.version,
        dry_run=told.dry_run,
        state=told.state,
        stage=told.stage,
        stages={stage: round(seconds, 6) for stage, seconds in told.stages.items()},
        findings=findings_of(told.findings),
        refusals=[_refusal(each) for each in told.refusals],
        why=told.why or None,
        asked_at=datetime.fromtimestamp(told.asked_at, UTC),
        keep_seconds=told.keep_seconds,
        warm_until=None
        if told.warm_until is None
        else datetime.fromtimestamp(told.warm_until, UTC),
        digest=artifact.digest or None,
        artifact_bytes=artifact.size,
        serves=None if slot.version is None else slot.version.version,
        serving_memory_bytes=None
        if slot.binding is None
        else slot.binding.servable.predictor.status.memory_bytes,
        held=None if slot.held is None else slot.held.hold.sentence,
    )


def _refusal(refusal: Refusal) -> RefusalReport:
    failure = refusal.failure
    return RefusalReport(
        stage=failure.stage,
        code=failure.code,
        message=failure.message,
        detail=failure.detail or None,
        gate=refusal.gate,
        passing=refusal.passing,
    )


_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {"application/json": {"schema": PrepareRequest.model_json_schema()}},
}
_PARAMETERS: Final = [
    {
        "name": "version",
        "in": "query",
        "required": False,
        "description": "That version; unset: the one that was asked for last.",
        "schema": {"type": "string"},
    },
    {
        "name": "dry_run",
        "in": "query",
        "required": False,
        "description": "Of the dry run, not of what is made ready.",
        "schema": {"type": "boolean", "default": False},
    },
]
_REFUSED: Final = refused("The admin token is missing, or nothing of that name is here.")
