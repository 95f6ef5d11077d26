"""What a promotion refuses, what it writes down, and what it puts back; on real MLflow."""

from dataclasses import replace

import pytest

from service.exits import IN_PART, REFUSED, UNDECIDED
from service.promotion.deciding import Stage
from service.promotion.instances import Serving
from service.promotion.prepare import Prepared
from service.promotion.stopped import MoveStopped
from tests.promotion.conftest import DIGEST, NAME, FakeInstances, Moves

READY = Prepared("http://one", "ready", "ready")
SERVES = Serving("http://one", "serves", "serves version 3")


def stopped(
    moves: Moves, to: str, instances: FakeInstances | None = None, **more: str
) -> MoveStopped:
    """Why a promotion does not go on."""
    with pytest.raises(MoveStopped) as caught:
        moves.promote(to, instances, unvalidated=more.get("unvalidated", "a test"))
    return caught.value


def own(moves: Moves, alias: str) -> Moves:
    """An alias of a test's own, which is on version 2 and was on 1."""
    mine = replace(moves, alias=alias, stages=[])
    mine.promote("1")
    mine.promote("2")
    return mine


def test_validated_version_is_promoted_and_the_journal_says_by_whom(shared_moves: Moves) -> None:
    """With the digest of the files that were validated."""
    moves = own(shared_moves, "validated")
    moves.validate("3")
    done = moves.promote("3", unvalidated="", by="bob", link="https://ci/1")
    assert (done.outcome, done.before, moves.now) == ("promoted", "2", "3")
    entry = moves.journal[-1].entry
    assert (entry.by, entry.reason, entry.link) == ("bob", "a reason", "https://ci/1")
    assert (entry.digest, entry.unvalidated) == (DIGEST, "")


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        (None, "not_validated"),
        ({"name": "other"}, "validated_elsewhere"),
        ({"version": "1"}, "validated_elsewhere"),
        ({"verdict": "failed"}, "not_validated"),
        ({"digest": "0" * 64}, "validated_other_bytes"),
    ],
)
def test_version_that_was_not_validated_is_refused(
    shared_moves: Moves, tags: dict[str, str] | None, code: str
) -> None:
    """Nothing is written, and the sentence says which it is; a reason lets it pass."""
    moves = own(shared_moves, f"refused-{code}-{len(str(tags))}")
    client = moves.registry.client
    if tags is not None:
        moves.validate("4", **tags)
    else:
        client.set_model_version_tag(NAME, "4", "validation_status", "failed")
    refusal = stopped(moves, "4", unvalidated="")
    assert (refusal.status, refusal.code) == (REFUSED, code)
    assert len(moves.journal) == 2
    moves.promote("4", unvalidated="nobody else is awake")
    assert moves.journal[-1].entry.unvalidated == "nobody else is awake"


def test_blocked_version_is_refused_also_without_validation(shared_moves: Moves) -> None:
    """With the reason that somebody gave."""
    moves = own(shared_moves, "blocked")
    moves.registry.client.set_model_version_tag(NAME, "5", "podium.blocked", "leaks")
    refusal = stopped(moves, "5")
    assert (refusal.status, refusal.code) == (REFUSED, "blocked")
    assert "leaks" in str(refusal)
    moves.registry.client.delete_model_version_tag(NAME, "5", "podium.blocked")


def test_alias_that_is_not_there_is_made_only_on_purpose(shared_moves: Moves) -> None:
    """It says that MANAGE alone can remove it."""
    moves = replace(shared_moves, alias="absent")
    with pytest.raises(MoveStopped, match="MANAGE") as caught:
        moves.promote("1", first=False)
    assert (caught.value.status, caught.value.code) == (REFUSED, "first")
    assert moves.now is None


