"""The flavours' figures as a table and sentences, for a terminal and for docs/benchmarks.md."""

from collections.abc import Iterable, Sequence

from rich.console import Console

from benchmarks.flavours.bounds import JOINED, LEAST, NAMED, is_named, is_wide, verdict, why
from benchmarks.flavours.figures import FlavourBenchmarks, FlavourFigure, Ratios
from benchmarks.report import Text, markdown_table, number, rich_table

_HEADINGS = (
    *("flavour", "Podium, requests/s", "MLflow, requests/s", "times", "rounds"),
    *("Podium, CPU µs", "MLflow, CPU µs", "model alone, CPU µs", "joined", ""),
)


def flavours_table(found: FlavourBenchmarks) -> Text:
    """A row for each flavour that was measured."""
    rows = [_row(each, found.same.spread) for each in found.flavours]
    title = f"Flavours: one row, {found.connections} connections"
    return Text(title, _HEADINGS, 1, rows)


def _row(each: FlavourFigure, spread: float) -> Sequence[str]:
    return (
        each.title,
        *map(number, (each.podium.per_second, each.mlflow.per_second)),
        number(each.ratios.median),
        _rounds(each.ratios),
        *map(number, (each.podium.cpu_us, each.mlflow.cpu_us, each.alone_us)),
        "yes" if each.joined else "no",
        verdict(each, spread),
    )


def _rounds(each: Ratios) -> str:
    return f"{number(min(each.rounds))} to {number(max(each.rounds))}"


def sentences(found: FlavourBenchmarks) -> Iterable[str]:
    """What the table does not say: bounds, what is named and why, what is missing, versions."""
    same = found.same
    yield (
        f"Podium beside another Podium, iris: {number(same.median)} times, rounds of "
        f"{_rounds(same)}, a spread of {number(same.spread)}."
    )
    yield (
        f"Required: at least {JOINED:g} times where requests are joined, nowhere below {LEAST:g}; "
        f"below {NAMED:g} is named."
    )
    if is_wide(same.spread):
        yield "Undecided is what is nearer to 1 than twice that spread: the machine was busy."
    yield from (why(each) for each in found.flavours if is_named(each, same.spread))
    yield from (
        f"{each.title}: {each.podium.failed} requests failed by Podium, "
        f"{each.mlflow.failed} by mlflow models serve."
        for each in found.flavours
        if each.podium.failed or each.mlflow.failed
    )
    if found.skipped:
        yield f"Not measured: {'; '.join(found.skipped)}."
    if found.failed:
        yield f"Failed: {'; '.join(found.failed)}."
    versions = [f"{name} {at}" for each in found.flavours for name, at in each.versions.items()]
    if versions:
        yield f"With {', '.join(versions)}."


def print_flavours(found: FlavourBenchmarks, console: Console) -> None:
    """Everything, for a terminal."""
    console.print(rich_table(flavours_table(found)))
    for line in (*sentences(found), str(found.machine)):
        console.print(line, markup=False, highlight=False)


def flavours_markdown(found: FlavourBenchmarks) -> str:
    """Everything, for docs/benchmarks.md."""
    length = f"{found.rounds} rounds of {found.seconds} s"
    parts = [f"From `make bench-flavours`, {length}: {found.machine}"]
    return "\n\n".join((*parts, markdown_table(flavours_table(found)), *sentences(found)))
