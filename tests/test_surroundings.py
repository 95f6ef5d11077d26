"""What the operator gives models: read once, for whom it is meant, and refused in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.config.settings import Settings
from service.config.surroundings import BadSurroundings, GivenToModels, surroundings
from service.hosting.specification import Surroundings

MODELS = "iris@champion,iris@challenger,wine@champion"
ENVIRONMENT = {"A": "1", "B": "2", "SECRET": "hunter2"}


def given(environment: dict[str, str] | None = None, **settings: Any) -> GivenToModels:
    """For three slots of two models."""
    made = Settings.model_validate({"models": MODELS, **settings})
    return surroundings(made, ENVIRONMENT if environment is None else environment)


def refusal(environment: dict[str, str] | None = None, **settings: Any) -> str:
    """The line that it is refused with."""
    with pytest.raises(BadSurroundings) as refused:
        given(environment, **settings)
    assert "\n" not in str(refused.value)
    assert "hunter2" not in str(refused.value)
    return str(refused.value)


def config_file(folder: Path, content: Any) -> Path:
    """One with this content."""
    path = folder / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_o2_models_are_given_nothing_that_nobody_has_named() -> None:
    """By default."""
    assert given().of("iris") == Surroundings()


@pytest.mark.parametrize(
    ("wishes", "iris", "wine"),
    [
        ("A", {"A": "1"}, {"A": "1"}),
        ("A, iris:B", {"A": "1", "B": "2"}, {"A": "1"}),
        ("wine@champion:SECRET", {}, {"SECRET": "hunter2"}),
        ("iris@champion:B,iris@challenger:B", {"B": "2"}, {}),
        ("A,A,iris:A", {"A": "1"}, {"A": "1"}),
        ("ABSENT", {}, {}),
    ],
)
def test_o2_variables_reach_those_for_whom_they_are_named(
    wishes: str, iris: dict[str, str], wine: dict[str, str]
) -> None:
    """All, a model, or a slot."""
    found = given(model_environment=wishes)
    assert dict(found.of("iris").variables) == iris
    assert dict(found.of("wine").variables) == wine


def test_o2_variable_that_is_not_set_is_told() -> None:
    """And the rest is given; one that is empty is set."""
    found = given({"A": ""}, model_environment="B,A,iris:B")
    assert found.absent == ("B",)
    assert dict(found.of("wine").variables) == {"A": ""}


@pytest.mark.parametrize(
    ("wish", "advice"),
    [
        ("OPENAI-KEY", "write NAME, MODEL:NAME or MODEL@ALIAS:NAME"),
        ("A=1", "write NAME"),
        ("iris:", "write NAME"),
        ("LD_PRELOAD", "read when a process starts"),
        ("iris:PYTHONHASHSEED", "read when a process starts"),
        ("PODIUM_ADMIN_TOKEN", "Podium's own"),
        ("TMPDIR", "Podium's own"),
        ("rice:A", "follows no rice"),
        ("iris@production:A", "follows no iris@production"),
        ("iris@champion:A", "name iris without an alias"),
    ],
)
def test_o2_wish_that_cannot_be_fulfilled_is_refused(wish: str, advice: str) -> None:
    """Slots of one model share the processes of a version, so that all get it or none."""
    line = refusal(model_environment=wish)
    assert line.startswith("PODIUM_MODEL_ENVIRONMENT")
    assert advice in line


def test_w6_mlflows_own_variable_is_honoured_and_podiums_wins() -> None:
    """For every model."""
    mlflows = {"SERVING_MODEL_CONFIG": '{"scale": 9}'}
    assert given(mlflows).of("wine").config == '{"scale": 9}'
    found = given(mlflows, model_configuration='{"scale": 3}')
    assert found.of("wine").config == '{"scale": 3}'


def test_w6_configuration_that_mlflow_would_read_reaches_every_model() -> None:
    """It may hold a secret, and so is not part of the zygote's environment."""
    found = given({"MLFLOW_PYFUNC_INFERENCE_CONFIG": "{}"})
    assert dict(found.of("iris").variables) == {"MLFLOW_PYFUNC_INFERENCE_CONFIG": "{}"}


def test_w6_file_says_for_each_model_and_the_nearest_wins(tmp_path: Path) -> None:
    """A slot, its model, all others."""
    path = config_file(tmp_path, {"wine@champion": {"a": 1}, "wine": {"a": 2}, "*": {"a": 3}})
    found = given(model_config_file=path, model_configuration='{"a": 4}')
    assert (found.of("wine").config, found.of("iris").config) == ('{"a": 1}', '{"a": 3}')
    path = config_file(tmp_path, {"wine": {}})
    found = given(model_config_file=path, model_configuration='{"a": 4}')
    assert (found.of("wine").config, found.of("iris").config) == ("{}", '{"a": 4}')


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        ("{", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        ({"wine": "a"}, "'wine' must be a JSON object"),
        ({"rice": {}}, "follows no 'rice'"),
        ({"iris@champion": {}}, "name iris without an alias"),
        ("\udcff".encode(errors="surrogateescape").decode("latin-1"), "must be a JSON object"),
    ],
)
def test_w6_bad_file_is_refused(tmp_path: Path, content: Any, advice: str) -> None:
    """With what is wrong, and nothing of its content."""
    line = refusal(model_config_file=config_file(tmp_path, content))
    assert "PODIUM_MODEL_CONFIG_FILE" in line
    assert advice in line


def test_w6_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """And named."""
    assert "No such file" in refusal(model_config_file=tmp_path / "missing")
    (tmp_path / "latin").write_bytes(b"\xff")
    assert "UTF-8" in refusal(model_config_file=tmp_path / "latin")


@pytest.mark.parametrize("bad", ["{", "[]", "hunter2", '"path"'])
def test_w6_bad_value_of_mlflows_own_is_refused(bad: str) -> None:
    """At the start, and not by each load."""
    assert refusal({"SERVING_MODEL_CONFIG": bad}) == "SERVING_MODEL_CONFIG: must be a JSON object"


def test_models_that_patterns_find_are_given_what_is_meant_for_them() -> None:
    """For all, by the model's name, or by name and alias; known before it is registered."""
    wishes = "A,prod.iris:B,prod.wine@champion:SECRET"
    found = given(models="prod.*@champion", model_environment=wishes)
    assert dict(found.of("prod.other").variables) == {"A": "1"}
    assert dict(found.of("prod.iris").variables) == {"A": "1", "B": "2"}
    assert dict(found.of("prod.wine").variables) == {"A": "1", "SECRET": "hunter2"}


def test_whoever_no_pattern_can_find_is_refused() -> None:
    """It is more likely a slip than a wish."""
    line = refusal(models="prod.*@champion", model_environment="staging.iris:A")
    assert "follows no staging.iris" in line


def test_alias_alone_of_a_model_that_patterns_find_by_any_is_refused() -> None:
    """Its slots share processes."""
    assert "without an alias" in refusal(models="*@*", model_environment="iris@champion:A")


def test_configuration_of_models_that_patterns_find(tmp_path: Path) -> None:
    """The nearest entry counts."""
    path = config_file(tmp_path, {"*": {"a": 1}, "prod.iris": {"a": 2}})
    found = given(models="prod.*@champion", model_config_file=path)
    assert (found.of("prod.iris").config, found.of("prod.x").config) == ('{"a": 2}', '{"a": 1}')
