"""What becomes of requests that a shadow hears of, once they are answered: a port.

Costs a request nothing where its slot has no shadow.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from service.contract.model_input import ValidInput
from service.following.servable import Shadow
from service.predicting.request import Parse, RequestBody, Timeline
from service.processes.frames import Body
from service.refs import ModelRef


class HeardRequest(NamedTuple):
    """A request that a version has read, and a shadow is to hear of.

    Attributes:
        ref: the slot's.
        shadow: who hears of it.
        request_id: the client's, if it sent a usable one.
        model_input: as the version that answers has read it.
        headers: by their names in lower case.
        body: as it was sent, where the shadow reads it by another contract or it may be kept; else
            empty.
        size: bytes that all this holds, about.
        timeline: of its way through the version that answers.
        parse: how its door reads.
    """

    ref: ModelRef
    shadow: Shadow
    request_id: str
    model_input: ValidInput
    headers: Mapping[bytes, bytes]
    body: RequestBody
    size: int
    timeline: Timeline
    parse: Parse


class HearsRequests(Protocol):
    """Whoever has shadows predict. On the event loop: it neither blocks nor raises."""

    @property
    def keeps_bodies(self) -> bool:
        """Whether it is to be given the bodies of all requests."""

    def wants(self, share: int) -> bool:
        """Whether this request is one of so many of `WHOLE` that are heard of."""

    def hear(self, heard: HeardRequest, answer: Body | None, error: str | None) -> None:
        """The request was answered so, or came to an error of that code; its reply has left."""
