"""The log in words: what a person reads at a terminal, and what nobody can make them read."""

import io
from collections.abc import Mapping
from typing import Any

import pytest

from service.predicting.request import RequestRecord
from service.telemetry.log_lines import Words, json_line
from service.telemetry.logs import LogForm, configure_logs, log_form
from service.telemetry.words import SAYINGS

BAR = "         | "
HOSTILE = (
    "a\n20:31:02 forged",
    "a\r\nb",
    "\x1b[2J\x1b]0;title\x07",
    "\x7f\x9b31m",
    "a\u0085b\u2028c\u2029d\x0b\x0c\x1c",
    "\u202egnp.exe\u2066",
    "\ud800",
    "{slot} {0} %s",
)
FIELDS = (
    *("slot", "model", "version", "previous", "url", "models", "mlflow", "message", "code"),
    *("detail", "exception", "line", "reason", "reasons", "logger", "request_id", "names"),
    *("variables", "task", "outcome", "nearest", "unheard_of"),
)


def words(event: Mapping[str, Any], level: str = "info", *, terminal: bool = True) -> str:
    """What is written of an event, without colours."""
    return Words(terminal=terminal, coloured=False)(dict(event), level).decode()


def test_swap_is_a_sentence_with_the_time_of_day() -> None:
    """On a terminal, of what is not urgent."""
    seconds = {"fetch": 0.1, "load": 1.2}
    said = words(
        {"event": "swapped", "slot": "a@b", "version": "3", "previous": "2", "seconds": seconds}
    )
    time, _, sentence = said.partition(" ")
    assert len(time) == len("20:31:02")
    assert sentence == "a@b now serves version 3, before: 2 (fetch 0.1, load 1.2 s)\n"


def test_refusal_says_why_and_what_to_do() -> None:
    """With the code, the model's own words below, and the command at the end."""
    event = {"event": "version_refused", "slot": "a@b", "version": "3", "stage": "load"}
    event |= {"code": "load_failed", "message": "It could not be loaded.", "detail": "E: x\nF: y"}
    first, *more = words(event, "warning").splitlines()
    assert "warning: a@b: version 3 is refused: It could not be loaded." in first
    assert first.endswith("[stage=load code=load_failed]")
    assert more[:2] == [f"{BAR}E: x", f"{BAR}F: y"]
    assert "`podium reload a@b`" in more[-1]
    assert "`podium reload 'a b@c'`" in words(event | {"slot": "a b@c"}, "warning")


def test_passing_fault_reads_as_one_that_is_tried_again() -> None:
    """Nobody moves an alias back for an index that is down for a minute."""
    event = {"event": "version_refused", "slot": "a@b", "version": "3", "stage": "environment"}
    event |= {"code": "index_unreachable", "message": "An index does not answer."}
    said = words(event | {"passing": True}, "warning")
    first, advice = said.splitlines()
    assert "a@b: version 3 does not serve yet: An index does not answer." in first
    assert first.endswith("[stage=environment code=index_unreachable]")
    assert "tried again" in advice
    assert "`podium reload a@b`" in advice
    assert "Move the alias" not in said
    assert "is refused" not in said
    assert "is refused" in words(event | {"passing": False}, "warning")


def test_what_is_not_known_yet_is_not_told() -> None:
    """How many packages an environment has, before these are resolved."""
    event = {"event": "environment_building", "model": "a", "version": "3", "step": "resolve"}
    assert words(event | {"packages": None}).endswith("of its own: resolve\n")
    assert words(event | {"packages": 71}).endswith("of its own: resolve [packages=71]\n")


def test_text_elsewhere_has_the_whole_time_and_the_level() -> None:
    """As in a file, where lines are looked for later."""
    said = words({"event": "look_recovered"}, terminal=False)
    time, level, sentence = said.split(" ", 2)
    assert (time[4], time[-1], level, sentence) == ("-", "Z", "info:", "MLflow answers again\n")


