"""An environment's files, as they were installed: noted once, compared before each use.

uv's hard links share their content with its cache, and so with other environments: what a model
writes there in place is written everywhere. A file whose size, times and number are what they were
has not been written to (the kernel moves the change time at every write, and nobody else can); any
other is read again and compared by its hash, for a new link to it moves the change time as well.

Bytecode that hosts have written is no part of it.
"""

import base64
import csv
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from service.registry.store.durable import write_whole

NOTES: Final = "podium-files.json"
_OWN: Final = frozenset({NOTES, "podium.json", "podium-lock.txt", ".lock"})
_BYTECODE: Final = "__pycache__"
# What an interpreter would run, or read its path from.
_RUNS: Final = (".py", ".pyc", ".pth", ".so")
_THREADS: Final = 2
_Note = list[Any]
"""Size, time of the last write and of the last change, hash; of a link where it leads."""


class EnvironmentAltered(Exception):
    """A file is not as it was installed; `packages` whose it is, as far as that is known."""

    def __init__(self, file: str) -> None:
        super().__init__(file)


def note_files(environment: Path) -> list[str]:
    """Notes all files of an environment that has just been installed, which nobody uses yet.

    Returns the packages of which a file is not as its own RECORD says. Raises OSError.
    """
    notes = _notes(environment)
    wrong = sorted({*_wrong(environment, notes)})
    write_whole(environment / NOTES, json.dumps(notes).encode())
    return wrong


def verify_files(environment: Path) -> None:
    """Returns if they are all as they were noted. Raises `EnvironmentAltered` and OSError.

    FileNotFoundError where there is no environment.
    """
    notes = _noted(environment / NOTES)
    found = dict(_entries(environment))
    for path in notes.keys() - found.keys():
        raise EnvironmentAltered(path)
    for path in found.keys() - notes.keys():
        if path.endswith(_RUNS):
            raise EnvironmentAltered(path)
    changed = {path: found[path] for path in notes if notes[path][:3] != _seen(found[path])}
    for path, note in _hashed(environment, changed):
        if note[0] != notes[path][0] or note[3] != notes[path][3]:
            raise EnvironmentAltered(path)
        notes[path] = note
    if changed:
        write_whole(environment / NOTES, json.dumps(notes).encode())


def _noted(path: Path) -> dict[str, _Note]:
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        raise EnvironmentAltered(path.name) from None
    if not isinstance(found, dict):
        raise EnvironmentAltered(path.name)
    return found


def _notes(environment: Path) -> dict[str, _Note]:
    return dict(_hashed(environment, dict(_entries(environment))))


def _hashed(
    environment: Path, entries: Mapping[str, os.stat_result]
) -> Iterator[tuple[str, _Note]]:
    with ThreadPoolExecutor(_THREADS) as threads:
        hashes = threads.map(lambda path: _hash(environment / path), entries)
        for (path, entry), found in zip(entries.items(), hashes, strict=True):
            yield path, [*_seen(entry), found]


def _seen(entry: os.stat_result) -> _Note:
    return [entry.st_size, entry.st_mtime_ns, entry.st_ctime_ns]


def _hash(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entries(environment: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Files and links by their path below it; no bytecode, and nothing of Podium's own."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(environment / below) as entries:
            for entry in entries:
                path = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != _BYTECODE:
                        waiting.append(f"{path}/")
                elif path not in _OWN:
                    yield path, entry.stat(follow_symlinks=False)


def _wrong(environment: Path, notes: Mapping[str, _Note]) -> Iterator[str]:
    for record in environment.glob("lib/python3*/site-packages/*.dist-info/RECORD"):
        site = record.parents[1]
        with record.open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                if not _is_as_recorded(row, site, environment, notes):
                    yield record.parent.name.partition("-")[0]


def _is_as_recorded(
    row: list[str], site: Path, environment: Path, notes: Mapping[str, _Note]
) -> bool:
    path, recorded = [*row, "", ""][:2]
    algorithm, _, digest = recorded.partition("=")
    if algorithm != "sha256" or path.endswith(".pyc"):
        return True
    below = os.path.relpath(os.path.normpath(site / path), environment)
    note = notes.get(below)
    return note is not None and note[3] == base64.urlsafe_b64decode(f"{digest}==").hex()
