"""What exactly is installed: the lock that uv has made of a wish, and the key that it gives.

All of it is pure. A lock is text as `uv pip compile --generate-hashes` writes it; wheels of the
artifact stand in it by their names, wherever the artifact lies.
"""

import hashlib
import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from service.environments.environment import EnvironmentRefused, EnvironmentWish
from service.environments.interpreters import Interpreter
from service.environments.wish import OLDEST_MLFLOW

_ORJSON: Final = "orjson"
_MLFLOWS: Final = ("mlflow", "mlflow-skinny")
# The last MLflow that imports pkg_resources, and the last setuptools that is sure to have it.
_WITHOUT_PKG_RESOURCES: Final = Version("2.16")
_WITH_PKG_RESOURCES: Final = "setuptools<80"
_WHEELS: Final = "file:///wheels/"
_PINNED: Final = re.compile(r"^([a-z0-9][a-z0-9-]*)(?:\[[^\]]*\])?(?:==([^\s;\\]+)| @ (\S+))")
_HASH: Final = re.compile(r"--hash=(\S+)")


@dataclass(frozen=True, slots=True)
class PackageLock:
    """Every package, with its version and the hashes that its file may have."""

    text: str

    @property
    def packages(self) -> dict[str, str]:
        """Versions by canonical name."""
        return {name: version for name, version, _ in _entries(self.text)}

    def key(self, interpreter: Interpreter) -> str:
        """Of the environment: the hash of this lock, the interpreter, and the platform."""
        return _digest(self.text, _of(interpreter))

    def at(self, wheels: Sequence[Path]) -> str:
        """The text with the addresses of these wheels."""
        text = self.text
        for wheel in wheels:
            text = text.replace(f"{_WHEELS}{wheel.name}", wheel.absolute().as_uri())
        return text

    @classmethod
    def made(cls, text: str, wheels: Sequence[Path]) -> "PackageLock":
        """Of what uv has written for these wheels."""
        for wheel in wheels:
            text = text.replace(wheel.absolute().as_uri(), f"{_WHEELS}{wheel.name}")
        return cls(text)


@dataclass(frozen=True, slots=True)
class UvLock:
    """What an `uv.lock` says of packages of indexes.

    Attributes:
        pins: NAME==VERSION of those that it has in one version alone.
        hashes: by NAME==VERSION.
    """

    pins: tuple[str, ...] = ()
    hashes: Mapping[str, Collection[str]] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """Of those that are pinned."""
        return frozenset(each.partition("==")[0] for each in self.pins)


def asked_for(wish: EnvironmentWish, locked: UvLock | None = None) -> list[str]:
    """The requirements of the version and of the hosts that it runs in, a line each.

    What its `uv.lock` pins is of that version for hosts, too.
    """
    wheels = [_by_file(wheel) for wheel in wish.wheels]
    names = {Requirement(line).name for line in (*wish.requirements, *wheels)}
    pins = locked.names if locked is not None else frozenset()
    of_hosts = [_unless_pinned(each, pins) for each in _of_hosts(wish, names)]
    return sorted({*wish.requirements, *wheels, *of_hosts})


def _unless_pinned(line: str, pins: Collection[str]) -> str:
    name = Requirement(line).name
    return name if name in pins else line


def pinned(wish: EnvironmentWish) -> list[str]:
    """Names of packages that no date is asked of.

    Those whose version stands in the wish, and what hosts encode with, which is Podium's wish.
    """
    exact = [
        each.name
        for each in map(Requirement, wish.requirements)
        if any(part.operator in {"==", "==="} for part in each.specifier)
    ]
    return sorted({_ORJSON, *exact})


def input_digest(  # noqa: PLR0913 - each is one thing that a lock is made of
    wish: EnvironmentWish,
    interpreter: Interpreter,
    constraints: Sequence[str],
    *,
    source_builds: bool,
    wheels: Sequence[str],
    others: Sequence[str] = (),
) -> str:
    """Of all that a lock is made of.

    `wheels` are the hashes of the wish's wheels; `others` the indexes of its own that are asked,
    and the hash of its uv.lock.
    """
    requirements = [*wish.requirements, *wish.build_requirements]
    return _digest(
        *(wish.python, wish.mlflow, str(wish.cut_off), requirements, list(wish.constraints)),
        *(list(constraints), list(wish.hashes), source_builds, list(wheels), _of(interpreter)),
        *([each.name for each in wish.wheels], list(others)),
    )


