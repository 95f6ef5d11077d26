"""Patterns of what to follow: what they mean, and what no registry can make of them."""

import pytest

from service.patterns import RefPattern, is_pattern, matched
from service.refs import BadRef, ModelRef


@pytest.mark.parametrize(
    ("pattern", "meant", "others"),
    [
        ("prod.*@champion", ["prod.iris@champion", "prod.@champion"], ["prod@champion"]),
        ("*@champion", ["iris@champion", "a b/c@champion"], ["iris@challenger"]),
        ("*@*", ["iris@champion", "iris@1"], []),
        ("iris@*", ["iris@blue"], ["iris2@blue", "Iris@blue"]),
        ("model-?@champion", ["model-1@champion"], ["model-10@champion"]),
        ("[ab]*@champion", ["alpha@champion"], ["gamma@champion"]),
        ("[!a]*@champion", ["beta@champion"], ["alpha@champion"]),
        ("we[[]ird@champion", ["we[ird@champion"], ["weird@champion"]),
        ("[*]@champion", ["*@champion"], ["iris@champion"]),
        ("a?b@champion", ["a@b@champion"], ["ab@champion"]),
    ],
)
def test_pattern_means_what_fnmatch_says(pattern: str, meant: list[str], others: list[str]) -> None:
    """Case counts; the alias is what stands behind the last @."""
    read = RefPattern.parse(pattern)
    assert str(read) == pattern
    for text in meant + others:
        name, _, alias = text.rpartition("@")
        assert read.matches(name, alias) is (text in meant), text


@pytest.mark.parametrize(
    ("pattern", "advice"),
    [
        ("*", "write NAME@ALIAS"),
        ("*@", "write NAME@ALIAS"),
        ("@cham*", "write NAME@ALIAS"),
        ("*@latest", "MLflow reserves 'latest'"),
        ("*@v2", "MLflow reserves 'v2'"),
        ("a*@b@c", "more than one @"),
        ("a[b@c", "no ] that closes it"),
        ("*@a[", "no ] that closes it"),
        ("a*\nb@c", "control characters"),
        ("a*,b@c", "commas"),
    ],
)
def test_bad_pattern_says_what_to_write_instead(pattern: str, advice: str) -> None:
    """One line, like every bad reference."""
    with pytest.raises(BadRef) as refused:
        RefPattern.parse(pattern)
    assert advice in str(refused.value)
    assert repr(pattern) in str(refused.value)


def test_address_is_never_a_pattern() -> None:
    """MLflow admits wildcards in names, and whoever has one can say so."""
    assert is_pattern("we[ird]@champion")
    assert not is_pattern("models:/we[ird]@champion")
    assert not is_pattern("iris@champion")


@pytest.mark.parametrize(
    "name",
    ["a,b", "a\nb", "a\x1bb", "a\u2028b", "a\udcffb", "", " padded", "x" * 300, "models:/x"],
)
def test_hostile_name_is_left_out(name: str) -> None:
    """What is not read again as it is written is not a slot."""
    assert list(matched(name, ["champion"], [RefPattern.parse("*@champion")])) == []


@pytest.mark.parametrize("alias", ["latest", "v3", "a@b", "a,b", "", "a\nb", "x" * 300])
def test_hostile_alias_is_left_out(alias: str) -> None:
    """The same for aliases of a registry that checks none."""
    assert list(matched("iris", [alias], [RefPattern.parse("*@*")])) == []


def test_model_that_two_patterns_mean_is_one_slot() -> None:
    """For each alias that is meant."""
    patterns = [RefPattern.parse("*@champion"), RefPattern.parse("iris@c*")]
    found = list(matched("iris", ["champion", "challenger", "blue"], patterns))
    assert found == [ModelRef("iris", "champion"), ModelRef("iris", "challenger")]
