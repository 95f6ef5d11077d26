"""Puts the tables of docs/benchmarks.json between the markers of docs/benchmarks.md.

make bench-page
"""

from pathlib import Path
from typing import Final

from benchmarks.figures import read_figures
from benchmarks.report import markdown

_ROOT: Final = Path(__file__).parents[1]
BEGIN: Final = "<!-- benchmarks:begin -->"
END: Final = "<!-- benchmarks:end -->"


def with_tables(page: str, tables: str) -> str:
    """The page with these tables between the markers; raises ValueError where there are none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


def tables_of(page: str) -> str:
    """What stands between the markers."""
    return page.partition(BEGIN)[2].partition(END)[0].strip()


def main() -> None:
    """Rewrites docs/benchmarks.md."""
    page = _ROOT / "docs" / "benchmarks.md"
    tables = markdown(read_figures(_ROOT / "docs" / "benchmarks.json"))
    page.write_text(with_tables(page.read_text(), tables))


if __name__ == "__main__":
    main()
