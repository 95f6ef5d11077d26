"""Tells the person at the terminal, in one short line each, the few events that concern them.

The service logs JSON lines. To tell one more kind of event is one more row in `TOLD`.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from service.following.sentences import plain


@dataclass(frozen=True, slots=True)
class Telling:
    """How one kind of event reads.

    Attributes:
        text: with the event's fields in braces; one that the event lacks reads `?`.
        reasons: fields of which the first that is there follows after a colon.
        style: rich's word for the colour.
    """

    text: str
    reasons: tuple[str, ...] = ()
    style: str = "yellow"


TOLD: Mapping[str, Telling] = {
    "setting_unknown": Telling("{message}"),
    "swapped": Telling("{slot} now serves version {version}", style="green"),
    "version_refused": Telling("{slot}: version {version} is refused", ("message", "code")),
    "withdrawn": Telling("{slot}: version {version} is withdrawn", ("message",)),
    "alias_missing": Telling("{slot}: the alias is gone", ("message", "code")),
    "model_missing": Telling("{slot}: the model is gone", ("message", "code")),
    "alias_look_failed": Telling("{slot}: MLflow gives no answer about it", ("message", "code")),
    "look_failed": Telling("MLflow gives no answer about the aliases", ("message", "code")),
    "look_recovered": Telling("MLflow answers again", style="green"),
    "webhook_refused": Telling("A delivery of MLflow's webhook is refused", ("code",)),
    "api_keys_unreadable": Telling("The file of API keys cannot be used", ("message",)),
    "host_died": Telling("A process of {model} version {version} died", ("reason",)),
}

# An outage is logged with every look; it is told once, and again when it comes back later.
_REPEATED_AFTER = 60.0


class _Fields(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "?"


class Narrator:
    """Reads log lines and says those that `told` names; everything else it passes over."""

    def __init__(
        self,
        say: Callable[[str, str], None],
        told: Mapping[str, Telling] = TOLD,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._told = told
        self._clock = clock
        names = b"|".join(re.escape(name.encode()) for name in told)
        # Parsing every request's line would cost what serving them costs.
        self._worth_reading = re.compile(rb'"event"\s*:\s*"(?:' + names + rb')"')
        self._last = ""
        self._last_at = 0.0

    def __call__(self, line: bytes) -> None:
        """Never raises: a line that is no event is nobody's fault here."""
        if not self._worth_reading.search(line):
            return
        try:
            event = json.loads(line)
            telling = self._told[event["event"]]
        except (ValueError, KeyError, TypeError):
            return
        self._tell(_sentence(telling, event), telling.style)

    def _tell(self, sentence: str, style: str) -> None:
        now = self._clock()
        again = sentence == self._last and now - self._last_at < _REPEATED_AFTER
        self._last, self._last_at = sentence, now
        if not again:
            self._say(sentence, style)


def _sentence(telling: Telling, event: Mapping[str, Any]) -> str:
    # Names of models are anybody's: they are shown, never obeyed.
    fields = _Fields({name: plain(str(value)) for name, value in event.items()})
    text = telling.text.format_map(fields)
    reason = next((fields[name] for name in telling.reasons if event.get(name)), None)
    return text if reason is None else f"{text}: {reason}"
