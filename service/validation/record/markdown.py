"""Markdown of what others have named: it is text there, whatever it holds."""

from collections.abc import Iterator, Sequence
from typing import Final

from service.validation.findings import Judgement

MARKS: Final = {"passed": "passed", "failed": "**failed**", "undecided": "*undecided*"}
# CommonMark's own, and what GitLab and GitHub read beside it: people, issues, labels, formulas.
_ESCAPED: Final = "\\`*_[]<>|#!&~$@"


def text_of(told: str) -> str:
    """Text for a table's cell or a heading: neither their end nor markup of any kind."""
    kept = "".join(each if each.isprintable() else " " for each in told)
    for mark in _ESCAPED:
        kept = kept.replace(mark, f"\\{mark}")
    return kept


def judged_rows(found: Sequence[Judgement]) -> Iterator[str]:
    """A table of them, in their order."""
    yield "| what | verdict | |"
    yield "|---|---|---|"
    for each in found:
        yield f"| {text_of(each.name)} | {MARKS[each.verdict]} | {text_of(each.sentence)} |"
