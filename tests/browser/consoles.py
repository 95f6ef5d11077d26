"""The console as somebody has it open: what it shows, and all that it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request

SECONDS = 120
AXE = Path(__file__).parent / "vendor/axe.min.js"
# What the page says of a network that is not there is the browser's own line, not a defect.
_EXPECTED = ("Failed to load resource", "net::ERR_")


@dataclass
class OpenConsole:
    """One page. `requests` are all that it has sent, `errors` what a developer would see in red."""

    page: Page
    url: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._asked)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_EXPECTED):
            self.errors.append(message.text)

    @property
    def left(self) -> Sequence[str]:
        """Requests that went anywhere else than to the service."""
        ours = urlsplit(self.url).netloc
        hosts = {urlsplit(url).netloc for url in self.requests if not url.startswith("data:")}
        return sorted(hosts - {ours})

    def open(self, view: str = "slots") -> None:
        """Opens that view anew, and waits until it is drawn and live."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}/#/{view}")
        self.is_live()

    def open_slot(self, ref: str) -> None:
        """The same of a slot's view."""
        self.open(f"slot/{quote(ref, safe='')}")

    def is_live(self) -> None:
        """Returns once the stream has told the slots."""
        self.page.locator("[data-connection=live]").wait_for(timeout=SECONDS * 1000)

    def shows(self, text: str) -> None:
        """Returns once that stands somewhere in the page."""
        self.page.get_by_text(text).first.wait_for(timeout=SECONDS * 1000)

    def text(self, selector: str) -> str:
        """What is read there."""
        return self.page.locator(selector).first.inner_text()

    def module(self, name: str, expression: str, argument: Any = None) -> Any:
        """What an expression makes of a module `m` of the page's, given `x`."""
        script = (
            f"async (x) => {{ const m = await import('/console/{name}'); return {expression}; }}"
        )
        return self.page.evaluate(script, argument)

    def hindrances(self) -> Sequence[str]:
        """What axe-core finds, each with the elements that have it."""
        # By the protocol, which the page's policy does not keep from it.
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("async () => (await axe.run()).violations")
        return [
            f"{each['id']}: {node['target']} {node['failureSummary']}"
            for each in found
            for node in each["nodes"]
        ]
