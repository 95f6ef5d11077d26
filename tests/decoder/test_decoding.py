"""The decoder: the same contract in a process of its own; who ends it is the only one to suffer."""

import asyncio
import contextlib
import math
import os
import signal
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import orjson
import pandas as pd
import pytest
import pytest_asyncio

from service.contract.definition import Definition
from service.contract.model_input import EncodedInput, ModelInput, ValidInput
from service.contract.slicing import slices
from service.decoder.front import Decoder, DecoderLimits, RequestReader
from service.errors import (
    ClientError,
    InvalidInput,
    NotNow,
    Overloaded,
    PassingFault,
    Undecodable,
    UnsupportedMediaType,
)
from service.host.wire import encode_batch
from service.hosting.slicing import encoded_slices
from service.processes.front.child import Child
from service.processes.front.output import OnLine
from service.server.taskless import TasklessRun
from service.zygote.front.handle import Zygote
from service.zygote.front.spawning import ZygoteCommand
from tests.contract.signatures import LIMITS, column
from tests.decoder.decoding_roles import HANG, LEAVE, UNTIL

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEGABYTE = 1024**2
SECONDS = 240
STAND_IN = "tests.decoder.decoding_roles"
DOUBLES = Definition({"inputs": orjson.dumps([column("double", "x")]).decode()}, False, LIMITS)


@dataclass(slots=True)
class Told:
    """What the observer was told."""

    ended: list[str] = field(default_factory=list)

    def decoder_ended(self, reason: str) -> None:
        """Kept."""
        self.ended.append(reason)

    def decoder_printed(self, stream: str, line: str) -> None:
        """Nothing here looks at it."""


class StandIns:
    """Forks the stand-in where the decoder is asked for, from a bare zygote."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        """The stand-in, whatever role is asked for."""
        return await self._zygote.fork(STAND_IN, max_body_bytes, on_line)


@pytest.fixture
def told() -> Told:
    """What a test's decoder has told."""
    return Told()


@pytest_asyncio.fixture(loop_scope="session")
async def decoder(zygote: Zygote, told: Told) -> AsyncIterator[Decoder]:
    """A real one, with room for 16 MB."""
    async with contextlib.AsyncExitStack() as stack:
        made = Decoder(zygote, DecoderLimits(16 * MEGABYTE), told)
        stack.push_async_callback(made.close)
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stand_ins() -> AsyncIterator[StandIns]:
    """Processes that only look like decoders."""
    here = {"PYTHONPATH": os.getcwd()}  # noqa: PTH109 - the shell's word for it
    zygote = Zygote(ZygoteCommand((STAND_IN,), here, "tests.zygote.bare_zygote"))
    yield StandIns(zygote)
    await zygote.close()


@pytest_asyncio.fixture(loop_scope="session")
async def stand_in(stand_ins: StandIns, told: Told) -> AsyncIterator[Decoder]:
    """A decoder of which bodies ask what they like; it waits a second for each."""
    made = Decoder(stand_ins, DecoderLimits(10000, seconds=1.0), told)
    yield made
    await made.close()


def rows(count: int) -> bytes:
    """A body of so many rows."""
    return orjson.dumps({"inputs": {"x": [0.5] * count}})


async def decoded(decoder: Decoder, body: bytes, media_type: str = "") -> EncodedInput:
    """What the decoder makes of a body for a column of doubles, in bounded time."""
    async with asyncio.timeout(SECONDS):
        return await decoder.decode(DOUBLES.dump(), body, media_type)


async def test_decoder_yields_what_the_front_would(decoder: Decoder) -> None:
    """Byte for byte, as hosts get it."""
    found = await decoded(decoder, rows(900))

    expected = DOUBLES.compile().parse(rows(900), "")
    assert (found.head, found.body) == encode_batch([expected])
    assert encode_batch([found]) == encode_batch([expected])
    assert found.rows == 900


