"""What versions need on this machine: asked of their artifacts, and built where that is wanted.

By an engine that follows nothing, as the service would: the same choice, the same folder of
environments, the same gate of requirements.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeVar

from service.config.settings import Settings
from service.engine import Engine, Given
from service.environments.environment import BuildProgress, BuiltEnvironment
from service.errors import FollowingError, VersionFault
from service.following.gates.gate import GateFinding
from service.following.ports import FetchedVersion
from service.local.passing_folder import passing_folder
from service.observers import nobody
from service.refs import ModelRef, VersionId

Provided = Literal["own", "there", "to_build", "built", "stands_in", "refused", "undecided"]

_POLL_SECONDS: Final = 3600.0
_NAME: Final = "env"
_Result = TypeVar("_Result")
# What uv warns of is not why it has failed, and its pages of that stand before the cause.
_WARNING: Final = re.compile(r"^\s*(?:warning|hint)\b", re.IGNORECASE)
# What uv draws before its lines.
_DRAWN: Final = "\N{MULTIPLICATION SIGN}╰├│─▶→┬ "
_MOST_CAUSE: Final = 600
_FORESEEN: Final[Mapping[str, Provided]] = {
    "environment_there": "there",
    "environment_kept": "there",
    "environment_to_build": "to_build",
}


@dataclass(frozen=True, slots=True)
class Provision:
    """Where one version runs on this machine, or why it cannot.

    Attributes:
        name: the model's.
        version: its number; empty where no alias says one.
        alias: the alias that was asked about; empty: none was.
        outcome: `own`: Podium's environment satisfies it; `there` and `to_build`: one of its own,
            that is here or would be built; `built`: it was, now; `stands_in`: Podium's, for want of
            one of its own; `refused` and `undecided`: it cannot run here, or not as things stand.
        code: a stable word for why, empty where there is nothing to say.
        sentence: for people.
        built: the environment, where there is one now.
    """

    name: str
    version: str
    alias: str
    outcome: Provided
    code: str
    sentence: str
    built: BuiltEnvironment | None = None


class TellsOfEach(Protocol):
    """Is told of versions one after the other while they are looked at."""

    def begins(self, number: int, many: int, name: str, alias: str, version: str) -> None:
        """The version of that number, of so many, is asked about; empty: the alias has none."""

    def ends(self, found: Provision) -> None:
        """What has come of it."""


@dataclass(frozen=True, slots=True)
class ProvisionsHere:
    """Asks and builds by these settings, with MLflow's address and credentials in `environment`."""

    settings: Settings
    environment: Mapping[str, str]
    environments: Path

    def check(self, tells: TellsOfEach) -> Sequence[Provision]:
        """Of what each alias of the settings is on now. Raises `FollowingError`, `HomeUnusable`."""
        settings = self.settings
        wanted = (settings.refs, settings.patterns, settings.max_slots)

        async def checked(engine: Engine) -> Sequence[Provision]:
            look = await engine.registry.survey(*wanted)
            return [each async for each in _each(engine, look.found, tells)]

        return self._run(checked)

    def build(self, version: VersionId, tell: Callable[[BuildProgress], None]) -> Provision:
        """Builds what the version needs. Raises `HomeUnusable`; what fails is its outcome."""

        async def built(engine: Engine) -> Provision:
            return await _of(engine, version, lambda each: _built(engine, each, tell))

        return self._run(built)

    def _run(self, work: Callable[[Engine], Awaitable[_Result]]) -> _Result:
        async def run(folder: Path) -> _Result:
            # It follows nothing: that would build and load what is only asked about.
            changed: dict[str, Any] = {
                "models": (),
                "home": folder,
                "service_name": _NAME,
                "poll_seconds": _POLL_SECONDS,
                "model_tracking": False,
            }
            settings = self.settings.model_copy(update=changed)
            given = Given(
                settings,
                self.environment,
                loads=False,
                environments=self.environments,
                served=self.settings.history_folder(self.environment),
            )
            async with Engine.of(given, nobody()) as engine:
                return await work(engine)

        with passing_folder() as folder:
            return asyncio.run(run(folder))


async def _each(
    engine: Engine, found: Mapping[ModelRef, object], tells: TellsOfEach
) -> AsyncIterator[Provision]:
    for number, (ref, version) in enumerate(found.items(), start=1):
        known = version if isinstance(version, VersionId) else None
        tells.begins(number, len(found), ref.name, ref.alias, known.version if known else "")
        if known is not None:
            told = await _of(engine, known, lambda each: _foreseen(engine, each))
            told = replace(told, alias=ref.alias)
        else:
            said = "The alias is on no version, or the registry does not say on which."
            told = Provision(ref.name, "", ref.alias, "undecided", "no_version", said)
        tells.ends(told)
        yield told


async def _of(
    engine: Engine,
    version: VersionId,
    provide: Callable[[FetchedVersion], Awaitable[Provision]],
) -> Provision:
    try:
        fetched = await engine.registry.fetch(version)
        try:
            return await provide(fetched)
        finally:
            fetched.lease.release()
    except FollowingError as error:
        outcome: Provided = "refused" if isinstance(error, VersionFault) else "undecided"
        cause = cause_in(error.detail)
        said = f"{error.message} ({cause})" if cause else error.message
        return Provision(version.name, version.version, "", outcome, error.reason, said)


def cause_in(detail: str) -> str:
    """A detail of many lines as one that says why: without what uv warns of, and bounded."""
    lines = [line.strip().strip(_DRAWN) for line in detail.splitlines() if not _WARNING.match(line)]
    said = " ".join(filter(None, lines))
    return said if len(said) <= _MOST_CAUSE else f"{said[:_MOST_CAUSE]}..."


async def _foreseen(engine: Engine, fetched: FetchedVersion) -> Provision:
    choice = await engine.environments.choose(fetched)
    if not choice.builds:
        findings = await engine.environments.judge(fetched, choice)
        return _podiums(fetched, findings, stands_in=choice.instead is not None)
    findings = await engine.environments.foresee(fetched, choice)
    found = findings[-1]
    outcome = _FORESEEN.get(found.code)
    if outcome is None:
        return _podiums(fetched, findings, stands_in=True)
    return _provision(fetched, outcome, found.code, found.sentence)


async def _built(
    engine: Engine, fetched: FetchedVersion, tell: Callable[[BuildProgress], None]
) -> Provision:
    choice = await engine.environments.choose(fetched)
    if not choice.builds:
        return await _foreseen(engine, fetched)
    runs_in = await engine.environments.find(fetched, choice, tell)
    runs_in.release()
    built = runs_in.built
    if built is None:
        return _podiums(fetched, runs_in.findings, stands_in=True)
    outcome: Provided = "built" if built.built else "there"
    word = "Built" if built.built else "It is there"
    said = f"{word}: Python {built.python}, {len(built.packages)} packages, in {built.folder}."
    return replace(_provision(fetched, outcome, "", said), built=built)


def _podiums(
    fetched: FetchedVersion, findings: Sequence[GateFinding], *, stands_in: bool
) -> Provision:
    if not stands_in:
        return _provision(fetched, "own", "", "Podium's own environment satisfies it.")
    return _provision(fetched, "stands_in", findings[0].code, findings[0].sentence)


def _provision(fetched: FetchedVersion, outcome: Provided, code: str, said: str) -> Provision:
    version = fetched.version
    return Provision(version.name, version.version, "", outcome, code, said)
