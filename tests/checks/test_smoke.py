"""The whole of `smoke`: exit status, table and file, against real servers."""

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from prometheus_client import CollectorRegistry
from rich.console import Console

from service.checks.smoke import smoke
from service.following.slots import Slots
from service.http.create import create_http
from service.predicting.request import HeldBytes, RequestIds
from service.predicting.route import RouteContext
from service.refs import ModelRef
from service.telemetry.logs import configure_logs
from tests.checks.wrong_server import Answer, Registry, Service
from tests.support.serving import make_binding
from tests.support.tracking import free_port
from tests.support.waiting import wait_until


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The application behind a real uvicorn on a port of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        wait_until(lambda: server.started, 240, "uvicorn has started")
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(240)
        listening.close()


class Screen:
    """What was printed."""

    def __init__(self) -> None:
        self._file = io.StringIO()
        self.console = Console(file=self._file, width=160)

    @property
    def text(self) -> str:
        """All of it."""
        return self._file.getvalue()


@pytest.fixture
def screen() -> Screen:
    """A wide terminal that nobody looks at."""
    return Screen()


def test_right_service_is_status_0(screen: Screen, tmp_path: Path) -> None:
    """With the addresses, a line for each check, a summary and the file."""
    junit = tmp_path / "smoke.xml"
    with served(Service()) as url, served(Registry()) as registry:
        status = smoke(url, registry_uri=registry, junit=junit, console=screen.console)
    assert status == 0
    lines = screen.text.splitlines()
    assert lines[:2] == [f"service  {url}", f"MLflow   {registry}"]
    assert lines[-1] == "16 passed, 0 failed, 0 not checked"
    assert junit.exists()


def test_wrong_service_is_status_1(screen: Screen) -> None:
    """One check that fails is enough."""
    wrong = Service(changes={"GET /ping": lambda _: Answer(503)})
    with served(wrong) as url:
        status = smoke(url, registry_uri=None, junit=None, console=screen.console)
    assert status == 1
    assert "answered 503 instead of 200" in screen.text


def test_no_service_is_status_2_and_still_writes_the_file(screen: Screen, tmp_path: Path) -> None:
    """The file says so, and why; user and password are shown nowhere."""
    junit = tmp_path / "smoke.xml"
    url = f"http://user:hunter2@127.0.0.1:{free_port()}"
    assert smoke(url, registry_uri=None, junit=junit, console=screen.console) == 2
    assert "no service answers: the connection is refused" in screen.text
    assert "hunter2" not in screen.text + junit.read_text()


def test_other_server_is_status_2(screen: Screen) -> None:
    """All of the checks would only say so again."""
    with served(Registry(answer=Answer(404))) as url:
        assert smoke(url, registry_uri=None, junit=None, console=screen.console) == 2
    assert "no service answers: what answers is not a Podium" in screen.text


def test_passwords_are_not_shown(screen: Screen) -> None:
    """Neither the service's nor MLflow's; which server it is is."""
    with served(Service()) as url, served(Registry()) as registry:
        urls = [each.replace("http://", "http://user:hunter2@") for each in (url, registry)]
        smoke(urls[0], registry_uri=urls[1], junit=None, console=screen.console)
    assert screen.text.splitlines()[:2] == [f"service  {url}", f"MLflow   {registry}"]
    assert "hunter2" not in screen.text


def test_results_are_printed_as_they_come(screen: Screen) -> None:
    """Whoever waits sees how far it is."""
    seen: list[str] = []

    def looking(answer: Answer) -> Answer:
        seen.append(screen.text)
        return answer

    watched = Service(changes={"GET /version": looking})
    with served(watched) as url:
        smoke(url, registry_uri=None, junit=None, console=screen.console)
    assert "GET /ping" in seen[0]
    assert "GET /version" not in seen[0]


def test_registry_that_is_down_is_no_failure(screen: Screen) -> None:
    """The service goes on without it, and a line says what was not checked."""
    with served(Service()) as url:
        registry = f"http://127.0.0.1:{free_port()}"
        status = smoke(url, registry_uri=registry, junit=None, console=screen.console)
    assert status == 0
    assert "the registry cannot be reached" in screen.text


@pytest.mark.parametrize("url", ["localhost:1", "http://[", "", "http://a:b:c"])
def test_text_that_is_no_address_is_status_2(screen: Screen, url: str) -> None:
    """With a hint how an address is written."""
    assert smoke(url, registry_uri=None, junit=None, console=screen.console) == 2
    assert "http://HOST:PORT" in screen.text


def test_file_that_cannot_be_written_is_status_1(screen: Screen, tmp_path: Path) -> None:
    """Continuous integration would take a missing file for no checks at all."""
    junit = tmp_path / "missing" / "smoke.xml"
    with served(Service()) as url:
        status = smoke(url, registry_uri=None, junit=junit, console=screen.console)
    assert status == 1
    assert "cannot be written (No such file or directory)" in screen.text


def test_podiums_own_routes_pass(screen: Screen) -> None:
    """The checks agree with the service's HTTP as it is."""
    slots = Slots([ModelRef("a/b ü", "champion"), ModelRef("iris", "challenger")])
    for slot in slots.values():
        slot.serve(make_binding(slot.ref, "3"))
    logs = configure_logs(io.BytesIO())
    app = create_http(
        slots,
        RouteContext(
            1 << 20, HeldBytes(1 << 20), HeldBytes(1 << 20), RequestIds(), (), logs.logger
        ),
        registry=CollectorRegistry(),
    )
    registry = Registry({"champion": "3", "challenger": "3"})
    try:
        with served(app) as url, served(registry) as tracking_uri:
            status = smoke(url, registry_uri=tracking_uri, junit=None, console=screen.console)
    finally:
        logs.close()
    assert status == 0, screen.text
    assert "24 passed, 0 failed, 0 not checked" in screen.text
