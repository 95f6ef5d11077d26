"""The model tag `podium.fallback.ALIAS`: the number of the version that was proven last there.

A slot that has no last known good of its own, on a new machine say, serves it where what its alias
is on is refused or blocked. `podium promote` keeps it.
"""

import re
from typing import Final

_VERSION: Final = re.compile(r"[0-9]{1,19}")


def fallback_in(value: str | None) -> str | None:
    """The version's number; None where there is no tag, or no number in it."""
    found = None if value is None else value.strip()
    return found if found is not None and _VERSION.fullmatch(found) else None
