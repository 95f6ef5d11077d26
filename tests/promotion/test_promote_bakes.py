"""A promotion waits until a version has baked; one that did worse is put back and blocked (P20)."""

from dataclasses import replace
from typing import Any

import pytest

from service.exits import IN_PART, REFUSED
from service.promotion.deciding import Stage
from service.promotion.instances import Serving
from service.promotion.mover import Mover
from service.promotion.stopped import MoveStopped
from service.registry.writer.faults import WriteRefused
from tests.promotion.conftest import NAME, FakeInstances, Moves
from tests.promotion.test_instances import REF, At, Time, each_at, never, slot
from tests.promotion.test_instances import at as at  # noqa: PLC0414 - a fixture

_WORSE = "Version 3 has failed 20 of 100 requests (20%): it gives way."
_GAVE_WAY = Serving("http://two", "refused", _WORSE, gave_way=True)
_SERVES = Serving("http://one", "serves", "serves version 3")
_UNPROVEN = replace(_SERVES, proven=False)

BAKES = {
    "until": "2026-01-01T00:01:00Z",
    "most_until": "2026-01-01T00:15:00Z",
    "unproven": False,
    "requests": 120,
    "failures": 1,
}
VERDICT = {"version": "3", "code": "fails_more", "message": _WORSE, "at": "", "proven": "2"}


def own(moves: Moves, alias: str) -> Moves:
    """An alias of a test's own, on version 2."""
    mine = replace(moves, alias=alias, stages=[])
    mine.promote("2")
    return mine


def test_version_that_gave_way_is_put_back_and_blocked(shared_moves: Moves) -> None:
    """So that an instance that has judged nothing does not serve it either."""
    moves = own(shared_moves, "gave-way")
    with pytest.raises(MoveStopped) as stopped:
        moves.promote("3", FakeInstances(seen=[_SERVES, _GAVE_WAY]))
    assert (stopped.value.status, stopped.value.code) == (REFUSED, "gave_way")
    assert "the alias is back on 2; version 3 is blocked" in str(stopped.value)
    assert moves.now == "2"
    assert moves.blocked("3") == f"gave way: {_WORSE}"
    assert moves.told[-1] == ("put_back", "3", "2")
    moves.registry.client.delete_model_version_tag(NAME, "3", "podium.blocked")


def test_version_that_is_refused_otherwise_is_not_blocked(shared_moves: Moves) -> None:
    """It may be one instance's trouble alone."""
    moves = own(shared_moves, "refused")
    with pytest.raises(MoveStopped) as stopped:
        moves.promote("4", FakeInstances(seen=[replace(_GAVE_WAY, gave_way=False)]))
    assert stopped.value.code == "refused_by_instance"
    assert (moves.now, moves.blocked("4")) == ("2", None)


def test_alias_that_moved_during_the_verdict_wins(shared_moves: Moves) -> None:
    """What it is on now is left there, and nothing is blocked: whoever moved it knows better."""
    moves = own(shared_moves, "moved")

    class Moving(FakeInstances):
        def serving(self, *_: object) -> list[Serving]:
            moves.registry.move(moves.alias, "5")
            return [_GAVE_WAY]

    with pytest.raises(MoveStopped) as stopped:
        moves.promote("3", Moving())
    assert stopped.value.status == IN_PART
    assert (moves.now, moves.blocked("3")) == ("5", None)


def test_fallback_is_what_has_baked_last(shared_moves: Moves) -> None:
    """Before the first bake what the alias was on; an unproven version never."""
    moves = replace(shared_moves, alias="fallback", stages=[])
    moves.promote("1")
    found = [moves.fallback]
    moves.promote("2", FakeInstances(seen=[_UNPROVEN]))
    found.append(moves.fallback)
    moves.promote("3", FakeInstances(seen=[_SERVES]))
    found.append(moves.fallback)
    moves.promote("4", FakeInstances(seen=[_SERVES]), bakes=False)
    found.append(moves.fallback)
    with pytest.raises(MoveStopped):
        moves.promote("5", FakeInstances(seen=[_GAVE_WAY]))
    assert [*found, moves.fallback] == [None, "1", "3", "3", "3"]
    moves.registry.client.delete_model_version_tag(NAME, "5", "podium.blocked")


