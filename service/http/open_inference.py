"""The Open Inference Protocol's pages: what is served, what it takes, gives, and if it is ready.

A model is asked for by `name`, which is the first of its aliases, or by `name@alias`. A version in
a path is one that answers now: the slot's own, or an arm's; any other is not found.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import metadata
from time import monotonic
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from service.contract.tensors.tensor_input import TensorInfo
from service.errors import ClientError, Forbidden, NoServable, UnknownModel, UnknownVersion
from service.following.servable import Binding, Servable
from service.following.slot import Slot
from service.following.slots import Slots
from service.following.waiting import seconds_until_ready
from service.http.access import Readers
from service.http.errors import retry_after
from service.http.intake import VERSION, SmallBodies
from service.http.key_limits import Scoped
from service.http.openapi_parts import REFUSED_TENSORS
from service.http.written import JSON, cut, json_text, reply
from service.processes.front.beside import Beside

BASE: Final = "/v2"
_INFER: Final = re.compile(r"(/v2/models/.+)/versions/([^/]+)/infer", re.DOTALL)
_EXTENSIONS: Final = ("binary_tensor_data", "model_configuration", "parameters")
_LONGEST_FILTER: Final = 1024
# Triton's words for the datatypes.
_TRITONS: Final[Mapping[str, str]] = {"BYTES": "TYPE_STRING"}
_NOT_SERVED: Final = "This version is not what answers for the model and alias now."


class ServerMetadata(BaseModel):
    """What the server is, and which extensions of the protocol it has."""

    name: str
    version: str
    extensions: list[str]


class ServerLive(BaseModel):
    """The event loop turns."""

    live: bool


class ServerReady(BaseModel):
    """Whether every slot that has something to serve could answer now, and at least one has."""

    ready: bool


class ModelReady(BaseModel):
    """Whether this model, or this version of it, could answer now."""

    name: str
    ready: bool


class AnnouncedTensor(BaseModel):
    """An input or output; -1 is any length.

    Its parameters may hold MLServer's `content_type`, and `optional` where it may be left out.
    """

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] | None = None


class ModelMetadata(BaseModel):
    """What a model takes and gives, and the versions that answer: its own, then its arms'."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[AnnouncedTensor]
    outputs: list[AnnouncedTensor]


class ConfiguredTensor(BaseModel):
    """An input or output in Triton's words."""

    name: str
    data_type: str
    dims: list[int]
    optional: bool | None = None


class ModelConfig(BaseModel):
    """The same as the metadata in Triton's words; there is no dimension apart for batches."""

    name: str
    platform: str
    backend: str
    max_batch_size: int
    input: list[ConfiguredTensor]
    output: list[ConfiguredTensor]


class IndexedModel(BaseModel):
    """A model, what version of it serves, and whether that can answer."""

    name: str
    version: str
    state: str
    reason: str


_REFUSED: Final = dict(REFUSED_TENSORS)


