"""Runs where MLServer is: its types and codecs, as its clients send and read them."""

import sys
import urllib.error
import urllib.request
from datetime import datetime

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


def call(path, body=None):
    """Status and body of a reply."""
    try:
        with urllib.request.urlopen(f"{URL}/v2{path}", body, 60) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def ask(name, request):
    """The reply in MLServer's types; every key is sent, null where it is not set."""
    status, body = call(f"/models/{name}/infer", request.model_dump_json().encode())
    if status != 200:
        check(f"mlserver {name}", condition=False, more=body[:300])
    return InferenceResponse.model_validate_json(body)


def main():
    """Requests by its codecs."""
    server = MetadataServerResponse.model_validate_json(call("")[1])
    check("mlserver server metadata", bool(server.name))
    metadata = MetadataModelResponse.model_validate_json(call("/models/stamping")[1])
    kinds = [each.parameters.content_type for each in metadata.inputs]
    check("mlserver model metadata", kinds == ["str", "datetime"], str(kinds))
    index = RepositoryIndexResponse.model_validate_json(call("/repository/index", b"{}")[1])
    check("mlserver index", len(index.root) > 1)

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

    # It has no datatype for pandas' own datetimes.
    stamps = pd.DataFrame({"text": ["a", "b"], "time": ["2026-05-01", "2026-05-02"]}, dtype=object)
    reply = ask("stamping", PandasCodec.encode_request(stamps, use_bytes=False))
    said = StringCodec.decode_output(reply.outputs[0])
    check("mlserver PandasCodec with times", said[1] == "b@2026-05-02T00:00:00", str(said))

    request = InferenceRequest(
        inputs=[
            StringCodec.encode_input("text", ["a"], use_bytes=False),
            DatetimeCodec.encode_input("time", [datetime(2026, 5, 1)], use_bytes=False),  # noqa: DTZ001 - MLServer knows no zones
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
    request = InferenceRequest(inputs=[encoded]).model_dump_json().encode()
    status, body = call("/models/stamping/infer", request)
    check("mlserver base64 for a text is refused", status == 400, body[:160])


main()
