"""Model tags that steer a rollout, as they are found among others."""

from service.rollout_tags import LONGEST_VALUE, RolloutTags, nearest, rollouts_in, unknown_in


def test_tags_are_found_by_their_alias_and_cut_so_that_it_is_seen() -> None:
    """One more than is read stays of what is too long."""
    tags = {
        "podium.split.champion": "challenger=10",
        "podium.shadow.champion": "x" * 5000,
        "podium.sticky.": "X-User",
        "podium.sticky.a.b": "X-User",
        "podium.hold.champion": "an audit",
        "team": "ml",
    }
    (said,) = rollouts_in(tags).values()
    assert RolloutTags.of(said).said == {
        "split": "challenger=10",
        "shadow": "x" * (LONGEST_VALUE + 1),
    }


def test_unknown_tags_are_those_that_begin_as_ours_and_mean_nothing() -> None:
    """Twenty at most, none longer than two hundred characters."""
    tags = dict.fromkeys(["podium.hold.a", "podium.bake.a", "podium.spilt.a", "team"], "")
    assert unknown_in(tags) == ("podium.spilt.a",)
    many = {f"podium.{number:03}{'x' * 900}": "" for number in range(100)}
    assert (len(unknown_in(many)), {len(each) for each in unknown_in(many)}) == (20, {200})


def test_tag_that_may_be_meant_is_named() -> None:
    """Of the same alias; nothing where none is near."""
    found = [nearest(f"podium.{tag}") for tag in ("spilt.champion", "holds.a", "team.a", "split")]
    assert found == ["podium.split.champion", "podium.hold.a", None, None]
