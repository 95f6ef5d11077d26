"""An alias moves and the console shows it, stage by stage; a refusal is told with its reason."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
from mlflow.models import infer_signature

from tests.browser.conftest import Opens
from tests.browser.consoles import SECONDS
from tests.browser.relay import relay
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(900)
# As the issue asks for it: from the swap until it is read.
BOUND = 2.0
# Writes down each stage that is under way, and when the head tells another version.
WATCH = """() => {
  window.stages = [];
  window.served = [];
  const look = () => {
    const now = document.querySelector('.stage-now .stage-name')?.textContent;
    if (now && window.stages.at(-1) !== now) window.stages.push(now);
    const serves = document.querySelector('.serves')?.textContent ?? '';
    const version = serves.match(/v(\\d+)/)?.[1];
    if (version && window.served.at(-1)?.[0] !== version) {
      window.served.push([version, Date.now() / 1000]);
    }
  };
  const all = {subtree: true, childList: true, characterData: true};
  new MutationObserver(look).observe(document.body, all);
  look();
}"""


class Moves:
    """A model whose versions answer with their numbers, and a service that follows it."""

    def __init__(self, registry: Registry, service: RunningService, folder: Path) -> None:
        self.registry = registry
        self.service = service
        self.folder = folder
        self.ref = f"{registry.name}@champion"

    def add(self, number: int, stage: str = "none") -> tuple[str, models.Gate]:
        """The next version, which waits at its gate in that stage."""
        place, gate = models.gated(self.folder / f"version-{number}", number, stage)
        return self.registry.log(place), gate


@pytest.fixture
def moves(mlflow_server: str, tmp_path: Path) -> Iterator[Moves]:
    """Version 1 serves as champion."""
    registry = Registry(mlflow_server, f"watched-{tmp_path.name}")
    place, gate = models.gated(tmp_path / "version-1", 1)
    gate.open()
    registry.move("champion", registry.log(place))
    with running_service([f"{registry.name}@champion"], mlflow_server, tmp_path) as service:
        service.wait_until_ready()
        yield Moves(registry, service, tmp_path)


def test_move_is_shown_stage_by_stage_within_two_seconds_and_without_a_reload(
    moves: Moves, console: Opens
) -> None:
    """The stage that waits is seen while it does; what serves is read soon after the swap."""
    page = console(moves.service.url)
    page.open_slot(moves.ref)
    page.page.evaluate(WATCH)
    version, gate = moves.add(2, "load")
    moves.registry.move("champion", version)
    page.page.locator(".stage-now", has_text="load").wait_for(timeout=SECONDS * 1000)
    assert "serves v1" in page.text(".serves")
    gate.open()
    page.page.locator(".serves", has_text=f"v{version}").wait_for(timeout=SECONDS * 1000)
    served, stages = (page.page.evaluate(f"window.{name}") for name in ("served", "stages"))
    assert [each[0] for each in served] == ["1", version]
    assert "load" in stages
    assert stages == [each for each in ("look", "wait", "fetch", "gates", "load") if each in stages]
    swapped = pd.Timestamp(moves.service.slot(moves.ref)["since"]).timestamp()
    assert served[-1][1] - swapped < BOUND
    page.shows(f"Moved to version {version} from version 1")


def test_swap_is_told_to_who_listens_instead_of_looking(moves: Moves, console: Opens) -> None:
    """By the live region, whichever view is open."""
    page = console(moves.service.url)
    page.open("traffic")
    version, _ = moves.add(2)
    moves.registry.move("champion", version)
    said = page.page.locator("[aria-live=polite]#announcer")
    said.get_by_text(f"{moves.ref}: version 1 → {version}").wait_for(timeout=SECONDS * 1000)


def test_refused_versions_reason_is_read_and_what_to_do_about_it(
    moves: Moves, console: Opens
) -> None:
    """First of all slots, with a line to copy; what serves is still named."""
    page = console(moves.service.url)
    page.open()
    asks = pd.DataFrame({"x": [0.5], "another": [1.0]})
    number = models.number_module(moves.folder / "number", 3)
    place = models.save(moves.folder / "breaks", "numbered", infer_signature(asks), asks, [number])
    version = moves.registry.log(place)
    moves.registry.move("champion", version)
    page.page.locator(".row-bad .why").wait_for(timeout=SECONDS * 1000)
    reason = moves.service.slot(moves.ref)["last_failure"]["message"]
    assert reason in page.text(".row-bad .why")
    assert "refused" in page.text(".row-bad .state")
    page.page.get_by_role("link", name=moves.ref).first.click()
    page.shows("Why not")
    assert reason in page.text(".reason")
    assert "signature_breaks_clients" in page.text(".reason code")
    assert (
        f"podium reload {moves.ref} --url {page.url}"
        in page.page.locator(".command").all_inner_texts()[0]
    )
    assert f"should serve v{version}" in page.text(".slot-line")


def test_stream_that_breaks_comes_back_with_what_has_happened_meanwhile(
    moves: Moves, console: Opens
) -> None:
    """The page says that it is not live, and catches up by itself."""
    with relay(moves.service.url) as line:
        page = console(line.url)
        page.open_slot(moves.ref)
        line.cut()
        page.shows("not live")
        version, _ = moves.add(2)
        moves.registry.move("champion", version)
        wait_until(lambda: moves.service.slot(moves.ref)["version"] == version, SECONDS)
        assert "serves v1" in page.text(".serves")
        line.mend()
        page.page.locator(".serves", has_text=f"v{version}").wait_for(timeout=SECONDS * 1000)
        page.is_live()


def test_slot_of_a_service_that_goes_is_shown_as_gone(moves: Moves, console: Opens) -> None:
    """An address that somebody has kept leads to a sentence, not to a blank page."""
    page = console(moves.service.url)
    page.open(f"slot/{quote('nobody@here', safe='')}")
    page.shows("This service does not follow it")
