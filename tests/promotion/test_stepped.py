"""`promote --steps` on a real registry: in order, back for what speaks against it, never lost."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from service.exits import IN_PART, REFUSED, UNDECIDED
from service.promotion.deciding import AliasStanding, Stage
from service.promotion.journal import Written
from service.promotion.mover import Mover, now
from service.promotion.step_split import StepSplit
from service.promotion.stopped import MoveStopped
from service.registry.writer.faults import Unreachable, WriteRefused
from service.registry.writer.writer import Writer
from service.rollout_tags import tag_name
from tests.promotion.conftest import NAME, Moves
from tests.promotion.stepping import PLAN, SteppedInstances, split_of, stepped, until_of
from tests.promotion.test_killed import Breaking, BrokenOff, assert_whole

BY_HAND = "v4=10,until=2099-12-24T00:00:00Z"
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


def split_by_hand(moves: Moves, value: str | None) -> None:
    """As somebody does on MLflow's page; None: they take it away."""
    client, tag = moves.registry.client, tag_name("split", moves.alias)
    if value is not None:
        client.set_registered_model_tag(NAME, tag, value)
    elif split_of(moves) is not None:
        client.delete_registered_model_tag(NAME, tag)


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


@pytest.mark.parametrize(
    ("alias", "value"),
    [
        ("others", "challenger=10"),
        ("alike", "v4=10,until=2099-12-24T00:00:00Z"),
        ("same", "v3=5,until=2099-12-24T00:00:00Z"),
        ("odd", "v4=ten"),
    ],
)
def test_split_of_somebody_else_is_left_alone(shared_moves: Moves, alias: str, value: str) -> None:
    """Nothing is written, however it reads; the sentence says what ends it."""
    moves = on(shared_moves, alias)
    split_by_hand(moves, value)
    stop = stop_of(lambda: stepped(moves, SteppedInstances(moves, "3")))
    assert stop.code == "split_already"
    assert f"podium split iris --alias {alias} --clear" in str(stop)
    assert (split_of(moves), moves.told) == (value, [("seen", None, "2")])


@pytest.mark.parametrize(
    ("alias", "value"), [("over", "v4=10,until=2001-12-24T00:00:00Z"), ("no", "false")]
)
def test_split_of_somebody_else_that_gives_nobody_anything_is_in_no_way(
    shared_moves: Moves, alias: str, value: str
) -> None:
    """It has ended by itself, or says that there is none."""
    moves = on(shared_moves, f"empty-{alias}")
    split_by_hand(moves, value)
    assert stepped(moves, SteppedInstances(moves, "3")).outcome == "promoted"


class Splitting(list[Stage]):
    """Somebody splits the alias by hand as a move comes to a stage for the first time."""

    def __init__(self, moves: Moves, stage: Stage) -> None:
        super().__init__()
        self._moves, self._stage = moves, stage

    def append(self, told: Stage) -> None:
        """Then."""
        super().append(told)
        if told == self._stage and self.count(told) == 1:
            split_by_hand(self._moves, BY_HAND)


@pytest.mark.parametrize("stage", [Stage.PREPARE, Stage.INTEND, Stage.STEP])
def test_split_that_somebody_sets_before_the_first_step_stays(
    shared_moves: Moves, stage: Stage
) -> None:
    """Instances prepare a version for minutes; the move has its end, and the alias stays."""
    moves = on(shared_moves, f"before-{stage}")
    split = replace(moves, stages=Splitting(moves, stage))
    stop = stop_of(lambda: stepped(split, SteppedInstances(moves, "3")))
    assert (stop.code, stop.status) == ("split_already", REFUSED)
    assert (split_of(moves), moves.now) == (BY_HAND, "2")
    assert_whole(moves)


def test_split_that_somebody_sets_between_steps_stays(shared_moves: Moves) -> None:
    """It is not written over by the next one, nor taken back with the version."""
    moves = on(shared_moves, "between")
    instances = SteppedInstances(moves, "3")
    instances.at_look = lambda: split_by_hand(moves, BY_HAND) if instances.shares == [5] else None
    stop = stop_of(lambda: stepped(moves, instances))
    assert (stop.code, stop.status) == ("split_changed", REFUSED)
    assert (split_of(moves), moves.now) == (BY_HAND, "2")
    assert_whole(moves)


