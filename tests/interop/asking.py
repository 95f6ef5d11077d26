"""Runs where tritonclient and kserve are: asks a service, prints a line for each call."""

import asyncio
import sys
import traceback

import httpx
import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from tritonclient.utils import InferenceServerException

URL = sys.argv[1]
HOST = URL.removeprefix("http://")
WIDE = 600
IRIS = {
    "sepal length (cm)": [5.1, 6.2],
    "sepal width (cm)": [3.5, 2.9],
    "petal length (cm)": [1.4, 4.3],
    "petal width (cm)": [0.2, 1.3],
}
ROWS = np.arange(6, dtype="float32").reshape(2, 3)
TIMES = ["2026-05-01T10:00:00.500000", "2026-05-02"]


def triton_inputs(module, columns, *, binary):
    """Tensors as tritonclient makes them of numpy's arrays."""
    made = []
    for name, (datatype, values) in columns.items():
        tensor = module.InferInput(name, list(values.shape), datatype)
        tensor.set_data_from_numpy(values, binary_data=binary)
        made.append(tensor)
    return made


def doubles(columns):
    """Columns of doubles."""
    return {name: ("FP64", np.array(values, "float64")) for name, values in columns.items()}


def texts(*values):
    """Texts as tritonclient takes them."""
    return np.array([value.encode() for value in values], dtype=object)


CASES = {
    "iris": (doubles(IRIS), {}, {"output-0": np.array([0, 1])}),
    "stamping": (
        {"text": ("BYTES", texts("a", "é")), "time": ("BYTES", texts(*TIMES))},
        {"parameters": {"loud": True}},
        {"output-0": ["A@2026-05-01T10:00:00.500000", "É@2026-05-02T00:00:00"]},
    ),
    "tensor": ({"input-0": ("FP32", ROWS)}, {}, {"output-0": 2 * ROWS}),
    "several": (
        doubles({"x": [1.5, -2.0]}),
        {},
        {"double": np.array([3.0, -4.0]), "sign": np.array([1, -1]), "name": ["é1.5", "é-2.0"]},
    ),
    "wide": (
        doubles({f"c{place}": [place, 1.0] for place in range(WIDE)}),
        {},
        {"output-0": np.array([WIDE * (WIDE - 1) / 2, WIDE])},
    ),
}


def same(got, wanted):
    """Whether an output is what it should be, with its dtype."""
    if isinstance(wanted, list):
        found = [each.decode() if isinstance(each, bytes) else each for each in got.tolist()]
        return found == wanted
    return got.dtype == wanted.dtype and got.shape == wanted.shape and bool((got == wanted).all())


def check(said, condition, more=""):
    """A line for one call."""
    print(f"{'passed' if condition else 'FAILED'} {said} {more}".rstrip(), flush=True)


def announced(metadata, result_of, said):
    """Whether the outputs are those that the metadata has."""
    for output in metadata["outputs"]:
        got = result_of(output["name"])
        check(f"{said}: {output['name']} is as it is announced", got is not None)


def by_triton():
    """The blocking client."""
    client = triton.InferenceServerClient(HOST)
    check("triton live", client.is_server_live())
    check("triton ready", client.is_server_ready())
    extensions = client.get_server_metadata()["extensions"]
    check("triton server metadata", "binary_tensor_data" in extensions)
    index = {each["name"]: each for each in client.get_model_repository_index()}
    check("triton repository index", all(index[name]["state"] == "READY" for name in CASES))
    for name, (columns, more, wanted) in CASES.items():
        check(f"triton {name} ready", client.is_model_ready(name))
        check(f"triton {name} version ready", client.is_model_ready(name, "1"))
        check(f"triton {name} other version", not client.is_model_ready(name, "7"))
        metadata = client.get_model_metadata(name)
        check(
            f"triton {name} metadata",
            {each["name"] for each in metadata["inputs"]} >= set(columns),
        )
        config = client.get_model_config(name, "1")
        check(f"triton {name} config", len(config["input"]) == len(metadata["inputs"]))
        for binary in (True, False):
            for version in ("", "1"):
                inputs = triton_inputs(triton, columns, binary=binary)
                result = client.infer(name, inputs, model_version=version, request_id="r1", **more)
                said = f"triton {name} infer, {'raw' if binary else 'JSON'}, version {version!r}"
                right = all(same(result.as_numpy(key), value) for key, value in wanted.items())
                check(said, right and result.get_response()["id"] == "r1")
        asked = [
            triton.InferRequestedOutput(key, binary_data=place % 2 == 0)
            for place, key in enumerate(wanted)
        ]
        inputs = triton_inputs(triton, columns, binary=True)
        result = client.infer(f"{name}@champion", inputs, outputs=asked, **more)
        check(
            f"triton {name} requested outputs, by alias",
            all(same(result.as_numpy(key), value) for key, value in wanted.items()),
        )
        packed = {
            "request_compression_algorithm": "gzip",
            "response_compression_algorithm": "deflate",
        }
        result = client.infer(name, triton_inputs(triton, columns, binary=True), **more, **packed)
        check(
            f"triton {name} compressed both ways",
            all(same(result.as_numpy(key), value) for key, value in wanted.items()),
        )
        announced(metadata, result.as_numpy, f"triton {name}")
    triton_errors(client)


