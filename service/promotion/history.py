"""What an alias has stood on, as its journal tells, and where a rollback goes from there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from service.promotion.journal import Journal, Written


@dataclass(frozen=True, slots=True)
class Stood:
    """A version that the alias was on; `served` is None where nobody looked whether it served."""

    version: str | None
    served: bool | None


def history(journal: Journal) -> tuple[Stood, ...]:
    """Those that the alias would go back through, oldest first; the last is where it is.

    A version that was left by a rollback is none of them: who rolls back twice goes two steps back,
    never to and fro. So is one that was left on MLflow's page for a version before it.
    """
    stack: list[Stood] = []
    for each in journal.happened:
        entry = each.entry
        if entry.kind in {"rollback", "put_back", "seen"} and _known(stack, entry.to):
            while stack[-1].version != entry.to:
                stack.pop()
            stack[-1] = _again(stack[-1], each)
        else:
            stack.append(_stood(each))
    return tuple(stack)


def _known(stack: list[Stood], version: str | None) -> bool:
    return any(each.version == version for each in stack)


def _stood(each: Written) -> Stood:
    # One that was begun and never finished: nobody knows that it ever served.
    served = each.done.served if each.done else (None if each.entry.kind == "seen" else False)
    return Stood(each.entry.to, served)


def _again(before: Stood, each: Written) -> Stood:
    served = each.done.served if each.done else None
    return before if served is None else replace(before, served=served)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that a rollback might go to, and why it does not; empty if it does."""

    version: str
    why_not: str


def candidates(journal: Journal, why_not_now: Callable[[str], str]) -> Iterator[Candidate]:
    """Those that a rollback tries, best first.

    `why_not_now` says of a version what keeps it from serving, empty if nothing does.
    """
    for each in reversed(history(journal)[:-1]):
        if each.version is not None:
            why = "it has not served" if each.served is False else why_not_now(each.version)
            yield Candidate(each.version, why)


def has_stood_on(journal: Journal, version: str) -> Stood | None:
    """The latest time that the alias was on that version; None if it never was."""
    found = [each for each in journal.happened if each.entry.to == version]
    return _stood(found[-1]) if found else None
