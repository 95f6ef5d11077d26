"""Which callers an arm gets: a caller's bucket is the same on every instance, and for ever.

There are `WHOLE` buckets, in a row. The first arm has those at the left end, the second those at
the right one, the slot's own version what is between: an arm that grows takes from that alone, and
nobody who had it loses it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from random import random
from typing import Final, Generic, TypeVar

from service.split_tag import WHOLE

_DIGEST_BYTES: Final = 8
_Arm = TypeVar("_Arm")


def key_of(slot: str) -> bytes:
    """What makes the buckets of that slot, `name@alias`, others than those of another.

    So that one caller is not among the first ten percent of every model.
    """
    return blake2b(slot.encode(), digest_size=_DIGEST_BYTES).digest()


def bucket_of(key: bytes, caller: bytes) -> int:
    """The bucket of that caller, whatever it calls itself, by the slot's key."""
    digest = blake2b(caller, digest_size=_DIGEST_BYTES, key=key).digest()
    return int.from_bytes(digest) % WHOLE


@dataclass(frozen=True, slots=True)
class Buckets(Generic[_Arm]):
    """Who answers which caller. Made once for each traffic; asked once for each request.

    Attributes:
        key: the slot's.
        header: by which a caller is known, in lower case.
        own: whoever has what is left.
        left: the arm at the left end, and how many buckets it has.
        right: the arm at the right end, and its first bucket.
    """

    key: bytes
    header: bytes
    own: _Arm
    left: tuple[_Arm, int]
    right: tuple[_Arm, int]
    chance: Callable[[], float] = random

    def pick(self, headers: Mapping[bytes, bytes]) -> _Arm:
        """Who is to answer; by chance where the caller does not say who it is."""
        caller = headers.get(self.header)
        bucket = bucket_of(self.key, caller) if caller else int(self.chance() * WHOLE)
        if bucket < self.left[1]:
            return self.left[0]
        return self.right[0] if bucket >= self.right[1] else self.own
