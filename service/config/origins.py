"""Origins as browsers send them (RFC 6454, section 6.1): scheme, host, and an unusual port."""

import re
from typing import Final

EVERY: Final = "*"
"""Stands for any origin."""

_ORIGIN: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?/?"
)
_USUAL: Final = {"http": "80", "https": "443"}


def origin_of(text: str) -> str:
    """The origin, or `EVERY`, as it would be sent; raises ValueError."""
    if text == EVERY:
        return text
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        raise ValueError("must be origins such as https://app.example.com, without a path, or *")
    port = found["port"]
    end = "" if port is None or port == _USUAL.get(found["scheme"]) else f":{port}"
    return f"{found['scheme']}://{found['host']}{end}"