def checked(
    lock: PackageLock, wish: EnvironmentWish, others: Mapping[str, Collection[str]]
) -> None:
    """Returns if the lock is one that may be installed; raises `EnvironmentRefused`.

    `others` are hashes of an `uv.lock`, by `NAME==VERSION`.
    """
    allowed: dict[str, set[str]] = defaultdict(set)
    for name, each in wish.hashes:
        allowed[name].add(each)
    for name, version, hashes in _entries(lock.text):
        if name in _MLFLOWS and Version(version) < OLDEST_MLFLOW:
            message = (
                f"The version's requirements lead to {name} {version}; Podium's hosts need "
                f"{OLDEST_MLFLOW} or newer. Train it again."
            )
            raise EnvironmentRefused("mlflow_too_old", message)
        for known in (allowed.get(name), others.get(f"{name}=={version}")):
            if known and hashes and not hashes & {*known}:
                message = (
                    f"No file of {name} {version} that the package index has is one that the "
                    "version was logged with: find out who has altered it."
                )
                raise EnvironmentRefused("hash_mismatch", message)


def read_uv_lock(content: bytes) -> UvLock:
    """Nothing of a file that is not one. Takes time as TOML does."""
    versions: dict[str, set[str]] = defaultdict(set)
    hashes: dict[str, set[str]] = defaultdict(set)
    try:
        for package in tomllib.loads(content.decode())["package"]:
            name, version = canonicalize_name(package["name"]), str(Version(package["version"]))
            hashes[f"{name}=={version}"] |= _hashes(package)
            if "registry" in package.get("source", {}):
                versions[name].add(version)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return UvLock()
    pins = [f"{name}=={version}" for name, (version, *more) in versions.items() if not more]
    return UvLock(tuple(sorted(filter(_is_one, pins))), hashes)


def _is_one(pin: str) -> bool:
    try:
        return not Requirement(pin).url
    except InvalidRequirement:
        return False


def _hashes(package: Mapping[str, Any]) -> set[str]:
    files = [*package.get("wheels", []), package.get("sdist", {})]
    return {each["hash"] for each in files if "hash" in each}


def _of_hosts(wish: EnvironmentWish, named: Collection[str]) -> Iterator[str]:
    """What hosts need beside what the version names."""
    if _ORJSON not in named:
        yield f"{_ORJSON}>=3.10"
    yield from (each for each in ("numpy", "pandas") if each not in named)
    if not {*_MLFLOWS} & {*named}:
        yield _mlflow_skinny(wish.mlflow)
    if "setuptools" not in named:
        yield from _setuptools(wish)


def _mlflow_skinny(version: str) -> str:
    """Of that version; of any that hosts know where it is none that is published."""
    found = _version(version)
    if found is None or found.is_devrelease or found.local:
        return f"mlflow-skinny>={OLDEST_MLFLOW}"
    return f"mlflow-skinny=={found}"


def _setuptools(wish: EnvironmentWish) -> Iterator[str]:
    """That which the version was logged beside; any where its MLflow does not start without."""
    built_with = [
        each for each in wish.build_requirements if Requirement(each).name == "setuptools"
    ]
    if built_with:
        yield from built_with
    elif any(each < _WITHOUT_PKG_RESOURCES for each in _mlflows(wish)):
        yield _WITH_PKG_RESOURCES


def _mlflows(wish: EnvironmentWish) -> Iterator[Version]:
    requirements = [Requirement(each) for each in wish.requirements]
    pins = [
        part.version
        for each in requirements
        if each.name in _MLFLOWS
        for part in each.specifier
        if part.operator == "=="
    ]
    yield from filter(None, map(_version, pins or [wish.mlflow]))


def _by_file(wheel: Path) -> str:
    name = parse_wheel_filename(wheel.name)[0]
    return f"{name} @ {wheel.absolute().as_uri()}"


def _entries(text: str) -> Iterator[tuple[str, str, set[str]]]:
    """Name, version and hashes of each package of a lock."""
    for line in text.replace("\\\n", " ").splitlines():
        if found := _PINNED.match(line):
            name, version, address = found.groups()
            yield name, version or _version_of_file(address), {*_HASH.findall(line)}


def _version_of_file(address: str) -> str:
    return str(parse_wheel_filename(address.rpartition("/")[2])[1])


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:  # of numbers that are too long to be one
        return None


def _of(interpreter: Interpreter) -> list[str]:
    """Not its patch release: what is installed for one runs with every other, at the same path."""
    minor = ".".join(map(str, interpreter.minor))
    return [str(interpreter.path), minor, interpreter.machine, interpreter.libc]


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
