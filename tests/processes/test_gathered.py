"""A traceback that a model's own code prints is one entry of the log, too."""

import io
import traceback

from service.processes.gathered import Gathered


def told(*lines: str) -> list[str]:
    """What is told of these lines, when the stream has ended."""
    texts: list[str] = []
    gathered = Gathered(texts.append)
    for line in lines:
        gathered.line(line)
    gathered.flush()
    return texts


def printed() -> list[str]:
    """The lines of an exception that followed from another, as Python prints them."""
    stream = io.StringIO()
    try:
        try:
            dict[str, int]()["first"]
        except KeyError:
            _ = 1 / 0
    except ZeroDivisionError:
        traceback.print_exc(file=stream)
    return stream.getvalue().splitlines()


async def test_lines_of_a_traceback_are_told_as_one() -> None:
    """With that of the exception before it; other lines by themselves, in order."""
    lines = printed()
    whole = "\n".join(lines)
    assert told("before", *lines, "after", "") == ["before", whole, "after", ""]
    assert told(*lines, *lines) == [whole, whole]
    assert told(*lines, "", "after") == [whole, "after"]


async def test_traceback_that_does_not_end_is_told_in_parts() -> None:
    """Nothing is held for ever, however many lines stand further in."""
    texts = told(*printed()[:1], *["  File"] * 1000)
    assert sum(text.count("  File") for text in texts) == 1000


async def test_lines_that_only_look_like_it_are_told_at_once() -> None:
    """As they come."""
    lines = ["  File", "During handling of the above exception, another exception occurred:", "x"]
    assert told(*lines) == lines
