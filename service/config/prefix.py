"""The path below which a proxy shows the service, whether or not the proxy takes it off.

The operator says it (`PODIUM_ROOT_PATH`), or the proxy does with each request
(`X-Forwarded-Prefix`), where the operator trusts it: what stands there ends in links that others
follow. What is asked for by its whole path is answered as what is asked for below the prefix.
"""

import re
from collections.abc import Callable, Collection, Iterable, MutableMapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final
from urllib.parse import unquote

PREFIX: Final = "podium.prefix"
"""Where an ASGI scope holds the prefix of its request, without a slash at its end."""

FORWARDED: Final = b"x-forwarded-prefix"
"""The header by which a proxy says what it has taken off, or has before the path."""

EVERYBODY: Final = "*"
# Segments of RFC 3986, section 3.3; an address that begins with two slashes would name a host.
_PATH: Final = re.compile(r"(/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*/?")
_LONGEST: Final = 1000

# As Starlette has it, which need not be there.
Scope = MutableMapping[str, Any]
Network = IPv4Network | IPv6Network


class BadPrefix(ValueError):
    """Not the path of a prefix."""


def prefix_of(text: str) -> str:
    """The prefix without a slash at its end; `/` is none. Raises `BadPrefix`."""
    if len(text) > _LONGEST or not _PATH.fullmatch(text):
        raise BadPrefix("must be a path such as /models-api: it begins with one slash")
    return text.rstrip("/")


@dataclass(frozen=True, slots=True)
class Proxies:
    """Who is believed to be a proxy: networks, or None for everybody."""

    networks: tuple[Network, ...] | None = ()

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Proxies":
        """Addresses and networks (`10.0.0.0/8`), or `*`. Raises ValueError."""
        listed = [text.strip() for text in texts if text.strip()]
        if EVERYBODY in listed:
            return cls(None)
        return cls(tuple(ip_network(text) for text in listed))

    def include(self, scope: Scope) -> bool:
        """Whether the request comes from one."""
        if self.networks is None:
            return True
        client = scope.get("client")
        if not self.networks or not client:
            return False
        try:
            address = ip_address(client[0])
        except ValueError:
            return False
        # An address of IPv4 at a socket of IPv6.
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return any((mapped or address) in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Knows each request's prefix.

    Attributes:
        root: the operator's word, as `prefix_of` has it; empty for none.
        proxies: whose word counts instead.
    """

    root: str = ""
    proxies: Proxies = Proxies()

    def of(self, scope: Scope) -> str:
        """What stands before the service's own paths for whoever has asked; often nothing."""
        sent = [value for name, value in scope["headers"] if name == FORWARDED]
        if not sent or not self.proxies.include(scope):
            return self.root
        try:
            # Each proxy of a chain has its own; the outermost one's stands first.
            parts = b",".join(sent).decode("ascii").split(",")
            return "".join(prefix_of(part.strip()) for part in parts)
        except ValueError:
            return self.root

    def paths(self, path: str) -> Collection[str]:
        """What that path of the service's own may be asked by: also whole, with the root path."""
        return {path, f"{unquote(self.root)}{path}"}

    def below(self, scope: Scope, known: Callable[[str], bool]) -> Scope:
        """The request by the service's own path, with its prefix.

        A path that is `known` as it is was left whole by nobody. Only the operator's own prefix is
        taken off: a proxy that hands on what its clients have sent lets them name one, and would be
        asked for paths that it keeps closed by others.
        """
        prefix = self.of(scope)
        if not prefix:
            return scope
        path: str = scope["path"]
        before = unquote(self.root)
        if before and (path == before or path.startswith(f"{before}/")) and not known(path):
            path = path.removeprefix(before) or "/"
        return {**scope, "path": path, PREFIX: prefix}


NO_PREFIX: Final = Prefixes()
"""Of a service that no proxy shows below one."""
