"""The ledger: every swap and every refusal, newest last, with what led to it.

Kept in memory up to a bound and handed to a `LedgerStore`, which may write it down; what cannot be
written is still there until the service ends.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from service.following.gates.gate import GateFinding
from service.following.pace import Trigger
from service.following.sentences import cut
from service.refs import ModelRef

MOST_ENTRIES: Final = 2000
_MOST_FINDINGS: Final = 50
# As long as a host tells it; thousands of entries are kept in memory.
_LONGEST_DETAIL: Final = 2000


class LedgerOutcome(StrEnum):
    """How an attempt to bring a version into service ended; or that what served does no more."""

    SWAPPED = "swapped"
    REFUSED = "refused"
    EMPTIED = "emptied"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One swap or refusal of one slot, or that it was emptied.

    Attributes:
        at: seconds since 1970, as the clock on the wall had it.
        ref: the slot's.
        trigger: what made the service look when it first saw the alias there.
        before: the version that served until then and, where the new one is refused, still does.
        version: the version that was to be served; where the slot was emptied or the version
            withdrawn, the one that was.
        outcome: whether it is.
        stage: where it was refused, as in `Failure`; None for a swap.
        code: why, stable; None for a swap to what the alias is on.
        message: why, a sentence safe to show; None where `code` is.
        detail: the exception's type and text, for operators alone; None where there is none.
        gate: the gate that was closed, if one was.
        findings: what the gates had seen, wherever the version has come to.
        seconds: what each stage took: look, wait, fetch, gates, load. None of a version that was
            there already took any.
        last_known_good: whether it is what the slot served before the start, for want of newer;
            `code` and `message` then say why, where the registry or another version has failed.
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


class LedgerStore(Protocol):
    """Writes entries down, somewhere else than on the loop."""

    def keep(self, entry: LedgerEntry) -> None:
        """Takes the entry and returns at once; never raises."""
        ...

    def close(self) -> None:
        """Blocks until everything that can be written is."""
        ...


class Ledger:
    """The newest entries, in order. `entries` are those that were kept before."""

    def __init__(
        self, keeper: LedgerStore | None = None, entries: Sequence[LedgerEntry] = ()
    ) -> None:
        self._keeper = keeper
        self._entries = deque(entries, maxlen=MOST_ENTRIES)
        self._last_id = max((entry.id for entry in entries), default=0)

    def note(self, entry: LedgerEntry) -> None:
        """Adds it as the newest one, with an id of its own; long sentences are cut."""
        self._last_id += 1
        numbered = replace(_bounded(entry), id=self._last_id)
        self._entries.append(numbered)
        if self._keeper is not None:
            self._keeper.keep(numbered)

    def page(self, limit: int, before: int | None = None) -> tuple[LedgerEntry, ...]:
        """The newest `limit` entries, of those with an id below `before` if given; newest first."""
        found = (entry for entry in reversed(self._entries) if before is None or entry.id < before)
        return tuple(entry for entry, _ in zip(found, range(limit), strict=False))

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
    return replace(entry, findings=bounded(entry.findings), message=message, detail=detail)