async def test_p15_decoder_gives_way_to_who_wakes_up(decoder: Decoder) -> None:
    """By its class of scheduling, which every kernel has."""
    await decoded(decoder, rows(1))

    assert decoder._child is not None
    assert os.sched_getscheduler(decoder._child.pid) == os.SCHED_BATCH


async def test_parquet_is_read_within_the_limit_of_memory(decoder: Decoder) -> None:
    """Nothing is reserved at once that the limit counts."""
    target = BytesIO()
    pd.DataFrame({"x": [0.5, 1.5]}).to_parquet(target)
    body = target.getvalue()

    assert (await decoded(decoder, body, "application/vnd.apache.parquet")).rows == 2


async def test_body_may_come_in_pieces(decoder: Decoder) -> None:
    """As it came from the client; nobody puts it together here."""
    body, at = rows(900), 1000
    pieces = [bytearray(body[:at]), bytearray(body[at:]), bytearray()]
    found = await decoder.decode(DOUBLES.dump(), pieces, "")

    assert found == await decoded(decoder, body)


async def test_many_rows_come_in_slices(decoder: Decoder) -> None:
    """As the front would have made them, for a version whose rows may be sliced."""
    async with asyncio.timeout(SECONDS):
        found = await decoder.decode(DOUBLES.dump(), rows(900), "", slice_rows=400)

    whole = DOUBLES.compile().parse(rows(900), "")
    assert isinstance(whole, ModelInput)
    made = [(part.rows, encode_batch([part])) for part in slices(whole, 400)]
    assert found.rows == 900
    assert [(part.rows, (part.head, part.body)) for part in encoded_slices(found)] == made
    assert (await decoder.decode(DOUBLES.dump(), rows(400), "", slice_rows=400)).slices == ()


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b'{"inputs": {"x": [1, "a", null]}}', ""),
        (b"{", "application/json"),
        (rows(1001), ""),
        (b"x\n1\n", "text/html"),
        (b"no parquet", "application/vnd.apache.parquet"),
    ],
)
async def test_decoder_refuses_in_the_fronts_words(
    decoder: Decoder, body: bytes, media_type: str
) -> None:
    """Every field error, and every other sentence, is the same."""
    with pytest.raises(ClientError) as there:
        await decoded(decoder, body, media_type)

    if media_type.endswith("parquet"):
        assert isinstance(there.value, InvalidInput)
        assert [error.type for error in there.value.errors] == ["parquet_invalid"]
        return
    with pytest.raises(type(there.value)) as here:
        DOUBLES.compile().parse(body, media_type)
    assert here.value.message == there.value.message
    assert getattr(here.value, "errors", None) == getattr(there.value, "errors", None)
    assert isinstance(there.value, InvalidInput | UnsupportedMediaType)


