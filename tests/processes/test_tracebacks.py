"""A traceback that a child prints is told whole, and what is none line by line."""

import os
import traceback
from collections.abc import Callable
from itertools import pairwise

import pytest

from service.processes.front.output import MOST_LINES, Outputs, Tracebacks
from tests.support.waiting import until


def raised(error: Exception) -> str:
    """As Python prints it."""
    return "".join(traceback.format_exception(error))


def caught(work: Callable[[], object]) -> Exception:
    """What the work raises."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError


def during() -> None:
    """Raises while something is handled."""
    try:
        int("x")
    except ValueError:
        raise KeyError  # noqa: B904 - nothing is said of why


def because() -> None:
    """Raises for a reason."""
    try:
        int("x")
    except ValueError as error:
        raise KeyError("why") from error


def grouped() -> None:
    """Raises several at once."""
    raise ExceptionGroup("two", [caught(lambda: 1 / 0), caught(because)])


def deep() -> None:
    """Calls itself too often."""
    deep()


def wordy() -> None:
    """Says much, as pydantic does."""
    raise ValueError("1 validation error\nx\n  must be a number\n\nsee more")


FATAL = """Fatal Python error: Segmentation fault

Current thread 0x00007f0e2b7fe740 (most recent call first):
  File "model.py", line 20 in predict
  File "host.py", line 84 in answer

Extension modules: numpy.core._multiarray_umath (total: 1)"""
IGNORED = """Exception ignored in: <function Model.__del__ at 0x7f>
Traceback (most recent call last):
  File "model.py", line 3, in __del__
ZeroDivisionError: division by zero"""
ONE = {
    "plain": raised(caught(lambda: 1 / 0)),
    "during": raised(caught(during)),
    "because": raised(caught(because)),
    "group": raised(caught(grouped)),
    "recursion": raised(caught(deep)),
    "syntax": raised(caught(lambda: compile("a b", "x.py", "exec"))),
    "fatal": FATAL,
    "ignored": IGNORED,
    "many words": raised(caught(wordy)),
}


def said(chunks: list[str]) -> list[str]:
    """What is said of chunks of lines."""
    told: list[str] = []
    tracebacks = Tracebacks(told.append)
    for chunk in chunks:
        for line in chunk.splitlines():
            tracebacks.add(line)
        tracebacks.pause()
    tracebacks.close()
    return told


@pytest.mark.parametrize("name", ONE)
def test_traceback_that_comes_at_once_is_one(name: str) -> None:
    """As a library logs it; what was printed before and after stands by itself."""
    text = ONE[name].strip()
    assert said(["before\n", text, "after\n"]) == ["before", text, "after"]


@pytest.mark.parametrize("name", [name for name in ONE if name != "many words"])
def test_traceback_that_comes_line_by_line_is_one(name: str) -> None:
    """As Python prints one that nobody has caught."""
    text = ONE[name].strip()
    chunks = [f"{line}\n" for line in text.splitlines()]
    assert said(["before\n", *chunks, "after\n"]) == ["before", text, "after"]


def test_two_tracebacks_are_two() -> None:
    """One after the other, in one breath or in two."""
    one, two = ONE["plain"].strip(), ONE["because"].strip()
    assert said([one, two]) == [one, two]
    assert said([f"{one}\n{two}"]) == [one, two]


@pytest.mark.parametrize("text", ["a\n\nb", "  indented", "Traceback of mine", "ValueError: x"])
def test_what_is_no_traceback_is_told_line_by_line(text: str) -> None:
    """Nothing is lost or joined."""
    assert said([text]) == text.splitlines()


def test_p14_traceback_without_end_is_told_in_parts() -> None:
    """So that it can fill no memory."""
    told = said(["Traceback (most recent call last):", *["  more"] * (2 * MOST_LINES)])
    assert len(told[0].splitlines()) == MOST_LINES
    assert sum(len(each.splitlines()) for each in told) == 2 * MOST_LINES + 1


async def printed(*chunks: bytes) -> list[str]:
    """What is told of a pipe into which these are written; after a traceback once it is told."""
    told: list[str] = []
    outputs, (read, write) = Outputs(), os.pipe()
    await outputs.listen(read, "stderr", lambda _, line: told.append(line))
    for before, chunk in pairwise((b"", *chunks)):
        if before.startswith(b"Traceback"):
            await until(lambda: bool(told), 30, "it is told")
        os.write(write, chunk)
    os.close(write)
    await outputs.close()
    return told


async def test_child_that_dies_over_a_traceback_has_it_told_whole() -> None:
    """With what it had not ended."""
    text = ONE["because"].strip()
    assert await printed(b"before\n", text.encode()) == ["before", text]


async def test_traceback_of_a_child_that_lives_on_is_told_without_waiting_for_more() -> None:
    """A moment after its last line."""
    text = ONE["plain"].strip()
    assert await printed(f"{text}\n".encode(), b"later\n") == [text, "later"]


async def test_long_traceback_costs_a_child_none_of_its_lines() -> None:
    """It is one of those that may be told in a second."""
    frames = b"".join(b'  File "x.py", line %d, in f\n' % number for number in range(150))
    trace = b"Traceback (most recent call last):\n" + frames + b"ValueError: x\n"
    told = await printed(trace, b"y\n" * 99)
    assert told == [trace.decode().strip(), *["y"] * 99]


async def test_child_that_prints_too_much_is_told_of_once_more() -> None:
    """The lines beyond what is told in a second are counted."""
    told = await printed(b"y\n" * 500)
    assert told == [*["y"] * 100, "(400 lines were dropped)"]
