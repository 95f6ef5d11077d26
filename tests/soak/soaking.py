"""One soak: clients that check every answer, an alias that moves, and faults beside them."""

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable
from functools import partial
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
from tests.soak.rest import Watch, last_events, processes_below
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService
from tests.support.waiting import wait_until

CLIENTS: Final = 6
NAME: Final = "soaking"
# The service's own, short enough that a soak sees them at work.
ENVIRONMENT: Final = {
    "PODIUM_KEEP_WARM_SECONDS": "0",
    # Twelve thousand rows must be predicted within it, whatever else the machine does.
    "PODIUM_PREDICT_TIMEOUT_SECONDS": "6",
    "PODIUM_HOST_MEMORY_BYTES": str(768 * 1024**2),
    "PODIUM_MAX_REPLY_BYTES": str(4 * 1024**2),
}
_VERSIONS: Final = ("1", "2", "3")
_LARGE_ROWS: Final = 12_000  # some 120 kB; the decoder reads what is over 64 KiB
_SWAP_SECONDS: Final = 180.0
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
        # From when until when each host was stopped; the last one may be so still.
        self._stops: list[tuple[float, float]] = []
        self._seen: tuple[str, float] = ("1", 0.0)
        self._seeing = threading.Lock()
        # When each client has begun what was last answered; infinite for one that asks no more.
        self._answered = [math.inf] * CLIENTS
        self._current = "1"

    def run(self, swaps: int, told: Callable[[], None], least_faults: int = 0) -> None:
        """So many more swaps; returns when nobody asks anything any more.

        It goes on until there have been that many faults in all, however quick the swaps were.
        """
        self._stop.clear()
        self._answered = [0.0] * CLIENTS
        works = [self._ask] * CLIENTS + [self._ask_much, self._poison, self._kill, self._measure]
        threads = [
            threading.Thread(target=self._work, args=(work, number))
            for number, work in enumerate(works)
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
        """What is held when all that was going on has ended; fails with what has not."""
        self._restored()
        return self._watch().rest()

    def _watch(self) -> Watch:
        return Watch(self._service, f"{NAME}@champion", self._current)

    def _restored(self) -> None:
        # What faults have ended is started again when it is needed: all of it is needed now. A
        # large body needs a decoder, and whoever forks one sees to a spare zygote.
        DECODER_KILLED.strike(self._service, self._random)
        with self._client() as client:
            self._ask_once(client, [1.0] * _LARGE_ROWS)
            self._wish_for(self._another())

    def _work(self, work: Callable[[int], None], number: int) -> None:
        # A thread that died in silence would leave the others waiting for it.
        try:
            work(number)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            self._note(self.record.unexpected, f"{work.__name__}: {error!r}")
        finally:
            if number < CLIENTS:
                self._answered[number] = math.inf

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
            partial(self._seen_instead, f"version {version} answers"),
        )
        self.record.swaps.append(self.record.now)

    def _seen_instead(self, wanted: str) -> str:
        # What there is to say when a swap is given up.
        slot = self._service.slot(f"{NAME}@champion")
        keys = ("state", "version", "aspired", "last_failure", "look", "hosts")
        shown = {key: slot[key] for key in keys}
        version, begun = self._seen
        ago = time.monotonic() - begun
        lines = [
            wanted,
            f"  the last answer was of {version}, asked for {ago:.1f} s ago",
            f"  {shown}",
        ]
        lines += [f"  {each}" for each in processes_below(self._service.process.pid)]
        return "\n".join([*lines, *last_events(self._service)])

    def _wish_for_unloadable(self) -> None:
        names = list(UNLOADABLE)
        name = self._random.choice(names)
        self.record.fault(name)
        # Registered behind those that load, in this order.
        version = str(len(_VERSIONS) + names.index(name) + 1)
        # A hanging one is left behind while it loads; another may be, or is refused first.
        enough = "staging" if name == HANGS or self._random.random() < 0.5 else "version_refused"
        # Counted before it is wished for: the service may tell at once.
        before = self._told(enough, version)
        self._wish_for(version)
        wait_until(
            lambda: self._told(enough, version) > before,
            _SWAP_SECONDS,
            partial(self._seen_instead, f"of version {version} it is told: {enough}"),
        )

    def _told(self, event: str, version: str) -> int:
        return sum(line.get("version") == version for line in self._service.events(event))

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self._service.url, timeout=120, trust_env=False)

    def _ask(self, number: int) -> None:
        random = self._own_random(number)
        with self._client() as client:
            while not self._stop.wait(random.uniform(0, _MOST_PAUSE_SECONDS)):
                begun = time.monotonic()
                self._ask_once(client, [float(random.randrange(1000))] * random.randint(1, 3))
                self._answered[number] = begun

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
        try:
            answer = client.post("/predict", json={"dataframe_records": [{"x": x} for x in sent]})
        except httpx.HTTPError as error:
            self._note(self.record.failed, f"no answer: {error!r}")
            return
        self.record.latencies.append((self.record.now, time.monotonic() - begun))
        self.record.answers[str(answer.status_code)] += 1
        if answer.status_code == httpx.codes.GATEWAY_TIMEOUT and self._may_be_late(begun):
            return
        if answer.status_code != httpx.codes.OK:
            self._note(self.record.failed, answer.text[:200])
            return
        body = answer.json()
        version = body["model"]["version"]
        if body["predictions"] != [[int(version), x] for x in sent]:
            self._note(self.record.wrong, answer.text[:200])
        else:
            with self._seeing:
                self._seen = max(self._seen, (version, begun), key=lambda each: each[1])

    def _note(self, kind: list[str], what: str) -> None:
        # The first of its kind with what was done and told before; others follow from the same.
        lines = [f"{self.record.now:.1f} s: {what}"]
        if not kind:
            lines += [f"  done before: {self.record.last_faults()}", *last_events(self._service)]
        kind.append("\n  ".join(lines))

    def _may_be_late(self, begun: float) -> bool:
        # Whoever was alone in a host that is stopped cannot be told from a request that hangs. Its
        # answer may be read after the host is known to be replaced: what counts is when it began.
        ended = time.monotonic()
        return any(begun <= until and since <= ended for since, until in self._stops)

    def _poison(self, number: int) -> None:
        random = self._own_random(number)
        while not self._stop.wait(random.uniform(0, 2)):
            each = draw(SENT, random)
            self.record.fault(each.name)
            if isinstance(each, Leaving):
                leave(self._service.url, each)
            else:
                self._send(each)

    def _send(self, each: Poison) -> None:
        with self._ending if each.ends else contextlib.nullcontext():
            begun = time.monotonic()
            problem = poison(self._service.url, each)
            if problem is not None and not (": 504 " in problem and self._may_be_late(begun)):
                self._note(self.record.unexpected, problem)
            self._recover()

    def _kill(self, number: int) -> None:
        random = self._own_random(number)
        while not self._stop.wait(random.uniform(1, 5)):
            each = draw(SIGNALLED, random)
            self.record.fault(each.name)
            with self._ending:
                if each is HOST_STOPPED:
                    self._stops.append((time.monotonic(), math.inf))
                each.strike(self._service, random)
                self._recover()
                if each is HOST_STOPPED and not self._stop.is_set():
                    self._stops[-1] = (self._stops[-1][0], time.monotonic())

    def _recover(self) -> None:
        """Returns when every client has had an answer, to a request from after the fault."""
        since = time.monotonic()
        while not self._stop.wait(0.1) and min(self._answered) <= since:
            pass

    def _measure(self, _: int) -> None:
        while not self._stop.wait(1.0):
            size = held(self._service.process.pid).memory_bytes
            self.record.memory.append((self.record.now, size))
            self.record.loads.append(os.getloadavg()[0])
