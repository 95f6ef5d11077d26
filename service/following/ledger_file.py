"""The ledger on disk: one JSON object a line, appended in order by a thread of its own.

Whatever the disk does, nobody waits for it and nothing that serves is lost: what could not be
written is written with the next entry, as far as memory holds it.
"""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson

from service.following.gates import GateFinding
from service.following.ledger import MOST_ENTRIES, Entry, Outcome
from service.following.refs import ModelRef
from service.following.trigger import Trigger

# An entry with its findings takes a few KiB at most; a file beyond this was not written here.
_MOST_BYTES: Final = 64 * 1024**2

# Told of every failure, from the thread that writes.
OnFailure = Callable[[OSError], None]


class LedgerFile:
    """`service.following.ledger.Keeper` in `path`, which is trimmed to the newest entries."""

    def __init__(self, path: Path, on_failure: OnFailure) -> None:
        self._path = path
        self._on_failure = on_failure
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._unwritten: deque[bytes] = deque(maxlen=MOST_ENTRIES)
        self._lines: deque[bytes] = deque(maxlen=MOST_ENTRIES)
        self._in_file = 0
        self._is_torn = False

    def read(self) -> tuple[Entry, ...]:
        """The entries kept before, oldest first; a torn line is left out and mended.

        Blocks; for the start. Never raises.
        """
        try:
            lines = self._all_lines()
        except FileNotFoundError:
            return ()
        except OSError as error:
            self._on_failure(error)
            return ()
        self._in_file = len(lines)
        entries = [(line, entry) for line in lines if (entry := _entry(line)) is not None]
        if len(entries) != len(lines):
            self._in_file = 2 * MOST_ENTRIES  # the next entry has the file written anew
        self._lines.extend(line for line, _ in entries)
        return tuple(entry for _, entry in entries)[-MOST_ENTRIES:]

    def keep(self, entry: Entry) -> None:
        """Written as soon as the thread comes to it."""
        self._thread.submit(self._write, orjson.dumps(_plain(entry)) + b"\n")

    def close(self) -> None:
        """Returns when everything that can be written is."""
        self._thread.shutdown()

    def _all_lines(self) -> list[bytes]:
        with self._path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > _MOST_BYTES:
                file.seek(-_MOST_BYTES, os.SEEK_END)
            text = file.read(_MOST_BYTES)
        # The service may have been killed while it wrote the last one.
        self._is_torn = bool(text) and not text.endswith(b"\n")
        return text.splitlines(keepends=True)

    def _write(self, line: bytes) -> None:
        self._lines.append(line)
        self._unwritten.append(line)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._in_file + len(self._unwritten) > 2 * MOST_ENTRIES:
                self._trim()
            else:
                self._append()
        except OSError as error:
            self._on_failure(error)

    def _append(self) -> None:
        text = b"".join(self._unwritten)
        start = b"\n" if self._is_torn else b""
        # Until all of it is there, whoever writes next begins on a line of its own.
        self._is_torn = True
        with self._path.open("ab", buffering=0) as file:
            written = file.write(start + text)
        if written != len(start + text):
            raise OSError("the ledger's line was written in part")
        self._is_torn = False
        self._in_file += len(self._unwritten)
        self._unwritten.clear()

    def _trim(self) -> None:
        whole = self._path.with_suffix(".partial")
        try:
            whole.write_bytes(b"".join(self._lines))
            whole.replace(self._path)
        finally:
            with contextlib.suppress(OSError):
                whole.unlink(missing_ok=True)
        self._is_torn = False
        self._in_file = len(self._lines)
        self._unwritten.clear()


def _plain(entry: Entry) -> Mapping[str, Any]:
    findings = [asdict(finding) for finding in entry.findings]
    seconds = dict(entry.seconds or {})
    return {**asdict(entry), "findings": findings, "seconds": seconds}


def _entry(line: bytes) -> Entry | None:
    try:
        said = orjson.loads(line)
        fields = {
            **said,
            "ref": ModelRef(**said["ref"]),
            "trigger": Trigger(said["trigger"]),
            "outcome": Outcome(said["outcome"]),
            "findings": tuple(GateFinding(**each) for each in said["findings"]),
            "id": int(said["id"]),
            "at": float(said["at"]),
        }
        return Entry(**fields)
    except (ValueError, TypeError, KeyError):
        return None
