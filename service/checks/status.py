"""`podium status`: each slot of a running service at a glance."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from rich.console import Console
from rich.text import Text

from service.addresses import is_web_address, shown
from service.checks.result import NoService
from service.checks.smoke import is_near
from service.following.sentences import plain
from service.local.silence import NO_ADDRESS, why_silent

_UNREACHABLE = 2
_NO_PODIUM = "what answers is not a Podium"


def status(url: str, *, as_json: bool, advice: str = "", console: Console | None = None) -> int:
    """Prints the service's address and its slots.

    `advice` is added where no service answers. Returns 0 if all slots are ready, 1 if not, 2 if no
    service answers at the address.
    """
    printed = console or Console(highlight=False)
    try:
        told = _told(url)
        lines = _lines(told)
        found = int(not all(slot["ready"] for slot in told["models"]))
    except NoService as reason:
        error = f"no service answers: {reason}{advice}"
        told, lines, found = {"models": [], "error": error}, [error], _UNREACHABLE
    if as_json:
        printed.print_json(json.dumps(told))
        return found
    for line in (f"service  {shown(url)}", *lines):
        # Names are anybody's: text, never markup; whole also where the terminal is narrow.
        printed.print(Text(plain(line)), soft_wrap=True)
    return found


def _told(url: str) -> dict[str, Any]:
    """What `GET /models` says. Raises `NoService`."""
    if not is_web_address(url):
        raise NoService(NO_ADDRESS)
    try:
        answer = httpx.get(f"{url.rstrip('/')}/models", timeout=10.0, trust_env=not is_near(url))
        told = answer.raise_for_status().json()
        _lines(told)  # raises where something is missing or of another kind
    except httpx.HTTPStatusError as error:
        raise NoService(f"{_NO_PODIUM} ({error.response.status_code})") from error
    except httpx.TransportError as error:
        raise NoService(why_silent(error)) from error
    except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise NoService(_NO_PODIUM) from error
    return dict(told)


def _lines(told: Mapping[str, Any]) -> Sequence[str]:
    slots = [line for slot in told["models"] for line in _of_slot(slot)]
    return [*slots, *_of_looks(told.get("look") or {})]


def _of_slot(slot: Mapping[str, Any]) -> Sequence[str]:
    """A line for what serves, and one each for what does not."""
    serves = f"version {slot['version']} since {slot['since']}" if slot["version"] else "nothing"
    state = slot["state"] if slot["ready"] else f"{slot['state']}, not ready"
    lines = [f"{slot['name']}@{slot['alias']}  {state}: {serves}"]
    if slot["aspired"] not in (None, slot["version"]):
        lines.append(f"  aspired: version {slot['aspired']}, for {slot['lag_seconds']:.0f} s")
    fallback = slot.get("last_known_good_since")
    if fallback:
        moved = slot["aspired"] not in {None, slot["version"]}
        late = "what is aspired is not ready yet"
        failed = "what is aspired cannot be served" if slot["last_failure"] else late
        why = failed if moved else "the registry has not answered"
        lines.append(f"  on its last known good since {fallback}: {why}")
    if slot.get("row_wise") is False:
        lines.append(f"  requests do not share calls: {slot['row_wise_reason']}")
    failure = slot["last_failure"]
    if failure:
        lines.append(f"  last failure: {failure['code']}: {failure['message']}")
    return lines


def _of_looks(look: Mapping[str, Any]) -> Sequence[str]:
    if not look.get("failure"):
        return []
    age = look.get("age_seconds")
    since = "never" if age is None else f"{age:.0f} s ago"
    return [f"The registry last answered {since}: {look['failure']['message']}"]
