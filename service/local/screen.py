"""What `up` prints: lines anywhere, a moving sign of waiting on a terminal, events, a welcome.

A terminal that has gone away is no reason to fail: what cannot be printed is dropped. The service
logs JSON lines; of these the few events that concern the person at the terminal are told, in one
short line each. To tell one more kind of event is one more row in `TOLD`.
"""

import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast
from urllib.parse import quote

from rich.console import Console
from rich.text import Text

from service.following.sentences import plain
from service.local.commands import pasted
from service.local.settings import MODEL, UpSettings
from service.refs import ModelRef


class _Stdout(io.TextIOBase):
    """Standard output, for as long as somebody takes it; then nowhere, without a word.

    A pipe whose reader has ended and a terminal that was closed both fail only when written to,
    and would do so while the children are being ended.
    """

    def __init__(self) -> None:
        # Taken now: while rich shows a status, `sys.stdout` is a stand-in that leads back here.
        self._stream = sys.stdout

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has it writable, io has not
        return self._stream.encoding

    def write(self, text: str, /) -> int:
        # A name may hold letters that the terminal's character set lacks.
        writable = text.encode(self.encoding, "backslashreplace").decode(self.encoding)
        try:
            return self._stream.write(writable)
        except OSError:
            self._give_up()
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._give_up()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def _give_up(self) -> None:
        # Also the interpreter's own flush at its exit then succeeds.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


class Screen:
    """Prints for the person who started `up`."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=cast("IO[str]", _Stdout()))

    def say(self, text: str, style: str | None = None) -> None:
        """One or more lines as they are: no markup, no wrapping, so that commands can be pasted."""
        said = Text(text, style=style or "")
        self._console.print(said, soft_wrap=True)

    def fail(self, message: str, details: Sequence[str] = ()) -> None:
        """A sentence, and below it lines that somebody else wrote."""
        for line in details:
            self.say(f"  | {plain(line)}", style="dim")
        self.say(message, style="bold red")

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Says what is waited for; on a terminal, shows that it still is."""
        if not self._console.is_terminal:
            self.say(f"{text} ...")
            yield
            return
        with self._console.status(f"{text} ..."):
            yield


@dataclass(frozen=True, slots=True)
class Telling:
    """How one kind of event reads.

    Attributes:
        text: with the event's fields in braces; one that the event lacks reads `?`.
        reasons: fields of which the first that is there follows after a colon.
        style: rich's word for the colour.
        passing: the text where the event's field `passing` is true; empty: the same.
    """

    text: str
    reasons: tuple[str, ...] = ()
    style: str = "yellow"
    passing: str = ""


TOLD: Mapping[str, Telling] = {
    "setting_unknown": Telling("{message}"),
    "swapped": Telling("{slot} now serves version {version}", style="green"),
    "version_refused": Telling(
        "{slot}: version {version} is refused",
        ("message", "code"),
        passing="{slot}: version {version} does not serve yet, and is tried again",
    ),
    "withdrawn": Telling("{slot}: version {version} is withdrawn", ("message",)),
    "alias_missing": Telling("{slot}: the alias is gone", ("message", "code")),
    "model_missing": Telling("{slot}: the model is gone", ("message", "code")),
    "alias_look_failed": Telling(
        "{slot}: MLflow gave no usable answer about it", ("message", "code")
    ),
    "look_failed": Telling("MLflow gave no usable answer about the aliases", ("message", "code")),
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
        """Never raises: a line that is not an event is nobody's fault here."""
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
    said = telling.passing if telling.passing and event.get("passing") is True else telling.text
    text = said.format_map(fields)
    reason = next((fields[name] for name in telling.reasons if event.get(name)), None)
    return text if reason is None else f"{text}: {reason}"


# One flower of the data set (setosa), by the names of the columns that the model was trained on.
_FLOWER = {
    "sepal length (cm)": 5.1,
    "sepal width (cm)": 3.5,
    "petal length (cm)": 1.4,
    "petal width (cm)": 0.2,
}

_TEXT = """
Podium serves {served}.
{absent}
  The console     {console}
  MLflow's page   {page}
  The service     {service}
  Its API         {service}/docs
  Logs            {logs}
  Admin token     {token}
{first}
See what serves and why, and meet the service as an application would:

  {status}
  {smoke}

Ctrl-C ends all of it."""

_ABSENT = """
Not there yet: {models}. Served as soon as MLflow has it; register versions with
MLFLOW_TRACKING_URI={tracking}.
"""

_FIRST = """
The console shows what serves, each step of a swap, and why a version is refused.

Ask for a prediction; the answer names the version that gave it:

  curl -s {service}{path} -H 'Content-Type: application/json' \\
    -d '{body}'

Train a second version and move the alias to it, in another terminal; then ask again:

  {train}

Move the alias back in MLflow's page (the version's Aliases): {page}
"""


def welcome(settings: UpSettings, absent: Collection[ModelRef] = ()) -> str:
    """The text; every command in it can be pasted as it is."""
    iris = next((ref for ref in settings.models if ref.name == MODEL), None)
    return _TEXT.format(
        served=_named([ref for ref in settings.models if ref not in absent]) or "nothing yet",
        absent=_missing(settings, absent),
        page=settings.model_page((iris or settings.models[0]).name),
        console=f"{settings.admin_url}/",
        service=settings.service_url,
        logs=settings.logs,
        token=settings.admin_token or "yours",
        first="" if iris is None else _first_steps(settings, iris),
        status=pasted("status", settings.home),
        smoke=pasted("smoke", settings.home),
    )


def _missing(settings: UpSettings, absent: Collection[ModelRef]) -> str:
    if not absent:
        return ""
    return _ABSENT.format(models=_named(list(absent)), tracking=settings.tracking_uri)


def _named(refs: Sequence[ModelRef]) -> str:
    # Names of models are anybody's: they are shown, never obeyed.
    return plain(", ".join(map(str, refs)))


def _first_steps(settings: UpSettings, iris: ModelRef) -> str:
    own = f"/models/{quote(iris.name, safe='')}@{quote(iris.alias, safe='')}/predict"
    return _FIRST.format(
        service=settings.service_url,
        path="/predict" if iris == settings.models[0] else own,
        body=json.dumps({"dataframe_records": [_FLOWER]}),
        train=pasted(f"train --C 0.1 --alias {iris.alias}", settings.home),
        page=settings.model_page(iris.name),
    )
