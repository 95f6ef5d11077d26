"""Takes the console's screenshots of real services: `make screenshots`.

Each scene is made once: a slot alone, two hundred, a move under way, a refusal, a shadow. Then the
page is opened in several sizes, light and dark. It takes some four minutes, most of which the
plots need.
"""

import io
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import click
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import found
from tests.browser.conftest import ARGUMENTS
from tests.browser.consoles import OpenConsole
from tests.browser.scenes import SECONDS, Scenes, load
from tests.support import tracking
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

Scheme = Literal["light", "dark"]
_SIZES: Final = {360: 780, 1300: 900, 2560: 1200}
_SHADOW: Final = "slot/lilies%40champion"
# Who has most to show.
_HEIGHTS: Final = {_SHADOW: 1500}
_SCHEMES: Final[Sequence[Scheme]] = ("light", "dark")
_COLOURS: Final = 256
_LOADED: Final = 120
_MANY: Final = 200


@dataclass(frozen=True, slots=True)
class Camera:
    """Where pictures go, and what takes them."""

    browser: Browser
    folder: Path

    def take(self, service: RunningService, view: str, name: str, sizes: Sequence[int]) -> None:
        """That view in these widths, light and dark."""
        for width in sizes:
            for scheme in _SCHEMES:
                self._take(service, view, f"{name}-{width}-{scheme}", width, scheme)

    def _take(
        self, service: RunningService, view: str, name: str, width: int, scheme: Scheme
    ) -> None:
        size = {"width": width, "height": _HEIGHTS.get(view, _SIZES[width])}
        context = self.browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
        page = OpenConsole(context.new_page(), service.url)
        page.open(view)
        page.page.wait_for_load_state("load")
        page.page.locator(".panel").first.wait_for()
        # The next answers of what the view asks for beside the stream.
        page.page.wait_for_timeout(2500)
        _save(page.page.screenshot(), self.folder / f"{name}.png")
        context.close()


def _save(png: bytes, path: Path) -> None:
    """With 256 colours, the rare ones too: a third of the bytes."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    few = picture.quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


@contextmanager
def _service(
    refs: Sequence[str], scenes: Scenes, name: str, **more: str
) -> Iterator[RunningService]:
    home = scenes.folder / name
    home.mkdir()
    environment = {"PODIUM_REQUEST_LOG": "false", "PODIUM_ENV_MANAGER": "local", **more}
    with running_service(refs, scenes.uri, home, **environment) as service:
        yield service


def _serves(service: RunningService, *refs: str) -> None:
    for ref in refs:
        wait_until(lambda ref=ref: service.slot(ref)["ready"], SECONDS, f"{ref} serves")  # type: ignore[misc]


def one(camera: Camera, scenes: Scenes) -> None:
    """A slot alone, with a version before the one that serves."""
    registry = scenes.registry("iris")
    registry.move("champion", scenes.version("iris"))
    with _service(["iris@champion"], scenes, "one") as service:
        _serves(service, "iris@champion")
        with load(service, {"iris@champion": 25}):
            _pass(_LOADED / 2)
            second = scenes.version("iris", seconds=0.004)
            registry.move("champion", second)
            wait_until(lambda: service.slot("iris@champion")["version"] == second, SECONDS)
            _pass(_LOADED / 2)
            camera.take(service, "slots", "one-slot", list(_SIZES))


def many(camera: Camera, scenes: Scenes) -> None:
    """Two hundred slots; one of them refuses what its alias is on, and one has no alias."""
    version = scenes.version("flowers")
    registry = scenes.registry("flowers")
    aliases = [f"shop-{number:03}" for number in range(1, _MANY - 2)]
    for alias in aliases:
        registry.move(alias, version)
    names = ("iris", "orchids")
    for name in names:
        scenes.registry(name).move("champion", scenes.version(name))
    refs = [*(f"flowers@{alias}" for alias in aliases), *(f"{each}@champion" for each in names)]
    with _service([*refs, "flowers@shop-199"], scenes, "many") as service:
        _serves(service, *refs)
        scenes.breaking("orchids")
        rates = {ref: 1.5 + number for number, ref in enumerate(refs[:6])}
        gate = None
        with load(service, rates):
            _pass(_LOADED)
            gate = scenes.waiting("iris")
            camera.take(service, "slots", "many-slots", list(_SIZES))
        gate.open()


def steps(camera: Camera, scenes: Scenes) -> None:
    """A move under way, a refusal, and a shadow's comparison beside a split and a bake."""
    for name in ("roses", "tulips", "lilies"):
        scenes.registry(name).move("champion", scenes.version(name))
    refs = [f"{name}@champion" for name in ("roses", "tulips", "lilies")]
    with _service(refs, scenes, "steps", PODIUM_BAKE_SECONDS="0") as service:
        _serves(service, *refs)
        scenes.registry("lilies").move("challenger", scenes.version("lilies", 4.6, 0.004))
        scenes.tag("lilies", "shadow", "challenger=100")
        scenes.breaking("tulips")
        with load(service, dict.fromkeys(refs, 12)):
            _pass(_LOADED)
            gate = scenes.waiting("roses")
            camera.take(service, "slot/roses%40champion", "swap", [360, 1300])
            camera.take(service, "slot/tulips%40champion", "refusal", [360, 1300])
            camera.take(service, _SHADOW, "shadow", [1300])
            camera.take(service, "traffic", "traffic", [1300])
        gate.open()


def _pass(seconds: float) -> None:
    """Plots need some time of load."""
    wait_until(_Passed(seconds), seconds + SECONDS)


class _Passed:
    """Whether so many seconds have passed since it was made."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def __call__(self) -> bool:
        return time.monotonic() >= self._at


SCENES: Final = {"one": one, "many": many, "steps": steps}


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("docs/console"))
@click.option("--scene", "wanted", type=click.Choice([*SCENES]), multiple=True, default=[*SCENES])
def main(folder: Path, wanted: Sequence[str]) -> None:
    """Writes the pictures of these scenes into the folder."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = found()
    if path is None:
        raise click.ClickException("There is no Chromium: `make test-browser` installs it.")
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        database = tracking.migrate(Path(home))
        for name in wanted:
            work = Path(home, name)
            work.mkdir()
            os.chdir(work)
            with tracking.mlflow_server(database, work) as server:
                SCENES[name](Camera(browser, folder), Scenes(server.url, work))
            os.chdir(folder)
        browser.close()


if __name__ == "__main__":
    main()
