"""A service that is told to stop: who asks is answered, and who balances is told in time."""

import contextlib
import itertools
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from tests.models.temperamental import HANG
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

SECONDS = 240
CLIENTS = 4


def row(x: float) -> dict[str, list[dict[str, float]]]:
    """A request of one row."""
    return {"dataframe_records": [{"x": x}]}


@pytest.fixture
def registry(tracking_uri: str, tmp_path: Path) -> Registry:
    """One version of a model that doubles, unless it is told to hang."""
    made = Registry(tracking_uri, "doubling")
    made.add(models.save(tmp_path, "temperamental"), "champion")
    return made


@contextlib.contextmanager
def started(registry: Registry, home: Path, **environment: str) -> Iterator[RunningService]:
    """A ready service of that model."""
    home.mkdir(exist_ok=True)
    refs = ["doubling@champion"]
    with running_service(refs, registry.tracking_uri, home, **environment) as service:
        service.wait_until_ready()
        yield service


def test_p7_stopping_service_is_not_ready_and_goes_on_answering(
    registry: Registry, tmp_path: Path
) -> None:
    """For the delay, to connections old and new; each is told to go elsewhere next time."""
    with started(registry, tmp_path / "a", PODIUM_STOP_DELAY_SECONDS="2") as service:
        with httpx.Client(base_url=service.url, trust_env=False, timeout=SECONDS) as client:
            assert client.post("/predict", json=row(1)).headers.get("connection") is None
            service.process.send_signal(signal.SIGTERM)
            wait_until(lambda: service.events("stopping"), SECONDS, "it begins to stop")
            answers = [client.post("/predict", json=row(1)) for _ in range(2)]
            probes = [client.get(path) for path in ("/health/ready", "/ping", "/health/live")]
        assert [answer.json()["predictions"] for answer in answers] == [[2.0], [2.0]]
        assert {answer.headers["connection"] for answer in answers} == {"close"}
        assert [probe.status_code for probe in probes] == [503, 503, 200]
        assert probes[0].json()["stopping"] is True
        assert service.process.wait(SECONDS) == 0


def test_p7_request_in_progress_is_answered_before_the_end(
    registry: Registry, tmp_path: Path
) -> None:
    """Even one that runs into its limit of time; the exit status is 0, the last line says so."""
    limits = {"PODIUM_PREDICT_TIMEOUT_SECONDS": "4"}
    with started(registry, tmp_path / "a", **limits) as service, ThreadPoolExecutor(2) as pool:
        url = f"{service.url}/predict"
        asked = [
            pool.submit(httpx.post, url, json=row(HANG), trust_env=False, timeout=SECONDS)
            for _ in range(2)
        ]
        # The second one waits for the first one, which is in progress then.
        wait_until(lambda: waiting(service) == 1, SECONDS, "a request is in progress")
        assert service.stop() == 0
        assert [answer.result().status_code for answer in asked] == [504, 504]
    assert service.log[-1]["event"] == "stopped"
    assert (service.log[-1]["finished"], service.log[-1]["cut"]) == (2, 0)


def test_request_that_outlasts_the_drain_is_503(registry: Registry, tmp_path: Path) -> None:
    """So that its client asks another service; whether it waits or has begun."""
    limits = {"PODIUM_DRAIN_SECONDS": "1"}
    with started(registry, tmp_path / "a", **limits) as service, ThreadPoolExecutor(2) as pool:
        url = f"{service.url}/predict"
        asked = [
            pool.submit(httpx.post, url, json=row(HANG), trust_env=False, timeout=SECONDS)
            for _ in range(2)
        ]
        wait_until(lambda: waiting(service) == 1, SECONDS, "a request is in progress")
        assert service.stop() == 0
        answers = [answer.result() for answer in asked]
        assert [answer.status_code for answer in answers] == [503, 503]
        assert {answer.json()["code"] for answer in answers} == {"no_servable"}
        assert {answer.headers["retry-after"] for answer in answers} == {"1"}
    (stopped,) = service.events("stopped")
    assert (stopped["finished"], stopped["cut"]) == (0, 2)
    assert 1 <= stopped["drain_seconds"] <= stopped["seconds"]


def waiting(service: RunningService) -> int:
    """How many requests wait for a host."""
    found: int = service.slot("doubling@champion")["hosts"]["waiting"]
    return found


def test_second_signal_ends_the_service_at_once(registry: Registry, tmp_path: Path) -> None:
    """Whatever is in progress."""
    with started(registry, tmp_path / "a", PODIUM_STOP_DELAY_SECONDS="3600") as service:
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: service.events("stopping"), SECONDS, "it begins to stop")
        below = service.descendants()
        assert service.stop() == 0
        assert below
    assert service.log[-1]["event"] == "stopped"


class Balancer:
    """Sends each request to the next service that was ready when it was last asked."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self._ready: list[str] = []
        self._turns = itertools.count()
        # One for all probes: to make one takes as long as many of them.
        self._client = httpx.Client(trust_env=False, timeout=SECONDS)

    def close(self) -> None:
        """No more probes."""
        self._client.close()

    def look(self) -> None:
        """Asks all services, as a load balancer's probe does."""
        self._ready = [url for url in list(self.urls) if self._is_ready(url)]

    def next(self) -> str:
        """The address for one request, which waits while no service is known to be ready."""
        while not (ready := self._ready):
            wait_until(lambda: self._ready, SECONDS, "a service is ready")
        return ready[next(self._turns) % len(ready)]

    def _is_ready(self, url: str) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self._client.get(f"{url}/health/ready").is_success
        return False


class Clients:
    """Ask without pause, each its own number, until they are told to stop."""

    def __init__(self, balancer: Balancer) -> None:
        self.failures: list[str] = []
        self.answered = [0] * CLIENTS
        self._balancer = balancer
        self._done = threading.Event()
        works: list[Any] = [self._probe, *(partial(self._ask, number) for number in range(CLIENTS))]
        self._threads = [threading.Thread(target=work) for work in works]

    def __enter__(self) -> Self:
        self._balancer.look()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()
        self._balancer.close()

    def all_go_on(self) -> None:
        """Returns when each has had another answer."""
        before = list(self.answered)

        def gone_on() -> bool:
            return all(now > then for now, then in zip(self.answered, before, strict=True))

        wait_until(gone_on, SECONDS, "every client goes on")

    def _probe(self) -> None:
        while not self._done.wait(0.1):
            self._balancer.look()

    def _ask(self, number: int) -> None:
        with httpx.Client(trust_env=False, timeout=SECONDS) as client:
            while not self._done.is_set():
                try:
                    answer = client.post(f"{self._balancer.next()}/predict", json=row(number))
                    if answer.json()["predictions"] != [2.0 * number]:
                        self.failures.append(answer.text)
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                self.answered[number] += 1


def test_p7_rolling_restart_behind_a_balancer_loses_no_request(
    registry: Registry, tmp_path: Path
) -> None:
    """Two services, restarted one after the other under load, with a delay longer than a probe."""
    balancer = Balancer()
    with contextlib.ExitStack() as stack:

        def begin(name: str) -> RunningService:
            delay = {"PODIUM_STOP_DELAY_SECONDS": "4"}
            service = stack.enter_context(started(registry, tmp_path / name, **delay))
            balancer.urls.append(service.url)
            return service

        running = [begin("a"), begin("b")]
        with Clients(balancer) as clients:
            for place, service in enumerate(running):
                clients.all_go_on()
                assert service.stop() == 0
                balancer.urls.remove(service.url)
                begin(f"again{place}")
            clients.all_go_on()
    assert clients.failures == []