def test_each_instance_prepares_it_before_anything_is_written(shared_moves: Moves) -> None:
    """And then all are waited for."""
    moves = own(shared_moves, "prepared")
    moves.stages.clear()
    instances = FakeInstances([READY], [SERVES])
    assert moves.promote("3", instances).serving == [SERVES]
    assert instances.asked == [
        f"prepare {NAME}@prepared 3 of any files",
        f"serving {NAME}@prepared 3",
    ]
    assert moves.stages == [
        *(Stage.LOOK, Stage.PREPARE, Stage.INTEND, Stage.CONFIRM, Stage.MOVE, Stage.REREAD),
        *(Stage.WAIT, Stage.FINISH, Stage.REREAD),
    ]
    done = moves.journal[-1].done
    assert done is not None
    assert done.served is True


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("refused", REFUSED), ("unreachable", UNDECIDED), ("undecided", UNDECIDED)],
)
def test_version_that_one_instance_does_not_have_ready_never_moves_the_alias(
    shared_moves: Moves, outcome: str, status: int
) -> None:
    """Its reason is told."""
    moves = own(shared_moves, f"not-{outcome}")
    wrong = Prepared("http://two", outcome, "it would not fit", "too_large")  # type: ignore[arg-type]
    stop = stopped(moves, "3", FakeInstances([READY, wrong]))
    assert (stop.status, stop.code) == (status, "too_large")
    assert "http://two: it would not fit" in str(stop)
    assert (moves.now, len(moves.journal)) == ("2", 2)


def test_alias_is_put_back_where_an_instance_refuses_after_all(shared_moves: Moves) -> None:
    """The journal has both moves, and a rollback goes to neither of their versions."""
    moves = own(shared_moves, "put-back")
    refuses = Serving("http://two", "refused", "version 3 was refused: load_failed")
    stop = stopped(moves, "3", FakeInstances([READY], [SERVES, refuses]))
    assert (stop.status, stop.code) == (REFUSED, "refused_by_instance")
    assert moves.now == "2"
    assert moves.told[-2:] == [("promote", "2", "3"), ("put_back", "3", "2")]
    assert moves.rollback().version == "1"


def test_alias_that_somebody_has_moved_since_is_not_put_back(shared_moves: Moves) -> None:
    """It is not this move's any more."""
    moves = own(shared_moves, "not-ours")

    class Moving(FakeInstances):
        def serving(self, *_: object) -> list[Serving]:
            moves.registry.move(moves.alias, "5")
            return [Serving("http://two", "refused", "refused")]

    stop = stopped(moves, "3", Moving([READY]))
    assert (stop.status, stop.code) == (IN_PART, "not_put_back")
    assert moves.now == "5"


@pytest.mark.parametrize("by", ["page", "command"])
@pytest.mark.parametrize("again", [False, True])
def test_move_that_somebody_goes_on_from_while_it_is_waited_for_is_not_to_be_resumed(
    shared_moves: Moves, by: str, *, again: bool
) -> None:
    """It would take the version away from whoever has set it."""
    moves = own(shared_moves, f"gone-on-{by}-{again}")
    if again:
        moves.promote("3")

    class GoingOn(FakeInstances):
        def serving(self, *_: object) -> list[Serving]:
            if by == "page":
                moves.registry.move(moves.alias, "5")
            else:
                moves.rollback("1", resume=True)
            return [Serving("http://one", "undecided", "has version 2")]

    stop = stopped(moves, "3", GoingOn([READY]))
    code = "taken_over" if by == "command" and not again else "moved_past"
    assert (stop.status, stop.code) == (UNDECIDED if again else IN_PART, code)
    assert "resume" not in f"{stop} {stop.mend}"
    assert moves.now == ("5" if by == "page" else "1")


def test_instances_that_do_not_serve_it_in_time_leave_the_move_open(shared_moves: Moves) -> None:
    """The same call goes on from there."""
    moves = own(shared_moves, "slow")
    late = Serving("http://one", "undecided", "has version 2")
    stop = stopped(moves, "3", FakeInstances([READY], [late]))
    assert (stop.status, stop.code) == (IN_PART, "not_all_serve")
    assert (moves.now, moves.journal[-1].is_open) == ("3", True)
    assert moves.promote("3", FakeInstances([READY], [SERVES])).entry == 3
    assert (len(moves.journal), moves.journal[-1].is_open) == (3, False)


