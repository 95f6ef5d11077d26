"""What is made of figures: medians, tables, a picture, a document, a part of a page."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.figures import Measured, medians, read_figures, write_figures
from benchmarks.loads import Seen
from benchmarks.page import begin, end, parts, tables_of, with_tables
from benchmarks.plot import draw
from benchmarks.report import markdown, print_report
from tests.benchmarks.figures import FIGURE, benchmarks, peer

ROOT = Path(__file__).parents[2]
FOUND = benchmarks(FIGURE, peer("mlflow", per_second=200, p50_ms=300))


def test_medians_are_of_each_figure_by_itself_and_failures_are_summed() -> None:
    """The round with the middle rate need not have the middle latency."""
    rounds = [
        Measured(Seen(100, 1, 3, 30, failed=1), 0.1, 10),
        Measured(Seen(300, 1, 1, 20, failed=2), 0.6, 20),
        Measured(Seen(200, 1, 2, 10, missed=5), 0.6, 30),
    ]

    found = medians(rounds)

    assert (found.per_second, found.p50_ms, found.p99_ms) == (200, 2, 20)
    assert found.cpu_us == pytest.approx(2000)
    assert (found.pss_bytes, found.failed, found.missed) == (20, 3, 5)


def test_terminal_tells_ratio_machine_and_what_was_skipped() -> None:
    """Everything that is needed to judge the figures."""
    output = io.StringIO()
    print_report(FOUND, Console(file=output, width=140))

    assert "40.0 times" in output.getvalue()
    assert "A processor, 2 cores, 24 GiB of memory" in output.getvalue()
    assert "MLServer: it could not be installed" in output.getvalue()


def test_markdown_has_a_row_for_each_peer() -> None:
    """With as many cells as there are headings."""
    lines = [line for line in markdown(FOUND).splitlines() if "requests/s | p50" in line]
    rows = [line for line in markdown(FOUND).splitlines() if "times" in line]

    assert len(lines) == len(rows) == 1
    assert lines[0].count("|") == rows[0].count("|")


def test_document_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Nothing is lost on the way."""
    write_figures(FOUND, tmp_path / "figures.json")

    assert read_figures(tmp_path / "figures.json") == FOUND


@pytest.mark.parametrize("ending", [".svg", ".png"])
def test_picture_is_the_same_for_the_same_figures(tmp_path: Path, ending: str) -> None:
    """And small enough for a repository."""
    pictures = [tmp_path / f"{name}{ending}" for name in "ab"]
    for picture in pictures:
        draw(FOUND, picture)

    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert 1000 < pictures[0].stat().st_size < 100_000


def test_tables_replace_those_before_and_nothing_else() -> None:
    """Twice is as good as once."""
    other = f"{begin('b')}\nother\n{end('b')}\n"
    page = f"before\n{begin('a')}\nold\n{end('a')}\nafter\n{other}"

    once = with_tables(page, "a", "new")

    assert once == f"before\n{begin('a')}\nnew\n{end('a')}\nafter\n{other}"
    assert with_tables(once, "a", "new") == once


def test_page_without_markers_is_an_error() -> None:
    """It is not written over."""
    with pytest.raises(ValueError, match="lacks"):
        with_tables("nothing", "a", "new")


def test_page_shows_the_figures_of_the_documents() -> None:
    """`make bench-page` was run after `make bench` and `make bench-flavours`."""
    page = (ROOT / "docs" / "benchmarks.md").read_text()

    for part, tables in parts(ROOT / "docs").items():
        assert tables_of(page, part) == tables.strip()


def test_part_that_was_never_measured_says_so(tmp_path: Path) -> None:
    """The page has a place for it before there are figures."""
    write_figures(FOUND, tmp_path / "benchmarks.json")

    assert parts(tmp_path)["flavours"] == "Not measured yet."
