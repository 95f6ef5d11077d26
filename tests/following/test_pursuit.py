"""What the tries of one version come to, as values."""

from service.following.pursuit import Pursuit, pause_after
from service.refs import VersionId

ONE = VersionId("iris", 1, "1")


def test_p13_pauses_double_up_to_a_minute() -> None:
    """In seconds, by attempt."""
    assert [pause_after(attempt) for attempt in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_p13_each_try_is_due_later_than_the_one_before() -> None:
    """At the second itself it is."""
    first = Pursuit(ONE).tried(now=100.0)
    second = first.tried(now=101.0)
    assert (first.due, second.due, second.attempts) == (101.0, 103.0, 2)
    assert [second.is_due(now) for now in (102.9, 103.0)] == [False, True]


def test_p13_version_at_fault_is_never_due() -> None:
    """However long one waits."""
    assert not Pursuit(ONE).tried(now=100.0).refused("load_failed").is_due(now=1e12)


def test_p13_success_resets_all_but_the_version() -> None:
    """Pauses begin anew, and so does its innocence."""
    assert Pursuit(ONE).tried(now=100.0).refused("load_failed").reset() == Pursuit(ONE)


def test_p13_learning_which_version_was_meant_leaves_its_tries() -> None:
    """The fall-back is asked for before anybody knows which version it is."""
    assert Pursuit().tried(now=100.0).of(ONE) == Pursuit(ONE).tried(now=100.0)
