"""How one event becomes bytes of the log: a JSON line for programs, words for people.

Control characters, and those that turn the direction of text, are escaped in both: what a registry
or a client names itself can neither forge a line nor drive a terminal.
"""

import json
import re
import shlex
import time
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from string import Formatter
from typing import Any, Final

import orjson

from service.following.sentences import plain
from service.telemetry.words import SAYINGS, Saying

LogEvent = MutableMapping[str, Any]
Render = Callable[[LogEvent, str], bytes]
"""Of an event, whose name is its `event`, and a level."""

OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
# JSON escapes only what is below a space; terminals also obey DEL and the C1 controls, some readers
# take Unicode's own line ends for the end of a line, and marks of direction reorder what is seen.
_MORE_CONTROLS: Final = re.compile(
    rb"\x7f|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]"
)
# Shown as they are, below the line: texts of many lines.
_BLOCKS: Final = ("detail", "exception")
_AT_THE_BEGIN: Final = ("level", "timestamp")
# The sentence itself is another.
_IN_WORDS: Final = ("passing",)
_COLOURS: Final[Mapping[str, str]] = {"warning": "33", "error": "31", "critical": "31"}
_INDENT: Final = "         | "


def json_line(event: LogEvent, level: str) -> bytes:
    """One JSON line; values that JSON cannot hold are written as their `repr`."""
    line = {"level": level, "event": event.pop("event", ""), "timestamp": datetime.now(UTC)}
    line |= event
    try:
        text = orjson.dumps(line, default=repr, option=OPTIONS | orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:  # lone surrogates and numbers beyond 64 bits
        text = json.dumps(line, default=repr, skipkeys=True).encode() + b"\n"
    return _MORE_CONTROLS.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), text)


class Words:
    """Events in words: one line each, and below it, behind a bar, texts of many lines.

    `terminal`: the time of day alone, for somebody who looks on; else all of it, in UTC.
    `coloured`: warnings and errors stand out.
    """

    def __init__(self, *, terminal: bool, coloured: bool) -> None:
        self._terminal = terminal
        self._coloured = coloured

    def __call__(self, event: LogEvent, level: str) -> bytes:
        """As `Render`. No line begins as one of its own unless Podium has begun it."""
        name = str(event.pop("event", ""))
        saying = SAYINGS.get(name) or Saying(plain(name).replace("{", "{{").replace("}", "}}"))
        shown = {key: value for key, value in event.items() if key not in _AT_THE_BEGIN}
        lines = _lines(saying.of(event), shown)
        return f"{self._begin(level)}{self._toned(lines, level)}\n".encode()

    def _begin(self, level: str) -> str:
        if not self._terminal:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            return f"{now.replace('+00:00', 'Z')} {level}: "
        return f"{time.strftime('%H:%M:%S')} {'' if level == 'info' else f'{level}: '}"

    def _toned(self, lines: list[str], level: str) -> str:
        text = "\n".join(lines)
        colour = _COLOURS.get(level) if self._coloured else None
        return text if colour is None else f"\x1b[{colour}m{text}\x1b[0m"


def _lines(saying: Saying, event: Mapping[str, Any]) -> list[str]:
    """The sentence, with what it does not name of the fields; what is longer; and what to do."""
    fields, reason = _Shown(event), next((each for each in saying.reason if event.get(each)), "")
    first, _, more = str(event.get(reason, "")).partition("\n")
    said = saying.text.format_map(fields) + (f": {_plain_line(first)}" if reason else "")
    untold = {key for key, value in event.items() if value is None}
    used = {*_named_in(saying), *_BLOCKS, *_IN_WORDS, *untold, reason}
    rest = " ".join(f"{_plain_line(key)}={fields[key]}" for key in event if key not in used)
    below = "\n".join((more, *(str(event[name]) for name in _BLOCKS if event.get(name))))
    return [
        f"{said} [{rest}]" if rest else said,
        *(f"{_INDENT}{_plain_line(line)}" for line in below.splitlines() if line),
        *([f"{_INDENT}{saying.advice.format_map(_typed(fields))}"] if saying.advice else []),
    ]


class _Shown(dict[str, Any]):
    """Fields as they are shown; one that is not there reads `?`."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        super().__init__({key: _shown(value) for key, value in event.items()})

    def __missing__(self, _: str) -> str:
        return "?"


def _typed(fields: _Shown) -> _Shown:
    """As they stand in a line that is to be typed."""
    return _Shown({key: shlex.quote(value) for key, value in fields.items()})


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{_plain_line(str(key))} {_shown(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return _plain_line(str(value))


def _plain_line(text: str) -> str:
    return plain(text.expandtabs(4))


def _named_in(saying: Saying) -> set[str]:
    parts = (*Formatter().parse(saying.text), *Formatter().parse(saying.advice))
    return {name for _, name, _, _ in parts if name}
