"""What stands around tensors in messages of gRPC: whom a request is for, and replies.

Neither is made of protobuf's objects where there are many bytes: a long request is read in the
decoder, and raw bytes of a reply are put behind its head as they are (Protocol Buffers, Encoding).
"""

from typing import Any, Final, NamedTuple

from service.contract.tensors.open_inference_pb2 import ModelInferResponse
from service.contract.tensors.tensor_answer import TensorAnswer
from service.errors import ClientError
from service.predicting.request import Prediction

_NAME, _VERSION = 1, 2
_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5
# Of `raw_output_contents`, which have a length.
_RAW_TAG: Final = bytes([6 << 3 | _LENGTH])
_LONGEST_VARINT: Final = 10
# Nobody has models of so many columns; to look at one takes half a microsecond.
_MOST_FIELDS: Final = 20_000
_NO_MESSAGE: Final = "The message is not a ModelInferRequest."


class Addressee(NamedTuple):
    """Whom a request is for.

    Attributes:
        called: the model's name, or name and alias.
        version: empty: whichever answers.
    """

    called: str
    version: str


def addressee(message: bytes) -> Addressee:
    """By the fields at the message's top, of which nothing else is read; raises `ClientError`."""
    found = {_NAME: b"", _VERSION: b""}
    at = 0
    for _ in range(_MOST_FIELDS):
        if at >= len(message):
            return _named(found[_NAME], found[_VERSION])
        tag, at = _varint(message, at)
        kind, field = tag & 7, tag >> 3
        if kind == _LENGTH:
            length, at = _varint(message, at)
            if field in found:
                found[field] = message[at : at + length]
            at += length
        elif kind == _VARINT:
            _, at = _varint(message, at)
        elif kind in {_FIXED_32, _FIXED_64}:
            at += 4 if kind == _FIXED_32 else 8
        else:
            raise ClientError(_NO_MESSAGE)
        if at > len(message):
            raise ClientError(_NO_MESSAGE)
    raise ClientError("The message has too many fields.")


def _named(name: bytes, version: bytes) -> Addressee:
    try:
        return Addressee(name.decode(), version.decode())
    except UnicodeDecodeError:
        raise ClientError(_NO_MESSAGE) from None


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for byte in message[at : at + _LONGEST_VARINT]:
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:  # noqa: PLR2004 - the bit that says there are more
            return value, at
        shift += 7
    raise ClientError(_NO_MESSAGE)


def reply_of(prediction: Prediction[Any], called: str, version: str) -> bytes:
    """The reply with these named outputs, all of them as raw bytes.

    Raises `ClientError` where one holds null, for which its datatype has nothing.
    """
    answer = TensorAnswer.of(prediction.predictions)
    said = ModelInferResponse(model_name=called, model_version=version)
    if prediction.reply is not None and prediction.reply.id is not None:
        said.id = prediction.reply.id
    raws = list[bytes | memoryview]()
    for output, raw in answer.outputs():
        if raw is None:
            raise ClientError(
                "An output holds null, for which its datatype has nothing: ask by HTTP for JSON."
            )
        said.outputs.add(name=output["name"], datatype=output["datatype"], shape=output["shape"])
        raws += (_RAW_TAG + _as_varint(len(raw)), raw)
    return b"".join((said.SerializeToString(), *raws))


def _as_varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:  # noqa: PLR2004 - as above
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)
