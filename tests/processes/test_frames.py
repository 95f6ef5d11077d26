"""Frames: what goes in comes out, however the stream is cut; nothing else is believed."""

import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.processes import frames as wire
from service.processes.frames import (
    COPIED_BYTES,
    Frame,
    FrameError,
    FrameReader,
    OtherWire,
    Status,
    credit,
    encode,
    greeted,
    hello,
)
from tests.support.exploring import exploring

FRAMES = st.lists(
    st.builds(
        Frame,
        st.integers(0, 255),
        st.sampled_from(Status),
        st.integers(0, 2**64 - 1),
        st.binary(max_size=40),
        st.binary(max_size=200),
    ),
    max_size=6,
)


@exploring(100)
@given(FRAMES, st.integers(1, 64))
def test_frames_survive_any_cutting_of_the_stream(frames: list[Frame], size: int) -> None:
    """The reader yields what was written, in order, whatever the pieces."""
    stream = b"".join(encode(frame) for frame in frames)
    reader = FrameReader(max_body_bytes=1000)
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [frame for piece in pieces for frame in reader.feed(piece)] == frames


@exploring(100)
@given(FRAMES.filter(bool), st.data())
def test_stream_that_is_cut_short_yields_whole_frames_alone(
    frames: list[Frame], data: st.DataObject
) -> None:
    """Wherever it ends; the rest, if it comes after all, completes what was cut."""
    stream = b"".join(map(encode, frames))
    end = data.draw(st.integers(0, len(stream) - 1))
    reader = FrameReader(max_body_bytes=1000)
    early = list(reader.feed(stream[:end]))
    assert early == frames[: len(early)]
    assert len(early) < len(frames)
    assert early + list(reader.feed(stream[end:])) == frames


@exploring(50)
@given(st.integers(len(Status), 255), st.integers(0, 255), st.integers(0, 2**64 - 1))
def test_kind_of_frame_that_is_unknown_is_refused(kind: int, operation: int, number: int) -> None:
    """A later wire's would say so by its version."""
    header = struct.pack("!HBBBQII", wire.MAGIC, wire.WIRE_VERSION, operation, kind, number, 0, 0)
    with pytest.raises(FrameError, match="is no status"):
        list(FrameReader(max_body_bytes=1000).feed(header))


@exploring(50)
@given(st.integers(0, 255).filter(lambda version: version != wire.WIRE_VERSION), st.binary())
def test_frame_of_another_wire_is_told_from_nonsense(version: int, rest: bytes) -> None:
    """Whatever that version makes of the rest of its header."""
    header = struct.pack("!HB", wire.MAGIC, version) + (rest + bytes(21))[:21]
    with pytest.raises(OtherWire, match=f"speaks wire version {version}, this one 2"):
        list(FrameReader(max_body_bytes=1000).feed(header))


def test_hello_says_which_python_speaks() -> None:
    """And its header which wire."""
    assert greeted(hello())["python"].startswith("3.")
    assert encode(hello())[2] == wire.WIRE_VERSION == 2


@pytest.mark.parametrize("said", [b"", b"no JSON", b"null", b"[]", b"\xff", b"1"])
def test_hello_that_says_nothing_is_refused(said: bytes) -> None:
    """As is anything else in its place."""
    for frame in (Frame(0, Status.HELLO, 0, said), Frame(1, Status.DONE, 1, b"{}")):
        with pytest.raises(FrameError):
            greeted(frame)


@exploring(50)
@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.text()))
def test_hello_may_say_more_than_is_understood(said: dict[str, Any]) -> None:
    """A later Podium of the same wire adds to it."""
    assert greeted(Frame(0, Status.HELLO, 0, orjson.dumps(said))) == said


@exploring(50)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
def test_credit_survives_the_stream(request: int, parts: int) -> None:
    """For which request, and for how many parts."""
    (found,) = FrameReader(max_body_bytes=0).feed(encode(credit(request, parts)))
    assert (found.status, found.id) == (Status.CREDIT, request)
    assert int.from_bytes(found.head, "big") == parts


def test_long_body_is_not_copied_when_it_is_whole() -> None:
    """A copy would hold a loop up; short ones are what everybody expects."""
    stream = encode(Frame(1, Status.DONE, 7, b"head", b"x" * (COPIED_BYTES + 1)))
    reader = FrameReader(max_body_bytes=len(stream))
    found = [
        frame for at in range(0, len(stream), 999) for frame in reader.feed(stream[at : at + 999])
    ]
    assert [(frame.head, frame.body) for frame in found] == [(b"head", b"x" * (COPIED_BYTES + 1))]
    assert isinstance(found[0].body, bytearray)
    (short,) = reader.feed(encode(Frame(1, Status.DONE, 8, b"", b"x" * COPIED_BYTES)))
    assert isinstance(short.body, bytes)


@pytest.mark.parametrize("place", [0, 1, 2, 4])
def test_bytes_that_are_no_frame_are_refused(place: int) -> None:
    """Magic, wire version and status are looked at."""
    spoiled = bytearray(encode(Frame(1, Status.DONE, 7, b"head", b"body")))
    spoiled[place] ^= 0xFF
    with pytest.raises(FrameError):
        list(FrameReader(max_body_bytes=1000).feed(bytes(spoiled)))


def test_body_over_the_limit_is_refused_by_its_header() -> None:
    """Before any of it has to be held."""
    header = encode(Frame(1, Status.DONE, 7, b"", b"x" * 1001))[:24]
    with pytest.raises(FrameError):
        list(FrameReader(max_body_bytes=1000).feed(header))
