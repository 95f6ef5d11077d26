"""`promote --steps` on a real registry: in order, back for what speaks against it, never lost."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from service.exits import IN_PART, REFUSED, UNDECIDED
from service.promotion.deciding import Stage
from service.promotion.mover import Mover, now
from service.promotion.stopped import MoveStopped
from service.registry.writer.faults import Unreachable, WriteRefused
from service.registry.writer.writer import Writer
from service.rollout_tags import tag_name
from tests.promotion.conftest import NAME, Moves
from tests.promotion.stepping import PLAN, SteppedInstances, split_of, stepped, until_of
from tests.promotion.test_killed import Breaking, BrokenOff, assert_whole

MORE = (*((Stage.STEP, nth) for nth in (1, 2, 3, 4)), (Stage.CONFIRM, 1), (Stage.REREAD, 1))


def on(moves: Moves, alias: str) -> Moves:
    """The alias is on version 2."""
    mine = replace(moves, alias=alias, stages=[])
    mine.registry.move(alias, "2")
    return mine


def stop_of(work: Callable[[], object]) -> MoveStopped:
    """How it ends."""
    with pytest.raises(MoveStopped) as stopped:
        work()
    return stopped.value


def test_steps_come_in_their_order_and_then_the_alias(shared_moves: Moves) -> None:
    """The split is there until the alias is, and is gone at the end."""
    moves = on(shared_moves, "order")
    instances = SteppedInstances(moves, "3")
    aliases: list[tuple[str | None, bool]] = []
    instances.at_look = lambda: aliases.append((moves.now, split_of(moves) is not None))
    done = stepped(moves, instances)
    assert (done.outcome, done.before, moves.now) == ("promoted", "2", "3")
    assert instances.shares == list(PLAN.shares)
    assert (split_of(moves), aliases[-1]) == (None, ("3", True))
    assert [each.share for each in moves.journal[-1].steps] == [5, 25, 50, 100]
    assert instances.seconds >= 30
    assert_whole(moves)


def test_split_is_put_off_while_the_command_lives(shared_moves: Moves) -> None:
    """By less than a minute each, for a step of any length."""
    moves = on(shared_moves, "lives")
    instances = SteppedInstances(moves, "3", rate=1)
    left: list[float] = []

    def look() -> None:
        if split_of(moves):
            left.append((until_of(moves) - now()).total_seconds())

    instances.at_look = look
    written = 0
    tag = Writer.tag_model

    def counted(*given: str) -> None:
        nonlocal written
        written += 1
        tag(*given)  # type: ignore[arg-type]

    long = PLAN.model_copy(update={"shares": (5.0,), "step_seconds": 100.0})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Writer, "tag_model", counted)
        stepped(moves, instances, steps=long)
    assert written >= 5
    assert max(left) <= 61


def test_bad_version_never_reaches_the_second_step(shared_moves: Moves) -> None:
    """It goes back, the alias never moves, and nobody is to try the version again."""
    moves = on(shared_moves, "bad")
    instances = SteppedInstances(moves, "4", failing=0.2)
    stop = stop_of(lambda: stepped(moves, instances))
    assert (stop.code, stop.status) == ("gave_way", REFUSED)
    assert instances.shares == [5]
    assert (moves.now, split_of(moves)) == ("2", None)
    assert str(stop).endswith("it was taken back at 5%; version 4 is blocked")
    blocked = moves.registry.client.get_model_version(NAME, "4").tags["podium.blocked"]
    assert "the version has failed" in blocked
    moves.registry.client.delete_model_version_tag(NAME, "4", "podium.blocked")
    done = moves.journal[-1].done
    assert done is not None
    assert (done.moved, done.why) == (False, "gave_way")
    assert_whole(moves)


@pytest.mark.parametrize(
    ("alias", "code", "status"),
    [("few", "too_few_answers", UNDECIDED), ("no", "refused_by_instance", REFUSED)],
)
def test_version_goes_back_without_a_verdict(
    shared_moves: Moves, alias: str, code: str, status: int
) -> None:
    """Too few answers, or an instance that refuses it; it is not blocked for that."""
    moves = on(shared_moves, alias)
    instances = SteppedInstances(
        moves,
        "3",
        rate=1 if alias == "few" else 40,
        state="serves" if alias == "few" else "refused",
    )
    stop = stop_of(lambda: stepped(moves, instances))
    assert (stop.code, stop.status) == (code, status)
    assert (moves.now, split_of(moves)) == ("2", None)
    assert "podium.blocked" not in moves.registry.client.get_model_version(NAME, "3").tags
    assert_whole(moves)


@pytest.mark.parametrize("what", ["hold", "block", "unsplit"])
def test_operator_ends_the_steps(shared_moves: Moves, what: str) -> None:
    """By a hold, a block, or by taking the split away, each found within seconds."""
    moves = on(shared_moves, f"ends-{what}")
    client = moves.registry.client
    instances = SteppedInstances(moves, "5")

    def act() -> None:
        if instances.seconds < 3 or not split_of(moves):
            return
        if what == "hold":
            client.set_registered_model_tag(NAME, f"podium.hold.{moves.alias}", "an audit")
        elif what == "block":
            client.set_model_version_tag(NAME, "5", "podium.blocked", "unfair")
        else:
            client.delete_registered_model_tag(NAME, tag_name("split", moves.alias))

    instances.at_look = act
    stop = stop_of(lambda: stepped(moves, instances))
    assert stop.code == {"hold": "held", "block": "blocked", "unsplit": "split_changed"}[what]
    assert (moves.now, split_of(moves), instances.shares) == ("2", None, [5])
    if what == "block":
        client.delete_model_version_tag(NAME, "5", "podium.blocked")
    assert_whole(moves)


def test_split_of_somebody_else_is_left_alone(shared_moves: Moves) -> None:
    """Nothing is written; the sentence says what ends it."""
    moves = on(shared_moves, "others")
    tag = tag_name("split", moves.alias)
    moves.registry.client.set_registered_model_tag(NAME, tag, "challenger=10")
    stop = stop_of(lambda: stepped(moves, SteppedInstances(moves, "3")))
    assert stop.code == "split_already"
    assert "podium split iris --alias others --clear" in str(stop)
    assert split_of(moves) == "challenger=10"


@pytest.mark.parametrize(("stage", "nth"), MORE)
def test_steps_broken_off_anywhere_end_by_themselves_and_can_be_gone_on_with(
    shared_moves: Moves, stage: Stage, nth: int
) -> None:
    """The split ends within a minute; somebody else goes on at the step that was begun last."""
    moves = on(shared_moves, f"g-{stage}-{nth}")
    with pytest.raises(BrokenOff):
        stepped(replace(moves, stages=Breaking(stage, nth)), SteppedInstances(moves, "3"))
    split = split_of(moves)
    assert split is None or (until_of(moves) - now()).total_seconds() <= 61
    instances = SteppedInstances(moves, "3")
    stepped(moves, instances, by="bob", resume=True, steps=None)
    assert (moves.now, split_of(moves)) == ("3", None)
    # Of the step that was about to be begun its own note was not there yet.
    at = nth - 1 if stage == Stage.STEP else len(PLAN.shares)
    assert instances.shares[-1:] == list(PLAN.shares[-1:]) or at > len(PLAN.shares) - 1
    assert [*instances.shares] == list(PLAN.shares[max(0, at - 1) :])[: len(instances.shares)]
    assert_whole(moves)


@pytest.mark.parametrize(("stage", "nth"), MORE)
def test_steps_broken_off_anywhere_can_be_undone(
    shared_moves: Moves, stage: Stage, nth: int
) -> None:
    """By a rollback that says that they are gone: the split goes at once."""
    moves = on(shared_moves, f"v-{stage}-{nth}")
    with pytest.raises(BrokenOff):
        stepped(replace(moves, stages=Breaking(stage, nth)), SteppedInstances(moves, "3"))
    moves.rollback(by="bob", resume=True)
    assert (moves.now, split_of(moves)) == ("2", None)
    assert_whole(moves)


def test_steps_that_somebody_else_goes_on_with_are_left_to_them(shared_moves: Moves) -> None:
    """Whoever began them finds out before anything else is written, and takes nothing back."""
    moves = on(shared_moves, "taken")
    first, second = SteppedInstances(moves, "3"), SteppedInstances(moves, "3")
    went_on: list[object] = []

    def take_over() -> None:
        if first.shares == [5] and not went_on:
            went_on.append(stepped(moves, second, by="bob", resume=True, steps=None))

    first.at_look = take_over
    stop = stop_of(lambda: stepped(moves, first))
    assert (stop.code, stop.status) == ("taken_over", UNDECIDED)
    assert (moves.now, first.shares, second.shares[0]) == ("3", [5], 5)
    assert_whole(moves)


def test_steps_are_under_way_for_as_long_as_their_split_lasts(shared_moves: Moves) -> None:
    """Also where the lease of the move has lapsed, since a step may last for hours."""
    moves = on(shared_moves, "way")
    mover = moves.mover(lease=0.0)
    ours = mover.intend(
        mover.settle(mover.look()), "promote", "3", unvalidated="a test", steps=PLAN
    )
    with pytest.raises(BrokenOff):
        stepped(replace(moves, stages=Breaking(Stage.STEP, 2)), SteppedInstances(moves, "3"))
    stop = stop_of(lambda: moves.promote("4", by="bob"))
    assert (stop.code, stop.status) == ("under_way", UNDECIDED)
    assert moves.journal[-1].number == ours.number
    moves.rollback(by="bob", resume=True)


def test_mlflow_that_does_not_answer_is_waited_for_until_the_split_has_ended(
    shared_moves: Moves,
) -> None:
    """Then the command ends too, and says that it has."""
    moves = on(shared_moves, "silent")
    instances = SteppedInstances(moves, "3")

    def silent(*_: object) -> None:
        raise Unreachable("MLflow does not answer")

    with pytest.MonkeyPatch.context() as patched:

        def fall_silent() -> None:
            if instances.shares == [5]:
                # The fake asks the registry too.
                patched.setattr(instances, "moves", replace(moves, alias="nobody"))
                patched.setattr(Mover, "look", silent)

        instances.at_look = fall_silent
        stop = stop_of(lambda: stepped(moves, instances))
    assert (stop.code, stop.status) == ("unreachable", IN_PART)
    assert "ends by itself" in str(stop)
    assert instances.seconds >= 60
    moves.rollback(resume=True)
    assert (moves.now, split_of(moves)) == ("2", None)


def test_refusal_to_split_leaves_nothing_begun(shared_moves: Moves) -> None:
    """An account that may move aliases and set no tags, say."""
    moves = on(shared_moves, "denied")

    def deny(*_: object) -> None:
        raise WriteRefused("it needs EDIT", "PERMISSION_DENIED")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Mover, "write_split", deny)
        stop = stop_of(lambda: stepped(moves, SteppedInstances(moves, "3")))
    assert (stop.code, stop.status) == ("permission_denied", REFUSED)
    assert_whole(moves)
