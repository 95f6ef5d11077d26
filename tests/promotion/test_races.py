"""Promotions of one alias at once: one wins from each state, and the journal is whole."""

import threading
from dataclasses import replace
from typing import Final

import pytest

from service.config.addresses import MlflowAddresses
from service.promotion.deciding import Stage
from service.promotion.stopped import MoveStopped
from service.registry.writer.once import OnceRegister
from service.registry.writer.writer import Writer
from tests.promotion.conftest import Moves, filled

_SECONDS: Final = 240
_VERSIONS: Final = ("2", "3", "4")


@pytest.fixture(scope="module")
def served(mlflow_server: str) -> Moves:
    """A model behind a real MLflow server."""
    return Moves(filled(mlflow_server, "raced"))


class Meeting(list[Stage]):
    """Lets all go on once all are about to write what they mean."""

    def __init__(self, all_there: threading.Barrier) -> None:
        super().__init__()
        self._all_there = all_there

    def append(self, stage: Stage) -> None:
        """Waits, at the first of these."""
        if stage is Stage.INTEND:
            self._all_there.wait(_SECONDS)


def meet(moves: Moves) -> dict[str, str]:
    """What became of each: `promoted`, or why it stopped."""
    ends, barrier = dict[str, str](), threading.Barrier(len(_VERSIONS))

    def promote(to: str) -> None:
        try:
            ends[to] = replace(moves, stages=Meeting(barrier)).promote(to, by=to).outcome
        except MoveStopped as stop:
            ends[to] = stop.code

    racers = [threading.Thread(target=promote, args=(to,)) for to in _VERSIONS]
    for each in racers:
        each.start()
    for each in racers:
        each.join(_SECONDS)
    return ends


@pytest.mark.parametrize("number", range(3))
def test_one_of_three_that_have_seen_the_same_wins(served: Moves, number: int) -> None:
    """Also where none of them has found a journal; the others have changed nothing."""
    moves = replace(served, alias=f"race-{number}")
    ends = meet(moves)
    assert sorted(ends.values()) == ["overtaken", "overtaken", "promoted"]
    (winner,) = [to for to, end in ends.items() if end == "promoted"]
    assert moves.now == winner
    assert moves.told == [("promote", None, winner)]
    assert moves.journal[0].done


def test_those_who_promote_the_same_version_make_one_move(served: Moves) -> None:
    """They find each other's."""
    moves = replace(served, alias="same")
    moves.promote("1")
    moves.begin("2", moved=False, by="ada")
    assert moves.promote("2", by="ada").entry == 2
    assert moves.promote("2", by="bob").outcome == "already"


def test_registers_of_one_key_are_one(served: Moves) -> None:
    """Whoever makes them at once, and whatever the key is."""
    key, barrier = 'it\'s "quoted" %@`x`', threading.Barrier(4)
    won = list[bool]()

    def put(value: str) -> None:
        register = OnceRegister(Writer(MlflowAddresses(served.uri, served.uri)), key)
        barrier.wait(_SECONDS)
        won.append(register.put("000001", value))

    writers = [threading.Thread(target=put, args=(f"value {each}",)) for each in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(_SECONDS)
    assert sorted(won) == [False, False, False, True]
