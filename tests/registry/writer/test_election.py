"""Which run is the one: never two, in whatever order those who meet take their steps."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Final

import pytest

from service.registry.writer.election import NO, YES, TheOne, Vote, next_of

# As many runs as three that meet have been seen to make, and one more.
_MOST_RUNS: Final = 4
LOOK: Final = "look"


@dataclass(frozen=True, slots=True)
class World:
    """The runs' answers by name, and what each who takes part does next."""

    runs: tuple[tuple[str, str | None], ...]
    next_steps: tuple[object, ...]


def stepped(world: World, who: int, names: tuple[str, ...]) -> World:
    """After one step of one of them: a look, or one write that had been decided by a look."""
    runs, step = dict(world.runs), world.next_steps[who]
    if step == LOOK:
        step = next_of(runs)
    elif isinstance(step, Vote):
        # Written exactly once, as MLflow does.
        runs[step.run] = runs[step.run] or step.answer
        step = LOOK
    else:
        runs[names[len(runs)]] = None
        step = LOOK
    steps = (*world.next_steps[:who], step, *world.next_steps[who + 1 :])
    return replace(world, runs=tuple(sorted(runs.items())), next_steps=steps)


def worlds(names: tuple[str, ...], many: int) -> Iterator[World]:
    """Everything that may come of it, by every order of steps."""
    first = World((), (LOOK,) * many)
    seen, waiting = {first}, [first]
    while waiting:
        world = waiting.pop()
        yield world
        for who, step in enumerate(world.next_steps):
            if isinstance(step, TheOne) or len(world.runs) == len(names):
                continue
            after = stepped(world, who, names)
            if after not in seen:
                seen.add(after)
                waiting.append(after)


@pytest.mark.parametrize("names", [*permutations("abcd", _MOST_RUNS)], ids="".join)
def test_never_two_runs_are_elected(names: tuple[str, ...]) -> None:
    """Nor do two believe in different ones; whatever names MLflow gives to runs."""
    ended = 0
    for world in worlds(names, 3):
        elected = {run for run, answer in world.runs if answer == YES}
        believed = {step.run for step in world.next_steps if isinstance(step, TheOne)}
        assert len(elected) <= 1
        assert believed <= elected
        ended += len(believed) == 1
    assert ended


def test_one_alone_elects_what_it_has_made() -> None:
    """A run, and a yes."""
    assert next_of({}) is None
    assert next_of({"a": None}) == Vote("a", YES)
    assert next_of({"a": YES}) == TheOne("a")


def test_others_are_refused_first() -> None:
    """The same one is preferred by all."""
    assert next_of({"b": None, "a": None}) == Vote("b", NO)


def test_another_run_is_made_where_all_were_refused() -> None:
    """Nothing is taken back."""
    assert next_of({"a": NO}) is None
