"""`podium status`: each slot of a running service at a glance."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from rich.console import Console
from rich.text import Text

from service.checks.smoke import is_near
from service.local.screen import plain

_UNREACHABLE = 2


def status(url: str, *, as_json: bool, console: Console | None = None) -> int:
    """Prints the slots; 0 if all are ready, 1 if not, 2 if no service answers at the address."""
    try:
        answer = httpx.get(f"{url.rstrip('/')}/models", timeout=10.0, trust_env=not is_near(url))
        answer.raise_for_status()
        told = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        told = {"models": [], "error": f"no service answers ({type(error).__name__}); give --url"}
    shown = console or Console(highlight=False)
    if as_json:
        shown.print_json(json.dumps(told))
    else:
        for text in [told["error"]] if "error" in told else map(_lines, told["models"]):
            # Names are anybody's: text, never markup.
            shown.print(Text(text), soft_wrap=True)
        _say_how_looks_go(shown, told.get("look") or {})
    if "error" in told:
        return _UNREACHABLE
    return int(not all(slot["ready"] for slot in told["models"]))


def _lines(slot: Mapping[str, Any]) -> str:
    """A line for what serves, one for what does not, whole even where the terminal is narrow."""
    serves = f"version {slot['version']} since {slot['since']}" if slot["version"] else "nothing"
    state = slot["state"] if slot["ready"] else f"{slot['state']}, not ready"
    lines = [f"{slot['name']}@{slot['alias']}  {state}: {serves}"]
    if slot["aspired"] not in (None, slot["version"]):
        lines.append(f"  aspired: version {slot['aspired']}, for {slot['lag_seconds']:.0f} s")
    failure = slot["last_failure"]
    if failure:
        lines.append(f"  last failure: {failure['code']}: {failure['message']}")
    return "\n".join(plain(line) for line in lines)


def _say_how_looks_go(console: Console, look: Mapping[str, Any]) -> None:
    if look.get("failure"):
        age = look.get("age_seconds")
        since = "never" if age is None else f"{age:.0f} s ago"
        told = plain(look["failure"]["message"])
        console.print(Text(f"The registry last answered {since}: {told}"))
