"""`up` with stand-ins for MLflow, the training and the service."""

import asyncio
import dataclasses
import io
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import mlflow.server
import pytest
from rich.console import Console

from service.local.child import Command
from service.local.running import group_alive, mark, read_record, read_running
from service.local.screen import Screen
from service.local.up import Parts, open_page, supervise
from service.refs import ModelRef
from tests.local.stand_ins import Stage
from tests.support.waiting import until

READY = "Ctrl-C ends all of it"
CHAMPION = '[{"alias": "champion", "version": "4"}]'


class Run:
    """One `up` in this process's loop, and everything that it has printed."""

    def __init__(self, stage: Stage, parts: Parts) -> None:
        self._printed = io.StringIO()
        screen = Screen(Console(file=self._printed, width=60))
        self.task = asyncio.ensure_future(supervise(stage.settings, parts, screen))

    @property
    def printed(self) -> str:
        """The whole screen."""
        return self._printed.getvalue()

    async def says(self, text: str) -> None:
        """Returns once the text is printed."""
        await until(lambda: text in self.printed or self.task.done(), 240, f"{text!r} is printed")
        assert text in self.printed

    async def ended(self) -> int:
        """Its exit status, when it ends by itself."""
        return await asyncio.wait_for(self.task, 240)

    async def stopped(self) -> int:
        """Its exit status, after a SIGTERM."""
        os.kill(os.getpid(), signal.SIGTERM)
        return await self.ended()


@asynccontextmanager
async def running(stage: Stage, parts: Parts) -> AsyncIterator[Run]:
    """An `up` that serves; ended at the latest with the test."""
    run = Run(stage, parts)
    try:
        await run.says(READY)
        yield run
    finally:
        if not run.task.done():
            await run.stopped()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A home of the test's own, with free ports."""
    return Stage.at(tmp_path / "home")


async def test_starts_mlflow_trains_and_serves_in_that_order(stage: Stage) -> None:
    """Without a champion, a first one is trained before the service starts."""
    async with running(stage, stage.parts()):
        assert stage.journal == ["mlflow started", "trained", "service started"]


async def test_does_not_train_when_there_is_a_champion(stage: Stage) -> None:
    """A second start serves what is there and says which version that is."""
    async with running(stage, stage.parts(tracking=stage.mlflow(CHAMPION))) as run:
        assert stage.journal == ["mlflow started", "service started"]
        assert "basic_lr_iris_model@champion is there already: version 4." in run.printed


async def test_an_alias_of_another_name_is_no_champion(stage: Stage) -> None:
    """Only the alias that the service follows counts."""
    other = '[{"alias": "challenger", "version": "4"}]'
    async with running(stage, stage.parts(tracking=stage.mlflow(other))):
        assert "trained" in stage.journal


IRIS, WINE = ModelRef("basic_lr_iris_model", "champion"), ModelRef("wine", "prod")


def asked_for(stage: Stage, *models: ModelRef) -> Stage:
    """The same home with other models."""
    return Stage(dataclasses.replace(stage.settings, models=models))


async def test_o17_up_trains_its_own_and_names_what_is_not_there(stage: Stage) -> None:
    """One that nobody has registered yet is served later; it keeps nothing from starting."""
    stage = asked_for(stage, WINE, IRIS)
    async with running(stage, stage.parts()) as run:
        assert stage.journal == ["mlflow started", "trained", "service started"]
        assert "Podium serves basic_lr_iris_model@champion." in run.printed
        assert "Not there yet: wine@prod." in run.printed
        assert f"MLFLOW_TRACKING_URI={stage.settings.tracking_uri}" in run.printed
        # The first one is that of /predict.
        assert "/models/basic_lr_iris_model@champion/predict" in run.printed


async def test_o17_up_without_iris_trains_nothing(stage: Stage) -> None:
    """Nor does it wait until what is not there serves."""
    stage = asked_for(stage, WINE)
    service = stage.service(ready=False)
    async with running(stage, stage.parts(service=service)) as run:
        assert stage.journal == ["mlflow started", "service started"]
        assert "Podium serves nothing yet." in run.printed
        assert "Train a second version" not in run.printed
        assert f"{stage.settings.tracking_uri}/#/models/wine\n" in run.printed


async def test_o17_up_trains_iris_for_each_alias_that_is_not_there(stage: Stage) -> None:
    """A version each, of which the others are not taken away."""
    other = ModelRef(IRIS.name, "challenger")
    stage = asked_for(stage, IRIS, other)
    async with running(stage, stage.parts()):
        assert stage.journal[1:3] == ["trained", "trained"]
    async with running(stage, stage.parts(tracking=stage.mlflow(CHAMPION))):
        assert stage.journal.count("trained") == 3


