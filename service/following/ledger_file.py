"""The ledger on disk: one JSON object a line, appended in order by a thread of its own.

Whatever the disk does, nobody waits for it and nothing that serves is lost: what could not be
written is written with the next entry, as far as memory holds it.
"""

import contextlib
import math
import os
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import orjson
from pydantic import TypeAdapter

from service.background import Work
from service.following.ledger import MOST_ENTRIES, LedgerEntry
from service.processes.front.beside import Beside

# An entry with its findings takes a few KiB at most; what is beyond this was not written here.
_MOST_BYTES: Final = 64 * 1024**2
_LONGEST_LINE: Final = 1024**2
# Of the years that dates know, in seconds since 1970.
_END_OF_TIME: Final = 253_402_300_800
_MOST_IDS: Final = 10**15
_ENTRY: Final = TypeAdapter(LedgerEntry)

_MOST_WAITING: Final = 4 * MOST_ENTRIES


class LedgerObserver(Protocol):
    """Told how the ledger's file fares."""

    def ledger_failed(self, error: Exception) -> None:
        """It could not be read or written; from the thread that writes, each time."""
        ...

    def ledger_recovered(self) -> None:
        """It was written, for the first time since it could not be; from the same thread."""
        ...

    def ledger_lines_left_out(self, count: int) -> None:
        """So many of its lines are no entries; once, when it is read."""
        ...


class LedgerFile:
    """`service.following.ledger.LedgerStore` in `path`, which is trimmed to the newest entries."""

    def __init__(self, path: Path, observer: LedgerObserver) -> None:
        self._path = path
        self._observer = observer
        self._thread = Beside(Work.LEDGER)
        self._unwritten: deque[bytes] = deque(maxlen=MOST_ENTRIES)
        self._lines: deque[bytes] = deque(maxlen=MOST_ENTRIES)
        self._in_file = 0
        self._is_torn = False
        self._is_failing = False

    def read(self) -> tuple[LedgerEntry, ...]:
        """The entries kept before, oldest first; a line that is none is left out, which is told.

        Blocks; for the start. Never raises.
        """
        try:
            lines = self._all_lines()
        except FileNotFoundError:
            return ()
        except OSError as error:
            self._is_failing = True
            self._observer.ledger_failed(error)
            return ()
        self._in_file = len(lines)
        entries = [(line, entry) for line in lines if (entry := _entry(line)) is not None]
        if left_out := len(lines) - len(entries):
            self._observer.ledger_lines_left_out(left_out)
            self._in_file = 2 * MOST_ENTRIES  # the next entry has the file written anew
        self._lines.extend(line for line, _ in entries)
        return tuple(entry for _, entry in entries)[-MOST_ENTRIES:]

    def keep(self, entry: LedgerEntry) -> None:
        """Written soon; where thousands wait already for a disk that hangs it is lost, and told."""
        if self._thread.unfinished < _MOST_WAITING:
            self._thread.submit(partial(self._write, entry))
        else:
            self._observer.ledger_failed(TimeoutError("its disk does not answer"))

    def close(self, seconds: float = 5.0) -> None:
        """Returns when everything that can be written is, or after so many seconds."""
        self._thread.finish(seconds)

    def _all_lines(self) -> list[bytes]:
        with self._path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > _MOST_BYTES:
                file.seek(-_MOST_BYTES, os.SEEK_END)
            text = file.read(_MOST_BYTES)
        # The service may have been killed while it wrote the last one.
        self._is_torn = bool(text) and not text.endswith(b"\n")
        return text.splitlines(keepends=True)

    def _write(self, entry: LedgerEntry) -> None:
        try:
            line = orjson.dumps(_plain(entry)) + b"\n"
            self._lines.append(line)
            self._unwritten.append(line)
            self._write_all()
        except Exception as error:  # noqa: BLE001 - nobody asks the thread how it went
            self._is_failing = True
            self._observer.ledger_failed(error)
        else:
            self._tell_recovered()

    def _write_all(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._in_file + len(self._unwritten) > 2 * MOST_ENTRIES:
            self._trim()
        else:
            self._append()

    def _tell_recovered(self) -> None:
        if self._is_failing:
            self._is_failing = False
            self._observer.ledger_recovered()

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


def _plain(entry: LedgerEntry) -> Mapping[str, Any]:
    findings = [asdict(finding) for finding in entry.findings]
    seconds = dict(entry.seconds or {})
    return {**asdict(entry), "findings": findings, "seconds": seconds}


def _entry(line: bytes) -> LedgerEntry | None:
    if len(line) > _LONGEST_LINE:
        return None
    try:
        entry = _ENTRY.validate_json(line, strict=True)
    except ValueError:
        return None
    return entry if _is_possible(entry) else None


def _is_possible(entry: LedgerEntry) -> bool:
    # Whoever else has written the line: no page must fail over a time that is none.
    seconds = (entry.seconds or {}).values()
    return (
        0 <= entry.at < _END_OF_TIME
        and 0 < entry.id < _MOST_IDS
        and all(math.isfinite(each) for each in seconds)
    )
