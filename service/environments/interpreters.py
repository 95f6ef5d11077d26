"""The Pythons of this machine: which there are, and which one a version runs with.

The same minor release, since what cloudpickle has written is for that one alone; of its patches the
newest. None is downloaded.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from packaging.version import Version

from service.environments.environment import STAGE, EnvironmentRefused
from service.processes.exhausted import is_want_of_processes, processes_exhausted
from service.processes.front.beside import Beside

# pyenv's start another Python, by the folder that they are started in.
_SHIMS: Final = "shims"
# uv finds these too (crates/uv-python); pyenv's by its own default.
_USUAL: Final = (
    *("/usr/local/bin", "/usr/bin", "/opt/python/*/bin", "/opt/python*/bin"),
    *("~/.pyenv/versions/*/bin", "~/.local/share/uv/python/*/bin"),
)
_SECONDS: Final = 30.0
_QUESTION: Final = """
import json, os, platform, sys
print(json.dumps({
    "version": platform.python_version(),
    "implementation": sys.implementation.name,
    "base": getattr(sys, "_base_executable", sys.executable),
    "machine": platform.machine(),
    "libc": platform.libc_ver()[0] or "other",
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that is there: `path` is its own file, no link of somebody else's."""

    path: Path
    version: str
    machine: str
    libc: str

    @property
    def minor(self) -> tuple[int, ...]:
        """As (3, 11)."""
        return Version(self.version).release[:2]


# A file as it was: its own path, when it was written last, its size.
_File = tuple[str, int, int]


class Interpreters:
    """Finds interpreters, asking each file once for as long as it is the same.

    `first` are looked at before those of PATH and of the usual places; Podium's own counts too.
    """

    def __init__(self, first: Sequence[Path], environment: Mapping[str, str]) -> None:
        self._first = first
        self._path = environment.get("PATH", os.defpath)
        self._home = environment.get("HOME", "")
        self._known: dict[_File, Interpreter | None] = {}
        # A home on the network may hang, which keeps no request.
        self._beside = Beside("interpreters")
        self._turn = asyncio.Lock()

    async def find(self, python: str) -> Interpreter:
        """For a version that was logged with that Python; raises `EnvironmentRefused`.

        Without a word it is one of Podium's own minor release.
        """
        wanted = Version(python).release[:2] if python else (*sys.version_info[:2],)
        minor = ".".join(map(str, wanted))
        found = await self._asked(partial(_candidates, self, minor))
        fitting = [each for each in found if each.minor == wanted]
        if not fitting:
            message = (
                f"The version asks for Python {minor}, which is not on this machine. Install it, "
                "or name it in PODIUM_PYTHONS."
            )
            raise EnvironmentRefused("python_missing", message)
        # Of equal ones the first: what the operator names comes before what lies about.
        return max(fitting, key=lambda each: Version(each.version))

    async def runs(self, path: Path, python: str) -> bool:
        """Whether that file is an interpreter, of that minor release."""
        return any(
            each.minor == Version(python).release[:2] for each in await self._asked(lambda: [path])
        )

    async def _asked(self, look: Callable[[], Iterable[Path]]) -> list[Interpreter]:
        """What is there of these, each asked once by whoever of many comes first."""
        async with self._turn:
            files = await self._beside.run(_files, look)
            for path, key in files:
                if key not in self._known:
                    self._known[key] = await _ask(path)
            known = [self._known[key] for _, key in files]
        return list(dict.fromkeys(each for each in known if each is not None))

    def places(self) -> Iterator[Path]:
        """Files and folders to look at, in order."""
        yield from self._first
        yield Path(getattr(sys, "_base_executable", sys.executable))
        yield from (Path(each) for each in self._path.split(os.pathsep) if each)
        for pattern in _USUAL:
            if pattern.startswith("~"):
                if not self._home:
                    continue
                pattern = self._home + pattern[1:]  # noqa: PLW2901 - the same place, in full
            root = Path("/")
            yield from sorted(root.glob(pattern.removeprefix("/")))


def _files(look: Callable[[], Iterable[Path]]) -> list[tuple[Path, _File]]:
    """Blocks for as long as the disks take."""
    found: list[tuple[Path, _File]] = []
    for path in look():
        with contextlib.suppress(OSError):
            real = path.resolve(strict=True)
            stat = real.stat()
            found.append((path, (str(real), stat.st_mtime_ns, stat.st_size)))
    return found


def _candidates(interpreters: Interpreters, minor: str) -> Iterator[Path]:
    for place in interpreters.places():
        if _SHIMS in place.parts:
            continue
        if place.is_file():
            yield place
            continue
        for folder in (place, place / "bin"):
            yield from (each for each in (folder / f"python{minor}",) if each.is_file())


async def _ask(path: Path) -> Interpreter | None:
    """None for what is not an interpreter, or not CPython."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(str(path), "-I", "-S", "-c", _QUESTION),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
    except OSError as error:
        if is_want_of_processes(error):
            raise processes_exhausted(STAGE, repr(error)) from error
        return None
    try:
        async with asyncio.timeout(_SECONDS):
            told, _ = await process.communicate()
        answer = json.loads(told)
        if answer["implementation"] != "cpython":
            return None
        return Interpreter(
            Path(answer["base"]), answer["version"], answer["machine"], answer["libc"]
        )
    except (TimeoutError, ValueError, KeyError, TypeError):
        return None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
