"""Which of several runs is the one: MLflow makes as many as it is asked to, and none by a name.

Two that write down moves of one alias at once may each have made a run for them. A param of a run
is written exactly once; so each run has the param `elected`, which says yes, or no for ever.

Whoever says yes to a run has seen a list of runs, that one in it, in which all others are at no.
Of two runs one was made first. Who elects the later one has it in the list, hence the earlier one
too, at no. So there are never two at yes. `tests/registry/writer/test_election.py` goes through
every order of steps of three that meet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ELECTED: Final = "elected"
YES: Final = "yes"
NO: Final = "no"


@dataclass(frozen=True, slots=True)
class TheOne:
    """That run has been elected."""

    run: str


@dataclass(frozen=True, slots=True)
class Vote:
    """To be written to that run next, unless somebody has; then look again."""

    run: str
    answer: str


def next_of(runs: Mapping[str, str | None]) -> TheOne | Vote | None:
    """What to do about these runs and their answers; None if another run has to be made."""
    elected = sorted(run for run, answer in runs.items() if answer == YES)
    if elected:
        return TheOne(elected[0])
    waiting = sorted(run for run, answer in runs.items() if answer is None)
    if not waiting:
        return None
    # All prefer the same one, or they would hold each other back for ever.
    first, *others = waiting
    return Vote(others[0], NO) if others else Vote(first, YES)
