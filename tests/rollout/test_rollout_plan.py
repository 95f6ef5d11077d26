"""What tags mean for a slot: what cannot be read changes nothing and is told."""

from dataclasses import replace

import pytest

from service.rollout.rollout_plan import NO_PLAN, planned
from service.rollout_tags import NO_TAGS, RolloutTags
from service.shadow_tag import ShadowTag
from service.split_tag import ArmShare, Split

NOW = 1_796_112_000.0  # 2026-12-01T08:00:00Z
GOOD = RolloutTags(split="challenger=10", sticky="X-User", shadow="v7=25%")


def test_tags_are_planned() -> None:
    """Each by its own grammar; arms alone are followed."""
    plan = planned(GOOD, NO_TAGS, "champion", NOW)
    assert plan.split == Split((ArmShare("challenger", 1000),))
    assert (plan.shadow, plan.sticky) == (ShadowTag("v7", 2500), "X-User")
    assert (plan.arms, plan.wrong, plan.tags) == (frozenset({"challenger"}), {}, GOOD)
    assert planned(NO_TAGS, plan.tags, "champion", NOW) == NO_PLAN


@pytest.mark.parametrize("kind", ["split", "sticky", "shadow"])
def test_tag_that_cannot_be_read_leaves_what_was_before_it(kind: str) -> None:
    """After a restart too: what is in force is what is kept."""
    before = planned(GOOD, NO_TAGS, "champion", NOW)
    bad = replace(GOOD, **{kind: "<b>101%</b>"})
    plan = planned(bad, before.tags, "champion", NOW)
    assert list(plan.wrong) == [kind]
    assert replace(plan, wrong={}) == before
    assert planned(bad, plan.tags, "champion", NOW) == plan


def test_bad_tag_with_nothing_before_it_means_nothing() -> None:
    """Whatever a release that reads more has kept."""
    bad = RolloutTags(split="x" * 501, sticky="a b", shadow="champion")
    plan = planned(bad, NO_TAGS, "champion", NOW)
    assert sorted(plan.wrong) == ["shadow", "split", "sticky"]
    assert replace(plan, wrong={}) == NO_PLAN
    assert replace(planned(bad, bad, "champion", NOW), wrong={}).arms == frozenset()


def test_split_is_over_by_itself_and_says_so() -> None:
    """Also one that was over when it was written."""
    tags = RolloutTags(split="v7=5,until=2026-12-01T08:00:00Z")
    before = planned(tags, NO_TAGS, "champion", NOW - 1)
    assert before.arms == {"v7"}
    plan = planned(tags, before.tags, "champion", NOW)
    assert (plan.arms, list(plan.wrong)) == (frozenset(), ["split"])


def test_tag_that_cannot_be_read_is_told_of_though_the_one_before_it_is_over() -> None:
    """Whoever mends it has to know what is wrong."""
    over = RolloutTags(split="v7=5,until=2026-12-01T08:00:00Z")
    plan = planned(RolloutTags(split="v7=-5"), over, "champion", NOW)
    assert plan.arms == frozenset()
    assert plan.wrong == {"split": "'-5' is not a percentage from 0 to 100, as 10 or 2.5."}


def test_service_without_arms_plans_none_and_says_so() -> None:
    """Nor a shadow, whose version a tag would bring as well."""
    plan = planned(GOOD, NO_TAGS, "champion", NOW, takes_arms=False)
    assert (plan.arms, plan.shadow, sorted(plan.wrong)) == (frozenset(), None, ["shadow", "split"])
    assert not planned(NO_TAGS, GOOD, "champion", NOW, takes_arms=False).wrong