def test_promotion_that_loses_the_race_leaves_no_fallback(shared_moves: Moves) -> None:
    """Nothing of it is in the registry: the move is the other one's."""
    moves = own(shared_moves, "lost")

    class Losing(list[Stage]):
        def append(self, told: Stage) -> None:
            super().append(told)
            if told == Stage.INTEND:
                moves.begin("4", moved=False, by="bob")

    with pytest.raises(MoveStopped) as stopped:
        replace(moves, stages=Losing()).promote("3")
    assert (stopped.value.code, moves.fallback) == ("overtaken", None)


def test_promotion_that_may_keep_no_fallback_has_its_end(shared_moves: Moves) -> None:
    """Nobody has to take it up, and the alias has never moved."""
    moves = own(shared_moves, "no-tags")

    def deny(*_: object) -> None:
        raise WriteRefused("it needs EDIT", "PERMISSION_DENIED")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Mover, "keep_fallback", deny)
        with pytest.raises(WriteRefused):
            moves.promote("3")
    done = moves.journal[-1].done
    assert done is not None
    assert (done.moved, done.why, moves.now) == (False, "permission_denied", "2")


def test_fallback_moves_on_where_bakes_outlast_the_commands(shared_moves: Moves) -> None:
    """On a quiet model: the next promotion finds what the alias is on proven by all."""
    moves = replace(shared_moves, alias="quiet", stages=[])
    moves.promote("1")
    moves.promote("2", FakeInstances(seen=[_UNPROVEN]))
    moves.promote("3", FakeInstances(seen=[_UNPROVEN], proven=True))
    assert moves.fallback == "2"
    moves.promote("4", FakeInstances(seen=[_UNPROVEN]))
    assert moves.fallback == "2"


@pytest.mark.parametrize(
    ("other", "proven"),
    [
        (slot("3", bake=None), True),
        (slot("3", bake={**BAKES, "unproven": True}), False),
        (slot("2", bake=None), False),
    ],
)
def test_version_is_proven_where_every_instance_serves_it_and_none_bakes(
    at: At, other: dict[str, Any], *, proven: bool
) -> None:
    """One look at each, of which nobody is told."""
    time = Time()
    urls = [at([slot("3", bake=None)]), at([other])]
    assert each_at(urls, time).have_proven(REF, "3") == proven
    assert time.saw == []


def test_instances_are_waited_for_until_the_version_has_baked_there(at: At) -> None:
    """Each is told once."""
    time = Time()
    urls = [at([slot("3", bake=BAKES), slot("3", bake=BAKES), slot("3", bake=None)])]
    found = replace(each_at(urls, time), bakes=True).serving(REF, "3", never)
    assert [(each.verdict, each.proven) for each in found] == [("serves", True)]
    assert len(time.saw) == 1


def test_bake_is_not_waited_for_where_nobody_asks(at: At) -> None:
    """The first answer counts."""
    found = each_at([at([slot("3", bake=BAKES)])], Time()).serving(REF, "3", never)
    assert [each.verdict for each in found] == ["serves"]


def test_unproven_version_is_served_and_told(at: At) -> None:
    """Too few requests come in its time: a pipeline does not wait for clients."""
    urls = [at([slot("3", bake={**BAKES, "unproven": True, "requests": 20})])]
    found = replace(each_at(urls, Time()), bakes=True).serving(REF, "3", never)
    assert [(each.verdict, each.proven) for each in found] == [("serves", False)]
    assert "unproven: 1 of 20 requests have failed" in found[0].sentence


def test_one_verdict_ends_the_wait_for_all(at: At) -> None:
    """With its figures."""
    gave_way = slot("2", quarantined="3", verdict=VERDICT, last_failure={"code": "", "message": ""})
    urls = [at([slot("3", bake=BAKES)]), at([slot("3", bake=BAKES), gave_way])]
    found = replace(each_at(urls, Time()), bakes=True).serving(REF, "3", never)
    assert [(each.verdict, each.gave_way) for each in found] == [
        ("undecided", False),
        ("refused", True),
    ]
    assert found[1].sentence == _WORSE


def test_bake_that_outlasts_the_time_limit_is_told(at: At) -> None:
    """The alias is there; whoever resumes waits on."""
    time = Time()
    found = replace(each_at([at([slot("3", bake=BAKES)])], time), bakes=True)
    seen = found.serving(REF, "3", never)
    assert [each.verdict for each in seen] == ["undecided"]
    assert f"bakes until {BAKES['until']}" in seen[0].sentence
