"""An environment's files, as they were installed: noted once, compared before each use.

uv's hard links share their content with its cache, and so with other environments: what a model
writes there in place is written everywhere. A file whose size, times and number are what they were
has not been written to (the kernel moves the change time at every write, and nobody else can); any
other is read again and compared by its hash, for a new link to it moves the change time as well.

What may be imported stands in the notes, or is not there: anything that has come since is an
alteration. Bytecode is no exception, though Python writes it by itself: what was compiled when the
environment was built is noted, and any other is removed.
"""

import base64
import contextlib
import csv
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from service.registry.store.durable import write_whole

NOTES: Final = "podium-files.json"
# Of Podium's own, at the top of an environment; also while one of them is being written.
_OWN: Final = re.compile(
    r"(?:podium-files\.json|podium\.json|podium-lock\.txt|\.lock)"
    r"|\.(?:podium-files\.json|podium\.json|podium-lock\.txt)\.[0-9a-f]{8}"
)
_BYTECODE: Final = "__pycache__"
# A package's name, as it stands before the version in the name of its folder.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]*")
_THREADS: Final = 2
# What a disk never says of what was installed: somebody has removed it, or taken its rights away.
_ALTERATIONS: Final = (FileNotFoundError, NotADirectoryError, PermissionError)
_Note = list[Any]
"""Size, time of the last write and of the last change, hash; of a link where it leads."""


class EnvironmentAltered(Exception):
    """A file is not as it was installed: the one that is named."""

    def __init__(self, file: str) -> None:
        super().__init__(file)


def note_files(environment: Path, has_ended: Callable[[], bool] = lambda: False) -> list[str]:
    """Notes all files of an environment that has just been installed, which nobody uses yet.

    Returns the packages of which a file is not as its own RECORD says. Raises OSError, and
    InterruptedError once nobody wants to know any more.
    """
    notes = dict(_hashed(environment, dict(_entries(environment)), has_ended))
    wrong = sorted({*_wrong(environment, notes)})
    write_whole(environment / NOTES, json.dumps(notes).encode())
    return wrong


def note_imported(environment: Path) -> None:
    """Notes what importing from it has changed, its bytecode above all, before anybody uses it."""
    notes, found = _noted(environment / NOTES), dict(_entries(environment))
    changed = {path: each for path, each in found.items() if _is_other(notes.get(path), each)}
    kept = {path: note for path, note in notes.items() if path in found}
    kept.update(_hashed(environment, changed))
    write_whole(environment / NOTES, json.dumps(kept).encode())


def verify_files(environment: Path) -> None:
    """Returns if they are all as they were noted. Raises `EnvironmentAltered` and OSError."""
    try:
        _verify(environment)
    except _ALTERATIONS as error:
        raise EnvironmentAltered(str(error.filename or NOTES)) from error


def _verify(environment: Path) -> None:
    notes = _noted(environment / NOTES)
    found = dict(_entries(environment))
    for path in notes.keys() - found.keys():
        # Python makes it again.
        if not _is_bytecode(path):
            raise EnvironmentAltered(path)
    for path in found.keys() - notes.keys():
        _reject(environment, path)
    changed = {
        path: found[path]
        for path in notes.keys() & found.keys()
        if _is_other(notes[path], found[path])
    }
    for path, note in _hashed(environment, changed):
        if note[0] != notes[path][0] or note[3] != notes[path][3]:
            _reject(environment, path)
        notes[path] = note
    if changed:
        write_whole(environment / NOTES, json.dumps(notes).encode())


def _reject(environment: Path, path: str) -> None:
    """Bytecode is removed, and found missing from then on; of anything else the fault is raised."""
    if not _is_bytecode(path):
        raise EnvironmentAltered(path)
    try:
        (environment / path).unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentAltered(path) from error


def _is_bytecode(path: str) -> bool:
    """Whether it lies where Python puts that; a link in the place of such a folder does not."""
    return _BYTECODE in path.split("/")[:-1]


def _is_other(note: _Note | None, entry: os.stat_result) -> bool:
    return note is None or note[:3] != _seen(entry)


def _noted(path: Path) -> dict[str, _Note]:
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        raise EnvironmentAltered(path.name) from None
    if not isinstance(found, dict):
        raise EnvironmentAltered(path.name)
    return found


def _hashed(
    environment: Path,
    entries: Mapping[str, os.stat_result],
    has_ended: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[str, _Note]]:
    def hashed(path: str) -> str:
        if has_ended():
            raise InterruptedError
        return _hash(environment / path)

    with ThreadPoolExecutor(_THREADS) as threads:
        hashes = threads.map(hashed, entries)
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
    """Files and links by their path below it; nothing of Podium's own."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(environment / below) as entries:
            for entry in entries:
                path = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{path}/")
                elif not _OWN.fullmatch(path):
                    # Somebody who verifies it too may have removed bytecode by now.
                    with contextlib.suppress(FileNotFoundError):
                        yield path, entry.stat(follow_symlinks=False)


def _wrong(environment: Path, notes: Mapping[str, _Note]) -> Iterator[str]:
    for record in environment.glob("lib/python3*/site-packages/*.dist-info/RECORD"):
        name = _NAME.match(record.parent.name.partition("-")[0])
        if name is not None and not _is_record_right(record, environment, notes):
            yield name[0]


def _is_record_right(record: Path, environment: Path, notes: Mapping[str, _Note]) -> bool:
    """False too for what cannot be read as one: wheels of artifacts are their authors'."""
    site = record.parents[1]
    try:
        with record.open(encoding="utf-8", newline="") as file:
            return all(_is_as_recorded(row, site, environment, notes) for row in csv.reader(file))
    except (ValueError, csv.Error):
        return False


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
