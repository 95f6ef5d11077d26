"""Bodies unpacked, and long replies packed, where that holds nobody up.

What is short and unpacks to little is unpacked at once. All else is done beside the loop by threads
that zlib and zstd let run beside Python: a step at a time, so that many long bodies advance
together, and none is there that nobody has counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from service.errors import FollowingError, NotNow
from service.http.codings import Coding, packed, unpacked, wanted
from service.http.errors import Headers
from service.http.written import cut
from service.predicting.request import RequestBody, RequestShare
from service.processes.front.beside import Beside

_NO_THREAD: Final = "No thread could be started to unpack a large request."
# More run on the cores that hosts need.
_THREADS: Final = 2
# Of a body that is unpacked at once.
_SHORT_BYTES: Final = 16 * 1024
_SHORT_PIECES: Final = 2
_STEP_PIECES: Final = 16
_VARY: Final = (b"vary", b"Accept-Encoding")


class Unpacking:
    """One body without its coding, step by step."""

    def __init__(self, coding: Coding, body: RequestBody, beside: Beside) -> None:
        self._pieces = unpacked(coding, body)
        self._beside = beside
        size = len(body) if isinstance(body, bytes) else sum(map(len, body))
        self._at_once = size <= _SHORT_BYTES

    async def step(self) -> tuple[Sequence[bytes], bool]:
        """The next megabyte, in pieces, and whether that was the end; less of a short body.

        Raises what `service.http.codings.unpacked` raises, and `NotNow`.
        """
        if self._at_once:
            self._at_once = False
            most, pieces = _SHORT_PIECES, _next(self._pieces, _SHORT_PIECES)
        else:
            most, pieces = _STEP_PIECES, await self._beside_the_loop()
        return pieces, len(pieces) < most

    async def _beside_the_loop(self) -> Sequence[bytes]:
        try:
            return await self._beside.run(_next, self._pieces, _STEP_PIECES)
        except FollowingError as error:
            raise NotNow(_NO_THREAD) from error


class Compression:
    """Of all requests and replies of one service; what is not compressed costs nothing."""

    def __init__(self) -> None:
        self._beside = Beside("compression", _THREADS)

    def unpacking(self, coding: Coding, body: RequestBody) -> Unpacking:
        """Begins with a body of that coding."""
        return Unpacking(coding, body, self._beside)

    async def reply(
        self,
        headers: Mapping[bytes, bytes],
        parts: Sequence[bytes | bytearray | memoryview],
        held: RequestShare,
    ) -> tuple[Headers, Sequence[bytes | bytearray | memoryview]]:
        """More headers and the parts of a long reply to that request, as its client takes it.

        `held` holds what is to be sent.
        """
        coding = wanted(headers.get(b"accept-encoding", b""))
        if coding is None:
            return (_VARY,), parts
        try:
            sent = await self._beside.run(_packed, coding, parts)
        except FollowingError:  # there is no thread for it
            return (_VARY,), parts
        held.exchange(sum(map(len, sent)))
        return (_VARY, (b"content-encoding", coding.name.encode("ascii"))), sent


def _next(pieces: Iterator[bytes], most: int) -> Sequence[bytes]:
    return list(islice(pieces, most))


def _packed(coding: Coding, parts: Sequence[bytes | bytearray | memoryview]) -> Sequence[bytes]:
    return cut([packed(coding, parts)])
