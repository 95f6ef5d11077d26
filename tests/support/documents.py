"""The tables of the documents, as tests read them."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def table(document: str, heading: str) -> dict[str, list[str]]:
    """The rows of the last table below that heading, by what stands in their first cell."""
    text = (ROOT / document).read_text()
    _, _, rest = text.partition(f"\n## {heading}\n")
    section = rest.partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    # A vertical bar within a cell is written `\|`, and none of the documents has one.
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    found = {row[0].strip("`"): row[1:] for row in rows}
    assert len(found) == len(rows) > 0, f"{document}, {heading}: a row is there twice, or none is"
    return found
