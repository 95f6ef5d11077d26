"""`podium up`: MLflow, a first model if there is none, and the service, until somebody asks to end.

It serves what `--model` names, else the iris model. What is Podium's own to train, iris, is trained
for each alias of it that is not there; others are served as soon as somebody has registered them.

Whatever happens, every process that it started has ended when it returns, the service before
MLflow, and `up.json` is gone. If it is killed itself, the kernel asks its children to end.
"""

import asyncio
import os
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx

from service.local.child import Command
from service.local.commands import service_command, training_command
from service.local.family import Family, Stopped, UpFailed
from service.local.preflight import check, make_token
from service.local.running import Mark, RunningUp, mark, remove_record, write_record
from service.local.screen import Narrator, Screen, welcome
from service.local.settings import MODEL, UpSettings
from service.local.tracking import (
    RegistrySilent,
    client,
    tracking_command,
    until_answering,
    version_of_alias,
)
from service.processes.front.beside import Beside
from service.refs import ModelRef


@dataclass(frozen=True, slots=True)
class Parts:
    """What is started, in this order; training once for each alias of iris that is not there.

    Attributes:
        training: trains a version, judges it, and gives it the alias that is added as `--alias`.
        patience: seconds that MLflow, and after it the service, may take until they answer.
        opens: shows the console, and says whether it could; None: nobody is to see it.
    """

    tracking: Command
    training: Command
    service: Command
    patience: float = 180.0
    opens: Callable[[str], bool] | None = None


def up(settings: UpSettings, *, opens: bool = False) -> int:
    """Runs until Ctrl-C or SIGTERM. Returns the exit status: 1 if it had to end by itself.

    `opens`: the console is shown in a browser, where there is one.
    """
    screen = Screen()
    parts = Parts(
        tracking_command(settings),
        training_command(settings),
        service_command(settings, Narrator(screen.say)),
        opens=open_page if opens else None,
    )
    return asyncio.run(supervise(settings, parts, screen))


async def supervise(settings: UpSettings, parts: Parts, screen: Screen) -> int:
    """The same with parts of one's choice, in a loop of the main thread (it takes the signals)."""
    family = Family()
    with family.heeding_signals():
        async with client() as asked:
            return await _Up(settings, parts, screen, family, asked).run()


def open_page(url: str) -> bool:
    """Shows it in a browser. False where there is none that leaves the terminal alone; blocks."""
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")):
        return False
    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False


class _Up:
    """The steps of one run, in the order of a life."""

    def __init__(
        self,
        settings: UpSettings,
        parts: Parts,
        screen: Screen,
        family: Family,
        asked: httpx.AsyncClient,
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._screen = screen
        self._family = family
        self._asked = asked

    async def run(self) -> int:
        try:
            self._say_what_is_ignored()
            await self._family.during(check(self._settings, self._asked))
            await self._live()
        except Stopped:
            return 0
        except UpFailed as failure:
            self._screen.fail(str(failure), failure.details)
            return 1
        finally:
            await self._end()
        return 0

    async def _live(self) -> None:
        await self._start_tracking()
        found = {ref: await self._found_or_trained(ref) for ref in self._settings.models}
        absent = [ref for ref, is_there in found.items() if not is_there]
        await self._start_service(ready=len(absent) < len(found))
        self._screen.say(welcome(self._settings, absent))
        await self._open(f"{self._settings.admin_url}/")
        await self._family.during(asyncio.Event().wait())

    async def _open(self, url: str) -> None:
        opens = self._parts.opens
        if opens is not None and not await self._family.during(Beside("browser").run(opens, url)):
            self._screen.say(f"No browser can be opened here; the console is at {url}")

    async def _start_tracking(self) -> None:
        url = self._settings.tracking_uri
        await self._start(self._parts.tracking)
        await self._wait(f"Starting MLflow on {url}", "MLflow", f"{url}/health")

    async def _found_or_trained(self, ref: ModelRef) -> bool:
        """Whether there is a version to serve, which for iris there is afterwards."""
        found = await self._family.during(self._version(ref))
        if found is not None:
            self._screen.say(f"{ref} is there already: version {found}.")
            return True
        if ref.name != MODEL:
            return False
        self._screen.say(f"Training a first model: {ref} does not exist yet.")
        training = self._parts.training
        arguments = (*training.arguments, "--alias", ref.alias)
        await self._family.finish(replace(training, arguments=arguments))
        return True

    async def _version(self, ref: ModelRef) -> str | None:
        url = self._settings.tracking_uri
        try:
            return await version_of_alias(self._asked, url, ref.name, ref.alias)
        except RegistrySilent as error:
            raise UpFailed(f"MLflow does not say which version {ref} is: {error}.") from error

    async def _start_service(self, *, ready: bool) -> None:
        """Returns when it is ready, or, where there is nothing yet that it could serve, alive."""
        url = self._settings.service_url
        if self._settings.admin_token is not None:
            make_token(self._settings.admin_token)
        await self._start(self._parts.service)
        asked = f"{url}/health/{'ready' if ready else 'live'}"
        await self._wait(f"Starting the service on {url}", "The service", asked)

    async def _start(self, command: Command) -> None:
        await self._family.start(command)
        write_record(self._settings.home, self._record())

    def _record(self) -> RunningUp:
        here = mark(os.getpid()) or Mark(os.getpid(), 0)
        living = (child for child in self._family.children if not child.exited.done())
        children = {child.command.name: child.mark for child in living}
        settings = self._settings
        return RunningUp(
            *(settings.tracking_uri, settings.service_url, here, children, settings.admin_url)
        )

    async def _wait(self, what: str, who: str, url: str) -> None:
        limit = self._parts.patience
        try:
            with self._screen.waiting(what):
                await self._family.during(until_answering(self._asked, url, limit))
        except TimeoutError:
            logs = self._settings.logs
            raise UpFailed(f"{who} was not ready within {limit:.0f} s; see {logs}.") from None

    def _say_what_is_ignored(self) -> None:
        # Only the names: an address may hold a password.
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            if os.environ.get(name):
                self._screen.say(f"{name} is ignored: `podium up` has an MLflow of its own.")

    async def _end(self) -> None:
        if not self._family.children:
            return
        with self._screen.waiting("Ending the service and MLflow; Ctrl-C again ends them at once"):
            await self._family.end()
        remove_record(self._settings.home)
        self._screen.say("Ended.")
