"""What a version was logged with, read from its artifact: whatever that holds, in bounded time.

All that is wrong with it is told at once. The files are their author's: nothing beside the
artifact is read, no link followed, and nothing of them but names of packages
reaches a command line.
"""

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.version import Version

from service.environments.environment import EnvironmentRefused, EnvironmentWish
from service.environments.logged import LoggedEnvironment
from service.environments.requirement_lines import ReadRequirements, WishMistake, read_lines

NO_REQUIREMENTS: Final = "no_requirements"
OLDEST_PYTHON: Final = (3, 10)
OLDEST_MLFLOW: Final = Version("2.3")
# MLflow's names.
_REQUIREMENTS: Final = "requirements.txt"
_WHEELS: Final = "wheels"
_UV_LOCK: Final = "uv.lock"
_MOST_BYTES: Final = 256 * 1024
_MOST_LINES: Final = 2000
_MOST_LOCK_BYTES: Final = 4 * 1024**2
_MOST_TOLD: Final = 20
_LONGEST_NAME: Final = 100
_MLFLOWS: Final = frozenset({"mlflow", "mlflow-skinny"})


@dataclass(frozen=True, slots=True)
class AskedOfPip:
    """What a version asks for by lines of pip's.

    Attributes:
        lines: of its requirements, with the mistakes of lines.
        constraints: of the one constraints file that they may name.
        mistakes: why no file was read.
    """

    lines: ReadRequirements = field(default_factory=ReadRequirements)
    constraints: ReadRequirements = field(default_factory=ReadRequirements)
    mistakes: tuple[WishMistake, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadWish:
    """A wish as far as it can be read, and what stands in the way of an environment for it."""

    wish: EnvironmentWish
    mistakes: tuple[WishMistake, ...] = ()

    def refusal(self) -> EnvironmentRefused | None:
        """All mistakes in one error, by the code of the first; None where there is none."""
        if not self.mistakes:
            return None
        told = [each.sentence for each in self.mistakes[:_MOST_TOLD]]
        if left_out := len(self.mistakes) - len(told):
            told.append(f"{left_out} more are not listed.")
        return EnvironmentRefused(self.mistakes[0].code, " ".join(told))


def read_wish(artifact: Path, logged: LoggedEnvironment) -> ReadWish:
    """Of the artifact in that folder; `logged` is what its files of YAML say.

    Blocks for as long as the disk takes. Raises OSError where that fails.
    """
    asks = read_asked(artifact, logged)
    lines, mistakes = asks.lines, [*asks.mistakes]
    wheels = [_wheel(artifact / _WHEELS / name, mistakes) for name in dict.fromkeys(lines.wheels)]
    build = _build_requirements(logged.build)
    lock = artifact / _UV_LOCK
    if _is_plain(lock) and not _is_plain(lock, _MOST_LOCK_BYTES):
        sentence = f"uv.lock is too long: at most {_MOST_LOCK_BYTES // 1024**2} MB are read."
        mistakes.append(WishMistake("requirements_too_long", sentence))
    wish = EnvironmentWish(
        python=_python(logged.python.strip()),
        requirements=tuple(sorted({*lines.requirements})),
        build_requirements=tuple(build),
        constraints=tuple(sorted({*asks.constraints.requirements})),
        wheels=tuple(filter(None, wheels)),
        cut_off=_end_of_day(logged.created),
        indexes=tuple(dict.fromkeys(lines.indexes)),
        uv_lock=lock if _is_plain(lock, _MOST_LOCK_BYTES) else None,
        mlflow=logged.mlflow.strip(),
        hashes=tuple(sorted({*lines.hashes})),
        unasked=tuple(lines.unasked),
    )
    found = [*_of_versions(wish), *_of_conda(logged), *mistakes, *lines.mistakes]
    return ReadWish(wish, tuple(dict.fromkeys(found)))


def read_asked(artifact: Path, logged: LoggedEnvironment) -> AskedOfPip:
    """What its requirements.txt asks for, or else conda.yaml's pip part.

    Blocks for as long as the disk takes. Raises OSError where that fails.
    """
    try:
        lines = read_lines(_text(artifact / _REQUIREMENTS), _REQUIREMENTS)
    except FileNotFoundError:
        if logged.pip is None:
            sentence = "The version does not say what it needs: log it with its requirements."
            return AskedOfPip(mistakes=(WishMistake(NO_REQUIREMENTS, sentence),))
        lines = read_lines("\n".join(logged.pip), "conda.yaml's pip part")
    except _NotTaken as error:
        return AskedOfPip(mistakes=(error.mistake,))
    return AskedOfPip(lines, _constraints(artifact, lines))


class _NotTaken(Exception):
    """A file that is not read."""

    def __init__(self, mistake: WishMistake) -> None:
        super().__init__(mistake.sentence)
        self.mistake = mistake


def _text(path: Path) -> str:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise _NotTaken(WishMistake("requirements_unreadable", f"{path.name} is not a file."))
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES or content.count(b"\n") > _MOST_LINES:
        sentence = (
            f"{path.name} is too long: at most {_MOST_LINES} lines and {_MOST_BYTES // 1024} KB "
            "are read."
        )
        raise _NotTaken(WishMistake("requirements_too_long", sentence))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _NotTaken(
            WishMistake("requirements_unreadable", f"{path.name} is not UTF-8.")
        ) from None


def _constraints(artifact: Path, into: ReadRequirements) -> ReadRequirements:
    """The requirements of the one file that may be named, however often."""
    named = list(dict.fromkeys(into.constraints))
    if len(named) > 1:
        sentence = "More than one constraints file is named: put them into one."
        into.mistakes.append(WishMistake("requirement_option", sentence))
    return _constraints_of(artifact / named[0], into) if named else ReadRequirements()


def _constraints_of(path: Path, into: ReadRequirements) -> ReadRequirements:
    """The file's requirements; its mistakes are those of the file that names it."""
    try:
        lines = read_lines(_text(path), path.name)
    except FileNotFoundError:
        sentence = f"The constraints file {path.name} is not in the artifact."
        into.mistakes.append(WishMistake("requirement_by_address", sentence))
        return ReadRequirements()
    except _NotTaken as error:
        into.mistakes.append(error.mistake)
        return ReadRequirements()
    if lines.wheels or lines.constraints or lines.indexes or lines.unasked:
        sentence = f"The constraints file {path.name} holds more than constraints."
        into.mistakes.append(WishMistake("requirement_option", sentence))
    into.mistakes.extend(lines.mistakes)
    into.hashes.extend(lines.hashes)
    return lines


def _wheel(path: Path, mistakes: list[WishMistake]) -> Path | None:
    is_inside = not path.parent.is_symlink() and _is_plain(path)
    if not is_inside:
        sentence = f"The wheel {path.name} is asked for, and is not in the artifact."
        mistakes.append(WishMistake("wheel_missing", sentence))
    return path if is_inside else None


def _is_plain(path: Path, most_bytes: int | None = None) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and (most_bytes is None or found.st_size <= most_bytes)


def _build_requirements(lines: Sequence[str]) -> Sequence[str]:
    """What cannot be read of them is left out: nothing runs with these but an old MLflow."""
    return sorted({*read_lines("\n".join(lines), "python_env.yaml").requirements})


def _python(text: str) -> str:
    """Without a minor release it says no more than what every version does."""
    return "" if text == "3" else text


def _end_of_day(text: str) -> datetime | None:
    """Of the day of that time: versions of one day share an environment.

    MLflow writes it in UTC, without saying so.
    """
    try:
        found = datetime.fromisoformat(text.strip())
        of_utc = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        return datetime.combine(of_utc.date() + timedelta(days=1), time(), UTC)
    except (ValueError, OverflowError):
        return None


def _of_versions(wish: EnvironmentWish) -> Iterator[WishMistake]:
    python = _version(wish.python)
    if wish.python and python is None:
        yield WishMistake(
            "python_unreadable", "The version names a Python that is none: log it again."
        )
    if python is not None and python.release[:2] < OLDEST_PYTHON:
        sentence = (
            f"The version asks for Python {minor_of(python)}; Podium's hosts need 3.10 or newer. "
            "Train it again."
        )
        yield WishMistake("python_too_old", sentence)
    if any(each < OLDEST_MLFLOW for each in _mlflows(wish)):
        sentence = (
            f"The version was logged with an MLflow before {OLDEST_MLFLOW}, which Podium's hosts "
            "cannot work with. Train it again."
        )
        yield WishMistake("mlflow_too_old", sentence)


def minor_of(version: Version) -> str:
    """`3.11` of 3.11.7."""
    return ".".join(map(str, version.release[:2]))


def _mlflows(wish: EnvironmentWish) -> Iterator[Version]:
    """Those that it pins; that which has logged it, where it pins none."""
    named = [Requirement(text) for text in wish.requirements]
    mlflows = [each for each in named if each.name in _MLFLOWS]
    for each in mlflows:
        for part in each.specifier:
            if part.operator == "==" and (pinned := _version(part.version)):
                yield pinned
    if not mlflows and (logging := _version(wish.mlflow)):
        yield logging


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:  # of numbers that are too long to be one
        return None


def _of_conda(logged: LoggedEnvironment) -> Iterator[WishMistake]:
    if logged.conda:
        names = ", ".join(name[:_LONGEST_NAME] or "(no name)" for name in logged.conda[:_MOST_TOLD])
        sentence = (
            f"conda.yaml asks for packages of conda's, which Podium does not install: {names}. "
            "Log the model with packages of pip's (pip_requirements=)."
        )
        yield WishMistake("conda_package", sentence)
    for name in logged.unreadable:
        yield WishMistake("requirements_unreadable", f"{name} cannot be read.")
