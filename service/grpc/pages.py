"""Everything of the protocol that is not a prediction: what is served, and whether it is ready."""

from collections.abc import Callable
from typing import Final

from google.protobuf.message import Message

from service.contract.tensors import open_inference_pb2 as messages
from service.contract.tensors.tensor_input import TensorInfo
from service.errors import Forbidden, Unauthorized, UnknownModel
from service.following.slots import Slots
from service.grpc.calls import NO_KEY, CallHeaders
from service.http.access import Readers
from service.http.open_inference import Models, answering, outputs_of, podium_version, versions_of

_EXTENSIONS: Final = ("parameters",)


class Pages:
    """Their methods; what predictions need a key for is shown to who has one."""

    def __init__(self, slots: Slots, readers: Readers, stopping: Callable[[], bool]) -> None:
        self._slots = slots
        self._readers = readers
        self._stopping = stopping
        self.models = Models(slots, readers)

    def live(self, _message: bytes, _headers: CallHeaders) -> Message:
        """`ServerLive`."""
        return messages.ServerLiveResponse(live=True)

    def server_ready(self, _message: bytes, _headers: CallHeaders) -> Message:
        """`ServerReady`."""
        return messages.ServerReadyResponse(ready=self.ready(""))

    def server(self, _message: bytes, _headers: CallHeaders) -> Message:
        """`ServerMetadata`."""
        return messages.ServerMetadataResponse(
            name="podium", version=podium_version(), extensions=_EXTENSIONS
        )

    def model_ready(self, message: bytes, _headers: CallHeaders) -> Message:
        """`ModelReady`; raises `UnknownModel`."""
        asked = messages.ModelReadyRequest.FromString(message)
        return messages.ModelReadyResponse(ready=self.ready(asked.name, asked.version))

    def model(self, message: bytes, headers: CallHeaders) -> Message:
        """`ModelMetadata`; raises what a prediction without a version or a key meets."""
        asked = messages.ModelMetadataRequest.FromString(message)
        authorization = headers.get(b"authorization")
        return self._metadata(asked.name, asked.version, authorization)

    def ready(self, called: str, version: str = "") -> bool:
        """Whether that model, or that version of it, or with no name the server, can answer now.

        Raises `UnknownModel`.
        """
        if not called:
            return self._slots.ready and not self._stopping()
        slot = self.models.slot(called)
        could = slot.ready
        if version and could:
            could = answering(slot, version).servable.predictor.ready
        return could and not self._stopping()

    def knows(self, called: str) -> bool:
        """Whether there is a slot of that name, or name and alias."""
        try:
            self.models.slot(called)
        except UnknownModel:
            return False
        return True

    def _metadata(
        self, called: str, version: str, authorization: bytes | None
    ) -> messages.ModelMetadataResponse:
        scope = self._readers.scope_in(authorization)
        if scope is None:
            raise Unauthorized(NO_KEY)
        slot = self.models.slot(called)
        if not scope.admits(str(slot.ref)):
            raise Forbidden("This key may not ask this model.")
        servable = answering(slot, version or None).servable
        return messages.ModelMetadataResponse(
            name=called,
            versions=versions_of(slot),
            platform=servable.fetched.loader_module,
            inputs=map(_tensor, servable.contract.tensors),
            outputs=map(_tensor, outputs_of(servable)),
        )


def _tensor(info: TensorInfo) -> messages.ModelMetadataResponse.TensorMetadata:
    return messages.ModelMetadataResponse.TensorMetadata(
        name=info.name, datatype=info.datatype, shape=info.shape
    )
