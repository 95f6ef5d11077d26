"""The Open Inference Protocol by gRPC on a real service: real clients, hosts and decoder."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from mlflow.models import ModelSignature, infer_signature

from service.contract.tensors import open_inference_pb2 as messages
from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service

SECONDS = 240
TENSOR: ModelSignature = infer_signature(np.zeros((2, 3), "float32"))
Input = messages.ModelInferRequest.InferInputTensor


@pytest.fixture(scope="module")
def service(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """Serves `tensor`, which doubles one tensor without a name."""
    folder = tmp_path_factory.mktemp("grpc")
    uri = f"sqlite:///{tracking.copy_database(migrated_database, folder)}"
    tensor = models.save(folder, "doubling", TENSOR, np.ones((2, 3), "float32"))
    Registry(uri, "tensor").add(tensor, alias="champion")
    with running_service(["tensor@champion"], uri, folder, PODIUM_GRPC_PORT="0") as running:
        running.wait_until_ready()
        yield running


@pytest.fixture(scope="module")
def channel(service: RunningService) -> Iterator[grpc.Channel]:
    """Of a client."""
    (line,) = service.events("listening_grpc")
    with grpc.insecure_channel(str(line["address"])) as opened:
        yield opened


def infer(channel: grpc.Channel, array: Any) -> messages.ModelInferResponse:
    """The answer to that array."""
    tensor = Input(name="input-0", datatype="FP32", shape=array.shape)
    request = messages.ModelInferRequest(
        model_name="tensor", inputs=[tensor], raw_input_contents=[array.tobytes()]
    )
    call: Any = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    reply: bytes = call(request.SerializeToString(), timeout=SECONDS)
    return messages.ModelInferResponse.FromString(reply)


@pytest.mark.parametrize("rows", [1, 20_000])
def test_p22_tensor_is_answered_as_by_http(
    service: RunningService, channel: grpc.Channel, rows: int
) -> None:
    """To the bit, read in the front where it is short and in the decoder where it is long."""
    sent = np.arange(rows * 3, dtype="float32").reshape(rows, 3) / 7
    reply = infer(channel, sent)
    (raw,) = reply.raw_output_contents
    asked = {
        "inputs": [
            {"name": "input-0", "datatype": "FP32", "shape": [rows, 3], "data": sent.tolist()}
        ]
    }
    url = f"{service.url}/v2/models/tensor/infer"
    other = httpx.post(url, json=asked, trust_env=False, timeout=SECONDS).json()["outputs"][0]

    assert list(reply.outputs[0].shape) == other["shape"]
    assert raw == np.array(other["data"], "<f4").tobytes()


def test_metadata_is_what_comes_back(channel: grpc.Channel) -> None:
    """Names, datatypes and ranks of outputs, as warm-up has seen them."""
    call: Any = channel.unary_unary("/inference.GRPCInferenceService/ModelMetadata")
    said = messages.ModelMetadataResponse.FromString(
        call(messages.ModelMetadataRequest(name="tensor").SerializeToString(), timeout=SECONDS)
    )
    reply = infer(channel, np.ones((2, 3), "float32"))

    assert [(each.name, each.datatype) for each in said.outputs] == [
        (each.name, each.datatype) for each in reply.outputs
    ]


def test_requests_are_counted_by_their_door(service: RunningService, channel: grpc.Channel) -> None:
    """In the metrics that HTTP's are in."""
    infer(channel, np.ones((1, 3), "float32"))
    page = httpx.get(f"{service.url}/metrics", trust_env=False, timeout=SECONDS).text

    assert 'route="grpc"' in page


def test_service_with_an_open_channel_stops_in_order(
    service: RunningService, channel: grpc.Channel
) -> None:
    """A channel that stays is told to go."""
    infer(channel, np.ones((1, 3), "float32"))
    assert service.stop(signal.SIGTERM) == 0
    assert service.events("stopped")
