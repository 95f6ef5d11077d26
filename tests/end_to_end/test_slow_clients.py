"""A whole service and clients that take their time, leave, or come in crowds."""

import contextlib
import json
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from service.server.connections import raise_descriptor_limit
from tests.models.temperamental import HANG, HUGE, SLOW
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

SECONDS = 240
MEGABYTE = 1024**2
LIMITS = {"head_seconds": 2, "body_seconds": 4, "reply_seconds": 2, "idle_seconds": 3}
SETTINGS = {
    "PODIUM_MAX_QUEUE": "32",
    "PODIUM_MAX_QUEUE_BYTES": str(32 * MEGABYTE),
    # Replies of many megabytes must be made within it, whatever else the machine does.
    "PODIUM_PREDICT_TIMEOUT_SECONDS": "60",
}
ENDED = 'podium_connections_ended_total{reason="%s"}'
CODES = 'podium_requests_total{alias="champion",code="%s",model="moody",route="predict"}'


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> str:
    """Two models that double, one of them moody; the URI of their registry."""
    folder = tmp_path_factory.mktemp("registry")
    database = folder / "mlflow.db"
    database.write_bytes(migrated_database.read_bytes())
    place = models.save(folder, "temperamental")
    for name in ("moody", "steady"):
        Registry(f"sqlite:///{database}", name).add(place, "champion")
    return f"sqlite:///{database}"


@pytest.fixture(scope="module")
def service(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """One service for all tests with slow clients, with little patience."""
    raise_descriptor_limit()
    home = tmp_path_factory.mktemp("home")
    limits = {"TEST_CLIENT_LIMITS": json.dumps(LIMITS | {"look_seconds": 0.1})}
    refs = ["moody@champion", "steady@champion"]
    with running_service(refs, registry, home, **limits, **SETTINGS) as running:
        running.wait_until_ready()
        yield running


def row(*numbers: float) -> dict[str, Any]:
    """A request of a row for each."""
    return {"dataframe_records": [{"x": number} for number in numbers]}


class Asking:
    """Works that are done over and over until the end; what did not go well."""

    def __init__(self, *works: Callable[[], str | None]) -> None:
        self.failures: list[str] = []
        self.done = [0] * len(works)
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(place, work))
            for place, work in enumerate(works)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(SECONDS)

    def _repeat(self, place: int, work: Callable[[], str | None]) -> None:
        while not self._over.is_set():
            try:
                failure = work()
            except httpx.HTTPError as error:
                failure = repr(error)
            if failure is not None:
                self.failures.append(failure)
            self.done[place] += 1


def good(client: httpx.Client, ref: str, number: float) -> str | None:
    """Asks for one prediction; what is wrong with the answer."""
    answer = client.post(f"/models/{ref}/predict", json=row(number))
    right = answer.is_success and answer.json()["predictions"] == [2 * number]
    return None if right else f"{answer.status_code} {answer.text}"


def probe(service: RunningService, path: str) -> str | None:
    """Asks for a page on a new connection; what is wrong with the answer."""
    answer = httpx.get(f"{service.url}{path}", trust_env=False, timeout=SECONDS)
    return None if answer.is_success else f"{path} {answer.status_code}"


def connected(service: RunningService, data: bytes, receive_bytes: int = 0) -> socket.socket:
    """A connection on which that was sent; what it receives is buffered up to so many bytes."""
    made = socket.socket()
    if receive_bytes:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    made.settimeout(SECONDS)
    made.connect(("127.0.0.1", int(service.url.rpartition(":")[2])))
    made.sendall(data)
    return made


def head(length: int, ref: str = "moody@champion") -> bytes:
    """Of a request for a prediction, with a body of that length."""
    lines = f"POST /models/{ref}/predict HTTP/1.1\r\nHost: podium\r\nContent-Length: {length}"
    return f"{lines}\r\n\r\n".encode()


def asking(body: dict[str, Any], ref: str = "moody@champion") -> bytes:
    """A whole request for a prediction."""
    text = json.dumps(body).encode()
    return head(len(text), ref) + text


def trickle(connections: list[socket.socket]) -> None:
    """One more byte on each that is still open."""
    for each in connections:
        with contextlib.suppress(OSError):
            each.send(b" ", socket.MSG_DONTWAIT)


