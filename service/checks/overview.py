"""`podium status`: each slot of a running service at a glance."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from service.checks.asking import NO_PODIUM, ask
from service.checks.result import NoService
from service.config.addresses import shown
from service.following.sentences import plain

UnfinishedMoves = Callable[[Sequence[str]], Mapping[str, str]]
"""Of aliases as `NAME@ALIAS`: what is to be done about each whose move nobody has finished.

Raises `NoJournal`.
"""
_UNREACHABLE = 2
# Lines of an exception's text.
_KEY_SHOWN = 12
_MIB = 1024**2
_MOST_WORDS = 20
# What is loaded when it is asked serves what it should.
_WELL = {"serving", "cold"}
_GONE = {
    "alias_missing": "the registry has no such alias",
    "model_missing": "the registry has no such model",
}


class NoJournal(Exception):
    """MLflow cannot be asked for it; says why."""


def status(  # noqa: PLR0913 - what an operator says
    url: str,
    *,
    as_json: bool,
    lenient: bool = False,
    token: str | None = None,
    advice: str = "",
    unfinished: UnfinishedMoves | None = None,
    console: Console | None = None,
) -> int:
    """Prints the service's address and its slots.

    With the admin `token` also why, in an exception's own words, and what gates have found; with
    `unfinished` also which moves of an alias were begun and not finished.
    `advice` is added where no service answers. Returns 0 if all slots are ready and serve what they
    should, 1 if one is not, is empty, or has been refused what its alias is on, 2 if no service
    answers at the address. When `lenient`, it is enough that all are ready.
    """
    printed = console or Console(highlight=False)
    try:
        told = _told(url, token)
        if unfinished is not None:
            told["journal"] = _journal(_of_their_own(told["models"]), unfinished)
        lines = _lines(told)
        slots = _of_their_own(told["models"])
        well = all(_is_well(slot, lenient=lenient) for slot in slots)
        found = int(not well or _is_empty(told, lenient=lenient))
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


def _told(url: str, token: str | None) -> dict[str, Any]:
    """What `GET /models` says. Raises `NoService`."""
    headers = None if token is None else {"Authorization": f"Bearer {token}"}
    answer = ask("GET", url, "/models", headers=headers)
    if not answer.is_success:
        raise NoService(f"{NO_PODIUM} ({answer.status_code})")
    try:
        told = answer.json()
        _lines(told)  # raises where something is missing or of another kind
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NoService(NO_PODIUM) from error
    return dict(told)


def _of_their_own(slots: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Those that are asked for by name: what an arm cannot answer its slot does."""
    return [slot for slot in slots if not slot.get("arm")]


def _is_well(slot: Mapping[str, Any], *, lenient: bool) -> bool:
    return bool(slot["ready"]) and (lenient or slot["state"] in _WELL)


def _is_empty(told: Mapping[str, Any], *, lenient: bool) -> bool:
    """Whether patterns have found nothing; when `lenient`, only where nothing else is served."""
    unmatched = (told.get("patterns") or {}).get("unmatched", [])
    return bool(unmatched) and not (lenient and told["models"])


def _lines(told: Mapping[str, Any]) -> Sequence[str]:
    slots = [line for slot in told["models"] for line in _of_slot(slot)]
    withdrawn = map(_of_withdrawn, told.get("withdrawn") or ())
    patterns, look = told.get("patterns") or {}, told.get("look") or {}
    journal, events = told.get("journal") or {}, told.get("events") or {}
    of_slots = [*slots, *withdrawn, *_of_journal(journal), *_of_patterns(patterns)]
    return [*of_slots, *_of_looks(look), *_of_events(events)]


def _journal(slots: Sequence[Mapping[str, Any]], unfinished: UnfinishedMoves) -> dict[str, Any]:
    refs = [f"{slot['name']}@{slot['alias']}" for slot in slots]
    try:
        return {"unfinished": dict(unfinished(refs)), "error": None}
    except NoJournal as error:
        return {"unfinished": {}, "error": str(error)}


def _of_journal(told: Mapping[str, Any]) -> Sequence[str]:
    lines = [f"{ref}  not finished: {said}" for ref, said in told.get("unfinished", {}).items()]
    if told.get("error"):
        lines.append(f"journal  cannot be read: {told['error']}")
    return lines


def _of_withdrawn(told: Mapping[str, Any]) -> str:
    by = "by its tag" if told["source"] == "tag" else "by command"
    reason = f": {told['reason']}" if told.get("reason") else ""  # for its operator alone
    return f"{told['model']} version {told['version']}  withdrawn {by} since {told['at']}{reason}"


def _of_patterns(told: Mapping[str, Any]) -> Sequence[str]:
    lines = [
        f"{pattern}  empty: no model and alias of the registry match"
        for pattern in told.get("unmatched", [])
    ]
    if told.get("left_out"):
        lines.append(f"{told['left_out']} more match, for which PODIUM_MAX_SLOTS leaves no room")
    return lines


