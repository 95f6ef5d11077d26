"""Everything of the protocol that is not a prediction: what is served, and whether it is ready."""

from collections.abc import Callable
from typing import Final

from service.contract.tensors import open_inference_pb2 as messages
from service.contract.tensors.tensor_input import TensorInfo
from service.errors import Forbidden, ServiceError, Unauthorized, UnknownModel
from service.following.slots import Slots
from service.grpc.calls import Context, end_call, headers_of
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

    async def live(self, _: bytes, context: Context) -> bytes:
        """`ServerLive`."""
        return messages.ServerLiveResponse(live=True).SerializeToString()

    async def server_ready(self, _: bytes, context: Context) -> bytes:
        """`ServerReady`."""
        return messages.ServerReadyResponse(ready=self.ready("")).SerializeToString()

    async def server(self, _: bytes, context: Context) -> bytes:
        """`ServerMetadata`."""
        said = messages.ServerMetadataResponse(
            name="podium", version=podium_version(), extensions=_EXTENSIONS
        )
        return said.SerializeToString()

    async def model_ready(self, message: bytes, context: Context) -> bytes:
        """`ModelReady`."""
        asked = messages.ModelReadyRequest.FromString(message)
        try:
            found = self.ready(asked.name, asked.version)
        except ServiceError as error:
            return await end_call(context, error, "")
        return messages.ModelReadyResponse(ready=found).SerializeToString()

    async def model(self, message: bytes, context: Context) -> bytes:
        """`ModelMetadata`."""
        asked = messages.ModelMetadataRequest.FromString(message)
        try:
            authorization = headers_of(context.invocation_metadata()).get(b"authorization")
            said = self._metadata(asked.name, asked.version, authorization)
        except ServiceError as error:
            return await end_call(context, error, "")
        return said.SerializeToString()

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
            raise Unauthorized("This needs an API key in the metadata: authorization: Bearer KEY.")
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
