"""However the front is signalled, and whatever it is doing at that moment, nothing is left."""

import contextlib
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.test_loading import waits_for
from tests.models.temperamental import HANG
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, alive, running_service
from tests.support.waiting import wait_until

SECONDS = 240
STAGES = ["starting", "loading", "swapping"]


def row(value: float) -> dict[str, list[dict[str, float]]]:
    """A request of one row."""
    return {"dataframe_records": [{"x": value}]}


def hosts(service: RunningService) -> list[int]:
    """Processes that are called hosts."""
    names = {pid: Path(f"/proc/{pid}/comm") for pid in service.descendants()}
    with contextlib.suppress(OSError):
        return [pid for pid, name in names.items() if name.read_text() == "host\n"]
    return []


@contextlib.contextmanager
def service_at(stage: str, tracking_uri: str, folder: Path) -> Iterator[RunningService]:
    """A service that starts, loads its first version, loads another, or drains a request."""
    registry = Registry(tracking_uri, "model")
    never = waits_for(folder / "gate that never opens", folder)
    ready = models.save(folder, "temperamental")
    registry.add(never if stage == "loading" else ready, "champion")
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(running_service(["model@champion"], tracking_uri, folder))
        if stage in {"swapping", "draining"}:
            service.wait_until_ready()
        if stage == "swapping":
            registry.add(never, "champion")
        if stage == "draining":
            pool = stack.enter_context(ThreadPoolExecutor(2))
            stack.callback(service.process.kill)
            _drain(service, pool)
        else:
            wait_until(lambda: _at(stage, service), SECONDS, stage)
        yield service


def _at(stage: str, service: RunningService) -> bool:
    if stage == "starting":
        return bool(service.descendants()) and not service.events("staging")
    return len(hosts(service)) == (2 if stage == "swapping" else 1)


def _drain(service: RunningService, pool: ThreadPoolExecutor) -> None:
    for _ in range(2):
        url = f"{service.url}/predict"
        pool.submit(httpx.post, url, json=row(HANG), timeout=SECONDS, trust_env=False)
    # The second one waits for the first one, which is in progress then.
    wait_until(lambda: _waiting(service) == 1, SECONDS, "a request is in progress")
    service.process.send_signal(signal.SIGTERM)
    wait_until(lambda: service.events("stopping"), SECONDS, "it drains")


def _waiting(service: RunningService) -> int:
    hosts = service.slot("model@champion")["hosts"]
    return int(hosts["waiting"])


@pytest.mark.parametrize(
    ("stage", "number", "status"),
    [
        *((stage, signal.SIGTERM, 0) for stage in (*STAGES, "draining")),
        *((stage, signal.SIGKILL, -9) for stage in (*STAGES, "draining")),
    ],
)
def test_front_that_is_ended_at_any_stage_leaves_nothing(
    tracking_uri: str, tmp_path: Path, stage: str, number: signal.Signals, status: int
) -> None:
    """Told to stop it exits with 0, killed it cannot; no process is left."""
    with service_at(stage, tracking_uri, tmp_path) as service:
        below = service.descendants()
        assert below
        assert service.stop(number) == status
        wait_until(lambda: not any(map(alive, below)), SECONDS, "all have ended")
    if status == 0:
        assert [path.name for path in (tmp_path / "podium" / "tmp").iterdir()] == [".lock"]


def test_p11_front_that_is_stopped_goes_on_where_it_was(tracking_uri: str, tmp_path: Path) -> None:
    """Whoever asks meanwhile is answered then, by the same host."""
    Registry(tracking_uri, "model").add(models.save(tmp_path, "temperamental"), "champion")
    with running_service(["model@champion"], tracking_uri, tmp_path) as service:
        service.wait_until_ready()
        before = hosts(service)
        service.process.send_signal(signal.SIGSTOP)
        with ThreadPoolExecutor(4) as pool:
            asked = [
                pool.submit(
                    httpx.post,
                    f"{service.url}/predict",
                    json=row(number),
                    timeout=SECONDS,
                    trust_env=False,
                )
                for number in range(4)
            ]
            wait_until(lambda: all(each.running() for each in asked), SECONDS, "all have asked")
            service.process.send_signal(signal.SIGCONT)
            answers = [each.result(SECONDS).json()["predictions"] for each in asked]
        assert answers == [[2.0 * number] for number in range(4)]
        assert hosts(service) == before