def test_event_without_words_of_its_own_is_shown_by_its_name_and_fields() -> None:
    """Nothing is lost."""
    assert words({"event": "brand_new", "count": 3}).endswith("brand_new [count=3]\n")


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("terminal", [True, False])
def test_no_name_forges_a_line_or_drives_a_terminal(hostile: str, *, terminal: bool) -> None:
    """Whatever event it is in, in whatever field; nor does it break the line."""
    for name in (*SAYINGS, "unheard_of", hostile):
        event: dict[str, Any] = {"event": name, "seconds": {hostile: hostile}, hostile: hostile}
        event |= dict.fromkeys(FIELDS, hostile)
        said = words(event, "warning", terminal=terminal)
        first, *more = said.removesuffix("\n").split("\n")
        assert "forged" not in first.partition("warning: ")[0]
        assert all(line.startswith(BAR) for line in more), said
        assert all(char.isprintable() or char == "\n" for char in said), ascii(said)


def test_colours_are_podiums_own() -> None:
    """Of warnings and errors alone, around what was escaped."""
    coloured = Words(terminal=True, coloured=True)
    assert b"\x1b" not in coloured({"event": "look_recovered"}, "info")
    said = coloured({"event": "look_failed", "message": "\x1b[0m"}, "warning")
    assert said.count(b"\x1b") == 2
    assert said.endswith(b"\x1b[0m\n")


@pytest.mark.parametrize("hostile", ["\u202e", "\u2066", "\u200f", "\u061c"])
def test_marks_of_direction_are_escaped_in_json_too(hostile: str) -> None:
    """Whoever looks at a file reads it in the order in which it was written."""
    assert hostile not in json_line({"event": "swapped", "slot": hostile}, "info").decode()


@pytest.mark.parametrize(
    ("form", "on_terminal", "environment", "expected"),
    [
        ("auto", True, {}, "coloured"),
        ("auto", False, {}, "json"),
        ("text", True, {}, "coloured"),
        ("text", False, {}, "plain"),
        ("json", True, {}, "json"),
        ("auto", True, {"NO_COLOR": "1"}, "plain"),
        ("auto", True, {"NO_COLOR": ""}, "coloured"),
        ("auto", True, {"TERM": "dumb"}, "plain"),
    ],
)
def test_format_is_as_wished_or_as_fits_who_reads(
    form: Any, environment: Mapping[str, str], expected: str, *, on_terminal: bool
) -> None:
    """Words for people, JSON for programs."""
    made = log_form(form, "info", environment, requests=True, on_terminal=on_terminal)
    said = made.render({"event": "look_failed"}, "warning")
    kinds = {"json": said.startswith(b"{"), "coloured": b"\x1b[" in said}
    assert next((kind for kind, holds in kinds.items() if holds), "plain") == expected


def test_level_leaves_out_what_is_below_it() -> None:
    """Requests, too, which are told of at `info`."""
    stream = io.BytesIO()
    logs = configure_logs(stream, form=LogForm(level="warning"))
    logs.logger.debug("looked")
    logs.logger.info("swapped")
    logs.logger.warning("look_failed")
    logs.close()
    assert [line for line in stream.getvalue().splitlines() if b"look_failed" not in line] == []
    assert logs.observers == ()


def test_debug_tells_more() -> None:
    """Each look at the registry, say."""
    stream = io.BytesIO()
    logs = configure_logs(stream, form=LogForm(level="debug"))
    logs.logger.debug("looked", seconds=0.1)
    logs.close()
    assert b'"event":"looked"' in stream.getvalue()


def test_requests_are_logged_unless_nobody_wants_them() -> None:
    """In words on a terminal; without them nobody is told, which costs nothing."""
    stream = io.BytesIO()
    words_of = LogForm(Words(terminal=True, coloured=False))
    logs = configure_logs(stream, form=words_of)
    record = RequestRecord("a@b", "predict", "3", 422, 0.0012, 0, "id-7", "invalid_input")
    for each in logs.observers:
        each.answered(record)
    logs.close()
    line = stream.getvalue().decode()
    assert "a@b predict: 422 by version 3, 0 rows, 1.2 ms" in line
    assert line.endswith("[request_id=id-7 error=invalid_input]\n")
    without = configure_logs(io.BytesIO(), form=LogForm(requests=False))
    without.close()
    assert without.observers == ()
