"""`card.md`: what a person reads who has to say yes, on one page."""

from collections.abc import Iterator, Sequence

from service.validation.quality.found import PartScores
from service.validation.record.markdown import MARKS, judged_rows, text_of
from service.validation.record.trial_record import TrialRecord

_TITLES = {
    "stage": "Brought into service",
    "smoke": "Smoke tests",
    "load": "Under load",
    "quality": "Quality",
}


def card_of(record: TrialRecord) -> str:
    """Markdown. Names and sentences are text in it, whatever they hold."""
    return "\n".join(_lines(record)) + "\n"


def _lines(record: TrialRecord) -> Iterator[str]:
    yield f"# {text_of(str(record.version))}: {MARKS[record.verdict]}"
    yield ""
    yield from _facts(record)
    for section, title in _TITLES.items():
        found = [each for each in record.judgements if each.section == section]
        if found:
            yield from ("", f"## {title}", "")
            yield from judged_rows(found)
    if record.quality is not None and record.quality.parts:
        yield from ("", "## Metrics", "")
        yield from _metrics(record.quality.parts, beside=record.against is not None)


def _facts(record: TrialRecord) -> Iterator[str]:
    if record.against is not None:
        yield f"- compared with {text_of(str(record.against))}"
    yield f"- policy `{record.in_force.sha256}`"
    flags = record.in_force.flags
    if flags:
        yield f"- flags over it: {text_of(', '.join(f'{k}={v}' for k, v in flags.items()))}"
    if record.digest is not None:
        yield f"- files `{record.digest}`"
    if record.data is not None:
        data = record.data
        yield f"- data {text_of(data.source)}, {data.rows} rows, SHA-256 `{data.digest}`"


def _metrics(parts: Sequence[PartScores], *, beside: bool) -> Iterator[str]:
    yield "| rows | metric | this version |" + (" the other |" if beside else "")
    yield "|---|---|---|" + ("---|" if beside else "")
    for part in parts:
        label = "all" if part.label is None else part.label
        for name, value in part.ours.items():
            other = part.theirs.get(name)
            told = "" if other is None else f"{other:.4g}"
            line = f"| {text_of(label)} ({part.rows}) | {text_of(name)} | {value:.4g} |"
            yield line + (f" {told} |" if beside else "")
