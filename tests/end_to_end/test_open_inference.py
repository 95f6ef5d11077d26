"""The Open Inference Protocol on a real service: what is announced is what comes back."""

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from mlflow.models import ModelSignature, infer_signature
from mlflow.types.schema import ParamSchema, Schema, TensorSpec

from tests.contract.signatures import param
from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service

SEVERAL = ModelSignature(
    infer_signature(models.ROWS).inputs,
    params=ParamSchema.from_json(json.dumps([param("string", "form", "frame")])),
)
TENSOR = infer_signature(np.zeros((2, 3), "float32"))
OPEN = ModelSignature(Schema([TensorSpec(np.dtype("float32"), (-1, -1))]))


@pytest.fixture(scope="module")
def service(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """Serves `several`, and `tensor` and `open`, which take one tensor without a name."""
    folder = tmp_path_factory.mktemp("v2")
    uri = f"sqlite:///{tracking.copy_database(migrated_database, folder)}"
    Registry(uri, "several").add(models.save(folder, "several", SEVERAL), alias="champion")
    tensor = models.save(folder, "doubling", TENSOR, np.ones((2, 3), "float32"))
    Registry(uri, "tensor").add(tensor, alias="champion")
    (folder / "open").mkdir()
    wide = models.save(folder / "open", "doubling", OPEN, np.ones((2, 3), "float32"))
    Registry(uri, "open").add(wide, alias="champion")
    refs = ["several@champion", "tensor@champion", "open@champion"]
    with running_service(refs, uri, folder) as running:
        running.wait_until_ready()
        yield running


def get(service: RunningService, path: str) -> Any:
    """The JSON there."""
    return httpx.get(f"{service.url}/v2{path}", trust_env=False, timeout=240).json()


def post(
    service: RunningService, model: str, body: Mapping[str, Any], raw: bytes | None = None
) -> httpx.Response:
    """The answer to these inputs, with raw bytes behind them."""
    text = json.dumps(body).encode()
    headers = {} if raw is None else {"Inference-Header-Content-Length": str(len(text))}
    url = f"{service.url}/v2/models/{model}/infer"
    content = text + (raw or b"")
    return httpx.post(url, content=content, headers=headers, trust_env=False, timeout=240)


def x(*values: float, **more: Any) -> dict[str, Any]:
    """A request with one column."""
    tensor = {"name": "x", "shape": [len(values)], "datatype": "FP64", "data": list(values)}
    return {"inputs": [tensor], **more}


def outputs_of(reply: httpx.Response) -> dict[str, Any]:
    """The named outputs of a reply."""
    assert reply.status_code == 200, reply.text
    return {each["name"]: each for each in reply.json()["outputs"]}


def test_what_is_announced_is_what_comes_back(service: RunningService) -> None:
    """Names, datatypes and shapes are those that warm-up has seen."""
    said = get(service, "/models/several")
    assert said["versions"] == ["1"]
    assert [(each["name"], each["datatype"]) for each in said["inputs"]] == [("x", "FP64")]
    reply = post(service, "several", x(1.5, -2, id="mine"))

    assert reply.json()["id"] == "mine"
    assert (reply.json()["model_name"], reply.json()["model_version"]) == ("several", "1")
    for announced in said["outputs"]:
        sent = outputs_of(reply)[announced["name"]]
        assert (sent["datatype"], len(sent["shape"])) == (
            announced["datatype"],
            len(announced["shape"]),
        )
    assert outputs_of(reply)["double"]["data"] == [3.0, -4.0]
    assert outputs_of(reply)["name"]["data"] == ["é1.5", "é-2.0"]


def test_raw_bytes_go_both_ways(service: RunningService) -> None:
    """Little-endian, behind the JSON, whose length a header says."""
    asked = {
        "inputs": [
            {
                "name": "x",
                "shape": [2, 1],
                "datatype": "FP64",
                "parameters": {"binary_data_size": 16},
            }
        ],
        "outputs": [
            {"name": "name", "parameters": {"binary_data": True}},
            {"name": "sign"},
            {"name": "double", "parameters": {"binary_data": True}},
        ],
    }
    reply = post(service, "several@champion", asked, struct.pack("<2d", 1.5, -2))

    assert reply.status_code == 200, reply.text
    length = int(reply.headers["inference-header-content-length"])
    said, raw = json.loads(reply.content[:length]), reply.content[length:]
    assert said["model_name"] == "several@champion"
    assert [each["name"] for each in said["outputs"]] == ["name", "sign", "double"]
    assert said["outputs"][1]["data"] == [1, -1]
    size = said["outputs"][0]["parameters"]["binary_data_size"]
    assert raw[:size] == b"\x05\x00\x00\x00\xc3\xa91.5\x06\x00\x00\x00\xc3\xa9-2.0"
    assert struct.unpack("<2d", raw[size:]) == (3.0, -4.0)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("array", {"output-0": ("FP32", [2, 2], [1.0, 2.0, 2.0, 4.0])}),
        (
            "dictionary",
            {
                "double": ("FP64", [2], [2.0, 4.0]),
                "matrix": ("FP64", [2, 2], [1.0, -1.0, 2.0, -2.0]),
                "said": ("BYTES", [1], ["all"]),
            },
        ),
        ("number", {"output-0": ("FP64", [1], [3.0])}),
        ("lists", {"output-0": ("FP64", [2, 2], [1.0, -1.0, 2.0, -2.0])}),
        ("ragged", {"output-0": ("BYTES", [2], ["[1.0]", "[2.0,2.0]"])}),
        (
            "nulls",
            {"name": ("BYTES", [2], [None, "é2.0"]), "double": ("FP64", [2], [None, 2.0])},
        ),
    ],
)
def test_whatever_a_model_returns_has_named_outputs(
    service: RunningService, form: str, expected: Mapping[str, Any]
) -> None:
    """Params of the model stand among the request's parameters."""
    found = outputs_of(post(service, "several", x(1, 2, parameters={"form": form})))

    got = {name: (each["datatype"], each["shape"], each["data"]) for name, each in found.items()}
    assert got == expected


