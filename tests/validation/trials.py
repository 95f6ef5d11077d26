"""An engine for trials, and versions that are put on trial by it."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from service.config.settings import load_settings
from service.engine import Engine, Given
from service.parts import new_scratch
from service.refs import ModelRef, VersionId
from service.validation.findings import Judgement
from service.validation.policy.reading import read_policy
from service.validation.quality.evaluation_data import EvaluationData
from service.validation.trial.heard import Heard
from service.validation.trial.version_on_trial import Staging, for_trial
from service.validation.trial_run import TrialFindings, TrialRun, TrialSubject
from tests.support.registered import Registry

SECONDS = 300.0
# So little that a test takes no longer than its hosts take to start.
SHORT: Mapping[str, Any] = {
    "load.seconds": 0.3,
    "load.rounds": 3,
    "load.rows": 20,
    "timeout_seconds": SECONDS,
}


class Untold:
    """Nobody looks on."""

    def stage(self, title: str) -> None:
        """Not heard."""

    def advanced(self, done: int, of: int) -> None:
        """Not heard."""

    def judged(self, judgement: Judgement) -> None:
        """Not heard."""

    def detail(self, text: str) -> None:
        """Not heard."""


class Trials:
    """Puts versions of one model on trial."""

    def __init__(self, registry: Registry, staging: Staging) -> None:
        self.registry = registry
        self._staging = staging

    async def judged(
        self,
        place: Path,
        against: str | None = None,
        tags: Mapping[str, str] | None = None,
        *,
        may_write: bool = False,
    ) -> TrialFindings:
        """What comes of the version that lies there, beside version `against`."""
        return await self.by({}, place, against, tags, may_write=may_write)

    async def by(  # noqa: PLR0913 - what a command may be asked
        self,
        policy: Mapping[str, Any],
        place: Path,
        against: str | None = None,
        tags: Mapping[str, str] | None = None,
        *,
        may_write: bool = False,
        data: EvaluationData | None = None,
    ) -> TrialFindings:
        """The same by a policy that says this, too.

        `against` is a number, or what is none: an alias that is on no version.
        """
        number = self.registry.add(place, **(tags or {}))
        ref = None if against is None else ModelRef(self.registry.name, "champion")
        other = self.id(against) if against is not None and against.isdigit() else None
        wanted = TrialSubject(self.id(number), ref, other, may_write=may_write)
        run = TrialRun(wanted, read_policy(None, {**SHORT, **policy}), data, Untold())
        return await run.judge(self._staging)

    def id(self, number: str) -> VersionId:
        """That version's."""
        model = self.registry.client.get_registered_model(self.registry.name)
        return VersionId(self.registry.name, int(model.creation_timestamp), number)


@asynccontextmanager
async def trials(
    folder: Path, database: Path, name: str, seconds: float | None = SECONDS
) -> AsyncIterator[Trials]:
    """An engine as `podium validate` has it; gone at the end, and after so many seconds."""
    address = f"sqlite:///{database}"
    settings = for_trial(load_settings({"home": folder / "home"}), "validation_status")
    environment = {**os.environ, "MLFLOW_TRACKING_URI": address}
    heard = Heard(lambda _, __: None)
    async with (
        asyncio.timeout(seconds),
        Engine.of(Given(settings, environment), heard.observers()) as engine,
    ):
        scratch = new_scratch(settings)
        yield Trials(Registry(address, name), Staging(engine, heard, scratch))


def failed(found: TrialFindings) -> dict[str, str]:
    """What speaks against it: the sentences, by name."""
    return {each.name: each.sentence for each in found.judgements if each.verdict != "passed"}


def sentences(found: TrialFindings) -> dict[str, str]:
    """Everything that was looked at, by name."""
    return {each.name: each.sentence for each in found.judgements}
