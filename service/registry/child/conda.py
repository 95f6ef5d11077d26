"""What a version without a requirements.txt says that it needs: the pip part of its conda.yaml.

MLflow wrote no requirements.txt before 1.21, and a model may have been logged with an environment
of conda's alone.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from service.registry.child.description import Unreadable, read_mapping

# MLflow's names (mlflow/pyfunc/model.py, and mlflow/utils/environment.py).
_REQUIREMENTS: Final = "requirements.txt"
_CONDA: Final = "conda.yaml"


def conda_requirements(artifact: Path) -> list[str] | None:
    """Lines as a requirements.txt would have them; None where there is one, or no such part."""
    if (artifact / _REQUIREMENTS).exists():
        return None
    try:
        parts = list(_pip_parts(read_mapping(artifact / _CONDA).get("dependencies")))
    except (OSError, Unreadable):
        return None
    return [line for part in parts for line in part if isinstance(line, str)] if parts else None


def _pip_parts(dependencies: Any) -> Iterator[list[Any]]:
    for each in dependencies if isinstance(dependencies, list) else ():
        if isinstance(each, Mapping) and isinstance(each.get("pip"), list):
            yield each["pip"]
