"""What somebody does on the page: tries a prediction, gives a token, reloads, walks by keyboard."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize

from tests.browser.conftest import Opens
from tests.browser.consoles import SECONDS
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(900)
TOKEN = "the-operators-own"
HOSTILE = "<img src=x onerror=alert(1)>&\"'$(id)`id`"
VIEWS = ("slots", "ledger", "traffic", "slot/tried%40champion", "slot/tried%40nowhere")
SIZES: Sequence[ViewportSize] = ({"width": 360, "height": 740}, {"width": 1300, "height": 900})
SCHEMES: Sequence[Literal["light", "dark"]] = ("light", "dark")


@pytest.fixture(scope="module")
def service(
    mlflow_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A model with an example, one with a name that is HTML, and an alias that is not there."""
    home = tmp_path_factory.mktemp("tried")
    refs = []
    for number, name in enumerate(("tried", HOSTILE)):
        registry = Registry(mlflow_server, name)
        module = models.number_module(home / f"number-{number}", number + 5)
        place = models.save(home / f"model-{number}", "numbered", ships=[module])
        registry.move("champion", registry.log(place))
        refs.append(f"{name}@champion")
    with running_service(
        [*refs, "tried@nowhere"], mlflow_server, home, PODIUM_ADMIN_TOKEN=TOKEN
    ) as started:
        wait_until(lambda: all(started.slot(ref)["ready"] for ref in refs[:1]), SECONDS)
        yield started


def test_example_is_answered_by_the_real_route(service: RunningService, console: Opens) -> None:
    """The version that answered is named, and its answer shown."""
    page = console(service.url)
    page.open_slot("tried@champion")
    body = page.page.get_by_label("Body of the request")
    wait_until(lambda: "dataframe" in body.input_value(), SECONDS)
    page.page.get_by_role("button", name="Predict", exact=True).click()
    page.shows("Version 1 has answered")
    assert "5" in page.text(".answer")
    assert f"curl {service.url}/models/tried@champion/predict" in page.page.content()


def test_refusal_of_a_request_is_shown_as_the_service_words_it(
    service: RunningService, console: Opens
) -> None:
    """Ctrl+Enter sends it, too."""
    page = console(service.url)
    page.open_slot("tried@champion")
    body = page.page.get_by_label("Body of the request")
    body.fill('{"dataframe_records": [{"x": "no number"}]}')
    body.press("Control+Enter")
    page.shows("Refused: 422")
    assert "invalid_input" in page.text(".answer")


def test_missing_alias_comes_first(service: RunningService, console: Opens) -> None:
    """In words, and by a mark beside the colour."""
    page = console(service.url)
    page.open()
    first = page.page.locator(".slots tbody tr").first
    assert "tried@nowhere" in first.inner_text().replace("\n", "")
    assert "missing" in first.inner_text()
    assert first.locator(".state i").inner_text() == "○"


def test_name_that_is_html_is_text(service: RunningService, console: Opens) -> None:
    """In the list, in its own view, in the title and in the line to copy: nothing of it is run."""
    page = console(service.url)
    page.page.on("dialog", lambda dialog: page.errors.append(dialog.message))
    page.open()
    page.page.get_by_role("link", name=f"{HOSTILE}@champion").first.click()
    page.page.locator("h1", has_text=HOSTILE).wait_for(timeout=SECONDS * 1000)
    assert page.page.locator("img[src=x]").count() == 0
    assert HOSTILE in page.page.title()


def test_token_is_kept_in_memory_alone(service: RunningService, console: Opens) -> None:
    """Nothing stores it, no address has it, and a reload forgets it."""
    page = console(service.url)
    page.open()
    _give_token(page.page)
    stored = page.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert stored == '[{},{},""]'
    assert TOKEN not in page.page.content() + "".join(page.requests)
    page.page.reload()
    page.is_live()
    assert page.page.get_by_role("button", name="Key ...").is_visible()


def test_reload_asks_first_and_then_has_the_registry_looked_at(
    service: RunningService, console: Opens
) -> None:
    """Without a token it asks for that; who cancels has done nothing."""
    page = console(service.url)
    page.open_slot("tried@champion")
    button = page.page.get_by_role("button", name="Reload ...")
    button.click()
    page.page.get_by_label("Admin token").fill(TOKEN)
    page.page.get_by_role("button", name="Use").click()
    page.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert not [url for url in page.requests if url.endswith("/reload")]
    button.click()
    page.page.get_by_role("dialog").get_by_role("button", name="Reload", exact=True).click()
    page.page.get_by_role("dialog").get_by_text("The service looks at the registry.").wait_for(
        timeout=SECONDS * 1000
    )
    assert [url for url in page.requests if url.endswith("/reload")] == [
        f"{service.url}/models/tried@champion/reload"
    ]


def _give_token(page: Page) -> None:
    page.get_by_role("button", name="Key ...").click()
    page.get_by_label("Admin token").fill(TOKEN)
    page.get_by_label("Admin token").press("Enter")
    page.get_by_role("button", name="Token in use").wait_for(timeout=SECONDS * 1000)


def test_everything_is_reached_by_keyboard(service: RunningService, console: Opens) -> None:
    """Past the head, into a slot and back; the focus is where the new view begins."""
    page = console(service.url)
    page.open()
    keys = page.page.keyboard
    keys.press("Tab")
    assert _focused(page.page) == "Skip to the content"
    keys.press("Enter")
    assert page.page.evaluate("document.activeElement.id") == "content"
    keys.press("/")
    assert page.page.evaluate("document.activeElement.id") == "filter"
    keys.type("tried@champion")
    page.page.locator(".slots tbody tr").nth(1).wait_for(state="detached", timeout=SECONDS * 1000)
    keys.press("Tab")
    assert "tried@champion" in _focused(page.page)
    keys.press("Enter")
    page.page.locator("h1:focus", has_text="tried@champion").wait_for(timeout=SECONDS * 1000)
    page.page.get_by_role("button", name="Key ...").focus()
    keys.press("Enter")
    page.page.get_by_role("dialog").wait_for(timeout=SECONDS * 1000)
    assert page.page.evaluate("document.activeElement.name") == "token"
    keys.press("Escape")
    page.page.get_by_role("dialog").wait_for(state="hidden", timeout=SECONDS * 1000)
    assert _focused(page.page) == "Key ..."


def _focused(page: Page) -> str:
    text: str = page.evaluate("document.activeElement.innerText")
    return text


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(service: RunningService, console: Opens, view: str) -> None:
    """Contrast, names, landmarks and the rest: light and dark, narrow and wide."""
    page = console(service.url)
    page.open(view)
    found = {}
    for scheme, size in itertools.product(SCHEMES, SIZES):
        page.page.emulate_media(color_scheme=scheme)
        page.page.set_viewport_size(size)
        found[scheme, size["width"]] = page.hindrances()
    assert [each for each in found.items() if each[1]] == []


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_the_window(
    service: RunningService, console: Opens, view: str
) -> None:
    """Nobody scrolls sideways to read a line."""
    page = console(service.url)
    page.open(view)
    widths = {}
    for width in (360, 700, 820, 1000, 1240, 1300, 1900, 2560):
        page.page.set_viewport_size({"width": width, "height": 900})
        widths[width] = page.page.evaluate("document.documentElement.scrollWidth")
    assert [each for each in widths.items() if each[1] > each[0]] == []


def test_title_tells_that_something_is_wrong(service: RunningService, console: Opens) -> None:
    """It is read in a row of tabs."""
    page = console(service.url)
    page.open()
    wait_until(lambda: page.page.title().startswith("("), SECONDS, page.page.title)