def test_null_that_raw_bytes_do_not_have_comes_as_json(service: RunningService) -> None:
    """Instead of an empty text; NaN stands for null among floats."""
    parameters = {"form": "nulls", "binary_data_output": True}
    reply = post(service, "several", x(1, 2, parameters=parameters))
    length = int(reply.headers["inference-header-content-length"])
    name, double = json.loads(reply.content[:length])["outputs"]

    assert name["data"] == [None, "é2.0"]
    assert double["parameters"] == {"binary_data_size": 16}
    assert np.isnan(struct.unpack("<2d", reply.content[length:])[0])


def test_tensor_is_taken_as_it_is(service: RunningService) -> None:
    """Nested, flat and raw are the same; without a name it is `input-0`."""
    rows = np.arange(6, dtype="<f4").reshape(2, 3)
    asked = {"name": "input-0", "shape": [2, 3], "datatype": "FP32"}
    flat = post(service, "tensor", {"inputs": [asked | {"data": rows.ravel().tolist()}]})
    nested = post(service, "tensor", {"inputs": [asked | {"data": rows.tolist()}]})
    sized = asked | {"parameters": {"binary_data_size": rows.nbytes}}
    raw = post(service, "tensor", {"inputs": [sized]}, rows.tobytes())

    assert flat.json()["outputs"] == nested.json()["outputs"] == raw.json()["outputs"]
    (output,) = raw.json()["outputs"]
    assert (output["shape"], output["datatype"]) == ([2, 3], "FP32")
    assert output["data"] == (2 * rows).ravel().tolist()


def test_width_that_is_open_is_announced_so(service: RunningService) -> None:
    """Whatever the example's was: replies have the widths of their requests."""
    (announced,) = get(service, "/models/open")["outputs"]
    sent = {"name": "input-0", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
    reply = outputs_of(post(service, "open", {"inputs": [sent]}))

    assert announced["shape"] == [-1, -1]
    assert reply["output-0"]["shape"] == [1, 2]


def test_unknown_output_is_a_bad_request(service: RunningService) -> None:
    """Told by what the model has answered; the name is not repeated."""
    reply = post(service, "several", x(1, outputs=[{"name": "secret"}]))

    assert reply.status_code == 400
    assert "outputs" in reply.json()["error"]
    assert "secret" not in reply.text


def test_long_request_is_read_by_the_decoder_and_answered_the_same(
    service: RunningService,
) -> None:
    """Its id, and what it asks of its outputs, come along."""
    values = [float(value) for value in range(20_000)]
    asked = x(*values, id="long", outputs=[{"name": "double"}])
    reply = post(service, "several", asked)
    tensor = {"name": "x", "shape": [20_000], "datatype": "FP64"}
    raw = np.array(values, "<f8").tobytes()
    sized = tensor | {"parameters": {"binary_data_size": len(raw)}}
    binary = post(
        service,
        "several",
        {"inputs": [sized], "id": "long", "outputs": [{"name": "double"}]},
        raw,
    )

    assert reply.json()["id"] == binary.json()["id"] == "long"
    assert [each["name"] for each in reply.json()["outputs"]] == ["double"]
    assert reply.json()["outputs"] == binary.json()["outputs"]
    assert reply.json()["outputs"][0]["data"][-1] == 39_998.0


def test_versions_and_index_are_of_what_serves(service: RunningService) -> None:
    """A version in a path is one that answers now; any other is not found."""
    pinned = post(service, "several/versions/1", x(1))
    other = post(service, "several/versions/2", x(1))
    unknown = post(service, "nobody", x(1))
    index = httpx.post(f"{service.url}/v2/repository/index", trust_env=False, timeout=240)

    assert pinned.json()["model_version"] == "1"
    assert (other.status_code, unknown.status_code) == (404, 404)
    assert set(other.json()) == set(unknown.json()) == {"error"}
    assert {(each["name"], each["state"]) for each in index.json()} == {
        (name, "READY")
        for model in ("several", "tensor", "open")
        for name in (model, f"{model}@champion")
    }
    config = get(service, "/models/tensor/versions/1/config")
    assert config["input"] == [
        {"name": "input-0", "data_type": "TYPE_FP32", "dims": [-1, 3], "optional": False}
    ]
