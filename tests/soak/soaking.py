"""One soak: clients that check every answer, an alias that moves, and faults beside them."""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import httpx

from tests.soak.faults import (
    DECODER_KILLED,
    HANGS,
    HOST_STOPPED,
    SENT,
    SIGNALLED,
    UNLOADABLE,
    Leaving,
    Poison,
    draw,
    leave,
    poison,
)
from tests.soak.figures import Held, Record, held
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService
from tests.support.waiting import wait_until

CLIENTS: Final = 6
NAME: Final = "soaking"
# The service's own, short enough that a soak sees them at work.
ENVIRONMENT: Final = {
    "PODIUM_KEEP_WARM_SECONDS": "0",
    "PODIUM_PREDICT_TIMEOUT_SECONDS": "3",
    "PODIUM_HOST_MEMORY_BYTES": str(768 * 1024**2),
    "PODIUM_MAX_REPLY_BYTES": str(4 * 1024**2),
}
_VERSIONS: Final = ("1", "2", "3")
# The front, its zygote and the spare one, the registry child, the decoder, and one host.
_WHOLE: Final = 6
_LARGE_ROWS: Final = 12_000  # some 120 kB; the decoder reads what is over 64 KiB
_SWAP_SECONDS: Final = 180.0
_QUIET_SECONDS: Final = 120.0
# Clients pause, so that half of two cores are left for swaps and faults.
_MOST_PAUSE_SECONDS: Final = 0.03
_SHARE_OF_UNLOADABLE: Final = 0.1


def registered(tracking_uri: str, folder: Path) -> Registry:
    """Three versions that answer differently, the first is champion, and some that cannot load.

    The third one is row-wise, so that requests share calls with the faults of others.
    """
    registry = Registry(tracking_uri, NAME)
    for number in map(int, _VERSIONS):
        ships = [models.number_module(folder / f"code{number}", number)]
        example = {"x": [1.0, 2.0]}
        place = models.save(folder / str(number), NAME, example=example, ships=ships)
        registry.add(place, **{"podium.batching": "rows"} if number == int(_VERSIONS[-1]) else {})
    for fault in UNLOADABLE.values():
        ships = [models.number_module(folder / f"unloadable{fault}", fault)]
        place = folder / f"without{fault}"
        registry.add(models.save(place, "unloadable", example=None, ships=ships))
    registry.move("champion", "1")
    return registry