def _of_slot(slot: Mapping[str, Any]) -> Sequence[str]:
    """A line for what serves, and one each for what does not."""
    serves = f"version {slot['version']} since {slot['since']}" if slot["version"] else "nothing"
    state = slot["state"] if slot["ready"] else f"{slot['state']}, not ready"
    arm = "  (an arm)" if slot.get("arm") else ""
    lines = [f"{slot['name']}@{slot['alias']}  {state}: {serves}{arm}"]
    lines += [*map(_of_arm, slot.get("arms") or ()), *map(_of_tag, slot.get("wrong_tags") or ())]
    if slot.get("withdrawn"):
        gets = "is answered with 410" if not slot["version"] else "does not serve"
        lines.append(f"  withdrawn: version {slot['withdrawn']} {gets}")
    lines += [*_of_environment(slot.get("environment")), *_of_coming(slot.get("coming"))]
    if held := slot.get("held"):
        lines.append(f"  held {_of_hold(held)}; its alias is on {_on(held['alias_on'])}")
    if slot.get("blocked"):
        lines.append(f"  blocked: version {slot['blocked']}")
    lines += _of_bake(slot.get("bake"))
    if slot["aspired"] not in (None, slot["version"]):
        lines.append(f"  aspired: version {slot['aspired']}, for {slot['lag_seconds']:.0f} s")
    fallback, failure = slot.get("last_known_good_since"), slot["last_failure"]
    if fallback:
        moved = slot["aspired"] not in {None, slot["version"]}
        late = "the aspired version is not ready yet"
        failed = "the aspired version cannot be served" if failure else late
        silent = "the registry has not answered"
        gone = _GONE.get(failure["code"], silent) if failure else silent
        lines.append(f"  on its last known good since {fallback}: {failed if moved else gone}")
    if slot.get("row_wise") is False:
        lines.append(f"  requests do not share calls: {slot['row_wise_reason']}")
    if failure:
        lines.append(f"  last failure: {failure['code']}: {failure['message']}")
        lines += _why(failure)
    return lines


def _of_arm(arm: Mapping[str, Any]) -> str:
    has = f"{arm['weight']:g}% of requests"
    wished = f", of {arm['wished']:g}% wished" if arm["weight"] != arm["wished"] else ""
    return f"  {has}{wished}: {arm['alias']}, {_on(arm['version'])}"


def _of_tag(wrong: Mapping[str, Any]) -> str:
    return f"  tag {wrong['tag']}: {wrong['message']}"


def _of_environment(told: Mapping[str, Any] | None) -> Sequence[str]:
    """Nothing of Podium's own, where that is where the version is to stay."""
    if not told or not (told["key"] or told["awaited"]):
        return []
    if not told["key"]:
        return ["  in Podium's own environment, until one of its own can be built"]
    many = f"Python {told['python']}, {told['packages']} packages"
    if takes := told.get("zygote_memory_bytes"):
        many = f"{many}, {takes / _MIB:.0f} MiB of libraries"
    return [f"  in an environment of its own: {many} ({told['key'][:_KEY_SHOWN]})"]


def _of_coming(told: Mapping[str, Any] | None) -> Sequence[str]:
    if not told or not told["stage"]:
        return []
    step = f", {told['step']}" if told["step"] else ""
    many = f", {told['packages']} packages" if told["packages"] else ""
    return [f"  version {told['version']} is on its way: {told['stage']}{step}{many}"]


def _of_hold(held: Mapping[str, Any]) -> str:
    until = f"until {held['until']}" if held["until"] else "until it is released"
    wrong = "; its time cannot be read" if held["unreadable"] else ""
    reason = f": {held['reason']}" if held.get("reason") else ""  # for its operator alone
    return f"{until}{wrong}{reason}"


def _of_bake(told: Mapping[str, Any] | None) -> Sequence[str]:
    if not told:
        return []
    few = f"on for want of requests, until {told['most_until']}"
    until = few if told["unproven"] else f"until {told['until']}"
    until = "on for as long as it fails so much" if told.get("failing") else until
    new = f"{told['failures']} of {told['requests']} requests have failed"
    old = f"version {told['older']}: {told['older_failures']} of {told['older_requests']}"
    beside = f"; {old}" if told["older"] else "; no older version is warm"
    return [f"  bakes {until}: {new}{beside}"]


def _on(version: str | None) -> str:
    return "nothing" if version is None else f"version {version}"


def _why(failure: Mapping[str, Any]) -> Sequence[str]:
    """What only an operator is told."""
    words = (failure.get("detail") or "").splitlines()[:_MOST_WORDS]
    said = [f"    {'why: ' if not number else '     '}{word}" for number, word in enumerate(words)]
    found = failure.get("findings") or ()
    return [*said, *(f"    found: {each['code']}: {each['sentence']}" for each in found)]


def _of_looks(look: Mapping[str, Any]) -> Sequence[str]:
    if not look.get("failure"):
        return []
    age = look.get("age_seconds")
    when = "has not answered yet" if age is None else f"last answered {age:.0f} s ago"
    return [f"The registry {when}: {look['failure']['message']}"]


def _of_events(told: Mapping[str, Any]) -> Sequence[str]:
    if not told:
        return []
    return [f"events  {told['lost']} lost since {told['since']}: {told['code']}: {told['message']}"]
