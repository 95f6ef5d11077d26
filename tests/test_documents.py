"""README, docs and CONTRIBUTING: every link leads somewhere, every file that is named is there."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.documents import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
# Written as one would type it, with or without a slash at its end.
_PATH = re.compile(r"\b(?:service|tests|training|benchmarks|docs)/[\w./-]*\w/?(?![\w*])")


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", NAMES)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    """To a file, and to a heading in it where one is named."""
    page = ROOT / name
    targets = re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", page.read_text())
    broken = []
    for target in targets:
        file, _, anchor = target.partition("#")
        led = (page.parent / file).resolve() if file else page
        if not led.exists() or (anchor and anchor not in anchors(led)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("name", NAMES)
def test_every_path_that_is_named_is_there(name: str) -> None:
    """A file that was moved would otherwise be looked for in vain."""
    named = set(_PATH.findall((ROOT / name).read_text()))
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_every_page_is_in_the_index() -> None:
    """Who begins there finds all of them."""
    index = (ROOT / "docs/index.md").read_text()
    pages = [str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if page != "index.md" and f"({page})" not in index] == []


def test_readme_is_read_in_one_sitting() -> None:
    """What is longer belongs into docs."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 170


@pytest.mark.parametrize("name", NAMES)
def test_every_target_of_make_is_there(name: str) -> None:
    """What a page tells people to type."""
    targets = set(re.findall(r"`make ([a-z-]+)`", (ROOT / name).read_text()))
    for target in sorted(targets):
        done = subprocess.run(
            ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
