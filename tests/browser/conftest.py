"""A browser, and consoles that are looked after: they ask nobody else, and say nothing in red."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import found
from tests.browser.consoles import OpenConsole

# Only `make test-browser` collects them: Playwright's loop would be in the way of other tests'.
collect_ignore_glob = [] if "TEST_BROWSER" in os.environ else ["test_*.py"]
# As root Chromium has no sandbox of its own; what it would ask its maker for is off.
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)

Opens = Callable[..., OpenConsole]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests; they have contexts of their own."""
    path = found()
    assert path is not None, "`make test-browser` installs the browser"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def console(browser: Browser) -> Iterator[Opens]:
    """Makes a page on a service's address; in the end it has asked nobody else."""
    opened: list[OpenConsole] = []

    def on(url: str, **how: Any) -> OpenConsole:
        context = browser.new_context(**({"viewport": {"width": 1300, "height": 900}} | how))
        opened.append(OpenConsole(context.new_page(), url))
        return opened[-1]

    yield on
    told = [(each.left, each.errors) for each in opened]
    for each in opened:
        each.page.context.close()
    assert told == [([], []) for _ in opened]
