"""A request of named tensors, whatever transport has brought it, and how its body is to be read."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from service.contract.model_input import TensorReply
from service.contract.tensors.tensor_input import SentTensor


class TensorMessage(NamedTuple):
    """All of a request.

    Attributes:
        tensors: the inputs as they were sent; None for one that could not be read, which was noted.
        parameters: the request's own, of which the model's params are taken.
        reply: what it asks of its reply.
    """

    tensors: Sequence[SentTensor | None]
    parameters: Mapping[str, Any]
    reply: TensorReply


class TensorForm(NamedTuple):
    """How a body of named tensors is to be read; given where a media type would be.

    Attributes:
        json_bytes: how much of it is JSON, where raw bytes follow; None: all of it.
        protobuf: whether it is a message of gRPC's instead.
    """

    json_bytes: int | None = None
    protobuf: bool = False


BodyForm: TypeAlias = str | TensorForm
"""A media type, or of named tensors what stands in its place."""
