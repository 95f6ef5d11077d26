"""What is found before anything is started, in words that say what to do; and the admin token."""

import os
import re
import socket
import socketserver
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from service.local.family import UpFailed
from service.local.preflight import check, make_token
from service.local.running import Mark, RunningUp, mark, write_record
from service.local.settings import LOOPBACK, UpSettings
from service.local.tracking import client
from tests.local.stand_ins import Stage
from tests.support.tracking import free_port


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A home of the test's own, with free ports."""
    return Stage.at(tmp_path / "home")


async def finding(settings: UpSettings) -> str:
    """The sentence; empty if everything can be started."""
    try:
        async with client() as asked:
            await check(settings, asked)
    except UpFailed as failure:
        return str(failure)
    return ""


def suggested_port(found: str, variable: str) -> int | None:
    """The port that the sentence would have one set."""
    match = re.search(rf"\b{variable}=(\d+) ", found)
    return None if match is None else int(match[1])


@contextmanager
def listening(port: int, host: str = LOOPBACK) -> Iterator[None]:
    """Somebody who takes connections and never answers."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
        taken.listen()
        yield


class _Answering(socketserver.StreamRequestHandler):
    answers: dict[bytes, bytes]

    def handle(self) -> None:
        path = self.rfile.readline().split()[1]
        while self.rfile.readline().strip():
            pass
        body = self.answers.get(path, b"")
        head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.wfile.write(head + body)


@contextmanager
def answering(port: int, answers: dict[bytes, bytes]) -> Iterator[None]:
    """A server that answers 200 with these bodies."""
    handler = type("_These", (_Answering,), {"answers": answers})
    socketserver.TCPServer.allow_reuse_address = True
    with socketserver.TCPServer((LOOPBACK, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


async def test_free_ports_and_no_record_are_fine(stage: Stage) -> None:
    """Nothing is found where nothing is."""
    assert await finding(stage.settings) == ""


async def test_taken_service_port_is_one_clear_line(stage: Stage) -> None:
    """It names the port and a command that goes round it."""
    port = stage.settings.port
    with listening(port):
        found = await finding(stage.settings)
    assert f"The service's port {port} on 127.0.0.1 is taken by another program." in found
    assert (suggested := suggested_port(found, "PODIUM_PORT")) not in {None, port}
    assert f"PODIUM_TRACKING_PORT={stage.settings.tracking_port} " in found
    assert suggested != stage.settings.tracking_port
    assert "\n" not in found


async def test_o17_suggested_port_was_tried(stage: Stage) -> None:
    """Not the next one, where that is taken too; the line names what else was given."""
    host, port = "127.0.0.2", stage.settings.port
    settings = replace(stage.settings, host=host)
    with listening(port, host), listening(port + 1, host), listening(port + 2, host):
        found = await finding(settings)
        suggested = suggested_port(found, "PODIUM_PORT")
    assert suggested not in {None, port, port + 1, port + 2}
    assert f"PODIUM_HOST={host} " in found
    assert await finding(replace(settings, port=suggested or 0)) == ""


async def test_mlflow_on_the_tracking_port_is_offered_to_serve_from(stage: Stage) -> None:
    """The exact command, for the MLflow that is there."""
    url = stage.settings.tracking_uri
    answers = {b"/health": b"OK", b"/version": b"3.17.2"}
    with answering(stage.settings.tracking_port, answers):
        found = await finding(stage.settings)
    assert f"MLflow 3.17.2 already answers on {url}." in found
    assert f"MLFLOW_TRACKING_URI={url} " in found
    assert "podium serve --model basic_lr_iris_model@champion\n" in found


@pytest.mark.parametrize(
    "answers",
    [
        {b"/health": b"\n", b"/version": b"3.17.2"},
        {b"/health": b"OK", b"/version": b"<html>"},
        {b"/health": b"OK", b"/version": b"3.17.2\x1b[2J"},
        {},
    ],
    ids=["scoring server", "a page", "control characters", "nothing"],
)
async def test_other_server_on_the_tracking_port_is_one_clear_line(
    stage: Stage, answers: dict[bytes, bytes]
) -> None:
    """What is not an MLflow tracking server is not offered as one."""
    port = stage.settings.tracking_port
    with answering(port, answers):
        found = await finding(stage.settings)
    assert f"MLflow's port {port} on 127.0.0.1 is taken by another program." in found
    assert suggested_port(found, "PODIUM_TRACKING_PORT") not in {None, port}
    assert f"PODIUM_PORT={stage.settings.port} " in found
    assert "\n" not in found


async def test_address_of_no_interface_is_one_clear_line(tmp_path: Path) -> None:
    """192.0.2.1 is reserved for documentation (RFC 5737): no machine has it."""
    settings = replace(Stage.at(tmp_path).settings, host="192.0.2.1")
    found = await finding(settings)
    assert f"port {settings.port} on 192.0.2.1 cannot be listened on (" in found


async def test_one_port_for_both_is_refused(tmp_path: Path) -> None:
    """Otherwise the second to start would fail with somebody else's words."""
    settings = Stage.at(tmp_path).settings
    found = await finding(replace(settings, tracking_port=settings.port))
    assert f"cannot share port {settings.port}" in found


