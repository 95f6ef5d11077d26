"""What conda.yaml says of an artifact that has no requirements.txt."""

from pathlib import Path

import pytest

from service.registry.child.description import conda_requirements

_PIP = """
channels: [conda-forge]
dependencies:
- python=3.8.10
- scikit-learn=1.0
- pip<=21
- pip:
  - mlflow
  - 'psycopg2==2.9.9; python_version < "4"'
name: mlflow-env
"""


def test_o13_pip_part_of_conda_yaml_is_what_is_needed(tmp_path: Path) -> None:
    """As MLflow wrote it before it wrote a requirements.txt."""
    (tmp_path / "conda.yaml").write_text(_PIP)
    assert conda_requirements(tmp_path) == ["mlflow", 'psycopg2==2.9.9; python_version < "4"']


def test_o13_requirements_beside_it_are_the_ones(tmp_path: Path) -> None:
    """Both say the same where MLflow has written both."""
    (tmp_path / "conda.yaml").write_text(_PIP)
    (tmp_path / "requirements.txt").write_text("mlflow")
    assert conda_requirements(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "dependencies: 5", "dependencies: [python=3.8]", "dependencies: [{pip: 5}]"),
        *("a: &a [x]\n<<: *a", "[" * 1000, "\x00"),
    ],
)
def test_o13_conda_yaml_without_a_pip_part_says_nothing(tmp_path: Path, text: str) -> None:
    """Nor does one that cannot be read."""
    (tmp_path / "conda.yaml").write_text(text)
    assert conda_requirements(tmp_path) is None


def test_o13_artifact_without_either_says_nothing(tmp_path: Path) -> None:
    """It is no fault of its own."""
    assert conda_requirements(tmp_path) is None
