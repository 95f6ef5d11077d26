"""Why an event has not reached its receiver: a code and a sentence, never where that is.

Whoever knows the address of a chat's receiver may write there, and an exception's text may hold it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final


class EventFault(StrEnum):
    """Stable codes."""

    UNREACHABLE = "events_unreachable"
    TIMED_OUT = "events_timed_out"
    NOT_TRUSTED = "events_not_trusted"
    REDIRECTED = "events_redirected"
    REFUSED = "events_refused"
    FAILED = "events_failed"
    TOO_MANY = "events_too_many"
    STOPPED = "events_stopped"


EVENT_SENTENCES: Final[Mapping[EventFault, str]] = {
    EventFault.UNREACHABLE: "Nothing answers at the address of PODIUM_EVENTS_URL, or its proxy "
    "does not let the event through.",
    EventFault.TIMED_OUT: "The receiver of PODIUM_EVENTS_URL did not answer in time.",
    EventFault.NOT_TRUSTED: "The certificate of the receiver of PODIUM_EVENTS_URL is not trusted: "
    "name its authority by SSL_CERT_FILE.",
    EventFault.REDIRECTED: "The receiver of PODIUM_EVENTS_URL sends elsewhere, which is not "
    "followed: name the address where events are taken.",
    EventFault.REFUSED: "The receiver of PODIUM_EVENTS_URL refuses the event: compare the address, "
    "PODIUM_EVENTS_SECRET and PODIUM_EVENTS_FORMAT with its own.",
    EventFault.FAILED: "The receiver of PODIUM_EVENTS_URL answers that it failed or is busy.",
    EventFault.TOO_MANY: "More events came than the receiver of PODIUM_EVENTS_URL has taken; the "
    "oldest are lost.",
    EventFault.STOPPED: "The service stopped before the receiver of PODIUM_EVENTS_URL had taken "
    "all.",
}
"""For people."""

# What another try may mend; what is wrong with the address or the secret it does not.
_PASSING: Final = frozenset({EventFault.UNREACHABLE, EventFault.TIMED_OUT, EventFault.FAILED})
_BUSY: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


@dataclass(frozen=True, slots=True)
class EventTrouble:
    """That events are being lost: since when (seconds since 1970), how many, and why the last."""

    since: float
    lost: int
    fault: EventFault


def is_passing(fault: EventFault) -> bool:
    """Whether it is worth another try."""
    return fault in _PASSING


def fault_of(status: int) -> EventFault | None:
    """What a receiver's answer means; None: it has taken the event."""
    if status // 100 == 2:  # noqa: PLR2004 - of HTTP
        return None
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return EventFault.FAILED
    if status < HTTPStatus.BAD_REQUEST:
        return EventFault.REDIRECTED
    return EventFault.REFUSED
