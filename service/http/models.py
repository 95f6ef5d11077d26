"""What each slot serves, since when, what it should serve, and what failed last.

A picture of one instant, made of what the follower knows: asking never asks the registry.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from service.events.event_faults import EVENT_SENTENCES, EventTrouble
from service.following.servable import Binding, Servable
from service.following.slot import Slot
from service.following.slot_status import (
    ArmStatus,
    Failure,
    HeldAlias,
    LookStatus,
    SlotStatus,
    Standing,
    State,
)
from service.following.slots import Slots
from service.http.access import Readers
from service.http.bake_report import BakeReport, BakeVerdictReport, bake_of, verdict_of
from service.http.described import serving_example, signature_of
from service.http.environment_report import (
    ComingReport,
    EnvironmentReport,
    coming_of,
    environment_of,
)
from service.http.finding_report import FindingReport, findings_of
from service.http.openapi_parts import UNKNOWN_MODEL
from service.http.shadow import ShadowSlotReport, shadow_of
from service.http.written import cut, json_object, json_text, reply
from service.processes.front.beside import Beside
from service.rollout_tags import tag_name

# Of many slots: they are looked at where they may change, which is the loop.
_AT_A_TIME: Final = 50
_LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
_LONG: Final = ("signature", "request_schema", "serving_example")


class FailureReport(BaseModel):
    """What failed last: where, a stable code, a fixed sentence, when, and for which version."""

    stage: str
    code: str
    message: str
    at: datetime
    version: str | None


class FailureWhy(FailureReport):
    """The same for who comes with the admin token: the exception's type and text, and findings."""

    detail: str | None
    findings: list[FindingReport]


class LookReport(BaseModel):
    """How the look-ups of aliases go; `failure` until one succeeds again."""

    succeeded_at: datetime | None
    age_seconds: float | None
    failure: FailureWhy | FailureReport | None


class HostsReport(BaseModel):
    """The processes that predict for the current version, and why it is batched or not."""

    hosts: int
    restarts: int
    row_wise: bool
    row_wise_reason: str
    waiting: int
    memory_bytes: int


class HoldReport(BaseModel):
    """That a slot stays on what it serves, until when, and what its alias is on meanwhile.

    `until` is null where that is until somebody releases it. `unreadable`: a time is given that
    cannot be read, so that it holds until it is released.
    """

    until: datetime | None
    unreadable: bool
    alias_on: str | None


class HoldWhy(HoldReport):
    """The same for who comes with the admin token: why, as its author has written it."""

    reason: str


class ArmReport(BaseModel):
    """What has a share of a slot's requests: the slot's own first, then the arms of its tag.

    `weight` is the percentage that it gets now, 0 while it cannot answer, `wished` the one that it
    is to get. An arm that is a version has that as its alias, as `v7`. `requests` are those that it
    has answered or failed in this process since it came to the slot, `failures` the latter; null
    while it gets none.
    """

    alias: str
    version: str | None
    weight: float
    wished: float
    ready: bool
    requests: int | None
    failures: int | None
    failure: FailureWhy | FailureReport | None


class TagReport(BaseModel):
    """A tag that cannot be done as it stands; what it said before is in force still."""

    tag: str
    message: str


class SlotReport(BaseModel):
    """One slot. `lag_seconds` is for how long `aspired` has differed from `version`.

    `row_wise`: whether the current version's requests may share a call, and one sentence why or why
    not. `unsigned`: the current version has no signature, and its requests are not checked against
    one.
    `last_known_good_since`: since when it serves what it last served before the start, because the
    registry has not answered since, or has no such alias or model, or what the alias is on could
    not be served, or not yet.
    `missing`: it has nothing to serve: the registry has no such alias or model, and nothing that
    was served before stands in. `quarantined`: the aspired version, where that has failed by its
    own fault and is not tried again until the alias moves or an operator asks. `withdrawn`: the
    version that it should serve, or served last, where an operator has withdrawn that: requests are
    answered with 410 while it serves no other. `prepared`: a version that an operator has had made
    ready, which answers at once when the alias moves there. `held`: it stays on what it serves,
    which is what it aspires to then, wherever its alias is. `blocked`: the version that it serves,
    should serve, or that its alias is on, where an operator has blocked that. `bake`: how the
    current version does, where it is not proven yet. `verdict`: that the version that its alias is
    on did worse than the one before, and has given way. `environment`:
    what the current version runs in. `coming`: a version on its way that it is after. `arm`:
    it is there for a tag that names it as an arm alone, and has no route of its own. `arms`: who
    answers its requests, where a tag shares them; `epoch` grows with each change of that, and with
    each swap. `wrong_tags`: what is wrong with tags that steer it. `shadow`: who hears of its
    requests, and answers none.
    """

    name: str
    alias: str
    state: State
    ready: bool
    version: str | None
    since: datetime | None
    lag_seconds: float
    aspired: str | None
    unsigned: bool
    row_wise: bool | None
    row_wise_reason: str | None
    last_known_good_since: datetime | None
    missing: bool
    quarantined: str | None
    withdrawn: str | None
    prepared: str | None
    held: HoldWhy | HoldReport | None
    blocked: str | None
    bake: BakeReport | None
    verdict: BakeVerdictReport | None
    environment: EnvironmentReport | None
    coming: ComingReport | None
    shadow: ShadowSlotReport | None
    arm: bool
    arms: list[ArmReport]
    epoch: int
    wrong_tags: list[TagReport]
    last_failure: FailureWhy | FailureReport | None


