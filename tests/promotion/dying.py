"""Moves of aliases that end in the middle: each in a process of its own, which is there at once.

`python -m tests.promotion.dying` imports MLflow once, and forks for each line of its stdin. A fork
does the move as the command does, and gets its signal before the stage that is named.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import IO, NoReturn

from service.cli.moving import MoveReport, run
from service.config.addresses import MlflowAddresses
from service.origin import Origin
from service.promotion.deciding import Stage
from service.promotion.instance_arms import ArmsAt
from service.promotion.instances import NoInstances
from service.promotion.journal import StepPlan
from service.promotion.known import MoveKnown
from service.promotion.mover import Mover
from service.promotion.promote import Promotion, Wanted
from service.promotion.rollback import Rollback
from service.promotion.stepped import Stepping
from service.refs import ModelRef
from service.registry.writer.writer import NumberedVersion, Writer


@dataclass(frozen=True, slots=True)
class Move:
    """One move, and where it ends; `to` is None for a rollback to the version before.

    With `shares` it comes by steps, which the instance at `url` tells of.
    """

    uri: str
    name: str
    alias: str
    to: str | None
    stage: str = ""
    nth: int = 1
    number: int = signal.SIGKILL
    by: str = "ada"
    resume: bool = False
    shares: Sequence[float] = ()
    url: str = ""
    token: str = ""

    @property
    def steps(self) -> StepPlan | None:
        """Those by which it comes; a second each."""
        if not self.shares:
            return None
        return StepPlan(shares=tuple(self.shares), step_seconds=1.0, seconds=300.0)


class Dying:
    """The program, running."""

    def __init__(self, given: IO[str], told: IO[str]) -> None:
        self._given, self._told = given, told

    def move(self, move: Move) -> int:
        """What has become of it: an exit status, or a signal's number with a minus."""
        self._given.write(f"{json.dumps(asdict(move))}\n")
        self._given.flush()
        return int(self._told.readline())


@contextmanager
def dying() -> Iterator[Dying]:
    """While it lasts."""
    command = [sys.executable, "-m", "tests.promotion.dying"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Dying(process.stdin, process.stdout)
        process.stdin.close()


def _moved(move: Move) -> NoReturn:
    known, times = MoveKnown(), [0]

    def told(stage: Stage) -> None:
        known.reached.add(stage)
        times[0] += stage == move.stage
        if stage == move.stage and times[0] == move.nth:
            os.kill(os.getpid(), move.number)

    writer = Writer(MlflowAddresses(move.uri, move.uri))
    ref = ModelRef(move.name, move.alias)
    mover = Mover(writer, ref, Origin(move.by, "", ""), 600.0, told, known)

    def work() -> object:
        if move.to is None:
            return Rollback(mover).run(resume=move.resume)
        version = NumberedVersion(move.name, move.to)
        wanted = Wanted(version, "a test", first=True, resume=move.resume, steps=move.steps)
        arms = ArmsAt(ref, [move.url], move.token)
        stepping = Stepping(mover, arms, lambda _: None) if move.url else None
        return Promotion(mover, NoInstances(), lambda _: "", stepping=stepping).run(wanted)

    blank = MoveReport(
        server="", name=move.name, alias=move.alias, status=0, code="done", sentence=""
    )
    run(work, known, blank, on_done=lambda _: blank, as_json=True)


def _forked(move: Move) -> int:
    child = os.fork()
    if child == 0:
        # Its own words are no answer.
        os.dup2(2, 1)
        _moved(move)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _import_stores() -> None:
    # Each fork would have to, for a second; what they open is each fork's own.
    import_module("mlflow.store.tracking.sqlalchemy_store")
    import_module("mlflow.store.model_registry.sqlalchemy_store")


if __name__ == "__main__":
    _import_stores()
    for line in sys.stdin:
        sys.stdout.write(f"{_forked(Move(**json.loads(line)))}\n")
        sys.stdout.flush()
