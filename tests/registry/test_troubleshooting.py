"""docs/troubleshooting.md tells what the tests have seen."""

from tests.registry.mistakes import MISTAKES, STORES
from tests.registry.troubleshooting import PAGE, page


def test_o8_page_is_as_its_cases_have_it() -> None:
    """Else: python -m tests.registry.troubleshooting."""
    assert PAGE.read_text() == page()


def test_o8_page_has_a_row_for_each_mistake() -> None:
    """Of five cells: symptom, event, code, cause, command."""
    table = PAGE.read_text().partition("<!-- mistakes:begin -->\n")[2].partition("<!--")[0]
    rows = [line.replace("\\|", "").strip("| ").split(" | ") for line in table.splitlines()]
    assert [row[3].partition(": `")[0] for row in rows[2:]] == [*MISTAKES, *STORES]
    assert {len(row) for row in [rows[0], *rows[2:]]} == {5}
