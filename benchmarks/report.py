"""The figures as tables, for a terminal and for docs/benchmarks.md."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Benchmarks, Figure
from benchmarks.plan import TITLES
from benchmarks.ratios import REQUIRED, Required

MODELS: Final = {
    "iris": "iris",
    "forest": "forest",
    "numbers20": "20 columns",
    "numbers600": "600 columns",
    "journeys": "journeys",
}
_INDENT: Final = "\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}"
# A constant rate of which so much could not be sent was another rate.
_MISSED: Final = 0.01


@dataclass(frozen=True, slots=True)
class Text:
    """A table of words; all but the first `words` columns are numbers."""

    title: str
    headings: Sequence[str]
    words: int
    rows: Sequence[Sequence[str]]


def loads_table(found: Benchmarks) -> Text:
    """Every load, and how many times a peer's requests a second Podium's are."""
    headings = (
        *("server", "requests/s", "p50 ms", "p99 ms", "CPU µs", "PSS MB"),
        *("Podium answers", "failed", "missed"),
    )
    rows = list[Sequence[str]]()
    for asked, group in groupby(found.figures, key=_asked):
        rows += [(asked, *[""] * (len(headings) - 1)), *_load_rows(list(group))]
    return Text("Loads", headings, 1, rows)


def _load_rows(group: Sequence[Figure]) -> Iterable[Sequence[str]]:
    ours = next((each.per_second for each in group if each.peer == "podium"), None)
    for each in group:
        compared = ours and each.peer != "podium" and each.rate is None and each.per_second
        yield (
            f"{_INDENT}{TITLES[each.peer]}",
            *map(number, (each.per_second, each.p50_ms, each.p99_ms, each.cpu_us)),
            f"{each.pss_bytes / 1e6:,.0f}",
            f"{number(ours / each.per_second)} times" if ours and compared else "",
            str(each.failed),
            str(each.missed),
        )


def _asked(figure: Figure) -> str:
    rows = "1 row" if figure.rows == 1 else f"{figure.rows:,} rows"
    connections = "1 connection" if figure.connections == 1 else f"{figure.connections} connections"
    rate = "" if figure.rate is None else f", constant {figure.rate:,}/s"
    return f"{MODELS[figure.case.rpartition('-')[0]]}: {rows}, {connections}{rate}"


def number(value: float) -> str:
    """Three digits at least."""
    return f"{value:,.{max(0, 2 - math.floor(math.log10(max(value, 0.1))))}f}"


def starts_table(found: Benchmarks) -> Text:
    """What it takes to be there at all."""
    rows = [
        (TITLES[each.peer], f"{each.seconds:.1f}", f"{each.pss_bytes / 1e6:,.0f}")
        for each in found.starts
    ]
    return Text("Start and rest", ("server", "start to ready, s", "PSS at rest, MB"), 1, rows)


def ratios_table(found: Benchmarks) -> Text:
    """Each required ratio: what was asked, what was measured, whether it was reached."""
    rows = [_ratio_row(required, found) for required in REQUIRED]
    headings = ("Podium's", "to", "required", "measured", "")
    return Text("Required", headings, 2, rows)


def _ratio_row(required: Required, found: Benchmarks) -> Sequence[str]:
    ratio = required.ratio(found)
    verdict = "not measured" if ratio is None else "reached" if required.met(ratio) else "missed"
    if ratio is not None and _off_rate(required, found):
        verdict += ", rate not kept"
    return (
        required.measure,
        TITLES[required.to],
        f"{required.bound} {required.limit:.2g}",
        "" if ratio is None else f"{ratio:.3g}",
        verdict,
    )


def _off_rate(required: Required, found: Benchmarks) -> bool:
    """Whether a constant rate was asked that could not be sent."""
    if not required.constant or required.case is None:
        return False
    sides = (
        found.figure(peer, required.case, required.connections, constant=True)
        for peer in ("podium", required.to)
    )
    return any(
        each is not None and each.rate is not None and each.per_second < each.rate * (1 - _MISSED)
        for each in sides
    )


def tables(found: Benchmarks) -> Iterable[Text]:
    """Those that have rows."""
    every = (ratios_table(found), loads_table(found), starts_table(found))
    return (each for each in every if each.rows)


def print_report(found: Benchmarks, console: Console) -> None:
    """Everything, for a terminal."""
    for text in tables(found):
        console.print(rich_table(text))
    for line in (*found.skipped, str(found.machine)):
        console.print(line, markup=False, highlight=False)


def rich_table(text: Text) -> Table:
    """For a terminal."""
    table = Table(title=text.title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for at, heading in enumerate(text.headings):
        words = at < text.words
        table.add_column(heading, justify="left" if words else "right", no_wrap=not words)
    for row in text.rows:
        table.add_row(*row)
    return table


def markdown(found: Benchmarks) -> str:
    """Everything, for docs/benchmarks.md."""
    command = "make bench" if found.plan == "full" else f"make bench-{found.plan}"
    parts = [f"From `{command}`: {found.machine}"]
    parts += [f"Not measured: {'; '.join(found.skipped)}."] if found.skipped else []
    parts += [markdown_table(text) for text in tables(found)]
    return "\n\n".join(parts)


def markdown_table(text: Text) -> str:
    """For a page."""
    rules = ["---" if at < text.words else "---:" for at in range(len(text.headings))]
    lines = [text.headings, rules, *map(_bold, text.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _bold(row: Sequence[str]) -> Sequence[str]:
    """What stands alone in its row is a heading of those below."""
    return row if any(row[1:]) else (f"**{row[0]}**", *row[1:])
