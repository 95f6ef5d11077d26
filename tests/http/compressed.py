"""Bodies as clients compress them: each way that there is."""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.http.codings import zstd


@dataclass(frozen=True, slots=True)
class Writer:
    """One way.

    Attributes:
        name: of the coding.
        how: for people.
        one: writes one member.
        members: which it cuts a body into, of equal length.
        summed: whether a sum stands behind it.
    """

    name: str
    how: str
    one: Callable[[bytes], bytes]
    members: int = 1
    summed: bool = True

    def __str__(self) -> str:
        return f"{self.name}-{self.how}"

    def write(self, body: bytes) -> bytes:
        """The body so."""
        return b"".join(map(self.one, self._cut(body)))

    def at_a_seam(self, body: bytes, end: int) -> bool:
        """Whether a body that is cut there holds some members whole, and nothing else."""
        lengths = [len(self.one(part)) for part in self._cut(body)]
        return end in {sum(lengths[:count]) for count in range(1, len(lengths))}

    def _cut(self, body: bytes) -> list[bytes]:
        size = max(1, -(-len(body) // self.members))
        parts = [body[at : at + size] for at in range(0, len(body), size)]
        return parts + [b""] * (self.members - len(parts))


def _gzip(level: int) -> Callable[[bytes], bytes]:
    return lambda body: gzip.compress(body, level, mtime=0)


def _raw(level: int) -> Callable[[bytes], bytes]:
    def write(body: bytes) -> bytes:
        packer = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
        return packer.compress(body) + packer.flush()

    return write


def _flushed(body: bytes) -> bytes:
    # As who streams writes: each byte of the first few leaves at once.
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    first = [
        packer.compress(body[at : at + 1]) + packer.flush(zlib.Z_SYNC_FLUSH) for at in range(9)
    ]
    return b"".join([*first, packer.compress(body[9:]), packer.flush()])


def _streamed(body: bytes) -> bytes:
    packer = zstd.ZstdCompressor()
    return packer.compress(body, mode=packer.FLUSH_BLOCK) + packer.flush()


def _summed(body: bytes) -> bytes:
    options: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
    return zstd.compress(body, options=options)


WRITERS: Final = (
    Writer("gzip", "stored", _gzip(0)),
    Writer("gzip", "usual", _gzip(6)),
    Writer("gzip", "members", _gzip(9), members=3),
    Writer("gzip", "flushed", _flushed),
    Writer("deflate", "zlib", zlib.compress),
    Writer("deflate", "zlib-stored", lambda body: zlib.compress(body, 0)),
    Writer("deflate", "raw", _raw(6), summed=False),
    Writer("deflate", "raw-stored", _raw(0), summed=False),
    Writer("zstd", "usual", zstd.compress, summed=False),
    Writer("zstd", "summed", _summed),
    Writer("zstd", "strong", lambda body: zstd.compress(body, 19), summed=False),
    Writer("zstd", "frames", zstd.compress, members=2, summed=False),
    Writer("zstd", "streamed", _streamed, summed=False),
)
