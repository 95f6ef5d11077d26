"""Tags that nobody can follow, or that would be seen late, are named with what mends them."""

from datetime import UTC, datetime

import pytest

from service.doctor.labels import unknown_model_tags
from service.doctor.registered_labels import Labels
from service.doctor.rollouts import troubles_of_rollout
from service.doctor.trouble import Trouble

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def found(poll_seconds: float = 1.0, **tags: str) -> list[Trouble]:
    """Of a model with a champion and a challenger."""
    named = {f"podium.{kind.replace('_', '.')}": value for kind, value in tags.items()}
    labels = Labels(named, {"champion": "1", "challenger": "2"})
    return list(troubles_of_rollout("iris", labels, poll_seconds, NOW))


def test_tags_that_can_be_followed_are_no_trouble() -> None:
    """One that has ended by itself was, too."""
    assert found(split_champion="challenger=10,v7=5", sticky_champion="X-User-Id") == []
    assert found(shadow_champion="challenger=25%", bake_champion="300s,slower=2x") == []
    assert found(split_champion="v2=10,until=2026-11-30T00:00:00Z", fallback_champion="1") == []


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("split", "challenger=101%", "--clear takes it back"),
        ("split", "x" * 5000, "longer than 500"),
        ("split", "<b>=10", "podium.split.champion"),
        ("split", "nobody=10", "has no alias nobody"),
        ("shadow", "champion", "podium shadow iris --alias champion --clear"),
        ("sticky", "X User", "is not the name of a header"),
        ("bake", "soon", "write it anew"),
        ("fallback", "v1", "not the number of a version"),
    ],
)
def test_tag_that_nobody_can_follow_is_named(kind: str, value: str, said: str) -> None:
    """With why, and what mends it."""
    (trouble,) = found(1.0, **{f"{kind}_champion": value})
    assert (trouble.subject, trouble.code) == ("iris@champion", "tag_wrong")
    assert said in trouble.sentence


def test_tag_of_an_alias_that_is_not_there_is_named_with_the_nearest() -> None:
    """Most often it is misspelt."""
    (trouble,) = found(split_chamipon="challenger=10")
    assert trouble.code == "tag_of_no_alias"
    assert "if champion is meant" in trouble.sentence


def test_tag_whose_kind_is_misspelt_is_named_with_the_nearest() -> None:
    """Nothing reads it."""
    (trouble,) = unknown_model_tags("iris", ["podium.spilt.champion"])
    assert "podium.split." in trouble.sentence


def test_tags_that_would_be_seen_late_are_named() -> None:
    """MLflow has no webhook for tags; what `podium promote` keeps by itself need not be seen."""
    (trouble,) = found(60.0, split_champion="challenger=10")
    assert (trouble.subject, trouble.code) == ("PODIUM_POLL_SECONDS", "tags_late")
    assert found(5.0, split_champion="challenger=10") == found(60.0, fallback_champion="1") == []