class Soak:
    """Moves the alias of a running service, under load and faults; all of it is in `record`."""

    def __init__(self, service: RunningService, registry: Registry, seed: int) -> None:
        self.record = Record()
        self._service = service
        self._registry = registry
        self._seed = seed
        self._random = Random(seed)  # noqa: S311 - it must be the same again
        self._stop = threading.Event()
        # A request is tried a second time, not a third: what ends processes comes one at a time.
        self._ending = threading.Lock()
        self._stopped = False
        self._seen: tuple[str, float] = ("1", 0.0)
        self._answered: dict[int, float] = {}
        self._current = "1"

    def run(self, swaps: int, told: Callable[[], None], least_faults: int = 0) -> None:
        """So many more swaps; returns when nobody asks anything any more.

        It goes on until there have been that many faults in all, however quick the swaps were.
        """
        self._stop.clear()
        works = [self._ask] * CLIENTS + [self._ask_much, self._poison, self._kill, self._measure]
        threads = [
            threading.Thread(target=work, args=(number,)) for number, work in enumerate(works)
        ]
        for thread in threads:
            thread.start()
        try:
            for _ in range(swaps):
                self._swap()
                told()
            enough = f"{least_faults} faults have been drawn"
            wait_until(lambda: self.record.faults.total() >= least_faults, _SWAP_SECONDS, enough)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def drained(self) -> Held:
        """What is held when all that was going on has ended."""
        self._restored()
        pid, last = self._service.process.pid, list[tuple[int, int]]()

        def quiet() -> bool:
            found = held(pid)
            last.append((found.processes, found.files))
            time.sleep(0.2)
            settled = len(last) > 15 and set(last[-15:]) == {last[-1]}
            return settled and found.processes == _WHOLE and self._at_rest()

        wait_until(quiet, _QUIET_SECONDS, f"the service comes to rest: {last[-5:]}")
        return held(pid)

    def _at_rest(self) -> bool:
        slot = self._service.slot(f"{NAME}@champion")
        hosts = slot["hosts"]
        return bool(slot["state"] == "serving" and hosts["hosts"] == 1 and hosts["waiting"] == 0)

    def _restored(self) -> None:
        # What faults have ended is started again when it is needed: all of it is needed now. A
        # large body needs a decoder, and whoever forks one sees to a spare zygote.
        DECODER_KILLED.strike(self._service, self._random)
        with self._client() as client:
            self._ask_once(client, [1.0] * _LARGE_ROWS)
            self._wish_for(self._another())
            wait_until(self._at_rest, _SWAP_SECONDS, "the last version serves")

    def _another(self) -> str:
        self._current = self._random.choice([each for each in _VERSIONS if each != self._current])
        return self._current

    def _wish_for(self, version: str) -> None:
        self._registry.move("champion", version)

    def _swap(self) -> None:
        if self._random.random() < _SHARE_OF_UNLOADABLE:
            self._wish_for_unloadable()
        version, wished = self._another(), time.monotonic()
        self._wish_for(version)
        wait_until(
            lambda: self._seen[0] == version and self._seen[1] >= wished,
            _SWAP_SECONDS,
            f"version {version} answers: {self._service.slot(f'{NAME}@champion')}",
        )
        self.record.swaps.append(self.record.now)

    def _wish_for_unloadable(self) -> None:
        names = list(UNLOADABLE)
        name = self._random.choice(names)
        self.record.faults[name] += 1
        # Registered behind those that load, in this order.
        version = str(len(_VERSIONS) + names.index(name) + 1)
        self._wish_for(version)
        # A hanging one is left behind while it loads; another may be, or is refused first.
        enough = "staging" if name == HANGS or self._random.random() < 0.5 else "version_refused"
        before = len(self._told(enough, version))
        wait_until(
            lambda: len(self._told(enough, version)) > before,
            _SWAP_SECONDS,
            f"version {version} is known: {enough}",
        )

    def _told(self, event: str, version: str) -> list[dict[str, object]]:
        return [line for line in self._service.events(event) if line["version"] == version]

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self._service.url, timeout=120, trust_env=False)

    def _ask(self, number: int) -> None:
        random = self._own_random(number)
        with self._client() as client:
            while not self._stop.wait(random.uniform(0, _MOST_PAUSE_SECONDS)):
                begun = time.monotonic()
                self._ask_once(client, [float(random.randrange(1000))] * random.randint(1, 3))
                self._answered[number] = begun
            self._answered.pop(number, None)

    def _ask_much(self, number: int) -> None:
        random = self._own_random(number)
        with self._client() as client:
            while not self._stop.wait(random.uniform(0, 1)):
                first = random.randrange(1000)
                self._ask_once(client, [float(first + each) for each in range(_LARGE_ROWS)])

    def _own_random(self, number: int) -> Random:
        return Random(self._seed * 100 + number)  # noqa: S311 - it must be the same again

    def _ask_once(self, client: httpx.Client, sent: list[float]) -> None:
        begun = time.monotonic()
        answer = client.post("/predict", json={"dataframe_records": [{"x": x} for x in sent]})
        self.record.latencies.append((self.record.now, time.monotonic() - begun))
        self.record.answers[str(answer.status_code)] += 1
        if answer.status_code == httpx.codes.GATEWAY_TIMEOUT and self._stopped:
            return
        if answer.status_code != httpx.codes.OK:
            self.record.failed.append(f"{self.record.now:.1f} s: {answer.text[:200]}")
            return
        body = answer.json()
        version = body["model"]["version"]
        if body["predictions"] != [[int(version), x] for x in sent]:
            self.record.wrong.append(f"{self.record.now:.1f} s: {answer.text[:200]}")
        elif begun > self._seen[1]:
            self._seen = (version, begun)

    def _poison(self, number: int) -> None:
        random = self._own_random(number)
        while not self._stop.wait(random.uniform(0, 2)):
            each = draw(SENT, random)
            self.record.faults[each.name] += 1
            if isinstance(each, Leaving):
                leave(self._service.url, each)
            else:
                self._send(each)

    def _send(self, each: Poison) -> None:
        with self._ending if each.ends else contextlib.nullcontext():
            problem = poison(self._service.url, each)
            # Whoever was alone in the host that was stopped, as a good request might be.
            if problem is not None and not (self._stopped and ": 504 " in problem):
                self.record.unexpected.append(f"{self.record.now:.1f} s: {problem}")
            self._recover()

    def _kill(self, number: int) -> None:
        random = self._own_random(number)
        while not self._stop.wait(random.uniform(1, 5)):
            each = draw(SIGNALLED, random)
            self.record.faults[each.name] += 1
            with self._ending:
                self._stopped = each is HOST_STOPPED
                each.strike(self._service, random)
                self._recover()
                self._stopped = self._stopped and self._stop.is_set()

    def _recover(self) -> None:
        """Returns when every client has had an answer, to a request from after the fault."""
        since = time.monotonic()
        while not self._stop.wait(0.1) and min(self._answered.values(), default=since) <= since:
            pass

    def _measure(self, _: int) -> None:
        while not self._stop.wait(1.0):
            size = held(self._service.process.pid).memory_bytes
            self.record.memory.append((self.record.now, size))
