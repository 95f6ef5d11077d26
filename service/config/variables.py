"""Which `PODIUM_*` variables are settings, which are Kubernetes's, and which nobody knows.

For each Service, Kubernetes gives the pods of its namespace variables that begin with the Service's
name (Accessing the Service, environment variables): one called podium, or podium-tracking, makes
names that a setting may have, and others that look like one.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from service.config.secrets import PREFIX

_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)
_LINK: Final = re.compile(
    rf"{PREFIX}(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
# Neither is a setting of the service: the first is read by `podium smoke`, the second is the mark
# that processes of one service have.
_OTHERS: Final = frozenset({f"{PREFIX}API_KEY", f"{PREFIX}ZYGOTE"})


@dataclass(frozen=True, slots=True)
class Unknown:
    """A variable that nothing reads, and the known one that is spelled most like it, if any is."""

    name: str
    nearest: str | None

    def __str__(self) -> str:
        hint = "" if self.nearest is None else f"; did you mean {self.nearest}?"
        return f"{self.name!r} is not a setting, and is ignored{hint}"


def is_service_link(name: str, value: str) -> bool:
    """Whether Kubernetes has set that variable for a Service, and no operator has."""
    if name.endswith("_PORT") and _ADDRESS.match(value):
        return True
    return _LINK.fullmatch(name) is not None


def unknown_variables(
    environment: Mapping[str, str], settings: Collection[str]
) -> Iterator[Unknown]:
    """Every `PODIUM_*` variable that is none of these `settings`; never what it holds.

    They count in any case, as they are read.
    """
    known = _OTHERS.union(settings)
    for name, value in environment.items():
        spelled = name.upper()
        if not spelled.startswith(PREFIX) or spelled in known or is_service_link(spelled, value):
            continue
        nearest = difflib.get_close_matches(spelled, sorted(known), n=1, cutoff=0.75)
        yield Unknown(name, nearest[0] if nearest else None)
