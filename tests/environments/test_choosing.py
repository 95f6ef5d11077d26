"""In which environment a version runs: a table of what it asks for, and what is there."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from service.environments.choosing import (
    MANAGER_TAG,
    ChoosesByRules,
    EnvironmentChoice,
    EnvironmentRules,
    Manager,
    OwnEnvironment,
    instead,
)
from service.environments.difference import Packages
from service.environments.environment import (
    EnvironmentDelayed,
    EnvironmentRefused,
    EnvironmentWish,
)

THERE = {
    "mlflow": "3.17.2",
    "scikit-learn": "1.9.0",
    "pandas": "3.0.1",
    "numpy": "2.4.4",
    "setuptools": "84.0",
    "torch": "2.8.0",
}
OWN = OwnEnvironment("3.11.7", Packages(THERE.get, lambda _: ()))
ANY = EnvironmentRules()
NOWHERE = EnvironmentRefused("package_nowhere", "There is no such package.")
TOO_OLD = EnvironmentRefused("python_too_old", "It asks for Python 3.8.")
BY_ADDRESS = EnvironmentRefused("requirement_by_address", "Line 2 names an address.")
DOWN = EnvironmentDelayed("index_unreachable", "The index does not answer.")


def wish(*requirements: str, python: str = "3.11.2") -> EnvironmentWish:
    """Of a version that asks for these."""
    return EnvironmentWish(python, requirements)


def chosen(
    asked: EnvironmentWish,
    manager: Manager = "auto",
    flavors: tuple[str, ...] = ("sklearn",),
    rules: EnvironmentRules = ANY,
    refusal: EnvironmentRefused | None = None,
) -> EnvironmentChoice:
    """Where it runs, for such an operator."""
    return ChoosesByRules(OWN, rules).choose(asked, refusal, manager, flavors)


@pytest.mark.parametrize(
    ("asked", "builds"),
    [
        (wish("mlflow==3.17.2", "scikit-learn==1.9.0"), False),
        (wish("mlflow==2.9.2"), False),
        (wish("mlflow<3,>=2.14"), False),
        (wish("mlflow~=2.1"), False),
        (wish("mlflow==3.18.0"), True),
        (wish("mlflow>=4"), True),
        (wish("mlflow-skinny==2.16.2", "scikit-learn"), True),  # nothing of that name is there
        (wish("pip<=23", "setuptools==65.5", "wheel==0.1"), False),
        (wish("pandas==3.0.0"), False),
        (wish("pandas==3.1.0"), True),
        (wish("pandas==2.2.3"), True),
        (wish("pandas<3"), True),
        (wish("pandas!=3.0.1"), True),
        (wish("pandas>=3.0.5"), False),
        (wish("pandas>=3.0.1,<3.0.1"), False),
        (wish("scikit-learn==1.9.1"), True),
        (wish("scikit-learn>=1.5"), False),
        (wish("torch==2.8.1"), False),
        (wish("xgboost"), True),
        (wish("xgboost; python_version < '3.8'"), False),
        (wish("xgboost; python_version < 'x'"), False),
        (wish(), False),
        (wish("pandas", python="3.10.13"), True),
        (wish("pandas", python="3.11"), False),
        (wish("pandas", python=""), False),
        (wish("pandas", python="nonsense"), False),
    ],
)
def test_podiums_own_environment_serves_where_it_satisfies_the_version(
    *, asked: EnvironmentWish, builds: bool
) -> None:
    """Its MLflow any lower pin; tools never count; patch releases do for the own flavour alone."""
    assert chosen(asked).builds is builds


def test_patch_releases_count_where_the_operator_says_so() -> None:
    """PODIUM_ENV_SAME=exact; MLflow's and the tools' do not, even so."""
    rules = EnvironmentRules(exact=True)
    assert chosen(wish("pandas==3.0.0"), rules=rules).builds
    assert not chosen(wish("mlflow==2.1.0", "setuptools==1"), rules=rules).builds


def test_own_flavour_counts_to_the_patch() -> None:
    """A pickle of scikit-learn's is of one release; torch beside it is not what was pickled."""
    assert not chosen(wish("torch==2.8.9"), flavors=("sklearn",)).builds
    assert chosen(wish("torch==2.8.9"), flavors=("pytorch", "python_function")).builds


def test_constraints_count_for_what_is_there_alone() -> None:
    """They ask for nothing that is not installed for another reason."""
    asked = replace(wish("pandas"), constraints=("numpy<2", "xgboost==1.0"))
    assert [each.wanted for each in chosen(asked).unmet.packages] == ["numpy<2"]


def test_a_wheel_of_the_artifact_counts_as_its_version() -> None:
    """As if that were pinned."""
    of_another = replace(wish(), wheels=(Path("own_code-1.0-py3-none-any.whl"),))
    installed = replace(wish(), wheels=(Path("pandas-3.0.1-py3-none-any.whl"),))
    assert (chosen(of_another).builds, chosen(installed).builds) == (True, False)
    rules = EnvironmentRules("uv", artifact_wheels=False)
    with pytest.raises(EnvironmentRefused) as refused:
        chosen(of_another, "uv", rules=rules)
    assert refused.value.reason == "artifact_wheels"


