"""What an artifact's own files of YAML say of the environment that it was logged in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class LoggedEnvironment:
    """As the registry child has read it: text of the artifact's author, none of it checked.

    Attributes:
        python: of python_env.yaml, or else of MLmodel, or of conda.yaml; empty: none says it.
        build: python_env.yaml's `build_dependencies`.
        conda: names of what conda.yaml asks of conda itself, without Python and pip.
        pip: the lines of conda.yaml's pip part; None: it has none.
        created: MLmodel's `utc_time_created`.
        mlflow: MLmodel's `mlflow_version`.
        unreadable: names of files that are there, and cannot be read.
    """

    python: str = ""
    build: tuple[str, ...] = ()
    conda: tuple[str, ...] = ()
    pip: tuple[str, ...] | None = None
    created: str = ""
    mlflow: str = ""
    unreadable: tuple[str, ...] = ()

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """What `service.registry.child.logged_environment` has told."""
        return cls(
            python=told["python"],
            build=tuple(told["build"]),
            conda=tuple(told["conda"]),
            pip=None if told["pip"] is None else tuple(told["pip"]),
            created=told["created"],
            mlflow=told["mlflow"],
            unreadable=tuple(told["unreadable"]),
        )
