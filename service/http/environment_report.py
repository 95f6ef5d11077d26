"""Where a slot's version runs, and how far one has come that is on its way."""

import platform

from pydantic import BaseModel

from service.following.servable import Binding
from service.following.slot_status import OnItsWay


class EnvironmentReport(BaseModel):
    """What the current version runs in. `key` is null for Podium's own environment.

    `packages` is how many are installed in one of the version's own. `awaited`: Podium's own stands
    in until one of its own can be built, which is tried on. `memory_bytes` is what the
    version's own processes take there, of a moment ago; `zygote_memory_bytes` what the libraries
    take of the process that these are forked from, once for all versions of that environment, as it
    was when that was built, null for Podium's own and where nobody knows.
    """

    key: str | None
    python: str
    packages: int | None
    memory_bytes: int
    zygote_memory_bytes: int | None
    awaited: bool


class ComingReport(BaseModel):
    """A version on its way: at which stage it is, null between two.

    While its environment is built `step` is `resolve`, `install` or `verify`, and `packages` how
    many there are, null before that is known.
    """

    version: str
    stage: str | None
    step: str | None
    packages: int | None


def environment_of(binding: Binding | None) -> EnvironmentReport | None:
    """Of what serves; None where nothing does."""
    if binding is None:
        return None
    runs_in = binding.servable.runs_in
    built = runs_in.built
    return EnvironmentReport(
        key=None if built is None else built.key,
        python=platform.python_version() if built is None else built.python,
        packages=None if built is None else len(built.packages),
        memory_bytes=binding.servable.predictor.status.memory_bytes,
        zygote_memory_bytes=None if built is None else built.memory_bytes or None,
        awaited=runs_in.awaited,
    )


def coming_of(coming: OnItsWay | None) -> ComingReport | None:
    """Of what is on its way; None where nothing is."""
    if coming is None:
        return None
    building = coming.building
    return ComingReport(
        version=coming.version.version,
        stage=coming.stage,
        step=None if building is None else building.step,
        packages=None if building is None else building.packages or None,
    )
