"""How what a slot serves bakes, and what has given way there, as pages tell it."""

from datetime import UTC, datetime

from pydantic import BaseModel

from service.following.bake import Bake, BakeVerdict


class BakeReport(BaseModel):
    """How the version that serves has done so far, beside the one that it gives way to.

    It is proven once it has had 100 requests and `until` has come, or `most_until` has: `unproven`
    says that the former has come, and too few requests have; `failing` that it is not proven for
    failing so much, until that changes. `failures` of `requests` are what speaks against it, since
    `older` was there to be compared with: of `failed` ones those that fail with the older version
    as well are `spared`, as is their share of the others. `older`: null where none is kept warm.
    """

    since: datetime
    until: datetime
    most_until: datetime
    unproven: bool
    failing: bool
    requests: int
    failures: int
    failed: int
    tried: int
    spared: int
    older: str | None
    older_requests: int
    older_failures: int


class BakeVerdictReport(BaseModel):
    """That the version that the alias is on has done worse, and gave way to `proven`."""

    version: str
    code: str
    message: str
    at: datetime
    proven: str


def bake_of(bake: Bake | None) -> BakeReport | None:
    """At this instant."""
    if bake is None:
        return None
    tally, old = bake.tally, bake.proven_sample
    new = tally.sample
    return BakeReport(
        since=_time(bake.at),
        until=_time(bake.at + bake.rule.seconds),
        most_until=_time(bake.at + bake.rule.most_seconds),
        unproven=bake.unproven,
        failing=bake.failing,
        requests=new.requests,
        failures=new.failures,
        failed=tally.failed,
        tried=tally.tried,
        spared=tally.spared,
        older=None if bake.older is None else bake.older.servable.version.version,
        older_requests=old.requests,
        older_failures=old.failures,
    )


def verdict_of(verdict: BakeVerdict | None) -> BakeVerdictReport | None:
    """As it was spoken."""
    if verdict is None:
        return None
    return BakeVerdictReport(
        version=verdict.version.version,
        code=verdict.code,
        message=verdict.message,
        at=_time(verdict.at),
        proven=verdict.proven,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
