"""Models as their authors log and register them: through a tracking server, from a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import mlflow

from tests.support import models
from tests.support.authenticated import environment
from tests.support.registered import Registry

_NOTHING: Mapping[str, str] = {}


class Author:
    """Logs models to one MLflow, with what its clients need in their environment."""

    def __init__(
        self, tracking_uri: str, folder: Path, environment: Mapping[str, str] = _NOTHING
    ) -> None:
        self._tracking_uri = tracking_uri
        self._folder = folder
        self._environment = environment

    def numbered(self, name: str, experiment: str) -> Registry:
        """Versions 1 and 2 that answer with their numbers; `champion` is 1."""
        for number in (1, 2):
            ships = [models.number_module(self._folder / f"{name}{number}", number)]
            with models.importable(ships):
                self._log(name, experiment, "numbered", ships)
        return self._championed(name)

    def confiding(self, name: str, experiment: str) -> Registry:
        """One version that answers with its environment; `champion` is 1."""
        self._log(name, experiment, "confiding", ())
        return self._championed(name)

    def traced(self, name: str, experiment: str) -> Registry:
        """One version whose code is traced; `champion` is 1."""
        self._log(name, experiment, "traced", ())
        return self._championed(name)

    def alike(self, names: Sequence[str], experiment: str) -> None:
        """One registered model of each name, all of one logged model; `champion` is 1."""
        first, *others = names
        made = self.confiding(first, experiment).client
        with environment(self._environment):
            logged = made.get_model_version(first, "1")
            source = str(logged.source)
            model_id = source.removeprefix("models:/")
            for name in others:
                made.create_registered_model(name)
                made.create_model_version(name, source, logged.run_id, model_id=model_id)
                made.set_registered_model_alias(name, "champion", "1")

    def _championed(self, name: str) -> Registry:
        registry = Registry(self._tracking_uri, name)
        with environment(self._environment):
            registry.move("champion", "1")
        return registry

    def _log(self, name: str, experiment: str, code: str, ships: Sequence[Path]) -> None:
        with (
            environment({"MLFLOW_TRACKING_URI": self._tracking_uri, **self._environment}),
            mlflow.start_run(experiment_id=_experiment(experiment)),
        ):
            mlflow.pyfunc.log_model(
                name="model",
                python_model=str(models.CODE / f"{code}.py"),
                signature=models.doubles("x"),
                input_example=models.ROWS,
                code_paths=[str(path) for path in ships] or None,
                pip_requirements=models.REQUIREMENTS,
                registered_model_name=name,
            )


def _experiment(name: str) -> str:
    # Not `mlflow.set_experiment`, which every later run of this process would be put into.
    found = mlflow.get_experiment_by_name(name)
    return str(mlflow.create_experiment(name) if found is None else found.experiment_id)