def _unready(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    return {503: {"model": model, "description": "Not ready."}}


def of_name(slots: Slots, name: str) -> Slot | None:
    """What a model's name alone stands for: the first of its slots."""
    return next((slot for slot in slots.routed if slot.ref.name == name), None)


def infer_path(called: str) -> str:
    """Where a model of that name, or name and alias, is asked for predictions."""
    return f"{BASE}/models/{called}/infer"


def of_versions(endpoints: Mapping[str, ASGIApp], pages: ASGIApp) -> ASGIApp:
    """The pages, and predictions of a version that the path names."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found = _INFER.fullmatch(scope["path"])
        endpoint = None if found is None else endpoints.get(f"{found[1]}/infer")
        if found is None or endpoint is None:
            await pages(scope, receive, send)
        else:
            await endpoint({**scope, VERSION: found[2]}, receive, send)

    return app


class Models:
    """The slots by what clients call them, as far as they may see them."""

    def __init__(self, slots: Slots, readers: Readers) -> None:
        self._slots = slots
        self._readers = readers

    def slot(self, called: str) -> Slot:
        """Raises `UnknownModel`."""
        found = self._slots.get(called)
        if found is not None and any(found is slot for slot in self._slots.routed):
            return found
        named = of_name(self._slots, called)
        if named is not None:
            return named
        if "@" in called:
            self._slots.find(called)  # it says whether there may be one later
        raise UnknownModel("This service follows no model of that name, or name and alias.")

    def seen(self, request: Request, called: str) -> Slot:
        """The same for who asks what it takes; raises `Unauthorized` and `Forbidden` too."""
        scope = self._readers.require(request)
        slot = self.slot(called)
        if not scope.admits(str(slot.ref)):
            raise Forbidden("This key may not ask this model.")
        return slot

    def all(self, scope: Scoped) -> Iterator[tuple[str, Slot]]:
        """Every slot by name and alias, the first of each model by its name, too."""
        named = set[str]()
        for slot in self._slots.routed:
            if not scope.admits(str(slot.ref)):
                continue
            if slot.ref.name not in named and of_name(self._slots, slot.ref.name) is slot:
                yield slot.ref.name, slot
            named.add(slot.ref.name)
            yield str(slot.ref), slot


def open_inference_router(
    slots: Slots, stopping: Callable[[], bool], readers: Readers
) -> APIRouter:
    """All but predictions. While `stopping()` holds, nothing is ready."""
    router = APIRouter(prefix=BASE, tags=["Open Inference Protocol"])
    models = Models(slots, readers)
    beside = Beside("open_inference")
    bodies = SmallBodies(_LONGEST_FILTER)

    @router.get("")
    async def server() -> ServerMetadata:
        """The server's name, its version, and which extensions of the protocol it has."""
        version = podium_version()
        return ServerMetadata(name="podium", version=version, extensions=list(_EXTENSIONS))

    @router.get("/health/live")
    async def live() -> ServerLive:
        """200 as long as the service answers at all."""
        return ServerLive(live=True)

    @router.get("/health/ready", responses=_unready(ServerReady))
    async def ready(response: Response) -> ServerReady:
        """200 when all that could answer does, else 503."""
        found = slots.ready and not stopping()
        _tell(response, slots.routed, ready=found)
        return ServerReady(ready=found)

    not_ready = _REFUSED | _unready(ModelReady)

    @router.get("/models/{called:path}/ready", responses=not_ready)
    @router.get("/models/{called:path}/versions/{version}/ready", responses=not_ready)
    async def model_ready(
        response: Response, called: str, version: str | None = None
    ) -> ModelReady:
        """200 when it has a version that can answer, or that version can; else 503."""
        slot = models.slot(called)
        could = slot.ready
        if version is not None:
            could = answering(slot, version).servable.predictor.ready
        found = could and not stopping()
        _tell(response, [slot], ready=found)
        return ModelReady(name=called, ready=found)

    @router.get("/models/{called:path}/config", response_model=ModelConfig, responses=_REFUSED)
    @router.get(
        "/models/{called:path}/versions/{version}/config",
        response_model=ModelConfig,
        responses=_REFUSED,
    )
    async def config(request: Request, called: str, version: str | None = None) -> Response:
        """The same in Triton's words."""
        slot = models.seen(request, called)
        servable = answering(slot, version).servable
        return reply(await beside.run(partial(_config, called, servable)))

    # The last one: a name may have slashes.
    @router.get("/models/{called:path}", response_model=ModelMetadata, responses=_REFUSED)
    @router.get(
        "/models/{called:path}/versions/{version}",
        response_model=ModelMetadata,
        responses=_REFUSED,
    )
    async def model(request: Request, called: str, version: str | None = None) -> Response:
        """What it takes and gives, as tensors; of outputs what its own example was answered by."""
        slot = models.seen(request, called)
        servable = answering(slot, version).servable
        write = partial(_metadata, called, versions_of(slot), servable)
        return reply(await beside.run(write))

    @router.post("/repository/index", response_model=list[IndexedModel], responses=_REFUSED)
    async def index(request: Request) -> Response:
        """Every model that is served, or is to be; with `{"ready": true}` those that are ready."""
        scope = readers.require(request)
        only_ready = _wants_ready(await bodies.read(request))
        listed = [_indexed(called, slot) for called, slot in models.all(scope)]
        shown = [each for each in listed if each["state"] == "READY" or not only_ready]
        return Response(orjson.dumps(shown), media_type=JSON)

    @router.post("/models/{called:path}/infer", include_in_schema=False)
    @router.post("/models/{called:path}/versions/{_version}/infer", include_in_schema=False)
    async def unknown(called: str, _version: str | None = None) -> None:
        """Known models never come here: the dispatcher has them."""
        models.slot(called)
        raise NoServable("Nothing of this model can answer yet.")

    return router


def _tell(response: Response, slots: Sequence[Slot], *, ready: bool) -> None:
    if not ready:
        now = monotonic()
        seconds = max((seconds_until_ready(slot, now) for slot in slots), default=1.0)
        name, value = retry_after(seconds)
        response.status_code = 503
        response.headers[name.decode()] = value.decode()


def answering(slot: Slot, version: str | None) -> Binding:
    """What answers requests, with that version; raises `NoServable` and `UnknownVersion`."""
    traffic = slot.traffic
    if traffic.binding is None:
        seconds = seconds_until_ready(slot, monotonic())
        raise NoServable("No version of this model can answer yet.", seconds)
    if version is None:
        return traffic.binding
    for arm in traffic.arms:
        if arm.binding.servable.version.version == version:
            return arm.binding
    raise UnknownVersion(_NOT_SERVED)


def podium_version() -> str:
    """That of this service."""
    return metadata.version("podium")


def versions_of(slot: Slot) -> Sequence[str]:
    """Those that answer: its own, then its arms'."""
    return list(dict.fromkeys(arm.binding.servable.version.version for arm in slot.traffic.arms))


def outputs_of(servable: Servable) -> Sequence[TensorInfo]:
    """Those of its answer to its own example; none where nobody has seen any."""
    return servable.predictor.status.outputs or ()


def _metadata(called: str, versions: Sequence[str], servable: Servable) -> Sequence[bytes]:
    return cut(
        [
            json_text(
                {
                    "name": called,
                    "versions": versions,
                    "platform": servable.fetched.loader_module,
                    "inputs": list(map(_tensor, servable.contract.tensors)),
                    "outputs": list(map(_tensor, outputs_of(servable))),
                }
            )
        ]
    )


def _tensor(info: TensorInfo) -> Mapping[str, Any]:
    said: dict[str, Any] = {
        "name": info.name,
        "datatype": info.datatype,
        "shape": list(info.shape),
    }
    parameters: dict[str, Any] = {}
    if info.content_type is not None:
        parameters["content_type"] = info.content_type
    if info.optional:
        parameters["optional"] = True
    return {**said, "parameters": parameters} if parameters else said


def _config(called: str, servable: Servable) -> Sequence[bytes]:
    # The first dimension is any length, as every other of -1: there is none apart for batches.
    said = {
        "name": called,
        "platform": servable.fetched.loader_module,
        "backend": "mlflow",
        "max_batch_size": 0,
        "input": [
            {**_tritons(each), "optional": each.optional} for each in servable.contract.tensors
        ],
        "output": [_tritons(each) for each in outputs_of(servable)],
    }
    return cut([json_text(said)])


def _tritons(info: TensorInfo) -> Mapping[str, Any]:
    word = _TRITONS.get(info.datatype, f"TYPE_{info.datatype}")
    return {"name": info.name, "data_type": word, "dims": list(info.shape)}


def _indexed(called: str, slot: Slot) -> Mapping[str, str]:
    status = slot.status
    version = "" if status.version is None else status.version.version
    reason = "" if status.failure is None else status.failure.code
    state = "READY" if status.ready else "UNAVAILABLE"
    return {"name": called, "version": version, "state": state, "reason": reason}


def _wants_ready(body: bytes) -> bool:
    if not body:
        return False
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ClientError("The body must be JSON, or empty.") from None
    ready = said.get("ready", False) if isinstance(said, dict) else None
    if not isinstance(ready, bool):
        raise ClientError("The body must be an object whose `ready` is true or false.")
    return ready