async def test_port_that_nobody_could_be_told_is_refused(stage: Stage) -> None:
    """`up` prints its addresses and writes them down, so it must know them first."""
    assert await finding(replace(stage.settings, port=0)) == (
        "`podium up` cannot use port 0; set PODIUM_PORT to another port."
    )
    assert await finding(replace(stage.settings, port=0, tracking_port=0)) == (
        "`podium up` cannot use port 0; set PODIUM_PORT and PODIUM_TRACKING_PORT to another port."
    )


async def test_home_that_is_a_file_is_one_clear_line(stage: Stage) -> None:
    """With the name of the setting, the system's reason, and what to do."""
    stage.settings.home.write_text("in the way")
    found = await finding(stage.settings)
    home = stage.settings.home
    assert found == f"PODIUM_HOME: '{home}' cannot be used: File exists; choose another."


async def test_an_up_that_runs_is_named(stage: Stage) -> None:
    """Two of one home would share a database and a cache."""
    here = mark(os.getpid())
    assert here is not None
    write_record(stage.settings.home, RunningUp("http://a", "http://b", here, {}))
    found = await finding(stage.settings)
    assert f"already runs here, as process {here.pid}: MLflow on http://a" in found


async def test_record_of_processes_that_have_gone_counts_for_nothing(stage: Stage) -> None:
    """A number that somebody else has now is not the process that had it."""
    now = mark(os.getpid())
    assert now is not None
    earlier = Mark(now.pid, now.started - 1)
    record = RunningUp("http://a", "http://b", earlier, {"MLflow": earlier})
    write_record(stage.settings.home, record)
    assert await finding(stage.settings) == ""


async def test_home_of_ones_own_is_named_in_every_command(stage: Stage) -> None:
    """A pasted command finds the same home."""
    with listening(stage.settings.port):
        found = await finding(stage.settings)
    assert f"PODIUM_HOME={stage.settings.home} " in found


def test_token_is_long_random_and_its_owners_alone(tmp_path: Path) -> None:
    """Two homes, two tokens."""
    paths = [tmp_path / name for name in ("one", "two")]
    for path in paths:
        make_token(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(path.read_text().strip()) >= 43
    assert paths[0].read_text() != paths[1].read_text()
    assert sorted(tmp_path.iterdir()) == paths


def test_token_is_kept(tmp_path: Path) -> None:
    """Scripts that read it go on; rights that somebody has widened are taken back."""
    path = tmp_path / "token"
    path.write_text("mine\n")
    path.chmod(0o644)
    make_token(path)
    assert path.read_text() == "mine\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_empty_file_is_no_token(tmp_path: Path) -> None:
    """It would let anybody in, or nobody."""
    path = tmp_path / "token"
    path.touch()
    make_token(path)
    assert path.read_text().strip()


def test_place_that_cannot_be_used_ends_up_with_one_line(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(UpFailed, match="Is a directory"):
        make_token(tmp_path)


def with_admin_port(stage: Stage, port: int) -> UpSettings:
    """The same with that port for the console."""
    return replace(stage.settings, admin_port=port)


async def test_taken_admin_port_is_one_clear_line(stage: Stage) -> None:
    """It names another that is free, for that port alone."""
    port = free_port()
    with listening(port):
        found = await finding(with_admin_port(stage, port))
    assert f"The admin port {port} on 127.0.0.1 is taken by another program." in found
    assert suggested_port(found, "PODIUM_ADMIN_PORT") not in {None, port}
    assert suggested_port(found, "PODIUM_PORT") == stage.settings.port


@pytest.mark.parametrize("other", ["port", "tracking_port"])
async def test_admin_port_is_a_port_of_its_own(stage: Stage, other: str) -> None:
    """Neither MLflow's nor the service's."""
    port = getattr(stage.settings, other)
    found = await finding(with_admin_port(stage, port))
    assert f"The admin port {port} must be another one" in found
    assert suggested_port(found, "PODIUM_ADMIN_PORT") not in {None, port}


async def test_admin_port_that_nobody_can_be_told_is_refused(stage: Stage) -> None:
    """The welcome names it before the service listens."""
    assert "set PODIUM_ADMIN_PORT to another port" in await finding(with_admin_port(stage, 0))


async def test_free_admin_port_is_no_obstacle(stage: Stage) -> None:
    """Everything can be started."""
    assert not await finding(with_admin_port(stage, free_port()))