@pytest.mark.parametrize(
    ("manager", "tags", "expected"),
    [
        ("auto", {}, "auto"),
        ("auto", {MANAGER_TAG: "local"}, "local"),
        ("auto", {MANAGER_TAG: " UV "}, "uv"),
        ("auto", {MANAGER_TAG: "conda"}, "auto"),
        ("local", {MANAGER_TAG: "uv"}, "local"),
        ("uv", {MANAGER_TAG: "local"}, "uv"),
    ],
)
def test_tag_decides_under_auto_alone(
    manager: Manager, tags: Mapping[str, str], expected: Manager
) -> None:
    """What the operator has said holds."""
    assert EnvironmentRules(manager).of(tags) == expected


def test_local_never_builds_and_uv_always_does() -> None:
    """Whatever the version asks for."""
    assert not chosen(wish("xgboost"), "local", refusal=NOWHERE).builds
    assert chosen(wish("mlflow==3.17.2"), "uv").builds


@pytest.mark.parametrize("reason", ["python_too_old", "mlflow_too_old", "no_requirements"])
def test_what_satisfies_is_asked_no_further(reason: str) -> None:
    """That one of its own could not be built keeps nothing from Podium's own environment."""
    refusal = EnvironmentRefused(reason, "It is old.")
    assert chosen(wish("pandas==3.0.1"), refusal=refusal) == EnvironmentChoice()


@pytest.mark.parametrize("reason", ["requirement_by_address", "python_unreadable", "new_code"])
def test_what_cannot_be_read_is_not_taken_for_satisfied(reason: str) -> None:
    """The line that was not read may name what Podium's own environment lacks."""
    refusal = EnvironmentRefused(reason, "Line 2 names an address.")
    with pytest.raises(EnvironmentRefused):
        chosen(wish("pandas==3.0.1"), refusal=refusal)
    served = ChoosesByRules(OWN, ANY).choose(
        wish("pandas==3.0.1"), refusal, "auto", ("sklearn",), ran_here=True
    )
    assert (served.builds, served.instead) == (False, refusal)


def test_packages_of_condas_are_told_where_the_others_satisfy() -> None:
    """Podium cannot know whether it has what they are."""
    of_conda = EnvironmentRefused("conda_package", "conda.yaml asks for xgboost.")
    found = chosen(wish("pandas==3.0.1"), refusal=of_conda)
    assert (found.builds, found.instead) == (False, of_conda)


def test_lasting_reason_leaves_podiums_own_environment() -> None:
    """With the reason told; nothing better is to come."""
    found = chosen(wish("pandas==2.0.0", python="3.8.1"), refusal=TOO_OLD)
    assert (found.builds, found.instead, found.awaited) == (False, TOO_OLD, False)


@pytest.mark.parametrize("refusal", [BY_ADDRESS, NOWHERE])
def test_other_reasons_refuse(refusal: EnvironmentRefused) -> None:
    """What the author can mend is told, not worked around."""
    with pytest.raises(EnvironmentRefused):
        chosen(wish("pandas==2.0.0"), refusal=refusal)


def test_uv_refuses_for_any_reason() -> None:
    """There is nothing else."""
    for fault in (TOO_OLD, DOWN):
        with pytest.raises(type(fault)):
            instead(EnvironmentChoice(builds=True), fault, "uv", ran_here=True)


def test_index_that_is_down_leaves_podiums_where_minor_releases_differ() -> None:
    """And one of its own is awaited."""
    near = chosen(wish("pandas==3.2.0", "scikit-learn==1.5.2"))
    found = instead(near, DOWN, "auto")
    assert (found.builds, found.instead, found.awaited) == (False, DOWN, True)


@pytest.mark.parametrize(
    "asked",
    [wish("pandas==2.2.3"), wish("xgboost"), wish("pandas", python="3.12.1")],
)
def test_index_that_is_down_is_waited_for_where_more_differs(asked: EnvironmentWish) -> None:
    """Another major release, a package that is missing, another Python."""
    with pytest.raises(EnvironmentDelayed):
        instead(chosen(asked), DOWN, "auto")


@pytest.mark.parametrize("fault", [DOWN, NOWHERE])
def test_what_served_in_podiums_own_environment_goes_on_there(
    fault: EnvironmentRefused | EnvironmentDelayed,
) -> None:
    """Whatever is against one of its own."""
    found = instead(chosen(wish("pandas==2.2.3")), fault, "auto", ran_here=True)
    assert (found.builds, found.instead) == (False, fault)


@pytest.mark.parametrize(
    "reason",
    [
        *("disk_full", "environment_timed_out", "index_unauthorized", "environment_altered"),
        *("environment_failed", "index_untrusted"),
    ],
)
def test_delay_that_is_no_index_that_is_down_is_waited_for(reason: str) -> None:
    """However little differs: nobody would ever look why it is not built."""
    with pytest.raises(EnvironmentDelayed):
        instead(chosen(wish("pandas==3.2.0")), EnvironmentDelayed(reason, "It is."), "auto")


def test_podium_without_uv_does_what_it_did_before() -> None:
    """It can build none, ever."""
    gone = EnvironmentRefused("uv_missing", "Podium's uv is gone.")
    assert instead(chosen(wish("pandas==2.2.3")), gone, "auto").instead is gone
