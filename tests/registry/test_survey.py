"""When a look searches: pure arithmetic, on what was measured."""

import pytest

from service.refs import VersionId
from service.registry.front.remembered import Absent, LookStrategy


@pytest.mark.parametrize(
    ("followed", "most"), [(1, 0), (2, 0), (3, 60), (10, 200), (50, 1000), (500, 1000)]
)
def test_search_is_worth_it_for_many_followed_models_among_few(followed: int, most: int) -> None:
    """A page is never longer than MLflow admits."""
    assert LookStrategy().most(followed) == most


def test_registry_that_is_too_large_is_not_searched_for_long() -> None:
    """It may have shrunk some hundred looks later."""
    survey = LookStrategy()
    survey.searched(complete=False)
    looks = [survey.most(10) for _ in range(301)]
    assert looks == [0] * 300 + [200]


def test_registry_that_was_searched_whole_is_searched_again() -> None:
    """At the next look."""
    survey = LookStrategy()
    survey.searched(complete=True)
    assert survey.most(10) == 200


def test_p23_version_that_is_gone_is_asked_about_seldom() -> None:
    """It does not come back, as a rule; others are asked about with each look."""
    here, gone = VersionId("a", 1, "1"), VersionId("a", 1, "2")
    absent = Absent()
    assert absent.due([here, gone]) == [here, gone]
    absent.note([gone])
    asked = [absent.due([here, gone]) for _ in range(61)]
    assert asked == [[here]] * 60 + [[here, gone]]
