"""The ledger as a page: every swap and refusal, newest first.

Anybody may know what was swapped when; what gates have found and how long stages took is for those
whom the service lets see it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from service.errors import ClientError
from service.following.ledger import Ledger, LedgerEntry
from service.http.finding_report import FindingReport, findings_of
from service.http.openapi_parts import refused
from service.http.written import cut, json_object, json_text, reply
from service.processes.front.beside import Beside

MaySeeDetails = Callable[[Request], bool]

_LIMIT: Final = 50
_MOST: Final = 500
# No id of the ledger's is longer; Python would refuse to read thousands of digits.
_MOST_DIGITS: Final = 18
_REFUSED: Final = refused("`limit` or `before` is not a number of the ledger.")
_PARAMETERS: Final = {
    "parameters": [
        {
            "name": "limit",
            "in": "query",
            "required": False,
            "description": "The most entries of one page.",
            "schema": {"type": "integer", "minimum": 1, "maximum": _MOST, "default": _LIMIT},
        },
        {
            "name": "before",
            "in": "query",
            "required": False,
            "description": "Entries with a lower id alone: `next_before` of the page before.",
            "schema": {"type": "integer", "minimum": 0},
        },
    ]
}


class SwapDetails(BaseModel):
    """Who asked, what the gates found, why it failed, and the seconds that each stage took.

    `reason` is what an operator has given for it: for a hold, a block, a withdrawal, a preparation.
    `shares` are the percentages by alias where requests are shared otherwise from then on.
    """

    trigger: str
    stage: str | None
    gate: str | None
    message: str | None
    detail: str | None
    reason: str | None
    findings: list[FindingReport]
    seconds: dict[str, float]
    last_known_good: bool
    shares: dict[str, float] | None


class SwapReport(BaseModel):
    """One swap or refusal; `details` only for those who may see them."""

    id: int
    at: datetime
    slot: str
    from_version: str | None = Field(serialization_alias="from")
    to_version: str = Field(serialization_alias="to")
    outcome: str
    code: str | None
    details: SwapDetails | None


class SwapsReport(BaseModel):
    """A page of the ledger, newest first; `next_before` leads to the next one, if there is one."""

    swaps: list[SwapReport]
    next_before: int | None


def swaps_router(ledger: Ledger, may_see_details: MaySeeDetails) -> APIRouter:
    """`GET /swaps?limit=&before=`; `may_see_details` says whether a request is shown all of it."""
    router = APIRouter(tags=["models"])
    beside = Beside("swaps")

    @router.get("/swaps", responses=_REFUSED, openapi_extra=_PARAMETERS, response_model=SwapsReport)
    async def swaps(request: Request) -> Response:
        """Every swap and refusal, newest first."""
        limit = whole_number(request, "limit", range(1, _MOST + 1)) or _LIMIT
        before = whole_number(request, "before", range(10**_MOST_DIGITS))
        found = ledger.page(limit + 1, before)
        shown = found[:limit]
        next_before = shown[-1].id if len(found) > len(shown) else None
        detailed = may_see_details(request)
        return reply(await beside.run(_written, shown, next_before, detailed=detailed))

    return router


def _written(
    entries: Sequence[LedgerEntry], next_before: int | None, *, detailed: bool
) -> Sequence[bytes]:
    """`SwapsReport`; of five hundred entries with all that gates found it is megabytes."""
    listed = b",".join(swap_text(entry, detailed=detailed) for entry in entries)
    return cut([json_object({"swaps": b"[%b]" % listed, "next_before": json_text(next_before)})])


def swap_text(entry: LedgerEntry, *, detailed: bool) -> bytes:
    """One entry as it stands on the page."""
    return _report(entry, detailed=detailed).model_dump_json(by_alias=True).encode()


def whole_number(request: Request, name: str, among: Sequence[int]) -> int | None:
    """The query's number of that name, None without one. Raises `ClientError` for any other."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text) in among:
        return int(text)
    raise ClientError(f"`{name}` must be a whole number from {among[0]} to {among[-1]}.")


def _report(entry: LedgerEntry, *, detailed: bool) -> SwapReport:
    return SwapReport(
        id=entry.id,
        at=datetime.fromtimestamp(entry.at, UTC),
        slot=str(entry.ref),
        from_version=entry.before,
        to_version=entry.version,
        outcome=entry.outcome,
        code=entry.code,
        details=_details(entry) if detailed else None,
    )


def _details(entry: LedgerEntry) -> SwapDetails:
    return SwapDetails(
        trigger=entry.trigger,
        stage=entry.stage,
        gate=entry.gate,
        message=entry.message,
        detail=entry.detail,
        reason=entry.reason,
        findings=findings_of(entry.findings),
        shares=None if entry.shares is None else dict(entry.shares),
        seconds={stage: round(seconds, 6) for stage, seconds in (entry.seconds or {}).items()},
        last_known_good=entry.last_known_good,
    )
