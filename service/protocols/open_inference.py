"""The Open Inference Protocol (V2), which KServe, Triton and MLServer speak, by JSON and raw bytes.

Whether raw bytes stand behind the JSON is said by `Inference-Header-Content-Length`, in requests
and in replies; media types say nothing, since clients send none, or others. An error is
`{"error": "..."}`, and everything wrong with a request stands in one.
"""

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from service.contract.model_input import ValidInput
from service.contract.tensors.tensor_answer import TensorAnswer
from service.contract.tensors.tensor_message import TensorForm
from service.errors import ClientError, FieldError, InvalidInput, ServiceError
from service.following.ports import ReadsRequests
from service.following.servable import Binding
from service.predicting.request import Prediction, RequestBody
from service.protocols.protocol import WrappedReply, in_words

HEADER_LENGTH: Final = b"inference-header-content-length"
"""Of a request or a reply with raw bytes: how long the JSON before them is."""
# More than any body has; int() itself refuses 4300 digits.
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")


class OpenInferenceProtocol:
    """The protocol for predictions; `by_alias` where a model is named with its alias."""

    route = "infer"

    def __init__(self, *, by_alias: bool) -> None:
        self._by_alias = by_alias

    @staticmethod
    def parse(
        reader: ReadsRequests, headers: Mapping[bytes, bytes], body: RequestBody, deadline: float
    ) -> Awaitable[ValidInput]:
        """As `ReadsRequests.read`."""
        found = headers.get(HEADER_LENGTH)
        if found is None:
            return reader.read(body, TensorForm(), deadline)
        sent = found.strip(b" \t")  # RFC 9110, section 5.5: no part of a value
        if not _LENGTH.fullmatch(sent):
            loc = ("header", HEADER_LENGTH.decode())
            raise InvalidInput((FieldError(loc, "must be a whole number of bytes", "type"),))
        return reader.read(body, TensorForm(int(sent)), deadline)

    def enclosure(self, binding: Binding) -> "NamedOutputs":
        """Who has computed it stands before the outputs."""
        ref = binding.ref
        model = {
            "model_name": str(ref) if self._by_alias else ref.name,
            "model_version": binding.servable.version.version,
        }
        return NamedOutputs(orjson.dumps(model)[:-1] + b",")

    @staticmethod
    def refuse(error: ServiceError, request_id: str) -> tuple[str, bytes]:
        """The protocol's error; invalid input is a bad request."""
        code = ClientError.code if isinstance(error, InvalidInput) else error.code
        return code, orjson.dumps({"error": in_words(error, request_id)})


@dataclass(frozen=True, slots=True)
class NamedOutputs:
    """The form of replies by one binding: what stands before the request's id and the outputs."""

    before: bytes

    def wrap(self, prediction: Prediction[Any]) -> WrappedReply:
        """The client's id, if it sent one, the outputs, and their raw bytes."""
        answer = TensorAnswer.of(prediction.predictions)
        reply = prediction.reply
        before = self.before
        if reply is not None and reply.id is not None:
            before += b'"id":%b,' % orjson.dumps(reply.id)
        outputs = answer.json[1:]  # behind its brace
        if not answer.raw:
            return WrappedReply((before, outputs))
        return WrappedReply((before, outputs, answer.raw), len(before) + len(outputs))