class SlotDetail(SlotReport):
    """One slot with its current version's signature and an example of a request.

    `instance` is a word of this process's own from its start to its end: by it those behind one
    address are told apart.
    `signature`, `request_schema` and `serving_example` are null for who asks without a key, where
    predictions need one.
    """

    instance: str
    look: LookReport
    signature: Mapping[str, Any] | None
    request_schema: Mapping[str, Any] | None
    serving_example: Any | None
    hosts: HostsReport | None


class PatternsReport(BaseModel):
    """What the service follows by patterns.

    `unmatched` are those that have found nothing; `left_out` is how many more models and aliases
    they mean than there may be slots. `default` is the slot of the default routes, null where there
    are patterns alone: what they find has no order that lasts.
    """

    default: str | None
    patterns: list[str]
    unmatched: list[str]
    left_out: int


class WithdrawnReport(BaseModel):
    """A version that nobody is answered by; `source`, `operator` or `tag`, can take that back."""

    model: str
    version: str
    source: str
    at: datetime


class WithdrawnWhy(WithdrawnReport):
    """The same for who comes with the admin token: what the tag says of why, as it was written."""

    reason: str


class LostEventsReport(BaseModel):
    """That events do not reach their receiver: since when, how many are lost, why the last one."""

    since: datetime
    lost: int
    code: str
    message: str


class ModelsReport(BaseModel):
    """Every slot as configured, of which the first serves the default routes; then by name.

    The latter are what patterns have found; `patterns` is there where there are any. `withdrawn` is
    everything of these models that stands withdrawn, whatever slots serve. `events` is there while
    events are being lost. `instance` is a word of this process's own from its start to its end.
    """

    instance: str
    models: list[SlotReport]
    look: LookReport
    withdrawn: list[WithdrawnWhy | WithdrawnReport]
    patterns: PatternsReport | None = None
    events: LostEventsReport | None = None


def models_router(
    slots: Slots,
    clock: Callable[[], float],
    readers: Readers,
    instance: str,
    lost_events: Callable[[], EventTrouble | None],
) -> APIRouter:
    """The pages, open but for what is for `readers` or their operator alone.

    `clock` gives seconds since 1970, `instance` is this process's own word.
    """
    router = APIRouter(tags=["models"])
    beside = Beside("models")
    texts = ModelsTexts(slots, clock, instance, lost_events, beside)

    @router.get("/models", response_model=ModelsReport)
    async def models(request: Request) -> Response:
        """Every slot at this instant."""
        return reply(await texts.whole(why=readers.admin.allows(request)))

    @router.get("/models/{name:path}@{alias}", responses=UNKNOWN_MODEL, response_model=SlotDetail)
    async def model(request: Request, name: str, alias: str) -> Response:
        """One slot at this instant, with its signature."""
        now, why = clock(), readers.admin.allows(request)
        slot = slots.find(f"{name}@{alias}")
        report, look = _report(slot, now, why=why), _look(slots.look, now, why=why)
        hosts = _hosts(slot.binding)
        shown = slot.binding if readers.allow(request, str(slot.ref)) else None
        return reply(await beside.run(_written, instance, shown, report, look, hosts))

    return router


