"""What gates would say of a version by the command's own settings, with the service's own parts.

Both versions are fetched into a folder of its own that nobody has used before, and compared there;
nothing is loaded, and nothing is left.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.config.settings import Settings
from service.config.surroundings import GivenToModels
from service.engine import Engine, Given
from service.errors import FollowingError, VersionFault
from service.following.dry_runs import DryRuns
from service.following.gates.gate import Candidacy, GateClosed
from service.following.journey import Journey
from service.following.ports import Clock, FetchedVersion
from service.local.passing_folder import passing_folder
from service.observers import nobody
from service.promotion.instance import InstanceFinding, InstanceRefusal, InstanceTold, NotTold
from service.refs import ModelRef, VersionId

# It follows nothing.
_POLL_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Here:
    """By what it is judged: settings in force, MLflow's address and credentials, variables."""

    settings: Settings
    environment: Mapping[str, str]
    surroundings: GivenToModels


def judged_here(
    here: Here, ref: ModelRef, version: VersionId, serving: VersionId | None
) -> InstanceTold | NotTold:
    """As an instance would tell it that has these settings, and serves what the alias is on."""
    with passing_folder() as folder:
        changed: dict[str, Any] = {
            "models": (),
            "home": folder,
            "service_name": "plan",
            "poll_seconds": _POLL_SECONDS,
            "resident": None,
            "model_tracking": False,
        }
        settings = here.settings.model_copy(update=changed)
        given = Given(
            settings,
            here.environment,
            surroundings=here.surroundings,
            loads=False,
            environments=here.settings.environments_folder,
            served=here.settings.history_folder(here.environment),
        )
        try:
            return asyncio.run(_judged(given, ref, version, serving))
        except FollowingError as error:
            passing = not isinstance(error, VersionFault)
            return NotTold("undecided" if passing else "refused", error.reason, _said(error))


async def _judged(
    given: Given, ref: ModelRef, version: VersionId, serving: VersionId | None
) -> InstanceTold:
    journey, clock = Journey(), Clock()
    async with Engine.of(given, nobody()) as engine, _fetched(engine, serving) as before:
        runs = DryRuns(engine.registry, engine.gates, clock, engine.environments)

        def placing(fetched: FetchedVersion) -> Candidacy:
            return Candidacy(ref, fetched, before)

        said = await runs.judge(placing, version, journey)
    return InstanceTold(
        version=version.version,
        state="refused" if said.closed else "passed",
        stage=None,
        stages=journey.seconds,
        findings=[
            InstanceFinding(gate=each.gate, code=each.code, sentence=each.sentence)
            for each in journey.findings
        ],
        refusals=[_refusal(each) for each in said.closed],
        why=None,
        digest=said.artifact.digest or None,
        artifact_bytes=said.artifact.size,
        serves=None,
        serving_memory_bytes=None,
    )


@contextlib.asynccontextmanager
async def _fetched(engine: Engine, version: VersionId | None) -> Any:
    """What the alias is on; None where that cannot be had any more."""
    found = None
    if version is not None:
        with contextlib.suppress(VersionFault):
            found = await engine.registry.fetch(version)
    try:
        yield found
    finally:
        if found is not None:
            found.lease.release()


def _refusal(error: FollowingError) -> InstanceRefusal:
    return InstanceRefusal(
        stage=error.stage,
        code=error.reason,
        message=error.message,
        detail=error.detail or None,
        gate=error.gate if isinstance(error, GateClosed) else None,
        passing=not isinstance(error, VersionFault),
    )


def _said(error: FollowingError) -> str:
    detail = f" ({error.detail})" if error.detail else ""
    return f"{error.reason}: {error.message}{detail}"
