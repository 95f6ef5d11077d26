"""What following was measured to take, beside its targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.alias_moves import STAGES, Moves
from benchmarks.looking import Looking

_MOST_OF_TIME: Final = 0.05
_MOST_OF_A_CORE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Followed:
    """Moves of one kind; `target` is what none may take longer than, in seconds, if anything.

    `otherwise` is how many were noticed in another way than `by`.
    """

    cached: str
    by: str
    target: float | None
    moves: Moves
    otherwise: int

    @property
    def met(self) -> bool:
        """No move took longer than the target, and each was noticed in this way."""
        in_time = self.target is None or max(self.moves.seconds) < self.target
        return in_time and not self.otherwise


@dataclass(frozen=True, slots=True)
class Rest:
    """Slots at rest over one kind of store; `bound` is whether targets count there."""

    over: str
    looking: Looking
    bound: bool

    @property
    def met(self) -> bool:
        """Looking takes no more than its part of the time and of a core."""
        seen = self.looking
        kept = seen.time_share <= _MOST_OF_TIME and seen.core_share <= _MOST_OF_A_CORE
        return kept or not self.bound


def print_tables(found: Sequence[Followed], rests: Sequence[Rest], console: Console) -> None:
    """One line for each way of following, one for each store that was looked at."""
    console.print(_moves_table(found))
    if rests:
        console.print(_rest_table(rests))


def _moves_table(found: Sequence[Followed]) -> Table:
    table = _table(
        "From the alias's move to the first reply by the new version, seconds",
        ("version", "followed by"),
        ("moves", "median", "longest", "target", *STAGES, ""),
    )
    for each in found:
        figures = each.moves.median, max(each.moves.seconds)
        table.add_row(
            each.cached,
            each.by,
            str(len(each.moves.seconds)),
            *(f"{figure:.2f}" for figure in figures),
            "" if each.target is None else f"< {each.target:g}",
            *(f"{each.moves.stages[stage]:.3f}" for stage in STAGES),
            _verdict(each),
        )
    return table


def _verdict(followed: Followed) -> str:
    if followed.otherwise:
        return f"missed: {followed.otherwise} otherwise"
    if followed.target is None:
        return "no target"
    return "kept" if followed.met else "missed"


def _rest_table(rests: Sequence[Rest]) -> Table:
    most = f"{_MOST_OF_TIME:.0%} and {_MOST_OF_A_CORE:.0%}"
    table = _table(
        "Slots at rest, polling every second",
        ("registry over",),
        ("slots", "looks", "ms", "of the time", "of a core", "front", "child", "at most", ""),
    )
    for each in rests:
        seen = each.looking
        shares = seen.time_share, seen.core_share, seen.front_share, seen.child_share
        table.add_row(
            each.over,
            *(str(seen.slots), str(seen.looks), f"{seen.look_ms:.0f}"),
            *(f"{share:.1%}" for share in shares),
            *((most, "kept" if each.met else "missed") if each.bound else ("", "no target")),
        )
    return table


def _table(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in words:
        table.add_column(heading, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
