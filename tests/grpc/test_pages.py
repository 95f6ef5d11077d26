"""What is served, by gRPC: readiness, metadata, the health service and reflection."""

import asyncio
import hashlib
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from service.contract.tensors import open_inference_pb2 as messages
from service.grpc.server import SERVICE
from service.http.access import ApiKeys
from tests.grpc.app import Rpc, serving
from tests.http.app import IRIS, OTHER

KEY = "key-of-one-application"
SECONDS = 240
Status = health_pb2.HealthCheckResponse


async def ready(rpc: Rpc, name: str, version: str = "") -> bool:
    """What `ModelReady` says."""
    asked = messages.ModelReadyRequest(name=name, version=version).SerializeToString()
    return messages.ModelReadyResponse.FromString(await rpc.call("ModelReady")(asked)).ready


async def metadata(
    rpc: Rpc, name: str, version: str = "", key: str = ""
) -> messages.ModelMetadataResponse:
    """What `ModelMetadata` says."""
    asked = messages.ModelMetadataRequest(name=name, version=version).SerializeToString()
    sent = [("authorization", f"Bearer {key}")] if key else None
    found = await rpc.call("ModelMetadata")(asked, metadata=sent)
    return messages.ModelMetadataResponse.FromString(found)


async def checked(rpc: Rpc, name: str) -> int:
    """What the health service says."""
    stub: Any = health_pb2_grpc.HealthStub(rpc.channel)
    return int((await stub.Check(health_pb2.HealthCheckRequest(service=name))).status)


async def test_server_is_live_and_ready_until_it_stops(rpc: Rpc) -> None:
    """As the probes by HTTP."""
    rpc.serve("1", ref=OTHER)
    live = messages.ServerLiveResponse.FromString(await rpc.call("ServerLive")(b""))
    first = messages.ServerReadyResponse.FromString(await rpc.call("ServerReady")(b""))
    rpc.stopping = True
    then = messages.ServerReadyResponse.FromString(await rpc.call("ServerReady")(b""))

    assert (live.live, first.ready, then.ready) == (True, True, False)


async def test_model_is_ready_once_it_serves(rpc: Rpc) -> None:
    """By its name, with its alias, and by the version that answers."""
    found = [await ready(rpc, each) for each in ("iris", str(IRIS), str(OTHER))]
    assert found == [True, True, False]
    assert await ready(rpc, "iris", "1")


@pytest.mark.parametrize(("name", "version"), [("nobody", ""), ("iris", "2")])
async def test_unknown_model_and_version_are_not_found(rpc: Rpc, name: str, version: str) -> None:
    """By both pages."""
    for page in (ready, metadata):
        with pytest.raises(grpc.aio.AioRpcError) as found:
            await page(rpc, name, version)
        assert found.value.code() is grpc.StatusCode.NOT_FOUND


async def test_metadata_is_the_contracts(rpc: Rpc) -> None:
    """Names, datatypes and shapes."""
    said = await metadata(rpc, "iris")

    assert (said.name, list(said.versions), said.platform) == ("iris", ["1"], "mlflow.sklearn")
    assert [(each.name, each.datatype, list(each.shape)) for each in said.inputs] == [
        ("x", "FP64", [-1])
    ]


async def test_metadata_needs_a_key_where_predictions_do() -> None:
    """Readiness and health do not."""
    keys = ApiKeys({hashlib.sha256(KEY.encode()).digest(): "one"})
    async with serving(keys) as rpc:
        with pytest.raises(grpc.aio.AioRpcError) as found:
            await metadata(rpc, "iris")
        assert found.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert (await metadata(rpc, "iris", key=KEY)).name == "iris"
        assert await ready(rpc, "iris")
        assert await checked(rpc, "iris") == Status.SERVING


async def test_message_of_no_page_is_an_invalid_argument(rpc: Rpc) -> None:
    """And nothing of an exception's words is told."""
    with pytest.raises(grpc.aio.AioRpcError) as found:
        await rpc.call("ModelReady")(b"\xff\xff")
    assert found.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_unknown_method_is_unimplemented(rpc: Rpc) -> None:
    """Triton's extensions, say."""
    with pytest.raises(grpc.aio.AioRpcError) as found:
        await rpc.call("RepositoryIndex")(b"")
    assert found.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_health_is_of_the_whole_and_of_each_model(rpc: Rpc) -> None:
    """As Kubernetes and balancers ask."""
    for name in ("", SERVICE, str(OTHER)):
        assert await checked(rpc, name) == Status.NOT_SERVING
    rpc.serve("1", ref=OTHER)
    for name in ("", SERVICE, "iris", str(IRIS), str(OTHER)):
        assert await checked(rpc, name) == Status.SERVING
    rpc.stopping = True
    for name in ("", SERVICE, "iris"):
        assert await checked(rpc, name) == Status.NOT_SERVING


async def test_health_of_what_nobody_serves_is_not_found(rpc: Rpc) -> None:
    """As the health service has it."""
    with pytest.raises(grpc.aio.AioRpcError) as found:
        await checked(rpc, "nobody")
    assert found.value.code() is grpc.StatusCode.NOT_FOUND


async def test_who_watches_is_told_that_the_service_stops(rpc: Rpc) -> None:
    """Before it takes no calls any more."""
    stub: Any = health_pb2_grpc.HealthStub(rpc.channel)
    call = stub.Watch(health_pb2.HealthCheckRequest(service="iris"))
    told = [(await anext(aiter(call))).status]
    rpc.stopping = True
    async with asyncio.timeout(SECONDS):
        told.append((await anext(aiter(call))).status)
    call.cancel()

    assert told == [Status.SERVING, Status.NOT_SERVING]


async def test_who_watches_nothing_is_told_so(rpc: Rpc) -> None:
    """It may come yet."""
    stub: Any = health_pb2_grpc.HealthStub(rpc.channel)
    call = stub.Watch(health_pb2.HealthCheckRequest(service="nobody"))
    assert (await anext(aiter(call))).status == Status.SERVICE_UNKNOWN
    call.cancel()


async def test_reflection_lists_the_protocol(rpc: Rpc) -> None:
    """For clients that have no file of it (grpcurl)."""
    channel: Any = rpc.channel
    requests: Any = reflection_pb2
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    call = stub.ServerReflectionInfo(iter([requests.ServerReflectionRequest(list_services="")]))
    said = await anext(aiter(call))
    call.cancel()

    names = {each.name for each in said.list_services_response.service}
    assert names >= {SERVICE, "grpc.health.v1.Health"}
