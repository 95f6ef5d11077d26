"""A few applications that ask without pause, and what they were answered."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import httpx

from tests.support.registered import Registry
from tests.support.services import RunningService
from tests.support.waiting import wait_until

ROW = {"dataframe_records": [{"x": 1.0}]}
SECONDS = 240
_CLIENTS = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of `tests/models/numbered.py`, registered under that name."""

    name: str
    status: int
    version: str
    body: object

    @property
    def right(self) -> bool:
        """Whether it is of the version that its header names, and says so."""
        model = {"name": self.name, "alias": "champion", "version": self.version}
        expected = {"predictions": [int(self.version)], "model": model}
        return self.status == httpx.codes.OK and self.body == expected


@dataclass(slots=True)
class Load:
    """Replies in the order in which they came."""

    replies: list[Reply] = field(default_factory=list)

    def wait_for(self, version: str) -> None:
        """Returns when that version has answered a request that came after this call."""
        seen = len(self.replies) + _CLIENTS
        wait_until(
            lambda: version in {each.version for each in self.replies[seen:]},
            SECONDS,
            f"version {version} answers",
        )

    def wait_for_more(self, number: int) -> list[Reply]:
        """The replies from now on, once there are so many."""
        seen = len(self.replies)
        wait_until(lambda: len(self.replies) >= seen + number, SECONDS, f"{number} more replies")
        return self.replies[seen:]


@contextmanager
def under_load(service: RunningService, registry: Registry) -> Iterator[Load]:
    """While it lasts, a few clients ask for predictions of the model's champion."""
    load, done = Load(), threading.Event()
    ask = partial(_ask, service.url, registry.name, load, done)
    with ThreadPoolExecutor(_CLIENTS) as pool:
        asking = [pool.submit(ask) for _ in range(_CLIENTS)]
        try:
            yield load
        finally:
            done.set()
    for each in asking:
        each.result()


def _ask(url: str, name: str, load: Load, done: threading.Event) -> None:
    with httpx.Client(base_url=url, timeout=SECONDS, trust_env=False) as client:
        while not done.is_set():
            answer = client.post(f"/models/{name}@champion/predict", json=ROW)
            version = answer.headers.get("podium-version", "0")
            load.replies.append(Reply(name, answer.status_code, version, answer.json()))


def assert_moves_are_followed(service: RunningService, registry: Registry) -> None:
    """Forward and back, with right answers all the while (P1, P3, P7)."""
    service.wait_until_ready()
    with under_load(service, registry) as load:
        load.wait_for("1")
        for version in ("2", "1"):
            registry.move("champion", version)
            load.wait_for(version)
    assert [each for each in load.replies if not each.right] == []


def assert_deleted_alias_keeps_serving(service: RunningService, registry: Registry) -> None:
    """What serves goes on, and the slot says that the alias is gone (P4)."""
    ref = f"{registry.name}@champion"
    registry.move("champion", "1")
    wait_until(lambda: service.slot(ref)["version"] == "1", SECONDS, "version 1 serves")
    with under_load(service, registry) as load:
        registry.client.delete_registered_model_alias(registry.name, "champion")
        wait_until(lambda: failure_code(service, ref) == "alias_missing", SECONDS, "it is missed")
        replies = load.wait_for_more(20)
    assert {each.version for each in replies} == {"1"}
    assert all(each.right for each in load.replies)
    registry.move("champion", "1")


def failure_code(service: RunningService, ref: str) -> str | None:
    """What failed last for that slot, if anything did."""
    failure = service.slot(ref)["last_failure"]
    return None if failure is None else str(failure["code"])


def environment_of_host(service: RunningService, name: str) -> dict[str, str]:
    """What a host finds in its environment, told by the model `tests/models/confiding.py`."""
    url = f"{service.url}/models/{name}@champion/predict"
    answer = httpx.post(url, json=ROW, timeout=SECONDS, trust_env=False)
    told: dict[str, str] = json.loads(answer.raise_for_status().json()["predictions"][0])
    return told
