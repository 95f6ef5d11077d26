"""What python_env.yaml, conda.yaml and MLmodel say of the environment of an artifact; bounded.

Read here, since reading YAML is nothing for the front; judged there
(`service.environments.wish`). conda.yaml's pip part counts where there is no requirements.txt:
MLflow wrote none before 1.21, and a model may have been logged with conda's environment alone.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from service.registry.child.description import LONGEST_TEXT, Unreadable, plain_text, read_mapping

# MLflow's names (mlflow/utils/environment.py).
_PYTHON_ENV: Final = "python_env.yaml"
_CONDA: Final = "conda.yaml"
_MOST: Final = 2000
# What every environment of conda's has, and no model asks for.
_CONDAS_OWN: Final = frozenset({"python", "pip", "setuptools", "wheel"})
_CONDA_NAME: Final = re.compile(r"(?:[^:\s]+::)?([A-Za-z0-9_.-]+)")
_CONDA_PYTHON: Final = re.compile(r"(?:[^:\s]+::)?python\s*={1,2}\s*([0-9.]+)")


def logged_environment(artifact: Path, described: Mapping[str, Any]) -> dict[str, Any]:
    """As `service.environments.logged.LoggedEnvironment` names it; raises nothing.

    `described` is the `logged` of what `describe` says.
    """
    unreadable: list[str] = []
    python_env = _read(artifact / _PYTHON_ENV, unreadable)
    conda = _texts_and_parts(_read(artifact / _CONDA, unreadable).get("dependencies"))
    texts = [each for each in conda if isinstance(each, str)]
    parts = [pip for each in conda if isinstance(pip := _pip_part(each), list)]
    pip = [line for part in parts for line in _texts(part)]
    python = plain_text(python_env.get("python")) or described["python"] or _conda_python(texts)
    return {
        "python": python,
        "build": _texts(python_env.get("build_dependencies")),
        "conda": [name for name in map(_conda_name, texts) if name not in _CONDAS_OWN],
        "pip": pip if parts else None,
        "created": described["created"],
        "mlflow": described["mlflow"],
        "unreadable": unreadable,
    }


def _read(path: Path, unreadable: list[str]) -> Mapping[str, Any]:
    try:
        return read_mapping(path)
    except FileNotFoundError:
        return {}
    except (OSError, Unreadable):
        unreadable.append(path.name)
        return {}


def _texts(value: Any) -> list[str]:
    return list(_bounded(value)) if isinstance(value, list) else []


def _bounded(values: list[Any]) -> Iterator[str]:
    for each in values[:_MOST]:
        if isinstance(each, str):
            yield each[:LONGEST_TEXT]


def _texts_and_parts(value: Any) -> list[Any]:
    return value[:_MOST] if isinstance(value, list) else []


def _pip_part(value: Any) -> Any:
    return value.get("pip") if isinstance(value, Mapping) else None


def _conda_name(text: str) -> str:
    found = _CONDA_NAME.match(text.strip())
    return found[1].lower() if found else ""


def _conda_python(texts: list[str]) -> str:
    found = filter(None, (_CONDA_PYTHON.match(text.strip()) for text in texts))
    return next((each[1] for each in found), "")