def triton_errors(client):
    """Each is the client's own exception, with the service's words."""
    right = doubles(IRIS)

    def infer(columns, name="iris", **more):
        return client.infer(name, triton_inputs(triton, columns, binary=True), **more)

    wrong = {
        "unknown model": lambda: infer(right, "nobody"),
        "unknown version": lambda: infer(right, model_version="9"),
        "missing input": lambda: infer(dict(list(right.items())[:3])),
        "unknown input": lambda: infer(right | {"more": right["sepal width (cm)"]}),
        "wrong datatype": lambda: infer(right | {"sepal width (cm)": ("BYTES", texts("a", "b"))}),
        "wrong shape": lambda: infer(
            right | {"sepal width (cm)": ("FP64", np.zeros((2, 2), "float64"))}
        ),
        "NaN where required": lambda: infer(
            right | {"sepal width (cm)": ("FP64", np.array([np.nan, 1]))}
        ),
        "unknown output": lambda: infer(
            right, outputs=[triton.InferRequestedOutput("nothing", binary_data=True)]
        ),
        "classification": lambda: infer(
            right, outputs=[triton.InferRequestedOutput("output-0", class_count=2)]
        ),
        "metadata of nobody": lambda: client.get_model_metadata("nobody"),
        "load": lambda: client.load_model("iris"),
    }
    for said, call in wrong.items():
        try:
            call()
        except InferenceServerException as error:
            readable = "failed to obtain inference response" not in str(error)
            check(f"triton error: {said}", readable and bool(error.message()), str(error)[:110])
        else:
            check(f"triton error: {said}", condition=False, more="it was answered")


async def by_triton_aio():
    """The client for asyncio."""
    async with triton_aio.InferenceServerClient(HOST) as client:
        check("triton aio ready", await client.is_server_ready())
        check("triton aio index", len(await client.get_model_repository_index()) >= len(CASES))
        for name, (columns, more, wanted) in CASES.items():
            for binary in (True, False):
                inputs = triton_inputs(triton_aio, columns, binary=binary)
                result = await client.infer(name, inputs, **more)
                check(
                    f"triton aio {name} infer, {'raw' if binary else 'JSON'}",
                    all(same(result.as_numpy(key), value) for key, value in wanted.items()),
                )
        try:
            await client.infer("nobody", triton_inputs(triton_aio, doubles(IRIS), binary=False))
        except InferenceServerException as error:
            check("triton aio error: unknown model", "no model" in str(error), str(error)[:110])


async def by_kserve():
    """KServe's REST client."""
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    check("kserve live", await client.is_server_live(URL))
    check("kserve ready", await client.is_server_ready(URL))
    for name, (columns, more, wanted) in CASES.items():
        check(f"kserve {name} ready", await client.is_model_ready(URL, name))
        for binary in (True, False):
            inputs = []
            for key, (datatype, values) in columns.items():
                tensor = InferInput(key, list(values.shape), datatype)
                tensor.set_data_from_numpy(values, binary_data=binary)
                inputs.append(tensor)
            parameters = more.get("parameters", {}) | (
                {"binary_data_output": True} if binary else {}
            )
            request = InferRequest(name, inputs, request_id="k1", parameters=parameters)
            response = await client.infer(URL, request, model_name=name)
            outputs = {each.name: each.as_numpy() for each in response.outputs}
            check(
                f"kserve {name} infer, {'raw' if binary else 'JSON'}",
                response.id == "k1"
                and all(same(outputs[key], value) for key, value in wanted.items()),
            )
    try:
        await client.infer(URL, {"inputs": []}, model_name="iris")
    except httpx.HTTPStatusError as error:
        check("kserve error: no inputs", "inputs" in str(error), str(error)[:110])
    try:
        check("kserve nobody ready", not await client.is_model_ready(URL, "nobody"))
    except httpx.HTTPStatusError as error:
        check("kserve error: unknown model", "no model" in str(error), str(error)[:110])


def main():
    """All of them; what a client raises is a line, too."""
    for run in (by_triton, lambda: asyncio.run(by_triton_aio()), lambda: asyncio.run(by_kserve())):
        try:
            run()
        except Exception:
            print(f"FAILED {traceback.format_exc()[-1500:]!r}", flush=True)


main()
