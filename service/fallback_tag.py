"""The model tag `podium.fallback.ALIAS`: the number of the version that was proven last there.

A slot that has no last known good of its own, on a new machine say, serves it where what its alias
is on is refused or blocked. `podium promote` keeps it.
"""

import re
from typing import Final

from service.split_tag import BadRolloutTag

_VERSION: Final = re.compile(r"[0-9]{1,19}")


def fallback_version(value: str) -> str:
    """The version's number. Raises `BadRolloutTag`."""
    found = value.strip()
    if not _VERSION.fullmatch(found):
        raise BadRolloutTag("It is not the number of a version.")
    return found
