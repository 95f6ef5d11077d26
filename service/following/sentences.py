"""Sentences about what a version's author has named: of a bounded length, and printable.

Names of columns, packages and types are as long as their author likes, and stand in `/models`, in
the ledger and in the log.
"""

from collections.abc import Sequence
from typing import Final

LONGEST_SENTENCE: Final = 1000
"""Characters of one message or finding."""
LONGEST_DETAIL: Final = 4000
"""Characters of what the log alone is told: an exception's text."""
_MOST_LISTED: Final = 20
# What is listed stands in a sentence of the gate's own.
_LONGEST_LIST: Final = LONGEST_SENTENCE - 200
# Of a longer clause, begin and end: a name stands in its middle.
_LONGEST_PART: Final = 400
_PART_END: Final = 100


def plain(text: str) -> str:
    """The text with everything that could steer a terminal made visible instead."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def cut(text: str, longest: int = LONGEST_SENTENCE) -> str:
    """The text, of which no more than `longest` characters are shown."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def named(text: str, longest: int = 100) -> str:
    """What an author has written, printable and cut."""
    return cut(plain(text[: longest + 1]), longest)


def listed(clauses: Sequence[str]) -> str:
    """The first twenty, or as many as a sentence has room for, and how many are left out."""
    shown: list[str] = []
    room = _LONGEST_LIST
    for clause in clauses[:_MOST_LISTED]:
        part = _shortened(clause)
        room -= len(part) + 2
        if room < 0:
            break
        shown.append(part)
    left_out = len(clauses) - len(shown)
    return "; ".join((*shown, f"and {left_out} more") if left_out else shown)


def _shortened(clause: str) -> str:
    if len(clause) <= _LONGEST_PART:
        return clause
    return f"{clause[: _LONGEST_PART - _PART_END]}...{clause[-_PART_END:]}"
