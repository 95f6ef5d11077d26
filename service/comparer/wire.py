"""What front and comparer say to each other in frames."""

import enum
from typing import Final

COMPARER_ROLE: Final = "service.comparer.main"
LONGEST_PAIR: Final = 8 * 1024**2
"""Bytes of two replies that are compared; of a whole batch at most twice that."""
MEMORY_BYTES: Final = 64 * LONGEST_PAIR
"""What the process may allocate: a tree of Python's values takes some fifty times its JSON."""


class ComparerOperation(enum.IntEnum):
    """What a comparer can be asked.

    COMPARE's head is `[[rows, served, heard, named], ...]`, a list for each pair of replies with
    the lengths of both, which stand in the body one after the other, and whether they are named
    outputs instead of JSON. DONE has `{"tally", "likeness"}`:
    a `RowTally` of all pairs, and for each the worst `Likeness` of its rows, null where a reply
    could not be read.
    """

    COMPARE = 1
