"""Requests read where that costs others least: small bodies here, large ones in the decoder.

The decoder reads one body at a time, first come, first served.

The process is forked for the first body that needs it, and replaced when it dies. Only the body
that was in it then can be at fault: it is tried once more in a fresh process, and refused if that
ends too.

A body that nobody waits for any more is read to its end unseen, up to the limit of time: to end the
process for it would have everybody else wait for another.
"""

import asyncio
import contextvars
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import orjson

from service.contract.contract import Contract
from service.contract.definition import Definition
from service.contract.formats.csv_body import is_csv
from service.contract.formats.parquet_body import is_parquet
from service.contract.formats.unsigned import UnsignedContract
from service.contract.model_input import EncodedInput, ValidInput
from service.contract.tensors.tensor_message import BodyForm
from service.decoder.wire import DECODER_ROLE, INVALID, WRONG_TYPE, DecoderOperation
from service.errors import (
    ClientError,
    FieldError,
    FollowingError,
    InvalidInput,
    NotNow,
    Overloaded,
    Undecodable,
    UnsupportedMediaType,
)
from service.host.wire import replies_of
from service.processes.frames import Frame, Status
from service.processes.front.channel import ChannelClosed
from service.processes.front.child import Child, Forks

# A tree of Python's values takes up to fifty times the bytes of a body: `[[],[],...]` is the worst.
_MEMORY_PER_BYTE: Final = 64
_LEAST_MEMORY_BYTES: Final = 256 * 1024**2
_TRIES: Final = 2
_TOO_LATE: Final = "The request's time was over before it was read."
_NO_PROCESS: Final = "No process could be started to read a large request."
# What the loop can afford. Bodies of these sizes are read in 1 ms and less; the slowest that were
# found, tables of empty rows or of words for numbers, stop it for 9 to 14 ms.
JSON_BYTES: Final = 64 * 1024
"""The longest body that is not handed to the decoder."""
_CSV_BYTES: Final = 32 * 1024
# Of named tensors some of which hold texts, which may be JSON each.
_TEXTS_BYTES: Final = 32 * 1024
# As nearly every client writes it, or leaves it out.
_COMMON: Final = frozenset({"application/json", ""})


class DecoderObserver(Protocol):
    """Told what happens to the decoder."""

    def decoder_ended(self, reason: str) -> None:
        """Its process died or was ended at its start or over a body; `reason` is for the log."""

    def decoder_printed(self, stream: str, line: str) -> None:
        """It wrote a line to `stdout` or `stderr`; bounded in length."""


@dataclass(frozen=True, slots=True)
class DecoderLimits:
    """Bounds of the decoder.

    Attributes:
        max_body_bytes: the longest body; what the process may allocate is a multiple.
        seconds: for one body, twice where it is tried again; and for the wait before it.
        behind: whether nobody waits for what it reads.
    """

    max_body_bytes: int
    seconds: float = 20.0
    behind: bool = False

    @property
    def memory_bytes(self) -> int:
        """What the process may allocate on top of what it starts with."""
        return max(_LEAST_MEMORY_BYTES, self.max_body_bytes * _MEMORY_PER_BYTE)


