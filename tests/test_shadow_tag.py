"""What `podium.shadow.ALIAS` says."""

import pytest

from service.shadow_tag import ShadowTag
from service.split_tag import WHOLE, BadRolloutTag


@pytest.mark.parametrize(
    ("value", "alias", "share"),
    [("challenger", "challenger", WHOLE), ("v7=25%", "v7", 2500), (" a = 0.5 ", "a", 50)],
)
def test_shadow_is_read_and_written_as_it_is_read(value: str, alias: str, share: int) -> None:
    """All requests, unless it says how many."""
    found = ShadowTag.of(value, "champion")
    assert found == ShadowTag(alias, share)
    assert ShadowTag.of(found.value, "champion") == found


@pytest.mark.parametrize("value", ["", " ", "false"])
def test_empty_tag_is_no_shadow(value: str) -> None:
    """As `podium shadow --clear` would leave it where tags cannot be deleted."""
    assert ShadowTag.of(value, "champion") is None


@pytest.mark.parametrize(
    "value", ["champion", "a=", "a=101", "a,b", "a b", "<b>", "latest", "x" * 5000]
)
def test_what_cannot_be_done_is_refused(value: str) -> None:
    """An alias does not listen to itself."""
    with pytest.raises(BadRolloutTag):
        ShadowTag.of(value, "champion")
