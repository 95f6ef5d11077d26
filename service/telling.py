"""Who is told of what happens to a service, beside metrics and logs: put together from settings."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from service.config.addresses import mlflow_pages
from service.config.outgoing import Outgoing
from service.config.secrets import revealed
from service.config.settings import Settings
from service.engine import Given
from service.events.event_faults import EventTrouble
from service.events.event_forms import EventForm, EventMessage, SignedJson, SlackText
from service.events.event_sender import Answered, EventPost, EventSender
from service.events.event_teller import EventOrigin, EventTeller
from service.processes.front.beside import Beside
from service.telemetry.events import EventsReport

# What still waits when the service ends has so long.
_LAST_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class EventTelling:
    """One service's.

    Attributes:
        instance: this process's own word, from its start to its end.
        models: what the service was told to follow.
        teller: is to hear of what happens; None: nobody is told.
        trouble: that events are being lost; None: none is.
    """

    instance: str
    models: Sequence[str]
    teller: EventTeller | None
    trouble: Callable[[], EventTrouble | None]

    def started(self) -> None:
        """The service listens."""
        if self.teller is not None:
            self.teller.started(self.models)

    def stopping(self) -> None:
        """It was asked to end."""
        if self.teller is not None:
            self.teller.stopping()

    @classmethod
    @contextlib.asynccontextmanager
    async def of(
        cls, given: Given, registry: CollectorRegistry, logger: FilteringBoundLogger
    ) -> "AsyncIterator[EventTelling]":
        """As the settings say. Left, what waits is sent, for three seconds at most."""
        settings, instance = given.settings, uuid4().hex
        if settings.events_url is None:
            yield cls(instance, settings.models, None, lambda: None)
            return
        report = EventsReport(registry, logger)
        address = settings.events_url.get_secret_value()
        post = _Posting(address, Outgoing.to(address, given.environment))
        sender = EventSender(post, _form(settings), report)
        origin = EventOrigin(settings.known_as, instance, mlflow_pages(given.environment))
        teller = EventTeller(origin, sender.offer, time.time)
        try:
            yield cls(instance, settings.models, teller, lambda: report.trouble)
        finally:
            await Beside("closing").run(sender.close, _LAST_SECONDS)


class _Posting:
    """Makes what posts when it is first asked: in the thread that sends, and not at the start."""

    def __init__(self, address: str, way: Outgoing) -> None:
        self._made_of = address, way
        self._post: EventPost | None = None

    def __call__(self, message: EventMessage, seconds: float) -> Answered:
        if self._post is None:
            from service.events.event_post import HttpPost

            self._post = HttpPost(*self._made_of)
        return self._post(message, seconds)


def _form(settings: Settings) -> EventForm:
    if settings.events_format == "slack":
        return SlackText()
    secret = revealed(settings.events_secret)
    return SignedJson(None if secret is None else secret.encode())
