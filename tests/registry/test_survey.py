"""When a look searches: pure arithmetic, on what was measured."""

import pytest

from service.registry.survey import Survey


@pytest.mark.parametrize(
    ("followed", "most"), [(1, 0), (2, 0), (3, 60), (10, 200), (50, 1000), (500, 1000)]
)
def test_search_is_worth_it_for_many_followed_models_among_few(followed: int, most: int) -> None:
    """A page is never longer than MLflow admits."""
    assert Survey().most(followed) == most


def test_registry_that_is_too_large_is_not_searched_for_long() -> None:
    """It may have shrunk some hundred looks later."""
    survey = Survey()
    survey.searched(complete=False)
    looks = [survey.most(10) for _ in range(301)]
    assert looks == [0] * 300 + [200]


def test_registry_that_was_searched_whole_is_searched_again() -> None:
    """At the next look."""
    survey = Survey()
    survey.searched(complete=True)
    assert survey.most(10) == 200
