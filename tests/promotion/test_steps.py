"""What a step does next is said by what is known of it alone."""

import pytest

from service.exits import REFUSED, UNDECIDED
from service.promotion.journal import StepBegun, StepPlan
from service.promotion.mover import now
from service.promotion.steps import ArmSeen, ArmState, ArmTally, StepLook, step_outcome
from service.promotion.stopped import MoveStopped
from service.rollout.verdict import Sample

PLAN = StepPlan(shares=(5, 25, 50), step_seconds=60, seconds=300)


def seen(state: ArmState = "serves", instance: str = "i", answers: int = 0) -> ArmSeen:
    """One instance's."""
    sentence = "it is so"
    return ArmSeen("http://one", instance, state, sentence, "1", Sample(answers), Sample(answers))


@pytest.mark.parametrize(
    ("seconds", "answers", "state"),
    [
        (59.9, 5000, "serves"),
        (60.0, 99, "serves"),
        (359.9, 99, "serves"),
        (60.0, 100, "coming"),
        (60.0, 100, "silent"),
    ],
)
def test_step_goes_on_until_its_seconds_are_over_and_a_hundred_answers_have_come(
    seconds: float, answers: int, state: ArmState
) -> None:
    """Both, and on every instance."""
    assert step_outcome(StepLook(5, seconds, answers, [seen(state)]), PLAN) is False


def test_step_is_over_after_its_seconds_and_a_hundred_answers() -> None:
    """Whichever comes last."""
    for seconds, answers in ((60.0, 100), (60.0, 5000), (359.9, 100)):
        assert step_outcome(StepLook(5, seconds, answers, [seen()]), PLAN) is True


@pytest.mark.parametrize(
    ("look", "code", "status"),
    [
        (StepLook(5, 0.0, 0, [seen("refused")]), "refused_by_instance", REFUSED),
        (StepLook(5, 60.0, 100, [seen()], worse="it fails"), "gave_way", REFUSED),
        (StepLook(5, 360.0, 99, [seen()]), "too_few_answers", UNDECIDED),
        (StepLook(5, 360.0, 100, [seen()], doubt="it fails"), "too_few_answers", UNDECIDED),
        (StepLook(5, 360.0, 99, [seen("coming")]), "not_all_serve", UNDECIDED),
        (StepLook(5, 360.0, 200, [seen("silent")]), "not_all_serve", UNDECIDED),
    ],
)
def test_version_goes_back_for_what_speaks_against_it_or_for_want_of_answers(
    look: StepLook, code: str, status: int
) -> None:
    """A word that programs know, and the exit status that says whether to try again."""
    outcome = step_outcome(look, PLAN)
    assert isinstance(outcome, MoveStopped)
    assert (outcome.code, outcome.status) == (code, status)


def test_answers_of_all_instances_count_from_the_first_look_on() -> None:
    """What a process had answered before is not this step's, nor is what another had."""
    tally = ArmTally()
    tally.note([seen(instance="a", answers=70), seen(instance="b", answers=10)])
    assert tally.in_step == 0
    tally.note([seen(instance="a", answers=90), seen(instance="b", answers=40)])
    assert (tally.in_step, tally.arm.requests, tally.own.requests) == (50, 50, 50)
    tally.begin_step()
    tally.note([seen(instance="a", answers=95), seen("silent", instance="")])
    assert (tally.in_step, tally.arm.requests) == (5, 55)


def test_process_that_counts_anew_loses_nothing_of_what_it_had() -> None:
    """Its arm was made anew, or its word is another one."""
    tally = ArmTally()
    for answers in (0, 60, 5):
        tally.note([seen(instance="a", answers=answers)])
    assert tally.in_step == 65


def test_version_is_judged_once_for_each_look() -> None:
    """Whoever judges at each answer takes chance for a fault."""
    tally = ArmTally()
    bad = Sample(99, 50), Sample(900, 0)
    tally.note([ArmSeen("u", "i", "serves", "", "1", Sample(), Sample())])
    tally.note([ArmSeen("u", "i", "serves", "", "1", *bad)])
    assert tally.worse() == ""
    tally.note([ArmSeen("u", "i", "serves", "", "1", Sample(120, 50), Sample(900, 0))])
    assert "the version has failed 41.7% of its 120 requests" in tally.worse()
    assert tally.worse() == ""


@pytest.mark.parametrize(
    ("arm", "own", "doubts"),
    [
        (Sample(120, 61), Sample(99), True),
        (Sample(120, 60), Sample(99), False),
        (Sample(120, 120), Sample(100, 100), False),
        (Sample(), Sample(), False),
    ],
)
def test_version_that_mostly_fails_beside_few_of_the_one_before_is_in_doubt(
    arm: Sample, own: Sample, *, doubts: bool
) -> None:
    """No step of it is over; with more of the other one's it is judged."""
    tally = ArmTally()
    tally.note([ArmSeen("u", "i", "serves", "", "1", Sample(), Sample())])
    tally.note([ArmSeen("u", "i", "serves", "", "1", arm, own)])
    assert bool(tally.doubt()) is doubts
    look = StepLook(5, 60.0, 120, [seen()], doubt=tally.doubt())
    assert step_outcome(look, PLAN) is not doubts


def test_version_as_bad_as_the_one_before_is_not_worse() -> None:
    """Its clients are."""
    tally = ArmTally()
    tally.note([ArmSeen("u", "i", "serves", "", "1", Sample(), Sample())])
    tally.note([ArmSeen("u", "i", "serves", "", "1", Sample(100, 20), Sample(900, 180))])
    assert tally.worse() == ""


def test_step_that_was_begun_last_is_gone_through_again() -> None:
    """Nobody knows how far it had come."""
    begun = [StepBegun(share=each, by="ada", time=now(), id=str(each)) for each in (5, 25, 100)]
    assert PLAN.left_after(begun[:0]) == (5, 25, 50)
    assert PLAN.left_after(begun[:2]) == (25, 50)
    assert PLAN.left_after(begun) == ()
