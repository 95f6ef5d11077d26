"""What a slot's shadow would have answered, beside what was answered: counted, never the requests.

Counts are this process's own since the two versions met; over several they add up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from service.following.shadow_status import ShadowState
from service.following.slot import Slot
from service.following.slot_status import Failure
from service.following.slots import Slots
from service.http.access import Readers
from service.http.openapi_parts import UNKNOWN_MODEL
from service.processes.front.beside import Beside
from service.refs import ModelRef
from service.rollout.quantiles import Quantiles
from service.rollout.tally import RowTally
from service.shadowing.shadow_line import ShadowLine
from service.shadowing.shadow_tally import REASONS, ShadowTally
from service.split_tag import WHOLE


class ShadowFailureReport(BaseModel):
    """Why there is no shadow where there should be one: a stable code, and a sentence."""

    code: str
    message: str
    at: datetime


class ShadowSlotReport(BaseModel):
    """A slot's shadow at a glance: what the tag names, and what it is at.

    `version` is what hears of requests, or is to. `memory_bytes` is what its processes take.
    """

    alias: str
    version: str | None
    percent: float
    state: ShadowState
    ready: bool
    failure: ShadowFailureReport | None
    memory_bytes: int


class DroppedReport(BaseModel):
    """How many requests were dropped for one reason, and a sentence that says it."""

    count: int
    message: str


class ShadowRequestsReport(BaseModel):
    """Requests that the shadow was to hear of.

    `compared` were answered by both, and in `different` of these a row is. `failed_alone` are those
    that only the shadow has answered, `shadow_failed_alone` those that it alone has not, both by
    the error's code. `dropped` are those of whom nothing is known, by why; `waiting` those that it
    has not come to.
    """

    heard: int
    compared: int
    different: int
    failed_alone: Mapping[str, int]
    shadow_failed_alone: Mapping[str, int]
    both_failed: int
    dropped: Mapping[str, DroppedReport]
    waiting: int
    waiting_bytes: int


class ShadowRowsReport(BaseModel):
    """Rows of requests that were compared: equal, close (numbers within a millionth), different."""

    compared: int
    equal: int
    close: int
    different: int
    different_share: float | None


class SpreadReport(BaseModel):
    """How numbers are spread, each within one percent; null where there is none."""

    count: int
    p50: float | None
    p90: float | None
    p99: float | None
    largest: float | None


class LabelReport(BaseModel):
    """A label that became another one, and how often."""

    served: str | int | bool | None
    shadow: str | int | bool | None
    count: int


class ShadowReport(BaseModel):
    """What the shadow of `name@alias` would have answered, beside what was answered.

    `shadow` is null where no tag names one; what was counted last is there until two other versions
    meet. `version` is the one that has answered, `shadow_version` the one that would have.
    `absolute_difference` is of numbers that are not equal, `seconds` of calls of the model, where
    the shadow's processes give way to all others. `labels` are those that became others, the most
    frequent first, `other_labels` those for which there was no room; both are null for who asks
    without a key, where predictions need one.
    """

    name: str
    alias: str
    shadow: ShadowSlotReport | None
    version: str | None
    shadow_version: str | None
    since: datetime | None
    requests: ShadowRequestsReport
    rows: ShadowRowsReport
    absolute_difference: SpreadReport
    seconds: SpreadReport
    shadow_seconds: SpreadReport
    labels: list[LabelReport] | None
    other_labels: int | None


class ShadowLines(Protocol):
    """`service.shadowing.shadowing.Shadowing`."""

    @property
    def lines(self) -> Mapping[ModelRef, ShadowLine]:
        """Of every slot whose shadow has heard of anything."""
        ...


@dataclass(frozen=True, slots=True)
class NoLines:
    """`ShadowLines` of a service without shadows."""

    lines: Mapping[ModelRef, ShadowLine] = field(default_factory=dict)


NO_LINES: Final = NoLines()


def shadow_router(slots: Slots, readers: Readers, hearing: ShadowLines) -> APIRouter:
    """`GET /models/{name}@{alias}/shadow`, open but for labels, which are for `readers`."""
    router = APIRouter(tags=["models"])
    beside = Beside("shadow")

    @router.get(
        "/models/{name:path}@{alias}/shadow", responses=UNKNOWN_MODEL, response_model=ShadowReport
    )
    async def shadow(request: Request, name: str, alias: str) -> Response:
        """What a slot's shadow would have answered, beside what was answered."""
        slot = slots.find(f"{name}@{alias}")
        line = hearing.lines.get(slot.ref)
        report = _report(slot, line, labels=readers.allow(request, str(slot.ref)))
        return Response(await beside.run(report.model_dump_json), media_type="application/json")

    return router


def shadow_of(slot: Slot) -> ShadowSlotReport | None:
    """The slot's shadow at a glance; None where no tag names one."""
    status = slot.shadow
    if status.ref is None:
        return None
    hosts = status.hosts
    return ShadowSlotReport(
        alias=status.ref.alias,
        version=None if status.version is None else status.version.version,
        percent=100 * status.share / WHOLE,
        state=status.state,
        ready=status.state is ShadowState.LISTENING,
        failure=None if status.failure is None else _failure(status.failure),
        memory_bytes=0 if hosts is None else hosts.memory_bytes,
    )


def _failure(failure: Failure) -> ShadowFailureReport:
    at = datetime.fromtimestamp(failure.at, UTC)
    return ShadowFailureReport(code=failure.code, message=failure.message, at=at)


def _report(slot: Slot, line: ShadowLine | None, *, labels: bool) -> ShadowReport:
    tally = ShadowTally() if line is None else line.tally
    versions = None if line is None else line.versions
    return ShadowReport(
        name=slot.ref.name,
        alias=slot.ref.alias,
        shadow=shadow_of(slot),
        version=None if versions is None else versions.served.version,
        shadow_version=None if versions is None else versions.heard.version,
        since=None if line is None else datetime.fromtimestamp(line.since, UTC),
        requests=_requests(tally, line),
        rows=_rows(tally.rows),
        absolute_difference=_spread(tally.rows.differences),
        seconds=_spread(tally.served_seconds),
        shadow_seconds=_spread(tally.heard_seconds),
        labels=_labels(tally.rows) if labels else None,
        other_labels=tally.rows.labels.others if labels else None,
    )


def _requests(tally: ShadowTally, line: ShadowLine | None) -> ShadowRequestsReport:
    return ShadowRequestsReport(
        heard=tally.requests,
        compared=tally.compared,
        different=tally.differed,
        failed_alone=dict(tally.served_failed),
        shadow_failed_alone=dict(tally.heard_failed),
        both_failed=tally.both_failed,
        dropped={
            why: DroppedReport(count=count, message=f"{REASONS[why].capitalize()}.")
            for why, count in tally.dropped.items()
        },
        waiting=0 if line is None else len(line.waiting),
        waiting_bytes=0 if line is None else line.held,
    )


def _rows(rows: RowTally) -> ShadowRowsReport:
    return ShadowRowsReport(
        compared=rows.rows,
        equal=rows.equal,
        close=rows.close,
        different=rows.different,
        different_share=rows.different / rows.rows if rows.rows else None,
    )


def _spread(numbers: Quantiles) -> SpreadReport:
    return SpreadReport(
        count=numbers.count,
        p50=numbers.at(0.5),
        p90=numbers.at(0.9),
        p99=numbers.at(0.99),
        largest=numbers.largest if numbers.count else None,
    )


def _labels(rows: RowTally) -> list[LabelReport]:
    return [
        LabelReport(served=served, shadow=heard, count=count)
        for served, heard, count in rows.labels.pairs
    ]
