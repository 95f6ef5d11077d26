"""References: what is followed, and what is refused at start."""

import pytest

from service.refs import BadRef, ModelRef


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
    ("text", "ref"),
    [
        ("models:/wine@champion", ModelRef("wine", "champion")),
        (" models:/a@b@champion ", ModelRef("a@b", "champion")),
        ("wine@champion", ModelRef("wine", "champion")),
    ],
)
def test_o15_operators_may_write_mlflows_address(text: str, ref: ModelRef) -> None:
    """As they write it for `mlflow models serve`."""
    assert ModelRef.parse_setting(text) == ref


def test_o15_two_at_signs_are_refused_with_what_to_write() -> None:
    """Two references that were joined, most likely, and never a model that is there."""
    with pytest.raises(
        BadRef, match=r"more than one @; for a model of that name write models:/a@b@c"
    ):
        ModelRef.parse_setting("a@b@c")


@pytest.mark.parametrize(
    "text",
    [
        *("models:/", "models:/iris", "models:/iris/3", "models:/@c", "models:/iris@latest"),
        *("", "iris", "@champion", "iris@", "a,b@c", "m@latest", "m@v12"),
        *("a\nb@c", "a\x9b@c", "a\u2028b@c", "a\u2029b@c", "a\udcff@c"),
    ],
)
def test_what_cannot_be_followed_is_refused(text: str) -> None:
    """What ends a line, what is not text, commas and what MLflow reserves among it."""
    with pytest.raises(BadRef):
        ModelRef.parse(text)