class ModelsTexts:
    """What `GET /models` answers, and its parts, as JSON: made of one instant, written `beside`.

    With `why` they say what is for their operator alone.
    """

    def __init__(
        self,
        slots: Slots,
        clock: Callable[[], float],
        instance: str,
        lost_events: Callable[[], EventTrouble | None],
        beside: Beside,
    ) -> None:
        self._slots = slots
        self._clock = clock
        self._instance = instance
        self._lost_events = lost_events
        self._beside = beside

    async def whole(self, *, why: bool) -> Sequence[bytes]:
        """All of it, in pieces for `reply`."""
        slots, now = self._slots, self._clock()
        more = {"patterns": _patterns(slots), "events": _lost(self._lost_events())}
        look = _look(slots.look, now, why=why)
        reports = await _reports(slots.values(), now, why=why)
        written = partial(_written_list, self._instance, reports, look, more, slots, why=why)
        return await self._beside.run(written)

    async def slots(self, slots: Iterable[Slot], *, why: bool) -> Sequence[bytes]:
        """Each of these, as it stands in the list."""
        reports = await _reports(slots, self._clock(), why=why)
        return await self._beside.run(lambda: [_text(SlotReport(**each)) for each in reports])

    def look(self, *, why: bool) -> bytes:
        """How the look-ups of aliases go."""
        return _text(_look(self._slots.look, self._clock(), why=why))

    @property
    def others(self) -> object:
        """Compares as equal for as long as nothing changes but slots and looks."""
        slots = self._slots
        return (*slots.tombstones.standing,), slots.unmatched, slots.left_out, self._lost_events()


def report_of(slot: Slot, now: float) -> SlotReport:
    """One slot at that instant, in seconds since 1970, for its operator."""
    return SlotReport(**_report(slot, now, why=True))


def _report(slot: Slot, now: float, *, why: bool) -> dict[str, Any]:
    status = slot.status
    return {
        "name": status.ref.name,
        "alias": status.ref.alias,
        "state": status.state,
        "ready": status.ready,
        "version": None if status.version is None else status.version.version,
        "since": _time(status.since),
        "lag_seconds": status.lag(now),
        "aspired": None if status.aspired is None else status.aspired.version,
        "unsigned": _is_unsigned(slot),
        **_row_wise(slot),
        "last_known_good_since": _time(status.last_known_good_since),
        "missing": status.missing,
        "quarantined": None if status.quarantined is None else status.quarantined.version,
        "withdrawn": None if status.withdrawn is None else status.withdrawn.version,
        "prepared": None if status.prepared is None else status.prepared.version,
        "held": _held(status.held, why=why),
        "blocked": None if status.blocked is None else status.blocked.version,
        "bake": bake_of(status.bake),
        "verdict": verdict_of(status.verdict),
        "environment": environment_of(slot.binding),
        "coming": coming_of(status.coming),
        "shadow": shadow_of(slot),
        "arm": status.standing is Standing.ARM,
        "arms": _arms(slot, status, why=why),
        "epoch": status.epoch,
        "wrong_tags": _wrong_tags(status),
        "last_failure": _failure(status.failure, why=why),
    }


def _arms(slot: Slot, status: SlotStatus, *, why: bool) -> list[ArmReport]:
    bound = {each.binding.ref: each.binding for each in slot.traffic.arms}
    return [_arm(each, bound.get(each.ref), why=why) for each in status.arms]


def _arm(arm: ArmStatus, binding: Binding | None, *, why: bool) -> ArmReport:
    # As callers have got it: what a bake has spared of either is spared of no arm.
    tally = None if binding is None else binding.outcomes.tally
    return ArmReport(
        alias=arm.ref.alias,
        version=None if arm.version is None else arm.version.version,
        weight=arm.weight / 100,
        wished=arm.wished / 100,
        ready=arm.ready,
        requests=None if tally is None else tally.requests,
        failures=None if tally is None else tally.failed,
        failure=_failure(arm.failure, why=why),
    )


def _wrong_tags(status: SlotStatus) -> list[TagReport]:
    wrong = status.wrong_tags.items()
    alias = status.ref.alias
    return [TagReport(tag=tag_name(kind, alias), message=message) for kind, message in wrong]


def _held(held: HeldAlias | None, *, why: bool) -> HoldReport | None:
    if held is None:
        return None
    report = HoldReport(
        until=held.hold.until,
        unreadable=bool(held.hold.unreadable),
        alias_on=None if held.alias_on is None else held.alias_on.version,
    )
    return HoldWhy(**report.model_dump(), reason=held.hold.reason) if why else report


def _row_wise(slot: Slot) -> dict[str, Any]:
    binding = slot.binding
    if binding is None or not binding.servable.proven:
        return {"row_wise": None, "row_wise_reason": None}
    pool = binding.servable.predictor.status
    return {"row_wise": pool.row_wise, "row_wise_reason": pool.row_wise_reason}


