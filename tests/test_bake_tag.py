"""The tag `podium.bake.ALIAS`: what it says, and that nonsense is told and changes nothing."""

import pytest

from service.bake_tag import BakeRule, BakeWish
from service.split_tag import BadRolloutTag

_DEFAULT = BakeRule(seconds=60, most_seconds=900, slower=3.0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("300s,errors,slower=2x", BakeRule(300, 900, errors=True, slower=2.0)),
        (" 300 S , Errors ", BakeRule(300, 900, errors=True, slower=None)),
        ("5m", BakeRule(300, 900, errors=True, slower=3.0)),
        ("slower=1.5x", BakeRule(60, 900, errors=False, slower=1.5)),
        ("slower=2", BakeRule(60, 900, errors=False, slower=2.0)),
        ("errors", BakeRule(60, 900, errors=True, slower=None)),
        ("20m", BakeRule(1200, 1200, errors=True, slower=3.0)),
        ("off", BakeRule(0, 900, errors=True, slower=3.0)),
        ("0s", BakeRule(0, 900, errors=True, slower=3.0)),
        ("0.5s,", BakeRule(0.5, 900, errors=True, slower=3.0)),
    ],
)
def test_p20_tag_overrides_what_settings_say(value: str, expected: BakeRule) -> None:
    """What it does not name is as the settings have it."""
    assert BakeWish.of(value).rule(_DEFAULT) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", ",", "yes", "300", "-5s", "300s,300s", "errors,errors", "slower", "slower=0x"),
        *("slower=1x", "slower=infx", "1e9s", "nans", "8000000s", "off,300s", "<b>300s</b>"),
        *("٣s", "300s;errors", "x" * 5000, "300s," * 1000, "slower=99999x"),
    ],
)
def test_p20_nonsense_is_refused_with_a_sentence(value: str) -> None:
    """That does not repeat it: it is anybody's."""
    with pytest.raises(BadRolloutTag) as refused:
        BakeWish.of(value)
    assert len(str(refused.value)) < 100
