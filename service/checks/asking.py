"""One question to a running service over HTTP, as commands ask it."""

import ssl
from collections.abc import Mapping
from typing import Final

import httpx

from service.checks.result import NoService
from service.config.addresses import is_near, is_web_address
from service.local.tracking import NO_ADDRESS, why_silent

NO_PODIUM: Final = "what answers is not a Podium"
_SECONDS: Final = 10.0


def ask(  # noqa: PLR0913 - of HTTP
    method: str,
    url: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    seconds: float = _SECONDS,
    json: Mapping[str, object] | None = None,
) -> httpx.Response:
    """The answer, whatever its status, within so many seconds a step. Raises `NoService`.

    `json` is the body, if there is one.
    """
    if not is_web_address(url):
        raise NoService(NO_ADDRESS)
    address = f"{url.rstrip('/')}{path}"
    try:
        return httpx.request(
            method,
            address,
            headers=headers,
            timeout=seconds,
            json=json,
            trust_env=not is_near(url),
            verify=trusted(url),
        )
    except httpx.TransportError as error:
        raise NoService(why_silent(error)) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NoService(NO_PODIUM) from error


def trusted(address: str) -> ssl.SSLContext | bool:
    """What httpx is to `verify` by: SSL_CERT_FILE counts for this machine's own addresses, too.

    No proxy of the environment stands before those, so that httpx is not to read it otherwise.
    """
    own = is_near(address) and address.lower().startswith("https:")
    return httpx.create_ssl_context() if own else True
