"""`POST /webhooks/mlflow`: MLflow says that an alias has moved, and the registry is looked at now.

A hint and nothing more: what is served is decided by the look. Deliveries get lost, and polling
goes on as if there were none.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final, Literal, Protocol

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from service.errors import ServiceError
from service.http.intake import SmallBodies
from service.http.openapi_parts import refused
from service.predicting.request import ClientGone

_LONGEST_BODY: Final = 64 * 1024
# Deliveries that arrive at once; MLflow sends again what is refused beyond them.
_HELD_BODIES: Final = 64
# Fifty hints a second are five looks a second, each of which sees all that came before it.
_GAP_SECONDS: Final = 0.2
_TAKEN: Final = "taken"
_IGNORED: Final = "ignored"


class Receiver(Protocol):
    """Decides which deliveries are believed."""

    def receive(self, headers: Mapping[bytes, bytes], body: bytes) -> bool:
        """Whether to look at the registry now. Raises `DeliveryRefused`."""


class WebhookObserver(Protocol):
    """Listens to deliveries. Called on the event loop: it neither blocks nor raises."""

    def delivered(self, outcome: str) -> None:
        """One has come: `taken`, `ignored`, or the code that it was refused with."""


class Delivered(BaseModel):
    """`taken`: the registry is looked at now; `ignored`: it is about nothing that is followed."""

    outcome: Literal["taken", "ignored"]


class Coalesced:
    """Hands hints on: the first at once, those of the next moment as one at its end."""

    def __init__(
        self,
        hint: Callable[[], None],
        gap: float = _GAP_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`gap` in seconds."""
        self._hint = hint
        self._gap = gap
        self._monotonic = monotonic
        self._last = float("-inf")
        self._waiting: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        """Within the event loop."""
        if self._waiting is not None:
            return
        rest = self._last + self._gap - self._monotonic()
        if rest <= 0:
            self._pass_on()
        else:
            self._waiting = asyncio.get_running_loop().call_later(rest, self._pass_on)

    def _pass_on(self) -> None:
        self._waiting = None
        self._last = self._monotonic()
        self._hint()


def webhook_router(
    receiver: Receiver, hint: Callable[[], None], observer: WebhookObserver
) -> APIRouter:
    """The route; `hint` is called for each delivery that is about something followed."""
    router = APIRouter(tags=["webhooks"])
    bodies = SmallBodies(_LONGEST_BODY, _HELD_BODIES)

    @router.post("/webhooks/mlflow", response_model=Delivered, responses=_REFUSED)
    async def mlflow(request: Request) -> Delivered | Response:
        """For MLflow's registry webhooks, signed with the secret that both sides know."""
        try:
            body = await bodies.read(request)
            concerns_us = receiver.receive(dict(request.scope["headers"]), body)
        except ServiceError as error:
            observer.delivered(error.code)
            raise
        except ClientGone:
            return Response(status_code=400)
        outcome: Literal["taken", "ignored"] = _TAKEN if concerns_us else _IGNORED
        observer.delivered(outcome)
        if concerns_us:
            hint()
        return Delivered(outcome=outcome)

    return router


_REFUSED: Final = refused("The delivery is not believed, or no event of MLflow's.")
