"""Sends broken requests, several at a time, and looks at every answer."""

import contextlib
import http.client
import json
import queue
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tests.fuzz.mutations import MARKER, Broken, broken
from tests.fuzz.seeds import Seed
from tests.support.zoo import IRIS

CONNECTIONS: Final = 4
# Far beyond what any of the bodies takes; a reply that comes later counts as a hang.
SECONDS: Final = 240
_REFUSALS: Final = {400, 413, 415, 422}
# A request of named tensors may say itself how few microseconds it has.
_OF_TIMEOUTS: Final = {503, 504}
# Events that no body may cause. Most would not show in its answer: who dies is replaced.
_TROUBLES: Final = ("internal", "tick_failed", "host_died", "decoder_ended")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `json_bytes` are JSON, where raw bytes follow."""

    status: int
    body: bytes
    json_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer that nobody should get: the request, its number in the run, and what is wrong."""

    number: int
    request: Broken
    problem: str


@dataclass(slots=True)
class Outcome:
    """What a run has seen."""

    statuses: Counter[int] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


def judge(request: Broken, reply: Reply) -> str | None:
    """What is wrong with an answer, or None."""
    if MARKER.encode() in reply.body:
        return "the answer repeats what the client has sent"
    try:
        document = json.loads(reply.body[: reply.json_bytes], parse_constant=_no_json)
    except ValueError:
        return "the answer is not JSON"
    if reply.status == http.client.OK or reply.status in _REFUSALS:
        return None
    code = document.get("code", document.get("error_code")) if isinstance(document, dict) else None
    fails = code in ("model_failed", "INTERNAL_ERROR")
    if request.path.startswith("/v2/"):
        said = document.get("error", "") if isinstance(document, dict) else ""
        fails, code = "The model" in said, said
        if reply.status in _OF_TIMEOUTS and b"timeout" in request.body:
            return None
    if reply.status == http.client.INTERNAL_SERVER_ERROR and fails and f"/{IRIS}" in request.path:
        return None
    return f"the status is {reply.status}, the code {code}"


def troubles(events: Callable[[str], Sequence[Mapping[str, Any]]]) -> list[str]:
    """What a service has logged that no body may cause; `events` gives its log by name."""
    return [f"{event}: {line}" for event in _TROUBLES for line in events(event)]


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def request_of(seed: int, number: int, seeds: Sequence[Seed]) -> Broken:
    """The request with that number of a run; the same whenever it is asked for."""
    random = Random(f"{seed}/{number}")  # noqa: S311 - it must be the same again
    return broken(random, random.choice(seeds), seeds)


def run(
    url: str,
    seeds: Sequence[Seed],
    numbers: Sequence[int],
    seed: int,
    told: Callable[[], None] = lambda: None,
) -> Outcome:
    """Sends the requests of these numbers over a few connections; `told` after each answer."""
    outcome, waiting = Outcome(), queue.SimpleQueue[int]()
    for number in numbers:
        waiting.put(number)
    lock = threading.Lock()

    def work() -> None:
        with contextlib.closing(Sender(url)) as sender:
            for number in _rest(waiting):
                request = request_of(seed, number, seeds)
                reply, problem = sender.exchange(request)
                with lock:
                    outcome.statuses[reply.status if reply else 0] += 1
                    if problem is not None:
                        outcome.findings.append(Finding(number, request, problem))
                    told()

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        senders = [pool.submit(work) for _ in range(CONNECTIONS)]
    for sender in senders:
        sender.result()
    return outcome


def _rest(waiting: "queue.SimpleQueue[int]") -> Iterator[int]:
    with contextlib.suppress(queue.Empty):
        while True:
            yield waiting.get_nowait()


class Sender:
    """One connection, made again when the service has closed it."""

    def __init__(self, url: str) -> None:
        address = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=SECONDS
        )

    def exchange(self, request: Broken) -> tuple[Reply | None, str | None]:
        """The answer, and what is wrong with it."""
        try:
            reply = self._sent(request)
        except (http.client.RemoteDisconnected, ConnectionError):
            # Keep-alive may have ended just then; a new connection tells that from a crash.
            self.close()
            try:
                reply = self._sent(request)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                return None, f"no answer: {error!r}"
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return None, f"no answer: {error!r}"
        return reply, judge(request, reply)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _sent(self, request: Broken) -> Reply:
        self._connection.putrequest("POST", request.path, skip_accept_encoding=True)
        for name, value in (*request.headers, ("Content-Length", str(len(request.body)))):
            self._connection.putheader(name, value)
        self._connection.endheaders(request.body)
        answer = self._connection.getresponse()
        length = answer.getheader("Inference-Header-Content-Length")
        return Reply(answer.status, answer.read(), None if length is None else int(length))
