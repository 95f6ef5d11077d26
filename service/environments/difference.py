"""What requirements ask for that an environment does not have, in these versions or at all."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from service.environments.installed import OF_ANOTHER, installed, required_by

UNTOLD = (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion)
"""What evaluating a condition raises that compares what has no order, or names what is unknown."""


@dataclass(frozen=True, slots=True)
class Packages:
    """What is there: by default in the environment that this process runs in.

    `version` says a package's version, None where it is missing; `required_by` what a package asks
    for itself.
    """

    version: Callable[[str], str | None] = installed
    required_by: Callable[[str], Sequence[str]] = field(default=required_by)


@dataclass(frozen=True, slots=True)
class Difference:
    """One package that is not as it is asked for; `installed` is None if it is missing."""

    name: str
    specifier: SpecifierSet
    installed: str | None

    @property
    def wanted(self) -> str:
        """As it is written in a requirements.txt."""
        return f"{self.name}{self.specifier}"

    @property
    def by_minor(self) -> bool:
        """Whether it is there, of the same major release as what is asked for."""
        return self._agrees(1)

    @property
    def by_patch(self) -> bool:
        """Whether it is there, of the same minor release as what is asked for."""
        return self._agrees(2)

    def _agrees(self, parts: int) -> bool:
        there = _version(self.installed or "")
        return there is not None and all(
            _is_of_release(each, there, parts)
            for each in self.specifier
            if not each.contains(there, prereleases=True)
        )


def differences(wanted: Iterable[Requirement], there: Packages) -> Iterator[Difference]:
    """Of each requirement, and of what the extras ask for that it names."""
    for each in wanted:
        yield from _difference(each, there)
        yield from _of_extras(each, there)


def _of_extras(wanted: Requirement, there: Packages) -> Iterator[Difference]:
    for text in there.required_by(wanted.name) if wanted.extras else ():
        # Old packages have metadata of any kind.
        with contextlib.suppress(InvalidRequirement, *UNTOLD):
            needed = Requirement(text)
            if _is_of_extra(needed, wanted.extras):
                yield from _difference(needed, there)


def _difference(wanted: Requirement, there: Packages) -> Iterator[Difference]:
    found = there.version(wanted.name)
    # What is named by an address has no version that could be compared.
    if found is None or not _meets(found, wanted.specifier):
        yield Difference(wanted.name, wanted.specifier, found)


def _meets(there: str, specifier: SpecifierSet) -> bool:
    if not specifier or there == OF_ANOTHER:
        return True
    try:
        return specifier.contains(there, prereleases=True)
    except InvalidVersion:
        return False


def _is_of_extra(needed: Requirement, extras: set[str]) -> bool:
    marker = needed.marker
    if marker is None or marker.evaluate({"extra": ""}):
        return False
    return any(marker.evaluate({"extra": extra}) for extra in extras)


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _is_of_release(asked: Specifier, there: Version, parts: int) -> bool:
    """Whether what is there and what is asked for begin alike, in so many parts."""
    named = _version(asked.version.removesuffix(".*"))
    if named is None or asked.operator == "!=":
        return False
    # What lies below 3 begins with a 2.
    below = asked.operator == "<" and not any(named.release[parts:])
    return not below and _begin(named, parts) == _begin(there, parts)


def _begin(version: Version, parts: int) -> tuple[int, ...]:
    padded = (*version.release, *(0,) * parts)[:parts]
    return (version.epoch, *padded)