def test_promotion_twice_is_one_move(shared_moves: Moves) -> None:
    """A job that is tried again finds its own work, and waits as before."""
    moves = own(shared_moves, "twice")
    moves.promote("3", FakeInstances([READY], [SERVES]))
    again = moves.promote("3", FakeInstances([READY], [SERVES]))
    assert (again.outcome, again.serving) == ("already", [SERVES])
    assert len(moves.journal) == 3


def test_move_past_the_commands_is_written_down_by_the_next_one(shared_moves: Moves) -> None:
    """By nobody, for nobody knows who it was."""
    moves = own(shared_moves, "past")
    moves.registry.move(moves.alias, "5")
    moves.promote("3")
    assert moves.told[-2:] == [("seen", "2", "5"), ("promote", "5", "3")]
    assert moves.rollback().version == "5"


def test_version_that_was_moved_there_past_the_commands_is_judged(shared_moves: Moves) -> None:
    """That the alias is on it says nothing of it."""
    moves = own(shared_moves, "judged")
    moves.registry.client.set_model_version_tag(NAME, "2", "validation_status", "pending")
    moves.registry.move(moves.alias, "5")
    moves.registry.move(moves.alias, "1")
    assert stopped(moves, "1", unvalidated="").code == "not_validated"


def test_move_that_somebody_has_begun_is_left_alone_until_its_lease_is_over(
    shared_moves: Moves,
) -> None:
    """Who it is, and how it is mended, is told."""
    moves = own(shared_moves, "lease")
    moves.begin("3", moved=True, by="bob")
    stop = stopped(moves, "4")
    assert (stop.status, stop.code) == (UNDECIDED, "under_way")
    assert "bob has begun to move iris@lease from 2 to 3" in str(stop)
    assert "podium promote iris 3 --alias lease --unvalidated 'a test' --resume" in str(stop)
    with pytest.raises(MoveStopped, match="bob has begun"):
        moves.rollback()
    assert moves.now == "3"


def test_move_whose_lease_is_over_gives_way(shared_moves: Moves) -> None:
    """A rollback does not go to what nobody has seen served."""
    moves = own(shared_moves, "over")
    mover = moves.mover("bob", lease=0.0)
    mover.move(mover.intend(mover.look(), "promote", "3", ""))
    moves.promote("4")
    assert moves.told[-2:] == [("promote", "2", "3"), ("promote", "3", "4")]
    assert moves.rollback().version == "2"


def test_promotion_that_was_overtaken_changes_nothing(shared_moves: Moves) -> None:
    """Whoever looked before another one wrote has to look again."""
    moves = own(shared_moves, "overtaken")

    class Overtaking(FakeInstances):
        def prepare(self, *_: object) -> list[Prepared]:
            moves.promote("4", by="bob")
            return []

    stop = stopped(moves, "3", Overtaking())
    assert (stop.status, stop.code) == (UNDECIDED, "overtaken")
    assert (moves.now, moves.told[-1]) == ("4", ("promote", "2", "4"))


@pytest.mark.parametrize("stage", [Stage.CONFIRM, Stage.MOVE])
def test_alias_that_was_moved_after_the_intent(shared_moves: Moves, stage: Stage) -> None:
    """Before the write it stays there; between look and write nobody can tell, and it is moved."""
    moves = own(shared_moves, f"between-{stage}")

    class Once(list[Stage]):
        def append(self, told: Stage) -> None:
            if told == stage and not self:
                super().append(told)
                moves.registry.move(moves.alias, "5")

    moves.stages = Once()
    if stage is Stage.CONFIRM:
        assert stopped(moves, "3").code == "moved_past"
        assert moves.told[-2:] == [("promote", "2", "3"), ("seen", "2", "5")]
    else:
        moves.promote("3")
        assert moves.now == "3"
