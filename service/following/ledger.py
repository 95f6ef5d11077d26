"""The ledger: every swap and every refusal, newest last, with what led to it.

Kept in memory up to a bound, and in a file: one JSON object a line, appended in order by a thread
of its own. Whatever the disk does, nobody waits for it and nothing that serves is lost: what could
not be written is written with the next entry, as far as memory holds it.
"""

import contextlib
import math
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, Protocol

import orjson
from pydantic import TypeAdapter

from service.background import Work
from service.following.gates.gate import GateFinding
from service.following.pace import Trigger
from service.following.sentences import cut
from service.processes.front.beside import Beside
from service.refs import ModelRef

MOST_ENTRIES: Final = 2000
_MOST_FINDINGS: Final = 50
# As long as a host tells it; thousands of entries are kept in memory.
_LONGEST_DETAIL: Final = 2000
# An entry with its findings takes a few KiB at most; what is beyond this was not written here.
_MOST_BYTES: Final = 64 * 1024**2
_LONGEST_LINE: Final = 1024**2
# Of the years that dates know, in seconds since 1970.
_END_OF_TIME: Final = 253_402_300_800
_MOST_IDS: Final = 10**15
_MOST_WAITING: Final = 4 * MOST_ENTRIES


class LedgerOutcome(StrEnum):
    """How an attempt to bring a version into service ended; or that what served does no more.

    Or what came of an operator's wish to have one made ready, which serves nobody before the alias
    moves; or that the slot is held on what it serves, or follows its alias again; or that a version
    it had refused for being blocked is not blocked any more; or that the slot shares its requests
    otherwise; or that a version hears of these, or does no more; or how what it serves has baked.
    """

    SWAPPED = "swapped"
    REFUSED = "refused"
    EMPTIED = "emptied"
    WITHDRAWN = "withdrawn"
    PREPARED = "prepared"
    NOT_PREPARED = "not_prepared"
    HELD = "held"
    RELEASED = "released"
    UNBLOCKED = "unblocked"
    SHADOWED = "shadowed"
    UNSHADOWED = "unshadowed"
    PROVEN = "proven"
    UNPROVEN = "unproven"
    GAVE_WAY = "gave_way"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One swap or refusal of one slot, or that it was emptied.

    Attributes:
        at: seconds since 1970, as the clock on the wall had it.
        ref: the slot's.
        trigger: what made the service look when it first saw the alias there.
        before: the version that served until then and, where the new one is refused, still does.
        version: the version that was to be served; where the slot was emptied or the version
            withdrawn, the one that was; where it was held or released, the one that it was on.
        outcome: whether it is.
        stage: where it was refused, as in `Failure`; None for a swap.
        code: why, stable; None for a swap to what the alias is on.
        message: why, a sentence safe to show; None where `code` is.
        detail: the exception's type and text, for operators alone; None where there is none.
        reason: what an operator has given for it, with who and where, of a version that is blocked,
            withdrawn or made ready, or a slot that is held; None where nobody says.
        gate: the gate that was closed, if one was.
        findings: what the gates had seen, wherever the version has come to.
        seconds: what each stage took: look, wait, fetch, gates, environment, load. None of a
            version that was
            there already took any.
        last_known_good: whether it is what the slot served before the start, for want of newer;
            `code` and `message` then say why, where the registry or another version has failed.
        shares: who gets how many percent, by alias, where the slot shares its requests; the slot's
            own has `version`.
        id: its place in the ledger: the newer, the higher, however the clock was set.
    """

    at: float
    ref: ModelRef
    trigger: Trigger
    before: str | None
    version: str
    outcome: LedgerOutcome
    stage: str | None = None
    code: str | None = None
    message: str | None = None
    detail: str | None = None
    gate: str | None = None
    findings: Sequence[GateFinding] = ()
    seconds: Mapping[str, float] | None = None
    last_known_good: bool = False
    id: int = 0
    reason: str | None = None
    shares: Mapping[str, float] | None = None


class Ledger:
    """The newest entries, in order. `entries` are those that were kept before.

    `noted` hears of each new one; it neither blocks nor raises.
    """

    def __init__(
        self,
        keeper: "LedgerFile | None" = None,
        entries: Sequence[LedgerEntry] = (),
        noted: Callable[[LedgerEntry], None] | None = None,
    ) -> None:
        self._keeper = keeper
        self._noted = noted
        self._entries = deque(entries, maxlen=MOST_ENTRIES)
        self._last_id = max((entry.id for entry in entries), default=0)

    def note(self, entry: LedgerEntry) -> None:
        """Adds it as the newest one, with an id of its own; long sentences are cut."""
        self._last_id += 1
        numbered = replace(_bounded(entry), id=self._last_id)
        self._entries.append(numbered)
        if self._keeper is not None:
            self._keeper.keep(numbered)
        if self._noted is not None:
            self._noted(numbered)

    def page(self, limit: int, before: int | None = None) -> tuple[LedgerEntry, ...]:
        """The newest `limit` entries, of those with an id below `before` if given; newest first."""
        found = (entry for entry in reversed(self._entries) if before is None or entry.id < before)
        return tuple(entry for entry, _ in zip(found, range(limit), strict=False))

    @property
    def last_id(self) -> int:
        """Of the newest entry; 0 where there has never been one."""
        return self._last_id

    def since(self, id: int) -> tuple[LedgerEntry, ...]:  # noqa: A002 - the entry's own word
        """Those that are newer than that one, oldest first."""
        found = takewhile(lambda entry: entry.id > id, reversed(self._entries))
        return tuple(found)[::-1]

    def knows(self, name: str, version: str) -> bool:
        """Whether an entry names that version of that model, whoever had the name."""
        return any(
            each.ref.name == name and version in {each.version, each.before}
            for each in self._entries
        )

    def close(self) -> None:
        """Blocks until everything that can be kept is."""
        if self._keeper is not None:
            self._keeper.close()


def bounded(findings: Sequence[GateFinding]) -> tuple[GateFinding, ...]:
    """As many as anybody reads, each cut; what is left out is counted."""
    shown = [replace(each, sentence=cut(each.sentence)) for each in findings[:_MOST_FINDINGS]]
    if left_out := len(findings) - len(shown):
        sentence = f"{left_out} findings more are not listed."
        shown.append(GateFinding(findings[-1].gate, "more", sentence))
    return tuple(shown)


def _bounded(entry: LedgerEntry) -> LedgerEntry:
    message = None if entry.message is None else cut(entry.message)
    detail = None if entry.detail is None else cut(entry.detail, _LONGEST_DETAIL)
    reason = None if entry.reason is None else cut(entry.reason)
    found = bounded(entry.findings)
    return replace(entry, findings=found, message=message, detail=detail, reason=reason)


_ENTRY: Final = TypeAdapter(LedgerEntry)


class LedgerObserver(Protocol):
    """Told how the ledger's file fares."""

    def ledger_failed(self, error: Exception) -> None:
        """It could not be read or written; from the thread that writes, each time."""

    def ledger_recovered(self) -> None:
        """It was written, for the first time since it could not be; from the same thread."""

    def ledger_lines_left_out(self, count: int) -> None:
        """So many of its lines are no entries; once, when it is read."""


class LedgerFile:
    """Entries in `path`, which is trimmed to the newest ones."""

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