@pytest.mark.parametrize("value", [BY_HAND, None])
def test_split_that_somebody_changes_once_the_alias_has_moved_stays(
    shared_moves: Moves, value: str | None
) -> None:
    """While not all serve it the share is kept, but not against people; the promotion goes on."""
    moves = on(shared_moves, f"after-{value is None}")
    instances = SteppedInstances(moves, "3")
    seen: list[str | None] = []
    said: list[str] = []

    def look() -> None:
        if moves.now != "3":
            return
        if not seen:
            split_by_hand(moves, value)
        seen.append(split_of(moves))

    instances.at_look, instances.serves = look, lambda: "2"
    assert stepped(moves, instances, said=said.append).outcome == "promoted"
    assert set(seen) == {value}
    assert (split_of(moves), moves.now, "that stays" in said[-1]) == (value, "3", True)


def test_share_is_kept_until_all_serve_what_the_alias_is_on(shared_moves: Moves) -> None:
    """Put off for as long as an instance is late, so that nobody is sent back for a moment."""
    moves = on(shared_moves, "late")
    instances = SteppedInstances(moves, "3")
    since: list[float] = []
    written: list[float] = []
    write = Mover.write_split

    def counted(self: Mover, ours: Written, standing: AliasStanding, split: StepSplit) -> None:
        write(self, ours, standing, split)
        if standing.alias == "3":
            written.append(split.share)

    def look() -> None:
        if moves.now == "3":
            since.append(instances.seconds)

    instances.at_look = look
    instances.serves = lambda: "3" if since and since[-1] - since[0] > 100 else "2"
    long = PLAN.model_copy(update={"shares": (50.0,), "seconds": 300.0})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Mover, "write_split", counted)
        stepped(moves, instances, steps=long)
    assert (split_of(moves), set(written), len(written) >= 4) == (None, {50.0}, True)
    assert 100 < since[-1] - since[0] < 150


@pytest.mark.parametrize("how", [{"worse": "It fails more."}, {"refuses": True}])
def test_version_that_gives_way_where_the_alias_is_has_its_share_no_longer(
    shared_moves: Moves, how: dict[str, Any]
) -> None:
    """By the instance's own verdict, or since it refuses the version: at the look that tells it."""
    moves = on(shared_moves, f"judged-{next(iter(how))}")
    instances = SteppedInstances(moves, "3")
    looks: list[float] = []
    instances.at_look = lambda: looks.append(instances.seconds) if moves.now == "3" else None
    instances.serves = lambda: "2" if moves.now == "3" else None
    instances.judged = lambda: how if moves.now == "3" else {}
    stepped(moves, instances)
    assert (len(looks), split_of(moves)) == (1, None)


def test_verdict_of_an_instance_ends_a_step(shared_moves: Moves) -> None:
    """It is heard, whatever all of them have counted together."""
    moves = on(shared_moves, "own-verdict")
    instances = SteppedInstances(moves, "4")
    instances.judged = lambda: {"worse": "It fails more."}
    stop = stop_of(lambda: stepped(moves, instances))
    assert (stop.code, moves.now, split_of(moves)) == ("gave_way", "2", None)
    assert "http://one: It fails more." in str(moves.blocked("4"))
    moves.registry.client.delete_model_version_tag(NAME, "4", "podium.blocked")


def test_alias_that_somebody_moves_while_not_all_serve_ends_the_share(
    shared_moves: Moves,
) -> None:
    """They want neither the version nor a share of it."""
    moves = on(shared_moves, "moved-on")
    instances = SteppedInstances(moves, "3")

    def act() -> None:
        if moves.now == "3":
            moves.registry.move(moves.alias, "5")

    instances.at_look, instances.serves = act, lambda: "2"
    stop = stop_of(lambda: stepped(moves, instances))
    assert (stop.code, moves.now, split_of(moves)) == ("moved_past", "5", None)


@pytest.mark.parametrize("ahead", [-3600.0, 3600.0])
def test_share_ends_by_the_clocks_of_services(shared_moves: Moves, ahead: float) -> None:
    """Whatever the clock says of whoever typed the command."""
    moves = on(shared_moves, f"clock-{ahead < 0}")
    instances = SteppedInstances(moves, "3")
    instances.judged = lambda: {"ahead": ahead}
    left: set[bool] = set()

    def look() -> None:
        if split_of(moves):
            lasts = (until_of(moves) - now()).total_seconds() - ahead
            left.add(lasts <= 61)
            left.add(lasts > -600)

    instances.at_look = look
    stepped(moves, instances, steps=PLAN.model_copy(update={"shares": (5.0,)}))
    assert left == {True}


def test_nothing_of_steps_is_left_in_the_registry(shared_moves: Moves) -> None:
    """Neither the split nor whose it was."""
    moves = on(shared_moves, "clean")
    stepped(moves, SteppedInstances(moves, "3"))
    tags = moves.registry.client.get_registered_model(NAME).tags
    assert [key for key in tags if key.startswith(tag_name("split", moves.alias))] == []


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
