"""Content codings: read as they were written, refused when they are not whole, and chosen."""

import gzip
import zlib
from collections.abc import Callable, Sequence
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BrokenEncoding, Undecodable
from service.http.codings import CODINGS, PIECE_BYTES, coding_of, packed, unpacked, wanted, zstd
from service.http.errors import UnknownEncoding
from tests.http.compressed import WRITERS, Writer
from tests.support.exploring import exploring

BY_NAME = {coding.name: coding for coding in CODINGS}
EMPTY_MEMBERS = {
    "gzip": gzip.compress(b""),
    "zstd": zstd.compress(b""),
    "skipped": b"\x50\x2a\x4d\x18\0\0\0\0",  # RFC 8878, section 3.1.2
}
writers = pytest.mark.parametrize("writer", WRITERS, ids=str)
_BYTES = st.binary(max_size=300) | st.integers(0, 5 * PIECE_BYTES).map(lambda size: b"a" * size)


def read(name: str, body: bytes | Sequence[bytearray]) -> bytes:
    """All of a body."""
    return b"".join(unpacked(BY_NAME[name], body))


@exploring(300)
@given(body=_BYTES, writer=st.sampled_from(WRITERS), cut=st.integers(1, 400))
def test_whatever_is_written_is_read(body: bytes, writer: Writer, cut: int) -> None:
    """However clients write it, and in whatever pieces it comes."""
    sent = writer.write(body)
    pieces = [bytearray(sent[at : at + cut]) for at in range(0, len(sent), cut)]
    assert read(writer.name, sent) == body
    # Which of two notations it is shows by two bytes, and no body comes in shorter pieces.
    if writer.name != "deflate" or cut > 1:
        assert read(writer.name, pieces) == body


@exploring(300)
@given(body=_BYTES, writer=st.sampled_from(WRITERS), data=st.data())
def test_body_that_is_cut_is_refused(body: bytes, writer: Writer, data: st.DataObject) -> None:
    """But between two members, where nobody can know that there was another."""
    sent = writer.write(body)
    end = data.draw(st.integers(0, len(sent) - 1))
    try:
        found = read(writer.name, sent[:end])
    except BrokenEncoding:
        return
    assert writer.members > 1
    assert writer.at_a_seam(body, end)
    assert body.startswith(found)


@writers
@pytest.mark.parametrize("garbage", [b"x", b"\0", b"\0" * 512, b"{}", b"\x1f\x8b"])
def test_what_stands_behind_a_body_is_refused(writer: Writer, garbage: bytes) -> None:
    """Two readers would read two things."""
    with pytest.raises(BrokenEncoding):
        read(writer.name, writer.write(b"abc") + garbage)


@exploring(500)
@given(sent=st.binary(max_size=200), name=st.sampled_from(sorted(BY_NAME)))
def test_nonsense_is_refused_and_never_fails(sent: bytes, name: str) -> None:
    """Any bytes at all are a body or not."""
    try:
        read(name, sent)
    except BrokenEncoding:
        return


@writers
def test_every_flipped_bit_is_noticed_or_harmless(writer: Writer) -> None:
    """Sums keep what is read from being anything else than what was sent, where there are sums."""
    body = b"some text, " * 20
    sent = writer.write(body)
    for place in range(len(sent)):
        broken = bytearray(sent)
        broken[place] ^= 4
        try:
            found = read(writer.name, bytes(broken))
        except (BrokenEncoding, Undecodable):
            continue
        assert found == body or not writer.summed


@writers
def test_no_more_of_a_bomb_is_unpacked_than_is_asked_for(writer: Writer) -> None:
    """A piece at a time, of bounded length."""
    pieces = unpacked(BY_NAME[writer.name], writer.write(b"0" * (50 * PIECE_BYTES)))
    first = list(islice(pieces, 3))
    assert [len(piece) <= PIECE_BYTES for piece in first] == [True] * 3


