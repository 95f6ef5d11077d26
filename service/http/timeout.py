"""How long a request may take as a whole: as the service says, or less where its client says so."""

import re
from typing import Final

from service.errors import FieldError, InvalidInput

TIMEOUT: Final = b"podium-timeout-ms"
"""The header by which a client gives its request less time than the service would."""

_WHOLE: Final = re.compile(rb"[+-]?[0-9]+")
# Of more digits is any number longer than a service gives; int() itself refuses 4300 of them.
_MOST_DIGITS: Final = 18
_LOC: Final = ("header", TIMEOUT.decode())
_EXPECTED: Final = "must be a whole number of milliseconds, 1 or more"


def seconds_of(sent: bytes, most: float) -> float:
    """The seconds that a request with this header may take: at most `most`.

    Raises `InvalidInput` where it is no positive whole number.
    """
    return min(_milliseconds(sent.strip()) / 1000, most)


def _milliseconds(sent: bytes) -> int:
    if not _WHOLE.fullmatch(sent):
        raise _refusal("type")
    if sent[:1] == b"-" or not (digits := sent.lstrip(b"+0")):
        raise _refusal("out_of_range")
    return int(digits[:_MOST_DIGITS])


def _refusal(type_: str) -> InvalidInput:
    error = FieldError(_LOC, _EXPECTED, type_)
    return InvalidInput((error,), "The request's time limit cannot be read.")
