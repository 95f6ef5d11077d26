"""What a child of the registry's says for a log, without the credentials that it holds.

Libraries repeat in their errors what they were given: an address with its password, or the part of
a password that they have taken for a host.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

_MOST_CHARACTERS: Final = 2000
# Up to the last @: a password may hold one that nobody has encoded.
_USER_INFO: Final = re.compile(r"//[^/\s]*@")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9+.-]+://[^/?#:@]*:(.*)@")
_SECRET: Final = re.compile(
    r"(PASSW|PWD|TOKEN|SECRET|_KEY$|CONNECTION_STRING)(?!.*_(FILE|PATH)$)", re.IGNORECASE
)
# Shorter ones would be found in words that are none.
_SHORTEST: Final = 4
_MASK: Final = "***"


def sanitized(text: str, environment: Mapping[str, str]) -> str:
    """The text, fit for a log: of bounded length, and with none of the environment's secrets."""
    text = _USER_INFO.sub("//", text)
    for secret in sorted(set(_secrets(environment)), key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return text[:_MOST_CHARACTERS].encode(errors="replace").decode()


def _secrets(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        if _SECRET.search(name) and len(value) >= _SHORTEST:
            yield value
        password = _ADDRESS.match(value)
        if password is not None:
            yield from _forms(password[1])


def _forms(password: str) -> Iterator[str]:
    """The password, encoded and not; and what stands behind an @ in it, with the one at its end."""
    if len(password) >= _SHORTEST:
        yield password
        yield unquote(password)
    for place, letter in enumerate(password):
        if letter == "@":
            yield f"{password[place + 1 :]}@"
