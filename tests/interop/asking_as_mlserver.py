"""Runs where MLServer is: its types and codecs, as its clients send and read them."""

import sys

import httpx
import numpy as np
import pandas as pd
from mlserver.codecs import Base64Codec, DatetimeCodec, NumpyCodec, PandasCodec, StringCodec
from mlserver.types import (
    InferenceRequest,
    InferenceResponse,
    MetadataModelResponse,
    MetadataServerResponse,
    Parameters,
    RepositoryIndexResponse,
)

URL = sys.argv[1]


def check(said, condition, more=""):
    """A line for one call."""
    print(f"{'passed' if condition else 'FAILED'} {said} {more}".rstrip(), flush=True)


def ask(name, request):
    """The reply in MLServer's types; every key is there, null where it is not set."""
    reply = httpx.post(
        f"{URL}/v2/models/{name}/infer", content=request.model_dump_json(), timeout=60
    )
    if reply.status_code != httpx.codes.OK:
        check(f"mlserver {name}", condition=False, more=reply.text[:300])
    return InferenceResponse.model_validate_json(reply.content)


def main():
    """Requests by its codecs."""
    get = httpx.get(f"{URL}/v2", timeout=60).content
    check("mlserver server metadata", bool(MetadataServerResponse.model_validate_json(get).name))
    get = httpx.get(f"{URL}/v2/models/stamping", timeout=60).content
    metadata = MetadataModelResponse.model_validate_json(get)
    kinds = [each.parameters.content_type for each in metadata.inputs]
    check("mlserver model metadata", kinds == ["str", "datetime"], str(kinds))
    index = httpx.post(f"{URL}/v2/repository/index", json={}, timeout=60).json()
    check("mlserver index", bool(RepositoryIndexResponse.model_validate(index)))

    iris = pd.DataFrame(
        {
            "sepal length (cm)": [5.1, 6.2],
            "sepal width (cm)": [3.5, 2.9],
            "petal length (cm)": [1.4, 4.3],
            "petal width (cm)": [0.2, 1.3],
        }
    )
    reply = ask("iris", PandasCodec.encode_request(iris, use_bytes=False))
    check("mlserver PandasCodec", NumpyCodec.decode_output(reply.outputs[0]).tolist() == [0, 1])

    stamps = pd.DataFrame(
        {"text": ["a", "b"], "time": pd.to_datetime(["2026-05-01", "2026-05-02"])}
    )
    reply = ask("stamping", PandasCodec.encode_request(stamps, use_bytes=False))
    said = StringCodec.decode_output(reply.outputs[0])
    check("mlserver PandasCodec with times", said[1] == "b@2026-05-02T00:00:00", str(said))

    request = InferenceRequest(
        inputs=[
            StringCodec.encode_input("text", ["a"], use_bytes=False),
            DatetimeCodec.encode_input("time", list(stamps["time"][:1]), use_bytes=False),
        ],
        parameters=Parameters(loud=True),
    )
    said = StringCodec.decode_output(ask("stamping", request).outputs[0])
    check("mlserver String and DatetimeCodec", said == ["A@2026-05-01T00:00:00"], str(said))

    tensor = np.arange(6, dtype="float32").reshape(2, 3)
    reply = ask("tensor", InferenceRequest(inputs=[NumpyCodec.encode_input("input-0", tensor)]))
    got = NumpyCodec.decode_output(reply.outputs[0])
    check("mlserver NumpyCodec", got.dtype == tensor.dtype and (got == 2 * tensor).all())

    rows = pd.DataFrame({"x": [1.5, -2.0]})
    reply = ask("several", PandasCodec.encode_request(rows, use_bytes=False))
    frame = PandasCodec.decode_response(reply)
    check("mlserver decodes several outputs", frame["name"].tolist() == ["é1.5", "é-2.0"])

    encoded = Base64Codec.encode_input("text", [b"a"], use_bytes=False)
    answer = httpx.post(
        f"{URL}/v2/models/stamping/infer",
        content=InferenceRequest(inputs=[encoded]).model_dump_json(),
        timeout=60,
    )
    check("mlserver base64 for a text is refused", answer.status_code == 400, answer.text[:120])


main()
