"""The gate of requirements: what the model asks for against what is installed here.

A package that is missing always refuses; one of another version is reported, or refuses where the
operator says so. What is not about a package (an index, another file) is left out and reported
without its text, which may hold a secret.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from service.errors import PassingFault
from service.following.gates import GateClosed, GateFinding
from service.following.ports import FetchedVersion

_GATE: Final = "requirements"
# MLflow's name for it (mlflow/pyfunc/model.py, _REQUIREMENTS_FILE_NAME).
_FILE: Final = "requirements.txt"
_MOST_BYTES: Final = 256 * 1024
_MOST_LINES: Final = 2000
# As pip has it: a comment begins at the start of a line or after a space.
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_OPTION: Final = re.compile(r"\s--?[a-z].*$")


@dataclass(frozen=True, slots=True)
class Difference:
    """One package that is not as the model asks for it; `installed` is None if it is missing."""

    wanted: str
    installed: str | None

    def __str__(self) -> str:
        there = "is not installed" if self.installed is None else f"{self.installed} is installed"
        return f"{self.wanted} is asked for, {there}"


class RequirementsGate:
    """Reads the artifact's requirements.txt, bounded, off the loop."""

    def __init__(self, *, refuse: bool) -> None:
        self._refuse = refuse

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        """Names every package that is missing or differs, with both versions."""
        return await asyncio.to_thread(self._check, fetched.path / _FILE)

    def _check(self, path: Path) -> Sequence[GateFinding]:
        text = _text(path)
        if text is None:
            return (_finding("no_requirements", "The version does not say what it needs."),)
        lines, ignored = _read(text)
        findings = [
            _finding("line_ignored", f"Line {number} of {_FILE} names no package and is ignored.")
            for number in ignored[:20]
        ]
        differences = [found for line in lines for found in _differences(line)]
        missing = [each for each in differences if each.installed is None]
        others = [each for each in differences if each.installed is not None]
        if missing:
            raise _closed("package_missing", missing, findings)
        if others and self._refuse:
            raise _closed("package_differs", others, findings)
        return (*findings, *(_finding("package_differs", f"{each}.") for each in others))


def _closed(
    code: str, differences: Sequence[Difference], findings: Sequence[GateFinding]
) -> GateClosed:
    listed = "; ".join(map(str, differences[:20]))
    more = f"; and {len(differences) - 20} more" if len(differences) > 20 else ""  # noqa: PLR2004
    message = f"The model's packages are not those of this service: {listed}{more}."
    return GateClosed(_GATE, code, message, findings)


def _finding(code: str, sentence: str) -> GateFinding:
    return GateFinding(_GATE, code, sentence)


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{_FILE} could not be read."
        raise PassingFault("gate", "disk", message, str(error)) from error
    text = content.decode(errors="replace")
    if len(content) > _MOST_BYTES or text.count("\n") > _MOST_LINES:
        raise GateClosed(_GATE, "requirements_too_long", f"{_FILE} is too long to be checked.")
    return text


def _read(text: str) -> tuple[list[Requirement], list[int]]:
    """The packages that are asked for here, and the numbers of lines that name none."""
    found, ignored = [], []
    for number, line in enumerate(text.replace("\\\n", " ").splitlines(), start=1):
        stripped = _COMMENT.sub("", line).strip()
        if not stripped:
            continue
        try:
            requirement = Requirement(_OPTION.sub("", stripped).strip())
        except InvalidRequirement:
            ignored.append(number)
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found.append(requirement)
    return found, ignored


def _differences(wanted: Requirement) -> Iterator[Difference]:
    yield from _difference(wanted)
    for text in metadata.requires(wanted.name) or () if _installed(wanted.name) else ():
        with contextlib.suppress(InvalidRequirement):  # old packages have metadata of any kind
            needed = Requirement(text)
            if _is_of_extra(needed, wanted.extras):
                yield from _difference(needed)


def _difference(wanted: Requirement) -> Iterator[Difference]:
    installed = _installed(wanted.name)
    shown = f"{wanted.name}{wanted.specifier}"
    # What is named by an address has no version that could be compared.
    if installed is None or not wanted.specifier.contains(installed, prereleases=True):
        yield Difference(shown, installed)


def _is_of_extra(needed: Requirement, extras: set[str]) -> bool:
    marker = needed.marker
    if marker is None or marker.evaluate({"extra": ""}):
        return False
    return any(marker.evaluate({"extra": extra}) for extra in extras)


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
