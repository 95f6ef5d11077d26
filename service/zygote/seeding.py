"""What forks would draw alike, had each not drawn anew: generators that the zygote has set up.

A library sets up generators of random numbers when it is imported, or first used; forked with all
else, they would give every host the same draws, and each replacement those of the one before.
Python's own, `random`, sees to itself, as do `secrets`, `tempfile`, `uuid` and OpenSSL. What a
model seeds itself stays as its author wants it: it is loaded later.
"""

import gc
import os
import random
import sys
from typing import Any, Final

_AUTHENTICATION_BYTES: Final = 32
# numpy takes 128 bits from the system. Where a library has given it less, it wants the same draws.
_CHOSEN_BITS: Final = 64
_found: Final[list[Any]] = []


def note_generators() -> None:
    """Notes those that libraries have set up since the last time; once all of them are imported.

    Before the collector is told to leave what is there alone, for it tells of the rest only.
    """
    kinds = _kinds()
    _found.extend(each for each in gc.get_objects() if type(each) in kinds and _is_by_chance(each))


def seed_anew() -> None:
    """From now on this process draws what no other does. For a child, before it does anything."""
    if "multiprocessing.process" in sys.modules:
        process = sys.modules["multiprocessing.process"].current_process()
        process.authkey = os.urandom(_AUTHENTICATION_BYTES)
    for each in _found:
        if isinstance(each, random.Random):
            each.seed()
        else:
            each.state = type(each)().state
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()


def _kinds() -> set[type]:
    numpy = sys.modules.get("numpy.random")
    named = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
    return {random.Random} | ({getattr(numpy, name) for name in named} if numpy else set())


def _is_by_chance(generator: Any) -> bool:
    if isinstance(generator, random.Random):
        return True  # it does not say what it was seeded with
    # Public since numpy 1.25.
    seeds = getattr(generator, "seed_seq", None) or getattr(generator, "_seed_seq", None)
    entropy = getattr(seeds, "entropy", None)
    return isinstance(entropy, int) and entropy.bit_length() > _CHOSEN_BITS
