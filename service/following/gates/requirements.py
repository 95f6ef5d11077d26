"""The gate of requirements: what the model asks for against what is installed here.

Read as for a version that has an environment built (`service.environments.wish`), tools of an
installation left out as there. A package that is missing refuses, unless the operator says that
requirements are to be ignored; one of another version is reported, or refuses where the operator
says so. What provides the same module under another name counts (`installed.py`). A line that no
environment could be built by is reported without its text, which may hold a secret, and the package
that it names, if any, compared; one whose environment marker cannot be evaluated is left out.
"""

import platform
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from service.environments.choosing import TOOLS, EnvironmentChoice, Unmet
from service.environments.difference import UNTOLD, Difference, Packages, differences
from service.environments.logged import LoggedEnvironment
from service.environments.requirement_lines import AskedPackage, WishMistake
from service.environments.wish import NO_REQUIREMENTS, AskedOfPip, read_asked
from service.errors import PassingFault
from service.following.gates.files import from_disk
from service.following.gates.gate import GateClosed, GateFinding
from service.following.ports import FetchedVersion
from service.following.sentences import listed, named
from service.processes.front.beside import Beside

_GATE: Final = "requirements"
_MOST_TOLD: Final = 20


@dataclass(frozen=True, slots=True)
class WantedHere:
    """What a version asks for here, and what was made of its other lines."""

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
        return await from_disk(self._beside, self._check, fetched.path, fetched.logged)

    def _check(self, artifact: Path, logged: LoggedEnvironment) -> Sequence[GateFinding]:
        try:
            asks = read_asked(artifact, logged)
        except OSError as error:
            message = "What the version asks for could not be read."
            raise PassingFault("gate", "disk", message, str(error)) from error
        if asks.mistakes:
            return self._unread(asks.mistakes[0])
        lines = _wanted(asks)
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

    def _unread(self, mistake: WishMistake) -> Sequence[GateFinding]:
        if self._ignore or mistake.code == NO_REQUIREMENTS:
            return (_finding(mistake.code, mistake.sentence),)
        raise GateClosed(_GATE, mistake.code, mistake.sentence)


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


def _wanted(asks: AskedOfPip) -> WantedHere:
    """Its requirements, and of its constraints those of what is there."""
    there = Packages()
    bound = [each for each in asks.constraints.asked if there.version(each.requirement.name)]
    wanted: list[Requirement] = []
    untold: list[GateFinding] = []
    for each in (*asks.lines.asked, *bound):
        marker = each.requirement.marker
        try:
            applies = marker is None or marker.evaluate({"extra": ""})
        except UNTOLD:
            untold.append(_untold(each))
            continue
        if applies and each.requirement.name not in TOOLS:
            wanted.append(each.requirement)
    ignored = [_ignored(each) for each in asks.lines.mistakes]
    return WantedHere(wanted, (*_bounded(ignored), *_bounded(untold)))


def _ignored(mistake: WishMistake) -> GateFinding:
    sentence = f"{mistake.sentence.removesuffix('.')}; for Podium's own environment it is ignored."
    return _finding("line_ignored", sentence)


def _untold(asked: AskedPackage) -> GateFinding:
    # Never the whole line: it may hold an address with a secret.
    requirement = asked.requirement
    shown = f"`{named(requirement.name)}; {named(str(requirement.marker))}`"
    sentence = (
        f"Line {asked.line} of {asked.file} is ignored: its environment marker cannot be "
        f"evaluated: {shown}."
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
