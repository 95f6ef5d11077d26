"""How an event is written: as JSON, signed as MLflow signs its webhooks, or as Slack takes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import orjson

from service.events.event import Event
from service.registry.webhooks.deliveries import sign

_JSON: Final = {"Content-Type": "application/json", "User-Agent": "podium"}


@dataclass(frozen=True, slots=True)
class EventMessage:
    """One try of a delivery."""

    headers: Mapping[str, str]
    body: bytes


class EventForm(Protocol):
    """Writes events."""

    def message(self, event: Event, now: int) -> EventMessage:
        """The event, as it is sent at that time, in seconds since 1970."""
        ...


@dataclass(frozen=True, slots=True)
class SignedJson:
    """By the headers of `mlflow/webhooks/delivery.py`; without a secret the signature is left out.

    Each try has the time of its own, so that a receiver takes a late one for what it is.
    """

    secret: bytes | None = field(repr=False)

    def message(self, event: Event, now: int) -> EventMessage:
        """The event as its schema says."""
        body, timestamp = event.model_dump_json(by_alias=True).encode(), str(now)
        headers = {**_JSON, "X-MLflow-Delivery-Id": event.id, "X-MLflow-Timestamp": timestamp}
        if self.secret is not None:
            signature = sign(self.secret, event.id.encode(), timestamp.encode(), body)
            headers["X-MLflow-Signature"] = signature.decode()
        return EventMessage(headers, body)


@dataclass(frozen=True, slots=True)
class SlackText:
    """The sentence, from which service, and MLflow's page; nothing in it mentions anybody."""

    def message(self, event: Event, now: int) -> EventMessage:
        """As `api.slack.com/reference/surfaces/formatting` has texts."""
        text = f"{_escaped(event.sentence)} ({_escaped(event.service)})"
        if event.link is not None:
            text += f" <{_escaped(event.link)}|MLflow>"
        return EventMessage(_JSON, orjson.dumps({"text": text}))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
