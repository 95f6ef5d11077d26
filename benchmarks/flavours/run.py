"""One run of the bench of flavours: what cannot be had is left out, what goes wrong is noted."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import httpx

from benchmarks.cases import prepared, read_cases
from benchmarks.checking import WrongAnswerError
from benchmarks.flavours.environment import Environment, NotInstalledError, environment
from benchmarks.flavours.figures import FlavourBenchmarks, FlavourFigure
from benchmarks.flavours.flavour import Flavour
from benchmarks.flavours.made import Made, NotMadeError, made
from benchmarks.flavours.measuring import CONNECTIONS, Bench, Length, NotComparedError
from benchmarks.machine import this_machine
from benchmarks.running import NotReadyError
from benchmarks.tools import Tell
from benchmarks.tracking import tracking_server

# What goes wrong while one flavour is measured; the next can be measured all the same.
FAILURES: Final = (
    *(WrongAnswerError, NotReadyError, httpx.HTTPError),
    *(subprocess.SubprocessError, RuntimeError, ValueError),
)


class Run:
    """These flavours, so long; `tell` is given words before each step."""

    def __init__(
        self, flavours: tuple[Flavour, ...], length: Length, tell: Tell, *, with_torch: bool
    ) -> None:
        self._flavours = flavours
        self._length = length
        self._tell = tell
        self._with_torch = with_torch
        self._skipped: list[str] = []
        self._failed: list[str] = []

    def measured(self, folder: Path) -> FlavourBenchmarks:
        """Everything.

        Raises `NotInstalledError` where there is no environment at all, and what `Bench.same` does.
        """
        where, machine = environment(self._tell), this_machine()
        self._tell("Training iris ...")
        prepared(folder, ("iris",), where.python)
        models = dict(self._made(folder, where))
        with tracking_server(read_cases(folder)) as asked:
            bench = Bench(asked, where, self._length, self._tell)
            same = bench.same()
            figures = tuple(self._compared(bench, models))
        return FlavourBenchmarks(
            machine=machine,
            connections=CONNECTIONS,
            rounds=self._length.rounds,
            seconds=self._length.seconds,
            same=same,
            flavours=figures,
            skipped=tuple(self._skipped),
            failed=tuple(self._failed),
        )

    def _made(self, folder: Path, where: Environment) -> Iterator[tuple[Flavour, Made]]:
        for flavour in self._flavours:
            self._tell(f"{flavour.title}: its packages and its model ...")
            try:
                where.add(flavour, with_torch=self._with_torch)
                yield flavour, made(folder, flavour, where)
            except (NotInstalledError, NotMadeError) as error:
                self._leave_out(flavour, str(error))

    def _compared(self, bench: Bench, models: Mapping[Flavour, Made]) -> Iterator[FlavourFigure]:
        for flavour, known in models.items():
            try:
                yield bench.compared(flavour, known)
            except NotComparedError as error:
                self._leave_out(flavour, str(error))
            except FAILURES as error:
                self._tell(f"{flavour.title}: {error}")
                self._failed.append(f"{flavour.title}: {str(error).partition(chr(10))[0]}")

    def _leave_out(self, flavour: Flavour, why: str) -> None:
        self._skipped.append(f"{flavour.title}: {why}")
        self._tell(f"Left out: {self._skipped[-1]}")