def _is_unsigned(slot: Slot) -> bool:
    binding = slot.binding
    signature = None if binding is None else signature_of(binding.servable)
    return signature is not None and bool(signature.get("unsigned"))


def _hosts(binding: Binding | None) -> HostsReport | None:
    if binding is None:
        return None
    return HostsReport.model_validate(binding.servable.predictor.status, from_attributes=True)


def _patterns(slots: Slots) -> PatternsReport | None:
    if not slots.patterns:
        return None
    return PatternsReport(
        default=str(slots.default.ref) if slots.has_default else None,
        patterns=list(map(str, slots.patterns)),
        unmatched=list(slots.unmatched),
        left_out=slots.left_out,
    )


def _lost(trouble: EventTrouble | None) -> LostEventsReport | None:
    if trouble is None:
        return None
    since, fault = datetime.fromtimestamp(trouble.since, UTC), trouble.fault
    return LostEventsReport(
        since=since, lost=trouble.lost, code=fault, message=EVENT_SENTENCES[fault]
    )


async def _reports(slots: Iterable[Slot], now: float, *, why: bool) -> Sequence[dict[str, Any]]:
    reports = []
    for number, slot in enumerate(slots, start=1):
        reports.append(_report(slot, now, why=why))
        if not number % _AT_A_TIME:
            await asyncio.sleep(0)
    return reports


def _written_list(  # noqa: PLR0913 - a page's
    instance: str,
    reports: Sequence[dict[str, Any]],
    look: LookReport,
    more: Mapping[str, BaseModel | None],
    slots: Slots,
    *,
    why: bool,
) -> Sequence[bytes]:
    listed = b",".join(_text(SlotReport(**each)) for each in reports)
    names = {each["name"] for each in reports}
    withdrawn = b",".join(map(_text, _withdrawn(slots, names, why=why)))
    members = {
        "instance": json_text(instance),
        "models": b"[%b]" % listed,
        "look": _text(look),
        "withdrawn": b"[%b]" % withdrawn,
    }
    members |= {name: _text(each) for name, each in more.items() if each is not None}
    return cut([json_object(members)])


def _withdrawn(slots: Slots, names: Collection[str], *, why: bool) -> Iterator[WithdrawnReport]:
    """Of models of those names: other services of the home follow others."""
    for stone in slots.tombstones.standing:
        if stone.name not in names:
            continue
        report = WithdrawnReport(
            model=stone.name,
            version=stone.version,
            source=stone.source,
            # As a file has it, which anybody may have written.
            at=datetime.fromtimestamp(min(max(0.0, stone.at), _LATEST), UTC),
        )
        yield WithdrawnWhy(**report.model_dump(), reason=stone.reason) if why else report


def _written(
    instance: str,
    binding: Binding | None,
    report: dict[str, Any],
    look: LookReport,
    hosts: HostsReport | None,
) -> Sequence[bytes]:
    """`SlotDetail`, whose long parts no model of pydantic's is made of."""
    shown = SlotReport(**report).model_dump(mode="json") | dict.fromkeys(_LONG)
    if binding is not None:
        servable = binding.servable
        said = (signature_of, _request_schema, serving_example)
        shown |= {key: of(servable) for key, of in zip(_LONG, said, strict=True)}
    members = {key: json_text(value) for key, value in shown.items()}
    members |= {"look": _text(look), "hosts": b"null" if hosts is None else _text(hosts)}
    members["instance"] = json_text(instance)
    return cut([json_object(members)])


def _request_schema(servable: Servable) -> Mapping[str, Any]:
    return servable.contract.request_schema


def _text(report: BaseModel) -> bytes:
    return report.model_dump_json().encode()


def _look(look: LookStatus, now: float, *, why: bool) -> LookReport:
    return LookReport(
        succeeded_at=_time(look.succeeded_at),
        age_seconds=None if look.succeeded_at is None else max(0.0, now - look.succeeded_at),
        failure=_failure(look.failure, why=why),
    )


def _failure(failure: Failure | None, *, why: bool) -> FailureReport | None:
    if failure is None:
        return None
    report = FailureReport(
        stage=failure.stage,
        code=failure.code,
        message=failure.message,
        at=datetime.fromtimestamp(failure.at, UTC),
        version=None if failure.version is None else failure.version.version,
    )
    if not why:
        return report
    return FailureWhy(
        **report.model_dump(),
        detail=failure.detail or None,
        findings=findings_of(failure.findings),
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
