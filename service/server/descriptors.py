"""File descriptors: as many as the system allows, and how many of them clients may have."""

import resource
from typing import Final

# A hard limit can be a thousand million; nothing here needs more than this.
_MOST_DESCRIPTORS: Final = 65_536
_MOST_CONNECTIONS: Final = 10_000
# The service's own, with the connections reserved for probes: a quarter, but between these. At rest
# it has about thirty open, each host takes some more, and a swap doubles those.
_LEAST_OWN, _MOST_OWN = 64, 512


def raise_descriptor_limit() -> int:
    """Raises the soft limit to the hard one, up to 65,536, and returns what is in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _MOST_DESCRIPTORS) if hard != resource.RLIM_INFINITY else _MOST_DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft if soft != resource.RLIM_INFINITY else wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def connections_within(descriptors: int) -> int:
    """How many connections so many descriptors leave room for, beside the service's own."""
    own = min(max(descriptors // 4, _LEAST_OWN), _MOST_OWN)
    return max(1, min(_MOST_CONNECTIONS, descriptors - own))