def test_zstd_that_wants_more_memory_than_a_client_may_ask_for_is_refused() -> None:
    """RFC 9659: a window of 8 MiB."""
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 24}
    sent = zstd.ZstdCompressor(options=options)
    with pytest.raises(BrokenEncoding):
        read("zstd", sent.compress(b"0" * (1 << 25)) + sent.flush())


@pytest.mark.parametrize("name", ["gzip", "zstd"])
@pytest.mark.parametrize("member", ["same", "skipped"])
def test_members_without_end_are_refused(name: str, member: str) -> None:
    """Each takes time, and holds nothing."""
    one = EMPTY_MEMBERS[name if member == "same" else member]
    start = b"" if member == "same" else EMPTY_MEMBERS[name]
    with pytest.raises((Undecodable, BrokenEncoding)):
        read(name, start + one * 100_000)


def test_members_as_their_writers_write_them_may_be_many() -> None:
    """Of 64 KiB each (bgzip), without end."""
    member = gzip.compress(b"0" * 65_280, 1)
    assert len(read("gzip", member * 3000)) == 65_280 * 3000


@pytest.mark.parametrize("name", BY_NAME)
def test_what_is_packed_is_what_everybody_reads(name: str) -> None:
    """By the libraries that clients have."""
    parts: list[bytes | bytearray] = [b'{"predictions":', bytearray(b"1" * 100_000), b"}"]
    readers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,
        "zstd": zstd.decompress,
    }
    assert readers[name](packed(BY_NAME[name], parts)) == b"".join(parts)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([b"gzip"], "gzip"),
        ([b" GZip "], "gzip"),
        ([b"x-gzip"], "gzip"),
        ([b"deflate"], "deflate"),
        ([b"zstd"], "zstd"),
        ([b"Identity"], None),
    ],
)
def test_coding_is_known_by_its_name(sent: Sequence[bytes], expected: str | None) -> None:
    """Whatever its case (RFC 9110, section 8.4.1)."""
    found = coding_of(sent)
    assert (None if found is None else found.name) == expected


@pytest.mark.parametrize(
    "sent",
    [[b"br"], [b""], [b"gzip, gzip"], [b"gzip", b"gzip"], [b"identity, gzip"], [b"gz\xffip"]],
)
def test_other_codings_and_several_are_refused(sent: Sequence[bytes]) -> None:
    """And those that are known are named."""
    with pytest.raises(UnknownEncoding, match="deflate, gzip, zstd"):
        coding_of(sent)


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        (b"", None),
        (b"gzip", "gzip"),
        (b"gzip, deflate", "gzip"),
        (b"gzip, deflate, br, zstd", "zstd"),
        (b"deflate", "deflate"),
        (b"x-gzip", "gzip"),
        (b"br", None),
        (b"GZIP ; Q=0.3", "gzip"),
        (b"gzip;q=0", None),
        (b"gzip;q=0.000", None),
        (b"gzip;q=0.5, identity", None),
        (b"gzip;q=1.0, identity;q=0.5, *;q=0", "gzip"),
        (b"gzip;q=0.9, zstd;q=0.8", "gzip"),
        (b"zstd;q=0, gzip", "gzip"),
        (b"identity", None),
        (b"*", None),
        (b"*;q=0.1, identity;q=0", "zstd"),
        (b"gzip, *", "gzip"),
        (b"gzip;q=2", None),
        (b"gzip;q=x", None),
        (b"gzip;q=0.1234", None),
        (b"gzip;q=-1", None),
        (b",,;;=,\xff", None),
    ],
)
def test_reply_is_coded_as_its_client_asks(accepted: bytes, expected: str | None) -> None:
    """By weight, then by what takes least; what is not understood asks for nothing."""
    found = wanted(accepted)
    assert (None if found is None else found.name) == expected


@exploring(300)
@given(st.text(alphabet="gzipdeflatstdidentity*;q=0.15, \xff", max_size=60))
def test_any_wish_is_read(accepted: str) -> None:
    """It never fails."""
    wanted(accepted.encode("latin-1"))
