"""References: what is followed, and what is refused at start."""

import pytest

from service.following.refs import BadRef, ModelRef


@pytest.mark.parametrize(
    ("text", "name", "alias"),
    [
        ("iris@champion", "iris", "champion"),
        ("a@b@champion", "a@b", "champion"),
        ("with/slash and space@champion", "with/slash and space", "champion"),
        ("Schönes Modell@übung", "Schönes Modell", "übung"),
    ],
)
def test_reference_is_split_at_the_last_at_sign(text: str, name: str, alias: str) -> None:
    """Names may hold nearly anything, an alias no `@`."""
    assert ModelRef.parse(text) == ModelRef(name, alias)
    assert str(ModelRef.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "iris", "@champion", "iris@", "a,b@c", "m@latest", "m@v12"),
        *("a\nb@c", "a\x9b@c", "a\u2028b@c", "a\u2029b@c", "a\udcff@c"),
    ],
)
def test_what_cannot_be_followed_is_refused(text: str) -> None:
    """What ends a line, what is no text, commas and what MLflow reserves among it."""
    with pytest.raises(BadRef):
        ModelRef.parse(text)
