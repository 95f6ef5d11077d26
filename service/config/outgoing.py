"""How this process reaches an address outside: by which proxy, and which authorities it trusts.

By the variables that libraries read too, taken from what the service was started with: in its own
environment they stand no more, for a proxy's may hold a password.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from service.config.addresses import is_near


@dataclass(frozen=True, slots=True)
class Outgoing:
    """For one address.

    Attributes:
        proxy: its address; None: there is none in between.
        authorities: a file of certificates to trust, None for those that come along.
        authorities_folder: the same as a folder.
    """

    proxy: str | None = field(default=None, repr=False)
    authorities: str | None = None
    authorities_folder: str | None = None

    @classmethod
    def to(cls, address: str, environment: Mapping[str, str]) -> Self:
        """By `HTTPS_PROXY`, `NO_PROXY` and so on, and `SSL_CERT_FILE` or `SSL_CERT_DIR`."""
        return cls(
            None if is_near(address) else _proxy(address, environment),
            environment.get("SSL_CERT_FILE") or None,
            environment.get("SSL_CERT_DIR") or None,
        )


def _proxy(address: str, environment: Mapping[str, str]) -> str | None:
    from urllib.request import proxy_bypass

    upper = {name.lower(): value for name, value in environment.items() if name.isupper()}
    named = {**upper, **{name: value for name, value in environment.items() if name.islower()}}
    suffix = "_proxy"
    proxies = {
        name.removesuffix(suffix): value
        for name, value in named.items()
        if name.endswith(suffix) and value
    }
    parts = urlsplit(address)
    host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    if proxy_bypass(host, proxies):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"