async def test_o23_mlflows_page_is_the_models(stage: Stage) -> None:
    """Its first page shows traces and prompts, and no way to the models."""
    async with running(stage, stage.parts()) as run:
        page = f"{stage.settings.tracking_uri}/#/models/basic_lr_iris_model"
        assert f"MLflow's page   {page}\n" in run.printed


def test_o23_mlflow_has_a_page_for_each_model() -> None:
    """Its own routes, as this release of MLflow ships them; the README leads there too."""
    scripts = Path(mlflow.server.__file__).parent / "js/build/static/js"
    written = [path.read_text(errors="replace") for path in scripts.glob("main*.js")]
    assert any('"/models/:modelName"' in text for text in written)
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert "http://127.0.0.1:8080/#/models/basic_lr_iris_model" in readme


async def test_prints_addresses_and_commands_to_paste(stage: Stage) -> None:
    """The text names both servers and wraps no command, however narrow the terminal is."""
    async with running(stage, stage.parts()) as run:
        assert f"curl -s {stage.settings.service_url}/predict" in run.printed
        assert '{"sepal length (cm)": 5.1, "sepal width (cm)": 3.5, "petal' in run.printed
        assert f"{stage.settings.service_url}/docs" in run.printed
        assert f"{stage.settings.tracking_uri}/#/models/basic_lr_iris_model" in run.printed
        assert "podium train --C 0.1 --alias champion" in run.printed
        assert f"Admin token     {stage.settings.admin_token}" in run.printed
        home = f"PODIUM_HOME={stage.settings.home} "
        for command in ("status", "smoke"):
            line = next(one for one in run.printed.splitlines() if one.endswith(f" {command}"))
            assert line.strip().startswith(home)


async def test_sigterm_ends_the_service_before_mlflow_and_leaves_nothing(stage: Stage) -> None:
    """A clean end is status 0, in order, with every process and the record gone."""
    async with running(stage, stage.parts()) as run:
        record = read_record(stage.settings.home)
        assert record is not None
        assert await run.stopped() == 0
    assert stage.journal[-2:] == ["service ended", "mlflow ended"]
    assert not any(group_alive(mark) for mark in record.children.values())
    assert read_record(stage.settings.home) is None


async def test_record_names_addresses_and_processes_while_it_runs(stage: Stage) -> None:
    """Other commands find MLflow through it."""
    async with running(stage, stage.parts()):
        found = read_running(stage.settings.home)
        assert found is not None
        assert found.tracking_uri == stage.settings.tracking_uri
        assert found.service_url == stage.settings.service_url
        assert found.up.pid == os.getpid()
        assert set(found.children) == {"MLflow", "The service"}


async def test_service_that_dies_ends_mlflow_and_shows_its_last_lines(stage: Stage) -> None:
    """Which one ended, how, and what it said last."""
    run = Run(stage, stage.parts(service=stage.failing("The service", "no such thing")))
    assert await run.ended() == 1
    assert "| no such thing" in run.printed
    assert "The service ended with status 3." in run.printed
    assert stage.journal[-1] == "mlflow ended"


async def test_mlflow_that_dies_while_serving_ends_the_service(stage: Stage) -> None:
    """No half of it goes on alone."""
    async with running(stage, stage.parts()) as run:
        record = read_record(stage.settings.home)
        assert record is not None
        os.kill(record.children["MLflow"].pid, signal.SIGKILL)
        assert await run.ended() == 1
    assert "MLflow was ended by signal 9." in run.printed
    assert stage.journal[-1] == "service ended"


async def test_training_that_fails_ends_mlflow(stage: Stage) -> None:
    """The service is not started without a model."""
    run = Run(stage, stage.parts(training=stage.failing("The training", "no flowers")))
    assert await run.ended() == 1
    assert "The training ended with status 3." in run.printed
    assert stage.journal == ["mlflow started", "mlflow ended"]


async def test_service_that_is_never_ready_is_not_waited_for_without_end(stage: Stage) -> None:
    """The wait has a limit, and says what was waited for."""
    deaf = stage.deaf("The service", grace=0.1)
    run = Run(stage, stage.parts(service=deaf, patience=3.0))
    assert await run.ended() == 1
    assert "The service was not ready within 3 s" in run.printed
    assert stage.journal[-1] == "mlflow ended"


async def test_child_deaf_to_sigterm_is_killed_after_its_grace(stage: Stage) -> None:
    """An end is an end, also for a child that does not want one."""
    run = Run(stage, stage.parts(training=stage.deaf("training", grace=0.1)))
    await until(lambda: "training started" in stage.journal, 240)
    assert await run.stopped() == 0
    assert stage.journal[-1] == "mlflow ended"