class Decoder:
    """Reads bodies by contracts, in a process of its own, until it is closed."""

    def __init__(self, forks: Forks, limits: DecoderLimits, observer: DecoderObserver) -> None:
        self._forks = forks
        self._limits = limits
        self._observer = observer
        self._context = contextvars.copy_context()
        self._turn = asyncio.Lock()
        self._child: Child | None = None
        self._reading: asyncio.Task[Frame | None] | None = None

    async def decode(
        self,
        definition: str,
        body: bytes | Sequence[bytearray],
        media_type: BodyForm,
        slice_rows: int | None = None,
        deadline: float = math.inf,
    ) -> EncodedInput:
        """The request as the contract of that `Definition` has it; a body may come in pieces.

        In slices of `slice_rows`, if it has more rows and slices are answered as the whole.
        Raises what `Contract.parse` raises, `Undecodable`, or `NotNow`; at the `deadline`, by
        `time.monotonic`, `Overloaded`, however far it has come. When cancelled, or late, what is
        being read then is read to its end unseen.
        """
        if deadline <= time.monotonic():
            raise Overloaded(_TOO_LATE)
        form = media_type if isinstance(media_type, str) else tuple(media_type)
        wanted = {"definition": definition, "media_type": form, "slice_rows": slice_rows}
        head = orjson.dumps(wanted)
        try:
            async with _until(deadline):
                return await self._in_turn(head, body)
        except TimeoutError:
            raise Overloaded(_TOO_LATE) from None

    async def close(self) -> None:
        """Ends the process; returns when it has gone."""
        reading = self._reading
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])
        child, self._child = self._child, None
        if child is not None:
            await child.end()

    async def _in_turn(self, head: bytes, body: bytes | Sequence[bytearray]) -> EncodedInput:
        await self._my_turn()
        try:
            return _read(await self._decoded(head, body))
        finally:
            # A reading that nobody waits for any more keeps the turn.
            if self._reading is None:
                self._turn.release()

    async def _my_turn(self) -> None:
        try:
            async with asyncio.timeout(self._limits.seconds):
                await self._turn.acquire()
        except TimeoutError:
            raise Overloaded("The request waited too long to be parsed.") from None

    async def _decoded(self, head: bytes, body: bytes | Sequence[bytearray]) -> Frame:
        for _ in range(_TRIES):
            frame = await self._to_its_end(head, body)
            if frame is not None:
                return frame
        raise Undecodable("Reading the body takes more memory or time than is allowed.")

    async def _to_its_end(self, head: bytes, body: bytes | Sequence[bytearray]) -> Frame | None:
        # Not in this task: a process that is ended for each request that is given up would have
        # others wait for one to start, as often as somebody has little time.
        reading = self._reading = asyncio.create_task(self._answer(head, body))
        try:
            await asyncio.wait([reading])
        except asyncio.CancelledError:
            reading.add_done_callback(self._read_unseen)
            raise
        self._reading = None
        if reading.cancelled():
            raise NotNow(_NO_PROCESS)
        return reading.result()

    def _read_unseen(self, reading: "asyncio.Task[Frame | None]") -> None:
        self._reading = None
        self._turn.release()
        if not reading.cancelled():
            reading.exception()  # whoever it would be for has gone

    async def _answer(self, head: bytes, body: bytes | Sequence[bytearray]) -> Frame | None:
        """The decoder's answer, or None where its process has ended over this body."""
        child = await self._ready()
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await child.channel.request(DecoderOperation.DECODE, head, body)
        except TimeoutError:
            self._observer.decoder_ended("a body took too long")
        except ChannelClosed:
            self._observer.decoder_ended("its process died")
        finally:
            if not child.channel.idle:
                # Dead, or busy with a body for longer than it may be.
                self._child = None
                child.kill()
        return None

    async def _ready(self) -> Child:
        if self._child is None or not self._child.alive or self._child.channel.closed:
            # Not in the context of the request that happens to need it first: it outlives that.
            starting = asyncio.create_task(self._started(), context=self._context)
            self._child = await starting
        return self._child

    async def _started(self) -> Child:
        for _ in range(_TRIES):
            try:
                return await self._limited(await self._forked())
            except (TimeoutError, ChannelClosed):
                self._observer.decoder_ended("its process ended while it started")
        raise NotNow(_NO_PROCESS)

    async def _forked(self) -> Child:
        most = self._limits.memory_bytes
        try:
            return await self._forks.fork(DECODER_ROLE, most, self._observer.decoder_printed)
        except FollowingError as error:
            raise NotNow(_NO_PROCESS) from error

    async def _limited(self, child: Child) -> Child:
        limits = self._limits
        limit = orjson.dumps({"memory_bytes": limits.memory_bytes, "behind": limits.behind})
        try:
            async with asyncio.timeout(self._limits.seconds):
                await child.channel.request(DecoderOperation.LIMIT, limit)
        except BaseException:
            child.kill()
            raise
        return child


def _until(deadline: float) -> asyncio.Timeout:
    return asyncio.timeout(None if deadline == math.inf else deadline - time.monotonic())


def _read(frame: Frame) -> EncodedInput:
    if frame.status is not Status.DONE:
        raise _refusal(frame)
    head = orjson.loads(frame.head)
    if "slices" in head:
        slices = tuple((rows, text.encode(), length) for rows, text, length in head["slices"])
        rows = sum(each[0] for each in slices)
        return EncodedInput(rows, b"", frame.body, head["bare"], slices)
    (rows,) = head["rows"]
    (reply,) = replies_of(head) or [None]
    return EncodedInput(rows, frame.head, frame.body, bare="bare" in head, reply=reply)


def _refusal(frame: Frame) -> ClientError:
    said = orjson.loads(frame.head)
    if INVALID in said:
        fields = (FieldError(tuple(loc), msg, type_) for loc, msg, type_ in said[INVALID])
        return InvalidInput(tuple(fields))
    if WRONG_TYPE in said:
        return UnsupportedMediaType(said[WRONG_TYPE])
    return Undecodable("Reading the body takes more memory than is allowed.")


class RequestReader:
    """Reads requests of one version; large ones in slices of so many rows, if that is given.

    `beside`: small ones are read in the decoder, too, since nobody waits for them.
    """

    def __init__(
        self,
        contract: Contract | UnsignedContract,
        definition: Definition,
        decoder: Decoder,
        slice_rows: int | None = None,
        *,
        beside: bool = False,
    ) -> None:
        self._parse = contract.parse
        self._definition = definition.dump()
        self._decoder = decoder
        self._slice_rows = slice_rows
        self._beside = beside
        texts = any(each.datatype == "BYTES" for each in contract.tensors)
        self._most_of_tensors = _TEXTS_BYTES if texts else JSON_BYTES

    async def read(
        self, body: bytes | Sequence[bytearray], media_type: BodyForm, deadline: float = math.inf
    ) -> ValidInput:
        """The valid request. Raises what `Contract.parse` and `Decoder.decode` raise."""
        if self._beside:
            most = -1
        elif not isinstance(media_type, str):
            most = self._most_of_tensors
        else:
            most = JSON_BYTES if media_type in _COMMON else _most_bytes(media_type)
        if not isinstance(body, bytes) and sum(map(len, body)) <= most:
            body = b"".join(body)
        if isinstance(body, bytes) and len(body) <= most:
            return self._parse(body, media_type)
        await asyncio.sleep(0)  # to be in a task, without which there are no time limits
        return await self._decoder.decode(
            self._definition, body, media_type, self._slice_rows, deadline
        )


def _most_bytes(media_type: str) -> int:
    """Of a body that is read here; -1 for none at all."""
    if is_parquet(media_type):
        return -1
    return _CSV_BYTES if is_csv(media_type) else JSON_BYTES