async def test_p11_decoder_killed_with_a_body_in_it_costs_nobody_an_answer(
    decoder: Decoder, told: Told
) -> None:
    """Whoever kills it: the body is read in a fresh process."""
    await decoded(decoder, rows(1))
    assert decoder._child is not None
    os.kill(decoder._child.pid, signal.SIGSTOP)
    waiting = asyncio.ensure_future(decoded(decoder, rows(2)))
    await asyncio.sleep(0)
    os.kill(decoder._child.pid, signal.SIGKILL)

    assert (await waiting).rows == 2
    assert told.ended == ["its process died"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_p11_decoder_that_is_ended_or_stopped_idle_is_replaced(
    stand_in: Decoder, told: Told, number: signal.Signals
) -> None:
    """The next body is read by another; one that is stopped is given up at the limit of time."""
    await stand_in.decode("", b"", "")
    before = stand_in._child
    assert before is not None
    os.kill(before.pid, number)
    async with asyncio.timeout(SECONDS):
        await stand_in.decode("", b"", "")
        await before.exited
    assert stand_in._child is not None
    assert stand_in._child.pid != before.pid


async def test_p14_body_that_needs_too_much_memory_is_refused(zygote: Zygote, told: Told) -> None:
    """The process is limited by a multiple of the longest body; the next body is read as ever."""
    small = Decoder(zygote, DecoderLimits(1), told)
    hostile = b'{"inputs": [' + b"[]," * (12 * MEGABYTE) + b"[]]}"
    try:
        with pytest.raises(Undecodable):
            await decoded(small, hostile)
        assert (await decoded(small, rows(3))).rows == 3
    finally:
        await small.close()


async def test_p14_body_that_ends_two_decoders_is_refused(stand_in: Decoder, told: Told) -> None:
    """It is tried once more, and is at fault then."""
    with pytest.raises(Undecodable):
        await decoded(stand_in, LEAVE)

    assert told.ended == ["its process died"] * 2
    assert (await decoded(stand_in, b"fine")).body == b"fine"


async def test_p14_body_that_takes_too_long_is_refused(stand_in: Decoder, told: Told) -> None:
    """Its process is ended, and the next body gets a fresh one."""
    with pytest.raises(Undecodable):
        await decoded(stand_in, HANG)

    assert told.ended == ["a body took too long"] * 2
    assert (await decoded(stand_in, b"fine")).body == b"fine"


@pytest.mark.parametrize("by", ["deadline", "client"])
async def test_p11_given_up_request_leaves_the_decoder_to_others(
    stand_ins: StandIns, told: Told, tmp_path: Path, by: str
) -> None:
    """While it is being read: by its deadline or its client, it costs nobody the process."""
    made = Decoder(stand_ins, DecoderLimits(10000, seconds=SECONDS), told)
    await decoded(made, b"first")
    gate, child = tmp_path / "gate", made._child
    os.mkfifo(gate)
    deadline = time.monotonic() + 0.05 if by == "deadline" else math.inf
    given_up = asyncio.create_task(made.decode("", UNTIL + bytes(gate), "", deadline=deadline))
    for _ in range(3):  # until it is being read
        await asyncio.sleep(0)
    waiting = asyncio.create_task(decoded(made, b"next"))
    if by == "client":
        given_up.cancel()
    async with asyncio.timeout(SECONDS):
        await asyncio.wait([given_up])
        assert given_up.cancelled() or isinstance(given_up.exception(), Overloaded)
        assert not waiting.done()
        await asyncio.to_thread(gate.write_bytes, b"go on")
        assert (await waiting).body == b"next"
    assert (made._child, told.ended) == (child, [])
    await made.close()


async def test_decoder_that_is_closed_over_a_body_refuses_it_for_now(
    stand_ins: StandIns, told: Told
) -> None:
    """No other process is started for it."""
    made = Decoder(stand_ins, DecoderLimits(10000, seconds=SECONDS), told)
    await decoded(made, b"first")
    reading = asyncio.create_task(decoded(made, HANG))
    for _ in range(3):
        await asyncio.sleep(0)
    async with asyncio.timeout(SECONDS):
        await made.close()
        with pytest.raises(NotNow):
            await reading
    assert made._child is None


class Killing:
    """Forks decoders of which the first ones are killed as soon as they are there."""

    def __init__(self, zygote: Zygote, kills: int) -> None:
        self._zygote = zygote
        self.kills = kills

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        """One of the zygote's."""
        child = await self._zygote.fork(role, max_body_bytes, on_line)
        if self.kills:
            self.kills -= 1
            os.kill(child.pid, signal.SIGKILL)
            async with asyncio.timeout(SECONDS):
                await child.exited
        return child


async def test_p11_decoder_killed_while_it_starts_costs_nobody_an_answer(
    zygote: Zygote, told: Told
) -> None:
    """Another one is started."""
    killing = Killing(zygote, 1)
    made = Decoder(killing, DecoderLimits(MEGABYTE), told)
    try:
        assert (await decoded(made, rows(2))).rows == 2
    finally:
        await made.close()
    assert told.ended == ["its process ended while it started"]


async def test_decoders_that_are_all_killed_at_their_start_are_a_passing_trouble(
    zygote: Zygote, told: Told
) -> None:
    """Nobody is asked for more than two at a time; the next request is read again."""
    made = Decoder(Killing(zygote, 2), DecoderLimits(MEGABYTE), told)
    try:
        with pytest.raises(NotNow):
            await decoded(made, rows(2))
        assert (await decoded(made, rows(2))).rows == 2
    finally:
        await made.close()


async def test_no_process_to_read_with_is_a_passing_trouble() -> None:
    """The client is told to come again."""

    class Barren:
        async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
            raise PassingFault("start", "no_process", "No process could be started.")

    with pytest.raises(NotNow):
        await decoded(Decoder(Barren(), DecoderLimits(1), Told()), b"{}")


async def test_p15_small_requests_are_read_while_a_large_one_is(stand_in: Decoder) -> None:
    """They are read by the front itself, at once."""
    reader = RequestReader(DOUBLES.compile(), DOUBLES, stand_in)
    large = asyncio.ensure_future(reader.read(b" " * 300_000, ""))
    for _ in range(2):  # it begins, and is in a task for certain
        await asyncio.sleep(0)
    assert stand_in._turn.locked()

    assert (await reader.read(rows(5), "application/json")).rows == 5
    assert not large.done()
    read = await large
    assert isinstance(read, EncodedInput)
    assert read.body == b" " * 300_000


async def test_a_request_that_runs_without_a_task_gets_one_for_a_large_body(
    stand_in: Decoder,
) -> None:
    """Limits of time are kept by tasks alone."""
    reader = RequestReader(DOUBLES.compile(), DOUBLES, stand_in)
    read: list[ValidInput] = []
    tasks = set[asyncio.Task[None]]()

    async def request() -> None:
        read.append(await reader.read(b" " * 300_000, ""))

    TasklessRun(request(), asyncio.get_running_loop(), tasks).begin()
    await asyncio.gather(*tasks)

    assert [type(each) for each in read] == [EncodedInput]


@pytest.mark.parametrize(
    ("body", "media_type", "elsewhere"),
    [
        (b'{"inputs": [1]}', "", False),
        (b"x\n1\n", "text/csv; charset=utf-8", False),
        (b" " * 64 * 1024 + b'{"inputs": [1]}', "application/json", True),
        (b" " * 60_000 + b'{"inputs": [1]}', "Application/JSON; charset=utf-8", False),
        (b"x\n" + b"1\n" * 40_000, "text/csv", True),
        (b"PAR1", "Application/vnd.Apache.parquet", True),
    ],
)
async def test_large_bodies_and_all_of_parquet_go_to_the_decoder(
    stand_in: Decoder, body: bytes, media_type: str, *, elsewhere: bool
) -> None:
    """Sizes are measured by what parsing them holds up."""
    found = await RequestReader(DOUBLES.compile(), DOUBLES, stand_in).read(body, media_type)

    assert isinstance(found, EncodedInput) is elsewhere


async def test_p11_deadline_ends_the_wait_for_a_turn_and_the_reading(
    stand_in: Decoder, told: Told
) -> None:
    """Both are part of the request's time. The process may go on up to its own limit."""
    deadline = time.monotonic() + 0.2
    bodies = [
        stand_in.decode("", HANG, "", deadline=deadline),
        stand_in.decode("", b"x", "", deadline=deadline),
    ]
    async with asyncio.timeout(SECONDS):
        found = await asyncio.gather(*bodies, return_exceptions=True)

        assert [type(each) for each in found] == [Overloaded, Overloaded]
        assert stand_in._reading is not None
        await asyncio.wait([stand_in._reading])
        assert (await stand_in.decode("", b"y", "")).body == b"y"
    assert told.ended == ["a body took too long"]


async def test_p14_decoder_lives_in_no_requests_context(stand_in: Decoder) -> None:
    """The one that happens to need it first is gone long before it is."""
    name: ContextVar[str] = ContextVar("name", default="nobody")
    seen: list[str] = []
    started = stand_in._started

    async def watched() -> Child:
        seen.append(name.get())
        return await started()

    stand_in._started = watched  # type: ignore[method-assign]
    name.set("the first request")
    await stand_in.decode("", b"x", "")

    assert seen == ["nobody"]
