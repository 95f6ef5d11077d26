"""What is printed, and what happens when nobody reads it."""

import io
import subprocess

from rich.console import Console

from service.local.screen import Screen, plain
from tests.local.stand_ins import program


def test_control_characters_are_shown_not_obeyed() -> None:
    """Escapes, line ends and directions of writing are made visible."""
    assert plain("é\x1b[2J\n\u202e") == r"é\x1b[2J\n\u202e"


def test_markup_is_printed_as_it_stands() -> None:
    """A model may be called anything."""
    file = io.StringIO()
    Screen(Console(file=file)).say("[red]iris[/red] :smile:")
    assert "[red]iris[/red]" in file.getvalue()


def test_long_lines_are_not_broken() -> None:
    """A command can be pasted from a narrow terminal."""
    file = io.StringIO()
    Screen(Console(file=file, width=20)).say("x " * 100)
    assert file.getvalue().count("\n") == 1


def test_reader_that_has_gone_stops_nothing() -> None:
    """`podium up | head` still ends its children in order."""
    script = (
        "import sys; from service.local.screen import Screen; screen = Screen()\n"
        "sys.stdin.readline()\n"
        "for number in range(3): screen.say('x' * 100_000)\n"
        "sys.stderr.write('still here')"
    )
    process = subprocess.Popen(
        program(script), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.stderr.read() == b"still here"
    assert process.returncode == 0
