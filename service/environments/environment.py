"""What a version wants to run with, what is built for that, and who is asked to build it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from service.errors import PassingFault, VersionFault

STAGE = "environment"
SELDOM_SECONDS: Final = 900.0
"""How long pauses grow between tries that cost a whole build each."""
_COSTLY: Final = frozenset({"disk_full", "environment_failed", "environment_timed_out"})
_SELDOM: Final = (
    "It is tried again after pauses that grow to a quarter of an hour; `podium reload` tries it "
    "now."
)


@dataclass(frozen=True, slots=True)
class EnvironmentWish:
    """What a version was logged with, as far as its artifact says; pure, compared by value.

    Attributes:
        python: the version of Python that it was logged with, as `3.11.7`; empty: it does not say.
        requirements: one a line, each written anew from its parsed name, extras, specifier, marker.
        build_requirements: those of python_env.yaml's `build_dependencies`, likewise.
        constraints: those of the constraints file in the artifact, likewise.
        wheels: files of the artifact that it names.
        cut_off: the end of the day when it was logged; packages published later are not for it.
            None: unknown.
        indexes: addresses of package indexes that it names, without credentials.
        unasked: lines that name places of packages that cannot be asked, as `Line 2 of FILE`.
        uv_lock: the artifact's own `uv.lock`, if it has one that can be used.
        mlflow: the MLflow that has logged it; empty: it does not say.
        hashes: names of packages, each with a hash that a file of it may have; others may not.
    """

    python: str
    requirements: tuple[str, ...]
    build_requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    wheels: tuple[Path, ...] = ()
    cut_off: datetime | None = None
    indexes: tuple[str, ...] = ()
    uv_lock: Path | None = None
    mlflow: str = ""
    hashes: tuple[tuple[str, str], ...] = ()
    unasked: tuple[str, ...] = ()


class EnvironmentRefused(VersionFault):
    """No environment can be built for the version here, as things stand.

    `reason` is a stable code: `python_too_old`, `python_missing`, `mlflow_too_old`,
    `conda_package`, `requirement_by_address`, `source_build`, `package_nowhere`, ...
    """

    def __init__(self, reason: str, message: str, detail: str = "") -> None:
        super().__init__(STAGE, reason, message, detail)


class EnvironmentDelayed(PassingFault):
    """None can be built now: the index is down or slow, the disk is full; it is tried again.

    Where each try costs a whole build, and nobody knows that the next one will do better, less and
    less often, which is said.
    """

    def __init__(self, reason: str, message: str, detail: str = "") -> None:
        is_costly = reason in _COSTLY
        super().__init__(STAGE, reason, f"{message} {_SELDOM}" if is_costly else message, detail)
        if is_costly:
            self.longest_pause = SELDOM_SECONDS


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """How far a build has come: `step` is `resolve`, `install` or `verify`; 0 packages: unknown."""

    step: str
    packages: int = 0


class EnvironmentLease(Protocol):
    """A right to an environment's files: nobody removes them until it is released."""

    def release(self) -> None:
        """Gives it back; may be called again. Returns at once, and raises nothing."""


@dataclass(frozen=True, slots=True)
class BuiltEnvironment:
    """An environment that is complete on this machine.

    Attributes:
        key: the hash of its lock, interpreter and platform: 64 hexadecimal digits.
        folder: where it lies.
        interpreter: its Python, to be started with `-I`.
        python: the version of that, as `3.11.7`.
        packages: the versions of all that is installed, by canonical name.
        findings: code and sentence of what was seen while it was built, and is no obstacle.
        memory_bytes: what the libraries take that its zygote imports, as it was when it was built;
            0: nobody knows.
        lease: keeps it there.
        built: whether it had to be built; False: it was there.
    """

    key: str
    folder: Path
    interpreter: Path
    python: str
    packages: Mapping[str, str]
    findings: tuple[tuple[str, str], ...] = ()
    memory_bytes: int = 0
    lease: EnvironmentLease | None = field(default=None, compare=False, repr=False)
    built: bool = False


@dataclass(frozen=True, slots=True)
class ForeseenBuild:
    """What building would come to: `there`, whether nothing would have to be built.

    `memory_bytes` is as in `BuiltEnvironment`; 0 where it is not there.
    """

    key: str
    python: str
    packages: int
    there: bool
    memory_bytes: int = 0


class BuildsEnvironments(Protocol):
    """Whoever builds environments, one build for all who want the same, and keeps them on disk."""

    async def environment(
        self, wish: EnvironmentWish, tell: Callable[[BuildProgress], None] = lambda _: None
    ) -> BuiltEnvironment:
        """Complete, verified, leased. Cancelling ends the build once nobody else wants it.

        Raises `EnvironmentRefused` or `EnvironmentDelayed`; nothing half-built is left.
        """
        ...

    async def kept(self, key: str) -> BuiltEnvironment | None:
        """What was built under that key, leased; None where it does not lie here, unaltered."""
        ...

    async def foresee(self, wish: EnvironmentWish) -> ForeseenBuild:
        """Which environment that would be. Nothing is built; raises as `environment` does."""
        ...
