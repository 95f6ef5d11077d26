"""In which environment a version runs: Podium's own, or one that is built for it. Pure.

Podium's own will do where it has what the version asks for. Where it has not, the version gets an
environment of its own; and where none can be had, Podium's stands in if that is what an operator
may expect: for reasons that last, or for so long as an index is down and little differs.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from packaging.requirements import Requirement
from packaging.specifiers import Specifier
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from service.environments.difference import UNTOLD, Difference, Packages, differences
from service.environments.environment import (
    EnvironmentDelayed,
    EnvironmentRefused,
    EnvironmentWish,
)

Manager = Literal["auto", "uv", "local"]

MANAGER_TAG: Final = "podium.env_manager"
"""A version's tag: `local` or `uv`, where the service says `auto`."""
_TAGGED: Final[Mapping[str, Manager]] = {"local": "local", "uv": "uv"}
FALLS_BACK: Final = frozenset(
    {
        *("python_too_old", "python_missing", "mlflow_too_old", "conda_package"),
        *("no_index", "no_requirements", "uv_missing"),
    }
)
"""For these reasons none can be built here, ever: Podium's own environment takes its place."""
INDEX_DOWN: Final = frozenset({"index_unreachable", "index_nonsense"})
"""For so long Podium's own takes its place where little differs; other delays are no index's."""
# With these all is known of what it asks for, or nothing is asked for.
_READ: Final = frozenset({"python_too_old", "mlflow_too_old", "no_requirements"})
TOOLS: Final = frozenset({"pip", "setuptools", "wheel"})
"""Of an installation: a model does not run with them."""
# What loads models of every release before its own.
_MLFLOWS: Final = frozenset({"mlflow", "mlflow-skinny", "mlflow-tracing"})
_UPPER: Final = frozenset({"==", "~=", "<", "<="})
# The packages of which MLflow's flavours are made, where they are not called the same.
_OF_FLAVORS: Final[Mapping[str, Sequence[str]]] = {
    "sklearn": ("scikit-learn",),
    "pytorch": ("torch",),
    "paddle": ("paddlepaddle",),
    "spark": ("pyspark",),
    "keras": ("keras", "tensorflow"),
    "tensorflow": ("tensorflow", "keras"),
    "onnx": ("onnx", "onnxruntime"),
    "transformers": ("transformers", "torch"),
    "sentence_transformers": ("sentence-transformers", "transformers"),
}


@dataclass(frozen=True, slots=True)
class OwnEnvironment:
    """What Podium itself runs with; `python` is as `3.11.7`."""

    python: str
    packages: Packages = field(default_factory=Packages)


@dataclass(frozen=True, slots=True)
class EnvironmentRules:
    """What the operator says.

    Attributes:
        manager: `auto`, `uv` or `local`, as PODIUM_ENV_MANAGER.
        exact: whether packages that differ by a patch release alone count as different.
        artifact_wheels: whether wheels may be installed that an artifact brings along.
    """

    manager: Manager = "auto"
    exact: bool = False
    artifact_wheels: bool = True

    def of(self, tags: Mapping[str, str]) -> Manager:
        """For a version of these tags."""
        tagged = _TAGGED.get(tags.get(MANAGER_TAG, "").strip().lower())
        return tagged or self.manager if self.manager == "auto" else self.manager


@dataclass(frozen=True, slots=True)
class Unmet:
    """What Podium's own environment lacks of a wish.

    Attributes:
        python: the Python that is asked for, where its minor version is another.
        packages: those that are missing, or count as different.
    """

    python: str = ""
    packages: tuple[Difference, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.python or self.packages)

    @property
    def by_minor(self) -> bool:
        """Whether it differs by minor releases at most, and nothing is missing."""
        return not self.python and all(each.by_minor for each in self.packages)


