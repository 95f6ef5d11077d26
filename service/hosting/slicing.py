"""The slices of a long request, asked one after the other and answered as one (P16)."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from service.contract.model_input import EncodedInput, ModelInput
from service.errors import ModelFailed
from service.host.wire import PredictFault
from service.hosting.host_handle import SENTENCES
from service.processes.frames import Body

_Part = TypeVar("_Part", ModelInput, EncodedInput)


def encoded_slices(model_input: EncodedInput) -> Iterator[EncodedInput]:
    """The slices that a decoder has made; data copied, one by one."""
    start = 0
    for rows, head, length in model_input.slices:
        body = model_input.body[start : start + length]
        start += length
        yield EncodedInput(rows, head, body, model_input.bare)


async def in_turn(
    parts: Iterable[_Part],
    predict: Callable[[_Part], Awaitable[Body]],
    max_reply_bytes: int,
) -> bytes:
    """The answers to all slices as one JSON array; each is asked when the one before is answered.

    Raises what the first failing slice raises, and `ModelFailed` if the answer is too long in all.
    """
    replies, size = [], 0
    for part in parts:
        reply = await predict(part)
        if reply[:1] != b"[" or reply == b"[]":
            raise ModelFailed(SENTENCES[PredictFault.NOT_BY_ROW])
        replies.append(reply)
        size += len(reply)
        if size > max_reply_bytes:
            raise ModelFailed(SENTENCES[PredictFault.REPLY_TOO_LARGE])
    return b"[%b]" % b",".join(memoryview(reply)[1:-1] for reply in replies)
