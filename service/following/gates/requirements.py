"""The gate of requirements: what the model asks for against what is installed here.

A package that is missing refuses, unless the operator says that requirements are to be ignored; one
of another version is reported, or refuses where the operator says so. What provides the same module
under another name counts (`installed.py`). What is not about a package (an index, another file) is
left out and reported without its text, which may hold a secret; so is a line whose environment
marker cannot be evaluated.
"""

import platform
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from service.environments.choosing import EnvironmentChoice, Unmet
from service.environments.difference import UNTOLD, Difference, Packages, differences
from service.errors import PassingFault
from service.following.gates.files import from_disk
from service.following.gates.gate import GateClosed, GateFinding
from service.following.ports import FetchedVersion
from service.following.sentences import listed, named
from service.processes.front.beside import Beside

_GATE: Final = "requirements"
# MLflow's name for it (mlflow/pyfunc/model.py, _REQUIREMENTS_FILE_NAME).
_FILE: Final = "requirements.txt"
_MOST_BYTES: Final = 256 * 1024
_MOST_LINES: Final = 2000
_MOST_TOLD: Final = 20
# As pip has it: a comment begins at the start of a line or after a space.
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_OPTION: Final = re.compile(r"\s--?[a-z].*$")


@dataclass(frozen=True, slots=True)
class WantedHere:
    """What a requirements.txt asks for here, and what was made of its other lines."""

    wanted: Sequence[Requirement]
    findings: Sequence[GateFinding]


Chooses = Callable[[FetchedVersion], Awaitable[EnvironmentChoice]]
"""Says where a version is to run. Raises `FollowingError`."""


async def _podiums_own(_: FetchedVersion) -> EnvironmentChoice:
    return EnvironmentChoice()


class RequirementsGate:
    """Reads the artifact's requirements.txt, bounded, off the loop, or what conda.yaml says.

    `refuse` refuses packages of other versions too, `ignore` nothing: then all is reported.
    `choose` says where the version is to run: what is built for it is not compared.
    """

    def __init__(
        self, *, refuse: bool, ignore: bool = False, choose: Chooses = _podiums_own
    ) -> None:
        self._refuse = refuse
        self._choose = choose
        self._ignore = ignore
        self._beside = Beside("requirements")

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        """Names every package that is missing or differs, with both versions."""
        return await self.judge(fetched, await self._choose(fetched))

    async def judge(
        self, fetched: FetchedVersion, choice: EnvironmentChoice
    ) -> Sequence[GateFinding]:
        """The same of a version that is to run there; says so where that is not as it asks."""
        if choice.builds:
            return (_builds(choice.unmet),)
        stands_in = () if choice.instead is None else (_stands_in(choice),)
        try:
            return (*stands_in, *await self._compared(fetched))
        except GateClosed as closed:
            closed.findings = (*stands_in, *closed.findings)
            raise

    async def _compared(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        return await from_disk(
            self._beside, self._check, fetched.path / _FILE, fetched.conda_requirements
        )

    def _check(self, path: Path, otherwise: Sequence[str] | None) -> Sequence[GateFinding]:
        content = _content(path, otherwise)
        if content is None:
            return (_finding("no_requirements", "The version does not say what it needs."),)
        if len(content) > _MOST_BYTES or content.count(b"\n") > _MOST_LINES:
            return self._too_long()
        lines = _read(content.decode(errors="replace"))
        found = list(differences(lines.wanted, Packages()))
        missing = [each for each in found if each.installed is None]
        others = [each for each in found if each.installed is not None]
        if missing and not self._ignore:
            raise _closed("package_missing", missing, lines.findings)
        if others and self._refuse:
            raise _closed("package_differs", others, lines.findings)
        return (
            *lines.findings,
            *_bounded([_finding("package_missing", f"{told(each)}.") for each in missing]),
            *_bounded([_finding("package_differs", f"{told(each)}.") for each in others]),
        )

    def _too_long(self) -> Sequence[GateFinding]:
        code, sentence = "requirements_too_long", f"{_FILE} is too long to be checked."
        if self._ignore:
            return (_finding(code, sentence),)
        raise GateClosed(_GATE, code, sentence)


def _closed(code: str, found: Sequence[Difference], findings: Sequence[GateFinding]) -> GateClosed:
    packages = listed([told(each) for each in found])
    message = (
        f"The model's packages are not those of this service: {packages}. Install what it asks for "
        "beside Podium, or log the model with what is there (or set PODIUM_REQUIREMENTS=ignore)."
    )
    return GateClosed(_GATE, code, message, findings)


def _builds(unmet: Unmet) -> GateFinding:
    lacks = [told(each) for each in unmet.packages]
    if unmet.python:
        own = platform.python_version()
        lacks = [f"Python {named(unmet.python)} is asked for, Podium runs on {own}", *lacks]
    why = listed(lacks) if lacks else "it is to have one whatever it asks for"
    sentence = f"It runs in an environment of its own: {why}."
    return _finding("environment_of_its_own", sentence)


def _stands_in(choice: EnvironmentChoice) -> GateFinding:
    fault = choice.instead
    assert fault is not None  # noqa: S101 - asked only where it stands in
    until = ", until it has one of its own" if choice.awaited else ""
    return _finding(fault.reason, f"It runs in Podium's own environment{until}: {fault.message}")


def _finding(code: str, sentence: str) -> GateFinding:
    return GateFinding(_GATE, code, sentence)


def _bounded(findings: Sequence[GateFinding]) -> Sequence[GateFinding]:
    left_out = len(findings) - _MOST_TOLD
    if left_out <= 0:
        return findings
    return (
        *findings[:_MOST_TOLD],
        _finding("more", f"{left_out} more of the kind {findings[0].code} are not listed."),
    )


def _content(path: Path, otherwise: Sequence[str] | None) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None if otherwise is None else "\n".join(otherwise).encode(errors="replace")
    except OSError as error:
        message = f"{_FILE} could not be read."
        raise PassingFault("gate", "disk", message, str(error)) from error


def _read(text: str) -> WantedHere:
    wanted: list[Requirement] = []
    ignored: list[GateFinding] = []
    untold: list[GateFinding] = []
    for number, line in enumerate(text.replace("\\\n", " ").splitlines(), start=1):
        stripped = _COMMENT.sub("", line).strip()
        if not stripped:
            continue
        try:
            requirement = Requirement(_OPTION.sub("", stripped).strip())
        except InvalidRequirement:
            sentence = f"Line {number} of {_FILE} names no package and is ignored."
            ignored.append(_finding("line_ignored", sentence))
            continue
        try:
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.append(requirement)
        except UNTOLD:
            untold.append(_untold(number, requirement.name, requirement.marker))
    return WantedHere(wanted, (*_bounded(ignored), *_bounded(untold)))


def _untold(number: int, name: str, condition: Marker | None) -> GateFinding:
    # Never the whole line: it may hold an address with a secret.
    asked = f"`{named(name)}; {named(str(condition))}`"
    sentence = (
        f"Line {number} of {_FILE} is ignored: its environment marker cannot be evaluated: {asked}."
    )
    return _finding("condition_unknown", sentence)


def told(found: Difference) -> str:
    """What is asked for and what is there, as a clause for people."""
    return f"{named(found.wanted)} is asked for, {_there(found.installed)}"


def _there(installed: str | None) -> str:
    if installed is None:
        return "is not installed"
    there = f"{named(installed)} is installed"
    return there if _is_version(installed) else f"{there}, which cannot be compared"


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
