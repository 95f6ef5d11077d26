"""Writes the table of `docs/troubleshooting.md` from what the tests try.

python -m tests.registry.troubleshooting
"""

import re
from collections.abc import Iterator
from typing import Final

from service.cli.mistakes import mistakes
from service.registry.wire import SENTENCES
from tests.registry.mistakes import MISTAKES, STORES, Mistake
from tests.support.documents import ROOT

PAGE: Final = ROOT / "docs/troubleshooting.md"
_HEAD: Final = "| symptom | event | code | cause | command |\n|---|---|---|---|---|\n"
_MARKS: Final = re.compile(r"(<!-- mistakes:begin -->\n).*(<!-- mistakes:end -->)", re.DOTALL)
# What stands for the ports and folders of a test.
_AS_READ: Final = {"plain": "5000", "tls": "5443", "free": "5001", "home": "/home/ann"}


def page() -> str:
    """The page with the table as the cases have it now."""
    rows = "".join(f"| {' | '.join(row)} |\n" for row in _rows())
    return _MARKS.sub(lambda marks: f"{marks[1]}{_HEAD}{rows}{marks[2]}", PAGE.read_text())


def _rows() -> Iterator[tuple[str, ...]]:
    for cause, mistake in MISTAKES.items():
        yield _stopped(cause, mistake) if mistake.stops else _told(cause, mistake, "look_failed")
    for cause, mistake in STORES.items():
        yield _told(cause, mistake, "version_refused")


def _stopped(cause: str, mistake: Mistake) -> tuple[str, ...]:
    variables = {"MLFLOW_TRACKING_URI": mistake.address, **mistake.variables}
    (line,) = mistakes({name: value.format(**_AS_READ) for name, value in variables.items()})
    tried = mistake.address.format(**_AS_READ).replace("\n", "\\n")
    shown = cause if mistake.variables else f"{cause}: `{tried}`"
    return (f"`podium: {line}`", "does not start", "status 2", shown, _command(mistake))


def _told(cause: str, mistake: Mistake, event: str) -> tuple[str, ...]:
    symptom = SENTENCES[mistake.fault].replace("|", "\\|")
    return (symptom, f"`{event}`", f"`{mistake.fault.value}`", cause, _command(mistake))


def _command(mistake: Mistake) -> str:
    return f"`{mistake.mend}`".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
