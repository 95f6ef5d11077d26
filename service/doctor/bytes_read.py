"""Whether the models that are to be served can be had: looked up, read to the last byte, and gated.

By the service's own parts, with the account and the settings that it would have; nothing is loaded.
"""

import asyncio
import re
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from service.doctor.trouble import Trouble
from service.engine import Engine, Given
from service.errors import FollowingError
from service.following.dry_runs import DryRuns
from service.following.gates.gate import Candidacy
from service.following.journey import Journey
from service.following.ports import Clock, FetchedVersion, Missing, Resolution, Unanswered
from service.local.passing_folder import passing_folder
from service.observers import nobody
from service.promotion.dry_run_here import Here
from service.refs import ModelRef, VersionId
from service.zygote.front.process import LATE

# It follows nothing by itself.
_POLL_SECONDS: Final = 3600.0
_LOG: Final = re.compile(r"\bthe log\b", re.IGNORECASE)
_LONGEST_DETAIL: Final = 300
REGISTRY: Final = "the registry"
"""The subject of a trouble that keeps all models from being looked at."""
THIS_MACHINE: Final = "this machine"
"""The subject where no process could be started here, so that nothing was asked."""


def troubles_of_models(here: Here) -> Sequence[Trouble]:
    """One for each model that a service with these settings could not serve.

    Or the only one, where the registry answers about none of them.
    """
    with passing_folder() as folder:
        changed = {
            "models": (),
            "home": folder,
            "service_name": "doctor",
            "poll_seconds": _POLL_SECONDS,
            "resident": None,
            "model_tracking": False,
        }
        settings = here.settings.model_copy(update=changed)
        given = Given(settings, here.environment, surroundings=here.surroundings, loads=False)
        return asyncio.run(_all(given, here))


async def _all(given: Given, here: Here) -> Sequence[Trouble]:
    wanted = here.settings
    async with Engine.of(given, nobody()) as engine:
        try:
            found = await engine.registry.survey(wanted.refs, wanted.patterns, wanted.max_slots)
        except FollowingError as error:
            return [_trouble(REGISTRY, error)]
        if found.unlisted is not None and _nobody_answers(found.unlisted, found.found):
            return [_unanswered(REGISTRY, found.unlisted)]
        # Who names every model needs no list of them.
        missed = found.unlisted if wanted.patterns else None
        unlisted = [_unanswered("PODIUM_MODELS", missed)] if missed is not None else []
        return [*unlisted, *[each async for each in _each(engine, found.found)]]


def _nobody_answers(unlisted: Unanswered, found: Mapping[ModelRef, Resolution]) -> bool:
    """Whether each model meets what the list of all has met."""
    each = [isinstance(one, Unanswered) and one.code == unlisted.code for one in found.values()]
    return all(each)


async def _each(engine: Engine, found: Mapping[ModelRef, Resolution]) -> AsyncIterator[Trouble]:
    for ref, resolution in found.items():
        if isinstance(resolution, Missing):
            yield _missing(ref, resolution)
        elif isinstance(resolution, Unanswered):
            yield _unanswered(str(ref), resolution)
        else:
            for error in await _closed(engine, ref, resolution):
                yield _trouble(f"{ref} (version {resolution.version})", error)


async def _closed(engine: Engine, ref: ModelRef, version: VersionId) -> Sequence[FollowingError]:
    def placing(fetched: FetchedVersion) -> Candidacy:
        return Candidacy(ref, fetched, None)

    runs = DryRuns(engine.registry, engine.gates, Clock())
    try:
        return (await runs.judge(placing, version, Journey())).closed
    except FollowingError as error:
        return [error]


def _trouble(subject: str, error: FollowingError) -> Trouble:
    here = error.stage == "start" or error.reason == LATE
    said = _said(error.message, error.detail)
    return Trouble(THIS_MACHINE if here else subject, error.reason, said)


def _unanswered(subject: str, answer: Unanswered) -> Trouble:
    return Trouble(subject, answer.code, _said(answer.message, answer.detail))


def _said(message: str, detail: str) -> str:
    """With the words that a service's log would have, where the sentence sends somebody there."""
    first = detail.partition("\n")[0][:_LONGEST_DETAIL]
    return f"{message} Here it says: {first}" if first and _LOG.search(message) else message


def _missing(ref: ModelRef, what: Missing) -> Trouble:
    if what is Missing.MODEL:
        said = (
            f"The registry has no model {ref.name}, or none that this account may read: correct "
            f"PODIUM_MODELS, or register it and set its alias {ref.alias}."
        )
        return Trouble(str(ref), "model_missing", said)
    name, alias = shlex.quote(ref.name), shlex.quote(ref.alias)
    said = (
        f"{ref.name} has no alias {ref.alias}: correct PODIUM_MODELS; or, once "
        f"`podium validate {name} VERSION` has passed, "
        f"`podium promote {name} VERSION --alias {alias} --first` sets it."
    )
    return Trouble(str(ref), "alias_missing", said)