def said(connection: socket.socket) -> bytes:
    """Everything that the service has sent before it ended the connection."""
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def peak_bytes(service: RunningService) -> int:
    """The most that the front has ever held in memory."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_p14_a_thousand_slow_clients_cost_nobody_else_an_answer(service: RunningService) -> None:
    """Each of them is ended; every good request is answered, and every probe."""
    before, held = service.metrics(), peak_bytes(service)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(
            httpx.Client(base_url=service.url, trust_env=False, timeout=SECONDS)
        )
        asking_well = stack.enter_context(
            Asking(
                partial(good, client, "moody@champion", 3.0),
                partial(good, client, "steady@champion", 4.0),
                partial(probe, service, "/health/live"),
                partial(probe, service, "/health/ready"),
            )
        )

        def slow(count: int, data: bytes, receive_bytes: int = 0) -> list[socket.socket]:
            made = (connected(service, data, receive_bytes) for _ in range(count))
            return [stack.enter_context(each) for each in made]

        half_heads = slow(330, b"POST /predict HTTP/1.1\r\nHost: pod")
        trickling = slow(330, head(16_000_000) + b"{")
        slow(330, b"")
        slow(10, asking(row(*[HUGE] * 8)), receive_bytes=4096)

        def ended() -> bool:
            trickle(trickling)
            return all(
                service.metrics()[ENDED % reason] >= before[ENDED % reason] + count
                for reason, count in {
                    "head_too_slow": 330,
                    "body_too_slow": 330,
                    "idle": 330,
                    "reply_not_read": 1,
                }.items()
            )

        wait_until(ended, SECONDS, "all slow clients are ended")
        assert {said(each)[:12] for each in half_heads} == {b"HTTP/1.1 408"}
        assert {said(each)[:12] for each in trickling} <= {b"HTTP/1.1 408", b""}
        wait_until(lambda: service.metrics()["podium_connections"] < 20, SECONDS, "all are gone")
    assert asking_well.failures == []
    assert min(asking_well.done) > 5
    assert service.metrics()[CODES % 408] == 330
    assert peak_bytes(service) < held + 200 * MEGABYTE


def waiting(service: RunningService) -> int:
    """How many requests wait for the moody model."""
    found: int = service.slot("moody@champion")["hosts"]["waiting"]
    return found


def test_client_that_leaves_while_its_request_waits_is_counted_as_gone(
    service: RunningService,
) -> None:
    """It leaves the queue while the host is still busy with another."""
    before = service.metrics().get(CODES % 499, 0)
    hanging = connected(service, asking(row(HANG)))
    leaving = [connected(service, asking(row(1))) for _ in range(8)]
    wait_until(lambda: waiting(service) == len(leaving), SECONDS, "they wait")
    for each in leaving:
        each.close()
    wait_until(lambda: waiting(service) == 0, SECONDS, "they wait no more")
    assert service.metrics()[CODES % 499] == before + len(leaving)
    hanging.setblocking(False)
    with pytest.raises(BlockingIOError):
        hanging.recv(100)
    hanging.close()


def flood(url: str, answers: Counter[str], client: int) -> None:
    """Asks for slow predictions without pause, each with a number of its own beside them."""
    with httpx.Client(base_url=url, trust_env=False, timeout=SECONDS) as made:
        for turn in range(5):
            number = 2000.0 + 5 * client + turn
            answer = made.post("/models/moody@champion/predict", json=row(SLOW, number))
            if answer.is_success:
                right = answer.json()["predictions"] == [2.0 * SLOW, 2 * number]
                answers["right" if right else "wrong"] += 1
            else:
                answers[f"{answer.status_code} {answer.headers.get('Retry-After')}"] += 1


def test_flood_at_ten_times_capacity_gets_right_answers_or_503(
    registry: str, tmp_path: Path
) -> None:
    """Calls of 20 ms, 80 clients that ask without pause, and room for 32 to wait.

    Probes and metrics are answered meanwhile, and so is every request to another model. The
    service has its usual patience: eighty clients of one process are slow themselves.
    """
    refs = ["moody@champion", "steady@champion"]
    answers: Counter[str] = Counter()
    with running_service(refs, registry, tmp_path, **SETTINGS) as service:
        service.wait_until_ready()
        held = peak_bytes(service)
        flooded(service, answers)
        assert peak_bytes(service) < held + 100 * MEGABYTE
    assert set(answers) == {"right", "503 1"}
    assert answers["right"] >= 32


def flooded(service: RunningService, answers: Counter[str]) -> None:
    """Floods one model and asks the other, the probes and the metrics beside it."""
    with (
        httpx.Client(base_url=service.url, trust_env=False, timeout=SECONDS) as client,
        Asking(
            partial(good, client, "steady@champion", 4.0),
            partial(probe, service, "/health/live"),
            partial(probe, service, "/health/ready"),
            partial(probe, service, "/metrics"),
        ) as others,
        ThreadPoolExecutor(80) as crowd,
    ):
        list(crowd.map(partial(flood, service.url, answers), range(80)))
    assert others.failures == []
    assert min(others.done) > 2


def is_closed(connection: socket.socket) -> bool:
    """Whether the service has ended it."""
    connection.settimeout(0)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def worked_seconds(service: RunningService) -> float:
    """What the front has worked so far."""
    stat = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def answers_anew(service: RunningService) -> bool:
    """Whether it answers on a new connection."""
    with contextlib.suppress(httpx.HTTPError):
        return probe(service, "/health/ready") is None
    return False


def test_descriptors_that_run_out_cost_no_open_connection_an_answer(
    registry: str, tmp_path: Path
) -> None:
    """New ones are closed for want of any; nothing spins, and later new ones are taken again.

    The limit of connections would have kept it from happening, and is lifted here.
    """
    environment = {
        "TEST_CLIENT_LIMITS": json.dumps({"connections": 10_000}),
        "TEST_DESCRIPTORS": "64:160",
    }
    with (
        contextlib.ExitStack() as stack,
        running_service(["steady@champion"], registry, tmp_path, **environment) as service,
        httpx.Client(base_url=service.url, trust_env=False, timeout=SECONDS) as client,
    ):
        service.wait_until_ready()
        assert service.events("limits")[0]["descriptors"] == 160
        assert good(client, "steady@champion", 1.0) is None
        crowd = [stack.enter_context(connected(service, b"")) for _ in range(300)]
        wait_until(lambda: any(map(is_closed, crowd)), SECONDS, "descriptors have run out")
        before, beginning = worked_seconds(service), time.monotonic()
        while time.monotonic() < beginning + 1:
            assert good(client, "steady@champion", 1.0) is None
            threading.Event().wait(0.1)
        assert worked_seconds(service) - before < 0.5 * (time.monotonic() - beginning)
        for each in crowd:
            each.close()
        wait_until(partial(answers_anew, service), SECONDS, "new connections are taken")
