"""Addresses of package indexes: which of them are one place, and who may be given credentials.

A version's author writes some of them. What two readers could take for different places is none.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit, urlunsplit

_PORTS: Final = {"http": 80, "https": 443}
# An address as uv's variables have it may begin with a name: no name has these.
_NOT_OF_NAMES: Final = frozenset(":/?#@")
_HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
# Spaces and commas part them in variables; browsers read a backslash as a slash.
_ODD: Final = frozenset(" $,\\")


@dataclass(frozen=True, slots=True)
class IndexAddress:
    """One index.

    Attributes:
        place: scheme, host and port: who is asked, and may be given credentials for that.
        path: without a slash at its end.
        user: credentials that stand in it, as `NAME:PASSWORD`; empty: none.
    """

    place: tuple[str, str, int]
    path: str
    user: str = field(default="", repr=False)

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Of an address, also as `NAME=ADDRESS`, or of a host, which is asked by TLS; else None."""
        name, equals, rest = text.partition("=")
        address = rest if equals and not {*name} & _NOT_OF_NAMES else text
        try:
            parts = urlsplit(address if "://" in address else f"https://{address}")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return None
        if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or _is_odd(parts):
            return None
        place = (parts.scheme, host, _PORTS[parts.scheme] if port is None else port)
        return cls(place, parts.path.rstrip("/"), parts.netloc.rpartition("@")[0])

    @property
    def host(self) -> str:
        """`HOST` or `HOST:PORT`, for people; `http://` stands before it where there is no TLS."""
        scheme, host, port = self.place
        shown = f"[{host}]" if ":" in host else host
        where = shown if port == _PORTS[scheme] else f"{shown}:{port}"
        return f"http://{where}" if scheme == "http" else where

    def is_same(self, other: "IndexAddress") -> bool:
        """Whether it is that index itself."""
        return (self.place, self.path) == (other.place, other.path)


def plain_address(text: str) -> str | None:
    """An address without credentials; None where it is not one of http or https, or is unclear."""
    if "://" not in text.partition("=")[0] or IndexAddress.of(text) is None:
        return None
    parts = urlsplit(text)
    netloc = parts.netloc.rpartition("@")[2].lower()
    return urlunsplit(SplitResult(parts.scheme, netloc, parts.path, "", ""))


def with_user(address: str, user: str) -> str:
    """That plain address with the credentials."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc}")) if user else address


def _is_odd(parts: SplitResult) -> bool:
    written = f"{parts.netloc.rpartition('@')[2]}{parts.path}"
    is_plain = written.isascii() and written.isprintable() and not {*written} & _ODD
    is_clear = "\\" not in parts.netloc and "//" not in parts.path
    return not (is_plain and is_clear) or ".." in parts.path.split("/")
