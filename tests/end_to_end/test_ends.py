"""However a process of the service ends, nothing is lost and nothing is left."""

import asyncio
import collections
import contextlib
import os
import signal
from pathlib import Path

import httpx
import pytest

from tests.models.stubborn import COMPUTE, FORK
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import alive, running_service
from tests.support.waiting import until

SECONDS = 240
CLIENTS, MORE = 16, 30


def row(value: float) -> dict[str, list[dict[str, float]]]:
    """A request of one row."""
    return {"dataframe_records": [{"x": value}]}


async def test_p11_killing_hosts_and_zygote_under_load_fails_no_request(
    tracking_uri: str, tmp_path: Path
) -> None:
    """Whatever is killed below the front, every reply is 200 and right."""
    Registry(tracking_uri, "doubling").add(models.save(tmp_path, "temperamental"), "champion")
    with running_service(["doubling@champion"], tracking_uri, tmp_path) as service:
        await asyncio.to_thread(service.wait_until_ready)
        async with httpx.AsyncClient(
            base_url=service.url, timeout=SECONDS, trust_env=False
        ) as client:
            answered, enough = collections.Counter[int](), asyncio.Event()

            async def ask(number: int) -> None:
                while not enough.is_set():
                    answer = await client.post("/predict", json=row(number))
                    assert answer.status_code == 200, answer.text
                    assert answer.json()["predictions"] == [2.0 * number]
                    answered[number] += 1

            asking = [asyncio.create_task(ask(number)) for number in range(CLIENTS)]
            await until(lambda: len(answered) == CLIENTS, SECONDS, "every client is being answered")
            before, then = service.descendants(), answered.copy()
            for victim in before:
                # Some end with those that were killed before them.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
            await until(
                lambda: (
                    any(client.done() for client in asking)
                    or all(answered[number] >= then[number] + MORE for number in range(CLIENTS))
                ),
                SECONDS,
                "every client goes on",
            )
            enough.set()
            await asyncio.gather(*asking)
        await until(lambda: service.events("host_died"), SECONDS, "the death is told")
        (death, *_) = service.events("host_died")
        assert (death["model"], death["version"]) == ("doubling", "1")
        assert death["reason"] in {"signal", "zygote"}
        assert death["pid"] in before
        assert [death["status"] for death in service.events("zygote_died")][:1] == ["SIGKILL"]
        assert not any(alive(victim) for victim in before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_leaves_nothing_and_exits_with_zero(
    tracking_uri: str, tmp_path: Path, number: signal.Signals
) -> None:
    """SIGTERM as Ctrl-C; also what the model has forked."""
    Registry(tracking_uri, "stubborn").add(models.save(tmp_path, "stubborn"), "champion")
    with running_service(["stubborn@champion"], tracking_uri, tmp_path) as service:
        service.wait_until_ready()
        forked = httpx.post(
            f"{service.url}/predict", json=row(FORK), trust_env=False, timeout=SECONDS
        ).json()
        below = service.descendants() | set(forked["predictions"])
        assert all(alive(pid) for pid in below)
        assert service.stop(number) == 0
        assert [path.name for path in (tmp_path / "podium" / "tmp").iterdir()] == [".lock"]
        assert not any(alive(pid) for pid in below)


async def test_front_that_is_killed_leaves_nothing(tracking_uri: str, tmp_path: Path) -> None:
    """With one host busy in C code, and another whose model has forked."""
    registry = Registry(tracking_uri, "stubborn")
    place = models.save(tmp_path, "stubborn")
    registry.add(place, "forks")
    registry.add(place, "computes")
    refs = ["stubborn@forks", "stubborn@computes"]
    with running_service(refs, tracking_uri, tmp_path) as service:
        await asyncio.to_thread(service.wait_until_ready)
        async with httpx.AsyncClient(
            base_url=service.url, timeout=SECONDS, trust_env=False
        ) as client:
            forked = await client.post("/models/stubborn@forks/predict", json=row(FORK))
            computing = asyncio.create_task(
                client.post("/models/stubborn@computes/predict", json=row(COMPUTE))
            )
            await until(lambda: busy(service.descendants()), SECONDS, "a host computes")
            below = service.descendants() | set(forked.json()["predictions"])
            service.process.kill()
            await until(lambda: not any(alive(pid) for pid in below), SECONDS, "all have ended")
            with pytest.raises(httpx.TransportError):
                await computing


def busy(pids: set[int]) -> bool:
    """Whether any of them is running on a core at this moment."""
    return any(state(pid) == "R" for pid in pids)


def state(pid: int) -> str:
    """The kernel's letter for what the process does."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "-"