async def test_second_signal_cuts_the_grace_short(stage: Stage) -> None:
    """Ctrl-C twice means now."""
    run = Run(stage, stage.parts(training=stage.deaf("training", grace=3600)))
    await until(lambda: "training started" in stage.journal, 240)
    os.kill(os.getpid(), signal.SIGTERM)
    await run.says("Ctrl-C again ends them at once")
    assert await run.stopped() == 0


async def test_one_signal_is_enough_while_it_ends_by_itself(stage: Stage) -> None:
    """Who presses Ctrl-C then has seen that the end has begun."""
    deaf = stage.deaf("MLflow", grace=3600)
    run = Run(stage, stage.parts(tracking=deaf, patience=1.0))
    await run.says("Ending")
    assert await run.stopped() == 1


async def test_mlflow_that_does_not_tell_of_aliases_ends_it_with_one_line(stage: Stage) -> None:
    """The service is not started on a guess."""
    run = Run(stage, stage.parts(tracking=stage.mlflow('"none"')))
    assert await run.ended() == 1
    assert "MLflow does not say which version basic_lr_iris_model@champion is" in run.printed
    assert "the registry's answer cannot be read." in " ".join(run.printed.split())
    assert stage.journal == ["mlflow started", "mlflow ended"]


async def test_what_a_child_has_started_ends_with_it(stage: Stage) -> None:
    """A process left behind in the child's group is ended too, deaf or not."""
    inner = "import signal; signal.signal(15, 1); print('here', flush=True); signal.pause()"
    outer = (
        "import subprocess, sys\n"
        f"inner = [sys.executable, '-S', '-c', {inner!r}]\n"
        "left = subprocess.Popen(inner, stdout=subprocess.PIPE)\n"
        "left.stdout.readline()\n"
        "print(left.pid, flush=True)\n"
        "raise SystemExit(3)"
    )
    run = Run(stage, stage.parts(service=stage.command("The service", outer)))
    assert await run.ended() == 1
    inner_pid = int((stage.settings.logs / "The service.log").read_text())
    assert mark(inner_pid) is None


async def test_log_is_kept_and_events_are_told_line_by_line(stage: Stage) -> None:
    """What the service writes is in its file, and each line is handed on at once."""
    lines: list[bytes] = []
    service = dataclasses.replace(stage.service(), on_line=lines.append)
    async with running(stage, stage.parts(service=service)):
        await until(lambda: lines, 240)
    assert b'"event": "swapped"' in lines[0]
    assert '"version": "7"' in (stage.settings.logs / "The service.log").read_text()


async def test_tracking_address_of_the_shell_is_ignored_and_its_password_not_shown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said that the variable does not count; its value may hold a secret."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somebody:hunter2@elsewhere.example")
    async with running(stage, stage.parts()) as run:
        assert "MLFLOW_TRACKING_URI is ignored" in run.printed
        assert "hunter2" not in run.printed


def test_environment_is_not_part_of_a_commands_text() -> None:
    """A command in a traceback or a log gives no secret away."""
    assert "hunter2" not in repr(Command("any", ("true",), {"PASSWORD": "hunter2"}))


async def test_welcome_names_the_console_first(stage: Stage) -> None:
    """It shows what all else is about; on the admin port where there is one."""
    port = stage.settings.port
    async with running(stage, stage.parts()) as run:
        names = [line.split("  ")[1] for line in run.printed.splitlines() if line[:2] == "  "]
        assert names[0] == "The console"
        assert f"The console     http://127.0.0.1:{port}/\n" in run.printed


async def test_console_of_an_admin_port_is_named_and_found_by_other_commands(stage: Stage) -> None:
    """They read it from the home."""
    stage = Stage(dataclasses.replace(stage.settings, admin_port=1))
    async with running(stage, stage.parts()) as run:
        assert "The console     http://127.0.0.1:1/\n" in run.printed
        record = read_running(stage.settings.home)
        assert record is not None
        assert record.admin_url == "http://127.0.0.1:1"
        assert record.service_url == stage.settings.service_url


@pytest.mark.parametrize("opens", [True, False])
async def test_console_is_opened_where_there_is_a_browser(stage: Stage, *, opens: bool) -> None:
    """After the welcome; where there is none that is said, and everything runs."""
    opened = list[str]()

    def open_it(url: str) -> bool:
        opened.append(url)
        return opens

    parts = dataclasses.replace(stage.parts(), opens=open_it)
    async with running(stage, parts) as run:
        await until(lambda: opened, 240)
        if not opens:
            await run.says("No browser can be opened here")
    assert opened == [f"{stage.settings.service_url}/"]


def test_no_browser_is_looked_for_on_a_machine_without_a_screen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that runs in the terminal would take it from `up`."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert not open_page("http://127.0.0.1:1/")
    monkeypatch.setenv("BROWSER", "/nowhere/at/all")
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    assert not open_page("http://127.0.0.1:1/")
