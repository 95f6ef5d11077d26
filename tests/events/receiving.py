"""A receiver of events over real HTTP, and who hears what becomes of them."""

import contextlib
import json
import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mlflow.webhooks import delivery

from service.events.event import Event, EventKind
from service.events.event_faults import EventFault
from tests.support.http_server import Request, Response, http_server

SECRET = "hunter2-of-both-sides"
SECONDS = 60.0


def is_signed(request: Request, secret: str = SECRET) -> bool:
    """By MLflow's own code."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    named = headers["x-mlflow-delivery-id"], headers["x-mlflow-timestamp"]
    text = request.body.decode()
    expected = delivery._generate_hmac_signature(secret, *named, text)
    return bool(headers["x-mlflow-signature"] == expected and json.loads(text)["id"] == named[0])


@dataclass
class Receiver:
    """Answers with these in turn, then with 200."""

    answers: Sequence[Response] = ()
    url: str = ""
    requests: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        """Takes it down."""
        self.requests.append(request)
        number = len(self.requests) - 1
        return self.answers[number] if number < len(self.answers) else Response(b"")

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it was told."""
        return [json.loads(each.body) for each in self.requests]

    def kinds(self) -> list[str]:
        """Of all of them."""
        return [event["kind"] for event in self.events]


@contextlib.contextmanager
def receiver(*answers: Response) -> Iterator[Receiver]:
    """One that listens."""
    made = Receiver(answers)
    with http_server(made) as url:
        made.url = f"{url}/events"
        yield made


class Heard:
    """What became of events, in order; `next` waits for it."""

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[str] = queue.SimpleQueue()

    def sent(self, waiting: int) -> None:
        """The receiver has taken one."""
        self._told.put("sent")

    def failed(self, fault: EventFault) -> None:
        """It has not."""
        self._told.put(f"failed {fault}")

    def dropped(self, fault: EventFault) -> None:
        """One was never tried."""
        self._told.put(f"dropped {fault}")

    def next(self, count: int = 1) -> list[str]:
        """The next so many, once they are there."""
        return [self._told.get(timeout=SECONDS) for _ in range(count)]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing more, now."""
        return self._told.empty()


def event(number: int = 1) -> Event:
    """One whose sentence has that number."""
    return Event(
        kind=EventKind.SWAPPED,
        time=datetime(2026, 12, 1, tzinfo=UTC),
        service="blue",
        instance="abc",
        sentence=f"Event {number}.",
    )
