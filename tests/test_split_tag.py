"""What `podium.split.ALIAS` and `podium.sticky.ALIAS` say, in every form that people write."""

from datetime import UTC, datetime

import pytest

from service.split_tag import (
    STICKY_HEADER,
    ArmShare,
    BadRolloutTag,
    Split,
    sticky_header,
    version_number,
)

DAY = datetime(2026, 12, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "arms", "until"),
    [
        ("challenger=10,canary=5", (("challenger", 1000), ("canary", 500)), None),
        (" challenger = 10 % , Canary=2.5%", (("challenger", 1000), ("Canary", 250)), None),
        ("v7=5", (("v7", 500),), None),
        ("V007=0.01", (("v7", 1),), None),
        ("challenger=100", (("challenger", 10_000),), None),
        ("challenger=0", (("challenger", 0),), None),
        ("v7=5,until=2026-12-01T08:00:00Z", (("v7", 500),), DAY),
        ("v7=5, Until = 2026-12-01T09:00:00+01:00", (("v7", 500),), DAY),
        ("", (), None),
        (" False ", (), None),
        ("until=2026-12-01T08:00:00Z", (), DAY),
    ],
)
def test_split_is_read_and_written_as_it_is_read(
    value: str, arms: tuple[tuple[str, int], ...], until: datetime | None
) -> None:
    """Whatever its author puts around the words."""
    found = Split.of(value, "champion")
    assert (found.arms, found.until) == (tuple(ArmShare(*each) for each in arms), until)
    assert Split.of(found.value, "champion") == found


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("challenger=101%", "percentage"),
        ("challenger=1O", "percentage"),
        ("challenger=-1", "percentage"),
        ("challenger=1e1", "percentage"),
        ("challenger=10.001", "percentage"),
        ("challenger=\u0661\u0660", "percentage"),
        ("challenger=", "percentage"),
        ("challenger", "ARM=PERCENT"),
        ("challenger=10,,canary=5", "ARM=PERCENT"),
        ("challenger=60,canary=60", "120 percent"),
        ("a=1,b=1,c=1", "3 arms"),
        ("a=1,a=1", "twice"),
        ("v7=1,v07=1", "twice"),
        ("champion=50", "itself"),
        ("latest=10", "alias"),
        ("<b>x</b>=10", "alias"),
        ("a\nb=10", "alias"),
        ("../x=10", "alias"),
        ("v7=5,until=tomorrow", "offset"),
        ("v7=5,until=2026-12-01T08:00:00", "offset"),
        ("until=2026-12-01T08:00:00Z,v7=5", "alias|percentage"),
        ("x" * 5000, "longer"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(value: str, says: str) -> None:
    """One line, not longer than is read."""
    with pytest.raises(BadRolloutTag) as refused:
        Split.of(value, "champion")
    message = str(refused.value)
    assert any(each in message for each in says.split("|"))
    assert len(message) < 200
    assert message.isprintable()


def test_split_ends_when_its_time_has_come() -> None:
    """To the second."""
    split = Split.of("v7=5,until=2026-12-01T08:00:00Z", "champion")
    assert not split.is_over(DAY.replace(hour=7))
    assert split.is_over(DAY)


@pytest.mark.parametrize(
    ("value", "header"), [("X-User-Id", "X-User-Id"), (" x-user ", "x-user"), ("", STICKY_HEADER)]
)
def test_sticky_tag_names_a_header(value: str, header: str) -> None:
    """None is Podium's own."""
    assert sticky_header(value) == header


@pytest.mark.parametrize("value", ["X User", "X:User", "<script>", "ü", "x" * 101, "x" * 5000])
def test_what_is_no_header_is_refused(value: str) -> None:
    """As RFC 9110 has names of fields."""
    with pytest.raises(BadRolloutTag):
        sticky_header(value)


def test_version_is_told_from_an_alias() -> None:
    """MLflow reserves the word."""
    assert [version_number(each) for each in ("v7", "v7b", "seven")] == ["7", None, None]
