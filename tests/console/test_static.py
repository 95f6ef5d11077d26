"""The console's files: what is others' is unchanged, and nothing of it is loaded from elsewhere."""

import re
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.documents import ROOT

STATIC = ROOT / "service/console/static"
VENDOR = STATIC / "vendor"
SUMS = [line.split(maxsplit=1) for line in (VENDOR / "SHA256SUMS").read_text().splitlines()]
OWN = sorted(
    path.relative_to(STATIC).as_posix()
    for path in STATIC.rglob("*")
    if path.is_file() and VENDOR not in path.parents
)
SCRIPTS = [name for name in OWN if name.endswith(".js")]
_RAW = r"[^.]\bstyle=|innerHTML|outerHTML|insertAdjacentHTML|unsafeHTML|\beval\b"
PAGE = (STATIC / "index.html").read_text()


@pytest.mark.parametrize(("expected", "name"), SUMS)
def test_vendored_file_is_as_its_package_had_it(expected: str, name: str) -> None:
    """Who alters one finds out here."""
    assert sha256((VENDOR / name).read_bytes()).hexdigest() == expected


def test_every_vendored_file_has_a_sum_and_every_package_its_licence_and_version() -> None:
    """Where it came from is told without naming a host."""
    files = {path for path in VENDOR.glob("*/**/*") if path.is_file()}
    assert {(VENDOR / name).resolve() for _, name in SUMS} == {path.resolve() for path in files}
    told = (VENDOR / "README.txt").read_text()
    source = r"\d+\.\d+\.\d+, .+\n  sha512-\S{88}$"
    for package in (path for path in VENDOR.iterdir() if path.is_dir()):
        assert (package / "LICENSE.txt").stat().st_size > 0
        assert re.search(f"^{package.name} {source}", told, re.MULTILINE)


@pytest.mark.parametrize("name", OWN)
def test_nothing_is_loaded_from_elsewhere(name: str) -> None:
    """No address with a host stands in what is Podium's own, but the name of SVG."""
    text = (STATIC / name).read_text().replace("http://www.w3.org/2000/svg", "")
    assert "://" not in text


def test_page_holds_no_script_and_no_style_of_its_own() -> None:
    """The content security policy admits neither."""
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", PAGE) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_template_holds_no_style_and_no_raw_html(name: str) -> None:
    """Text is set as text: a style attribute would be refused, raw HTML would be a hole."""
    text = (STATIC / name).read_text()
    assert re.findall(_RAW, text) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_import_is_there_and_is_used(name: str) -> None:
    """A module that is misspelt would leave the page blank, and nothing else would tell."""
    text = (STATIC / name).read_text()
    for names, module in re.findall(r'^import (?:(.+) from )?"(.+)";$', text, re.MULTILINE):
        assert module.startswith("./"), module
        assert (STATIC / module).is_file(), module
        for each in re.findall(r"\w+", names.replace(" as ", " ")):
            assert len(re.findall(rf"\b{each}\b", text)) > 1, f"{each} of {module}"


def test_every_module_is_fetched_at_once() -> None:
    """Not one after the other, as they name one another: that would take as many round trips."""
    told = re.findall(r'<link rel="modulepreload" href="console/([^"]+)">', PAGE)
    modules = {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js")}
    assert sorted({*told, "main.js"}) == sorted(modules)


def test_every_file_is_used() -> None:
    """What the page and its modules do not name is left over."""
    named = set(re.findall(r'(?:src|href)="console/([^"]+)"', PAGE))
    for name in SCRIPTS:
        found = re.findall(r'"\./([^"]+)"', (STATIC / name).read_text())
        named |= {Path(each).as_posix() for each in found}
    assert sorted({*OWN, "index.html"} - named) == ["index.html"]


def test_page_keeps_nothing_in_the_browser() -> None:
    """Key and token are in memory alone."""
    stores = r"localStorage|sessionStorage|document\.cookie|indexedDB|caches\b|history\.pushState"
    assert [name for name in SCRIPTS if re.search(stores, (STATIC / name).read_text())] == []
