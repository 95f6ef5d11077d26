"""The lines of a requirements.txt that somebody else has written, none of which is trusted.

What is taken is written anew from parsed pieces. What is not taken is named by its line's number,
never by its text, which may hold a secret. pip itself, and uv, would read other files, follow
addresses and put in variables of their environment where a line says so.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from service.environments.index_addresses import plain_address

# As pip has it: a comment begins at the start of a line or after a space.
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_HASH: Final = re.compile(r"\s--hash[=\s]\s*(sha(?:256|384|512):[0-9a-f]+)(?=\s|$)")
_OPTION: Final = re.compile(r"(--?[A-Za-z][A-Za-z-]*)(?:\s*=\s*|\s+|$)(.*)$")
# As MLflow writes them (mlflow/models/wheeled_model.py).
_WHEEL: Final = re.compile(r"(?:\./)?wheels/([^/\\\s]+\.whl)")
# Options of a line's own.
_BESIDE: Final = re.compile(r"\s--?[a-z].*$")
_PLAIN_FILE: Final = re.compile(r"(?:\./)?([A-Za-z0-9_][A-Za-z0-9_.-]*)")
_ADDRESS: Final = re.compile(r"://|[/\\]|^\.|@\s*\w+:|\.(?:whl|zip|tar\.gz|tgz)$")
_PATHS: Final = frozenset({"-r", "--requirement", "-e", "--editable", "--trusted-host"})
_LONGEST: Final = 4096
_LONGEST_NAME: Final = 128

BY_ADDRESS: Final = "requirement_by_address"
OPTION: Final = "requirement_option"
UNREADABLE: Final = "requirement_unreadable"
_SENTENCES: Final = {
    BY_ADDRESS: (
        "names an address or a path instead of a package of an index: publish it to an index, or "
        "log the model with its wheel (mlflow.models.model.add_libraries_to_model)"
    ),
    OPTION: "is an option that a version may not set: remove it, or set it for Podium's pip",
    UNREADABLE: "is not a requirement that can be read: write NAME==VERSION",
}


@dataclass(frozen=True, slots=True)
class WishMistake:
    """Why no environment can be built: a stable code, and a sentence without a line's text."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class AskedPackage:
    """A package that a line asks for, whether or not it could be installed as it is written there.

    `line` is its number, and `file` where that is.
    """

    line: int
    file: str
    requirement: Requirement


@dataclass(slots=True)
class ReadRequirements:
    """What one file asks for.

    Attributes:
        asked: every package that is named, also by an address, a wheel, or with options beside it.
        requirements: those that an index may have, written anew.
        hashes: the requirements' names with each hash that their lines allow.
        wheels: names of files below the artifact's `wheels` folder.
        constraints: names of files beside it that hold constraints.
        indexes: addresses of package indexes, without credentials; the first may be `--index-url`.
        unasked: lines that name a place of packages that nobody asks: a path, a `file:` address or
            any other that is not clearly one of http or https, or a page of links.
        mistakes: all of them.
    """

    asked: list[AskedPackage] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)
    hashes: list[tuple[str, str]] = field(default_factory=list)
    wheels: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    mistakes: list[WishMistake] = field(default_factory=list)


def read_lines(text: str, file: str) -> ReadRequirements:
    """Pure; a line is read in time that grows with its length alone."""
    found = ReadRequirements()
    for number, line in _logical(text):
        place = f"Line {number} of {file}"
        code, requirement = _take(line, place, found)
        if requirement is not None:
            found.asked.append(AskedPackage(number, file, requirement))
        if code:
            sentence = f"{place} {_SENTENCES[code]}."
            found.mistakes.append(WishMistake(code, sentence))
    return found


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments and blanks; what a backslash joins is one, numbered as its first."""
    begun, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        begun = begun if parts else number
        joined = line.endswith("\\")
        parts.append(line.removesuffix("\\"))
        if joined:
            continue
        whole, parts = _COMMENT.sub("", " ".join(parts)).strip(), []
        if whole:
            yield begun, whole
    rest = _COMMENT.sub("", " ".join(parts)).strip()
    if rest:
        yield begun, rest


_Taken = tuple[str | None, Requirement | None]
"""The code of what is wrong with a line, and the package that it names; None: nothing, and none."""


def _take(line: str, place: str, found: ReadRequirements) -> _Taken:
    if line.startswith("-"):
        return _take_option(line, place, found), None
    # uv would put a variable of its own environment there.
    if "$" in line or not line.isprintable() or len(line) > _LONGEST:
        return UNREADABLE, None
    if wheel := _WHEEL.fullmatch(line):
        return _take_wheel(wheel[1], found)
    return _take_requirement(line, found)


def _take_requirement(line: str, found: ReadRequirements) -> _Taken:
    plain = _HASH.sub("", line).strip()
    requirement = _requirement(plain)
    if requirement is None:
        return _why_not(plain), _requirement(_BESIDE.sub("", plain))
    if requirement.url is not None:
        return BY_ADDRESS, requirement
    found.requirements.append(str(requirement))
    found.hashes.extend((requirement.name, each) for each in _HASH.findall(line))
    return None, requirement


def _requirement(text: str) -> Requirement | None:
    try:
        requirement = Requirement(text)
    except (InvalidRequirement, RecursionError):  # of brackets in brackets
        return None
    if len(requirement.name) > _LONGEST_NAME:
        return None
    requirement.name = canonicalize_name(requirement.name)
    return requirement


def _why_not(plain: str) -> str:
    if _BESIDE.search(plain):
        return OPTION
    return BY_ADDRESS if _ADDRESS.search(plain) else UNREADABLE


def _take_wheel(file: str, found: ReadRequirements) -> _Taken:
    try:
        name, version, _, _ = parse_wheel_filename(file)
    except InvalidWheelFilename:
        return UNREADABLE, None
    found.wheels.append(file)
    return None, Requirement(f"{name}=={version}")


def _take_option(line: str, place: str, found: ReadRequirements) -> str | None:
    option = _OPTION.match(line)
    name, value = (option[1], option[2].strip()) if option else ("", "")
    match name:
        case "-i" | "--index-url" | "--extra-index-url" | "--pypi-url":
            # Of a uv project's flat index MLflow writes the folder, as it was where it was logged.
            if (address := plain_address(value)) is None:
                found.unasked.append(place)
            else:
                found.indexes.append(address)
            return None
        case "-f" | "--find-links":
            found.unasked.append(place)
            return None
        case "-c" | "--constraint":
            file = _PLAIN_FILE.fullmatch(value)
            if file is None:
                return BY_ADDRESS
            found.constraints.append(file[1])
            return None
        case _:
            return BY_ADDRESS if name in _PATHS else OPTION
