"""What a fetched artifact consists of: the length and SHA-256 of every file, written beside it."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from service.registry.store.durable import sync, write_whole

_MAX_MANIFEST_BYTES: Final = 64 * 1024**2
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
# MLflow writes it into a version's folder when that is copied or fetched: name and number, no model
# (mlflow/store/artifact/models_artifact_repo.py).
_OF_REGISTRY: Final = frozenset({"registered_model_meta"})


class Altered(Exception):
    """The artifact is not what the manifest says; the message tells the first difference."""


class NotPlain(Exception):
    """The artifact holds what is neither a file nor a folder; a link would lead elsewhere."""


@dataclass(frozen=True, slots=True)
class _Entry:
    length: int
    digest: str


def file_lengths(artifact: Path) -> dict[str, int]:
    """The length of every file below, by its path from there with `/` between its parts.

    Raises `NotPlain`, and OSError.
    """
    return {name: os.stat(path).st_size for name, path in _files(artifact)}  # noqa: PTH116 - one of maybe a million


def write_manifest(artifact: Path, manifest: Path) -> None:
    """Returns when the artifact and its manifest are on the disk; raises OSError or `NotPlain`."""
    entries = {name: _entry(path) for name, path in _files(artifact)}
    for folder in {artifact, *(artifact / name for name in entries)}:
        sync(folder if folder == artifact else folder.parent)
    listed = {name: [entry.length, entry.digest] for name, entry in entries.items()}
    write_whole(manifest, json.dumps({"files": listed}).encode())


def verify(artifact: Path, manifest: Path, *, in_use: bool = False) -> None:
    """Returns if the artifact has exactly the files of its manifest, and each is as it was.

    One that is `in_use` may have more: some models write beside their own files. Raises `Altered`,
    also for a manifest that is torn or missing. Raises OSError.
    """
    expected = _read(manifest)
    try:
        found = dict(_files(artifact))
    except NotPlain as error:
        raise Altered(str(error)) from error
    if in_use:
        found = {name: path for name, path in found.items() if name in expected}
    if found.keys() != expected.keys():
        raise Altered(f"other files: {sorted(found.keys() ^ expected.keys())[:3]}")
    # Lengths first: they cost nothing, and tell most of what can have happened.
    for name, path in found.items():
        if path.stat().st_size != expected[name].length:
            raise Altered(f"another length: {name}")
    for name, path in found.items():
        if _digest(path) != expected[name].digest:
            raise Altered(f"another content: {name}")


def digests(manifest: Path) -> dict[str, str]:
    """The SHA-256 of each file, by its path. Raises `Altered` if it cannot be read, and OSError."""
    return {name: entry.digest for name, entry in _read(manifest).items()}


def _files(artifact: Path) -> Iterator[tuple[str, Path]]:
    waiting = [artifact]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                path = Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif entry.is_file(follow_symlinks=False):
                    yield path.relative_to(artifact).as_posix(), path
                else:
                    raise NotPlain(f"neither a file nor a folder: {entry.name}")


def _entry(path: Path) -> _Entry:
    digest = _digest(path)
    sync(path)
    return _Entry(path.stat().st_size, digest)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(manifest: Path) -> Mapping[str, _Entry]:
    try:
        with manifest.open("rb") as file:
            files = json.loads(file.read(_MAX_MANIFEST_BYTES))["files"]
        return {name: _entry_of(listed) for name, listed in files.items()}
    except FileNotFoundError:
        raise Altered("no manifest") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Altered(f"its manifest cannot be read: {error!r}") from error


def _entry_of(listed: Any) -> _Entry:
    length, digest = listed
    if not isinstance(length, int) or not _DIGEST.fullmatch(digest):
        raise ValueError("no length and digest")
    return _Entry(length, digest)


def digest_of(manifest: Path) -> str:
    """The SHA-256 of every file's path and content, of 64 hexadecimal digits.

    Read from the manifest of an artifact in the cache, which has been compared with its files.
    Raises `Altered` for a manifest that cannot be read, and OSError.
    """
    return combined(digests(manifest))


def combined(files: Mapping[str, str]) -> str:
    """The same of the SHA-256 of each file, by its path in the artifact."""
    told = sorted((path, digest) for path, digest in files.items() if path not in _OF_REGISTRY)
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
