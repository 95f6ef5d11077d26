"""The benchmark of following measures what it says; how fast that is, no test asks."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.alias_moves import LEDGER_KEY, STAGES, Moves, moves
from benchmarks.following_report import Followed, Rest, print_tables
from benchmarks.looking import PROGRAM, Looking, looking
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import running_service

BODY = {"dataframe_records": [{"x": 1.0}]}


def test_moves_and_looks_are_timed(tracking_uri: str, tmp_path: Path) -> None:
    """Moves by whoever asks the service, looks by its front, what they cost by the kernel."""
    registry = Registry(tracking_uri, "numbered")
    for number in (1, 2):
        ships = [models.number_module(tmp_path / f"code{number}", number)]
        registry.add(models.save(tmp_path / str(number), "numbered", ships=ships))
    registry.move("champion", "1")
    refs, program = ["numbered@champion"], PROGRAM
    with running_service(refs, tracking_uri, tmp_path, program, **LEDGER_KEY) as service:
        service.wait_until_ready()
        moved = moves("polling", service, registry, BODY, "21")
        rest = looking(service, slots=1, seconds=2)

    assert len(moved.seconds) == 2
    assert 0 < min(moved.seconds) <= moved.median
    assert moved.triggers == ["poll", "poll"]
    # Of the way back there is none but the look: the first version's process is still there.
    assert all(moved.stages[stage] > 0 for stage in STAGES)
    assert (rest.slots, rest.looks > 0) == (1, True)
    assert 0 < rest.time_share < 1
    assert 0 < rest.core_share < 2


def followed(
    *seconds: float, target: float | None = 1.0, triggers: Sequence[str] = ("poll",)
) -> Followed:
    """Moves that took so long."""
    moved = Moves(seconds, dict.fromkeys(STAGES, 0.0), triggers)
    return Followed("cached", "polling", target, moved, sum(each != "poll" for each in triggers))


def rest(time_share: float, core_share: float, *, bound: bool = True) -> Rest:
    """Looks that took these shares."""
    seen = Looking(50, 20.0, 20, 40.0, time_share, core_share / 2, core_share / 2)
    return Rest("HTTP", seen, bound=bound)


@pytest.mark.parametrize(
    ("line", "met"),
    [
        (followed(0.1, 0.9), True),
        (followed(0.1, 1.0), False),
        (followed(0.1, 9.0, target=None), True),
        (followed(0.1, triggers=["webhook"]), False),
        (rest(0.05, 0.02), True),
        (rest(0.051, 0.02), False),
        (rest(0.05, 0.021), False),
        (rest(0.9, 0.9, bound=False), True),
    ],
)
def test_target_is_missed_by_one_move_or_one_share(line: Followed | Rest, met: bool) -> None:  # noqa: FBT001 - the table's word
    """The longest counts, and a move that another way has noticed counts for nothing."""
    assert line.met is met


def test_table_says_of_each_line_whether_its_target_was_kept() -> None:
    """Beside the figure and the target."""
    printed = StringIO()
    lines = [followed(0.5), followed(1.5), followed(0.5, target=None)]
    print_tables(lines, [rest(0.01, 0.03)], Console(file=printed, width=110))
    shown = [line.split() for line in printed.getvalue().splitlines() if "cached" in line]
    assert [(line[5:7], line[-1]) for line in shown] == [
        (["<", "1"], "kept"),
        (["<", "1"], "missed"),
        (["0.000", "0.000"], "target"),
    ]
