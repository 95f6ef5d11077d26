"""What conda.yaml says of an artifact that has no requirements.txt."""

from pathlib import Path

import pytest

from service.registry.child.logged_environment import logged_environment

_SAID = {"python": "", "created": "", "mlflow": ""}
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
    assert pip_part(tmp_path) == ["mlflow", 'psycopg2==2.9.9; python_version < "4"']


def pip_part(artifact: Path) -> list[str] | None:
    """The lines that stand in for a requirements.txt."""
    pip: list[str] | None = logged_environment(artifact, _SAID)["pip"]
    return pip


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
    assert pip_part(tmp_path) is None


def test_o13_artifact_without_either_says_nothing(tmp_path: Path) -> None:
    """It is no fault of its own."""
    assert pip_part(tmp_path) is None
