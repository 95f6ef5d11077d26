"""Frames: what goes in comes out, however the stream is cut; nothing else is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.processes.frames import COPIED_BYTES, Frame, FrameError, FrameReader, Status, encode
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
