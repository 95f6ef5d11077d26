"""Puts the tables of docs/benchmarks*.json between their markers in docs/benchmarks.md.

make bench-page
"""

from pathlib import Path
from typing import Final

from benchmarks.figures import read_figures
from benchmarks.flavours.figures import read_flavours
from benchmarks.flavours.report import flavours_markdown
from benchmarks.report import markdown

_ROOT: Final = Path(__file__).parents[1]
_NOT_YET: Final = "Not measured yet."


def begin(part: str) -> str:
    """The marker before a part's tables."""
    return f"<!-- {part}:begin -->"


def end(part: str) -> str:
    """The marker behind them."""
    return f"<!-- {part}:end -->"


def with_tables(page: str, part: str, tables: str) -> str:
    """The page with these tables between the part's markers; raises ValueError if it lacks them."""
    before, first, rest = page.partition(begin(part))
    _, last, after = rest.partition(end(part))
    if not (first and last):
        raise ValueError(f"the page lacks {begin(part)} or {end(part)}")
    return f"{before}{first}\n{tables}\n{last}{after}"


def tables_of(page: str, part: str) -> str:
    """What stands between the part's markers."""
    return page.partition(begin(part))[2].partition(end(part))[0].strip()


def parts(docs: Path) -> dict[str, str]:
    """Each part of the page, made of the figures in that folder."""
    flavours = docs / "benchmarks-flavours.json"
    return {
        "benchmarks": markdown(read_figures(docs / "benchmarks.json")),
        "flavours": flavours_markdown(read_flavours(flavours)) if flavours.exists() else _NOT_YET,
    }


def main() -> None:
    """Rewrites docs/benchmarks.md."""
    docs = _ROOT / "docs"
    page = (docs / "benchmarks.md").read_text()
    for part, tables in parts(docs).items():
        page = with_tables(page, part, tables)
    (docs / "benchmarks.md").write_text(page)


if __name__ == "__main__":
    main()