@dataclass(frozen=True, slots=True)
class EnvironmentChoice:
    """Where a version is to run.

    Attributes:
        builds: whether in an environment of its own.
        unmet: what Podium's lacks of what it asks for.
        instead: why Podium's stands in for one of its own that cannot be had; None: it does not.
        awaited: whether one of its own is still to be had, later.
        wish: what it asks for, where that was read.
    """

    builds: bool = False
    unmet: Unmet = Unmet()
    instead: EnvironmentRefused | EnvironmentDelayed | None = None
    awaited: bool = False
    wish: EnvironmentWish | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ChoosesByRules:
    """Chooses for each version between Podium's own environment and one of the version's own."""

    own: OwnEnvironment
    rules: EnvironmentRules

    def choose(
        self,
        wish: EnvironmentWish,
        refusal: EnvironmentRefused | None,
        manager: Manager,
        flavors: Collection[str] = (),
        *,
        ran_here: bool = False,
    ) -> EnvironmentChoice:
        """By what the version asks for, and why none can be built for that, as far as one knows.

        `ran_here`: as `instead` has it.

        Raises the `refusal` where the version may not run in Podium's own environment either.
        """
        if manager == "local":
            return EnvironmentChoice()
        missing = unmet(wish, self.own, self.rules, flavors)
        if manager == "auto" and not missing and (refusal is None or refusal.reason in _READ):
            return EnvironmentChoice()
        # Of what could not be read nobody knows whether Podium's own has it.
        refusal = refusal or self._of_wheels(wish)
        choice = EnvironmentChoice(builds=True, unmet=missing, wish=wish)
        if refusal is None:
            return choice
        return instead(choice, refusal, manager, ran_here=ran_here)

    def _of_wheels(self, wish: EnvironmentWish) -> EnvironmentRefused | None:
        if self.rules.artifact_wheels or not wish.wheels:
            return None
        message = (
            "The version brings packages along as wheels, which are its author's code: with "
            "PODIUM_TRUST=no-pickle they are not installed."
        )
        return EnvironmentRefused("artifact_wheels", message)


def instead(
    choice: EnvironmentChoice,
    fault: EnvironmentRefused | EnvironmentDelayed,
    manager: Manager,
    *,
    ran_here: bool = False,
) -> EnvironmentChoice:
    """Podium's own environment, for want of the version's own. Raises the fault where it may not.

    `ran_here`: whether the version has served in Podium's own environment before.
    """
    delayed = isinstance(fault, EnvironmentDelayed)
    is_down = fault.reason in INDEX_DOWN and choice.unmet.by_minor
    allowed = is_down if delayed else fault.reason in FALLS_BACK
    if manager == "uv" or not (allowed or ran_here):
        raise fault
    return replace(choice, builds=False, instead=fault, awaited=delayed)


def unmet(
    wish: EnvironmentWish,
    own: OwnEnvironment,
    rules: EnvironmentRules,
    flavors: Collection[str] = (),
) -> Unmet:
    """What a version lacks that runs in Podium's own environment."""
    found = differences(_wanted(wish, own.packages), own.packages)
    exact = {name for flavor in flavors for name in _packages_of(flavor)}
    counting = [each for each in found if not _is_equal(each, exact, rules)]
    python = wish.python if _is_other_minor(wish.python, own.python) else ""
    return Unmet(python, tuple(counting))


def _wanted(wish: EnvironmentWish, there: Packages) -> Iterator[Requirement]:
    """The requirements, the wheels, and constraints of what is there."""
    yield from _applying(wish.requirements)
    for each in _applying(wish.constraints):
        if there.version(each.name) is not None:
            yield each
    for path in wish.wheels:
        try:
            name, version, _, _ = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        yield Requirement(f"{name}=={version}")


def _applying(lines: Iterable[str]) -> Iterator[Requirement]:
    for line in lines:
        requirement = Requirement(line)
        try:
            applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        except UNTOLD:
            applies = False  # as the gate of requirements has it, which tells of it
        if applies and canonicalize_name(requirement.name) not in TOOLS:
            yield requirement


def _is_equal(found: Difference, exact: Collection[str], rules: EnvironmentRules) -> bool:
    name = canonicalize_name(found.name)
    if name in _MLFLOWS:
        return found.installed is not None and _is_later(found)
    return not rules.exact and name not in exact and found.by_patch


def _is_later(found: Difference) -> bool:
    """Whether what is installed is only too new for what is asked for."""
    try:
        there = Version(found.installed or "")
        return all(_is_met(each, there) for each in found.specifier)
    except InvalidVersion:
        return False


def _is_met(asked: Specifier, there: Version) -> bool:
    if asked.contains(there, prereleases=True):
        return True
    return asked.operator in _UPPER and there >= Version(asked.version.removesuffix(".*"))


def _is_other_minor(wanted: str, own: str) -> bool:
    try:
        return bool(wanted) and Version(wanted).release[:2] != Version(own).release[:2]
    except InvalidVersion:
        return False


def _packages_of(flavor: str) -> Sequence[str]:
    return _OF_FLAVORS.get(flavor, (canonicalize_name(flavor),))
