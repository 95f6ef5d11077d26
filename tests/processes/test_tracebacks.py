"""A traceback is one line of what a child prints, and one entry of the log."""

import asyncio
import os
import sys
import threading

import pytest

from service.processes.output import Outputs
from service.processes.tracebacks import LINE_END, one_line, tell_always


class Mute(Exception):
    """Its text cannot be told."""

    def __str__(self) -> str:
        raise RuntimeError


def raised(error: Exception) -> Exception:
    """The error with a traceback, and one that led to it."""
    try:
        try:
            dict[str, int]()["first"]
        except KeyError as first:
            raise error from first
    except Exception as caught:  # noqa: BLE001 - whatever was given
        return caught
    raise AssertionError


def test_traceback_is_one_line_with_all_that_led_to_it() -> None:
    """Also where the message has lines of its own."""
    line = one_line(raised(ValueError("two\nlines")))
    assert "\n" not in line
    lines = line.split(LINE_END)
    assert lines[0] == "Traceback (most recent call last):"
    assert ("KeyError: 'first'" in lines, lines[-2:]) == (True, ["ValueError: two", "lines"])


def test_long_traceback_keeps_its_begin_and_its_end() -> None:
    """Within what is read of one line."""
    line = one_line(raised(ValueError("x" * 50_000 + "end")))
    assert len(line.encode()) < 8 * 1024
    assert (line.startswith("Traceback"), line.endswith("xend")) == (True, True)


def test_exception_whose_text_raises_is_told() -> None:
    """By its type."""
    assert "Mute" in one_line(raised(Mute()))


def test_what_ends_a_thread_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As are whatever ends the process, and what is raised where nobody waits."""
    for owner, name in ((sys, "excepthook"), (threading, "excepthook"), (sys, "unraisablehook")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    tell_always()
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    printed = capsys.readouterr().err
    assert (printed.count("\n"), "ZeroDivisionError" in printed) == (1, True)


async def test_reader_tells_the_line_ends_again() -> None:
    """In one call."""
    told: list[str] = []
    reading, writing = os.pipe()
    outputs = Outputs()
    await outputs.listen(reading, "stderr", lambda _, line: told.append(line))
    os.write(writing, f"before\nTraceback:{LINE_END}  File{LINE_END}E: x\nafter\n".encode())
    os.close(writing)
    async with asyncio.timeout(60):
        await outputs.close()
    assert told == ["before", "Traceback:\n  File\nE: x", "after"]
