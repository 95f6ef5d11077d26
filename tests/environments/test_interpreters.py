"""Which Python a version runs with."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.environments.environment import EnvironmentRefused
from service.environments.interpreters import Interpreter, Interpreters

HERE = f"3.{sys.version_info.minor}"
NOTHING = {"PATH": "", "HOME": ""}


def pretend(folder: Path, version: str, *, implementation: str = "cpython") -> Path:
    """A program that answers as an interpreter of that version, and notes that it was asked."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"python{'.'.join(version.split('.')[:2])}"
    told = (
        f'{{"version": "{version}", "implementation": "{implementation}", "base": "{path}", '
        '"machine": "m", "libc": "glibc"}'
    )
    path.write_text(f"#!/bin/sh\necho x >> {folder}/asked\necho '{told}'\n")
    path.chmod(0o755)
    return path


async def test_same_minor_and_newest_patch_wins(tmp_path: Path) -> None:
    """Whether it is named itself, by its folder, or on PATH; never another minor."""
    named = pretend(tmp_path / "a", "3.98.1")
    folder = pretend(tmp_path / "b" / "bin", "3.98.3").parents[1]
    on_path = pretend(tmp_path / "c", "3.98.20")
    pretend(tmp_path / "c", "3.99.1")
    found = Interpreters((named, folder), {"PATH": str(on_path.parent)})
    assert (await found.find("3.98.2")).path == on_path
    less = Interpreters((named, folder), NOTHING)
    assert await less.find("3.98") == Interpreter(
        tmp_path / "b/bin/python3.98", "3.98.3", "m", "glibc"
    )


async def test_own_python_is_one_of_them() -> None:
    """For what says nothing, too."""
    found = Interpreters((), NOTHING)
    assert (await found.find("")).version.startswith(f"{HERE}.")
    assert await found.find(HERE) == await found.find("")


async def test_shims_and_other_pythons_are_passed_over(tmp_path: Path) -> None:
    """A shim starts whatever Python the folder says; PyPy cannot run models."""
    shim = pretend(tmp_path / "shims", "3.98.9")
    other = pretend(tmp_path / "other", "3.98.9", implementation="pypy")
    broken = tmp_path / "broken" / "python3.98"
    broken.parent.mkdir()
    broken.write_text("no program")
    broken.chmod(0o755)
    found = Interpreters((shim, other, broken, tmp_path / "absent"), {"PATH": str(shim.parent)})
    with pytest.raises(EnvironmentRefused) as refused:
        await found.find("3.98.0")
    assert refused.value.reason == "python_missing"
    assert "Python 3.98" in refused.value.message
    assert not (shim.parent / "asked").exists()


async def test_interpreter_is_asked_once(tmp_path: Path) -> None:
    """As long as it is the same file."""
    path = pretend(tmp_path, "3.98.1")
    found = Interpreters((path,), NOTHING)
    for _ in range(3):
        await found.find("3.98")
    assert (tmp_path / "asked").read_text() == "x\n"


async def test_interpreter_is_asked_once_by_all_who_ask_at_once(tmp_path: Path) -> None:
    """Of many versions at a start one asks, the others take its answer."""
    path = pretend(tmp_path, "3.98.1")
    found = Interpreters((path,), NOTHING)
    await asyncio.gather(*(found.find("3.98") for _ in range(5)))
    assert (tmp_path / "asked").read_text() == "x\n"


async def test_places_are_looked_at_beside_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home on the network may not answer."""
    path = pretend(tmp_path, "3.98.1")
    threads: list[threading.Thread] = []

    def places(_: Interpreters) -> Iterator[Path]:
        threads.append(threading.current_thread())
        yield path

    monkeypatch.setattr(Interpreters, "places", places)
    await Interpreters((), NOTHING).find("3.98")
    assert len(threads) == 1
    assert threading.main_thread() not in threads
