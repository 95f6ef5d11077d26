"""Why there is a slot, and for whom a service waits before it is ready."""

import enum
from typing import Final

MOST_FOUND: Final = 1000
"""How many slots patterns make where nobody says otherwise."""


class Standing(enum.Enum):
    """Why there is a slot, which says whether it is waited for."""

    CONFIGURED = "it is named by the settings: the service is ready when it is"
    FIRST = "a pattern has found it at the start: it is waited for until it serves or has failed"
    LATER = "a pattern has found it later: nobody waits for it"
