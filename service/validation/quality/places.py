"""From where data is named to its rows: a file here, or what MLflow's client brings.

In the process of a command, with the credentials of its operator.
"""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import mlflow.artifacts
from mlflow.exceptions import MlflowException

from service.registry.writer.faults import Unreachable, is_unanswered
from service.validation.policy.reading import SCHEME, PolicyInForce, shown_data
from service.validation.policy.validation_policy import DATA_OF_RUN
from service.validation.quality.data_files import read_data
from service.validation.quality.evaluation_data import BadData, EvaluationData
from service.validation.quality.web_files import from_web, is_of_web

# Where a training leaves its test set. `training.record` says the same, for it can be run without
# the service; a test compares them.
DATA: Final = "evaluation/data.parquet"
"""The rows, with their labels, as an artifact of the run that has made the version."""
DESCRIPTION: Final = "evaluation/data.json"
"""What is told of them: a JSON object."""
LABEL: Final = "label"
"""Its key that names the column of the labels."""
# These have one slash.
_OF_MLFLOW: Final = ("runs:/", "models:/", "mlflow-artifacts:/")
_USER: Final = re.compile(r"(://)[^\s/]*@")
_MOST_OF_DESCRIPTION: Final = 10_000


@dataclass(frozen=True, slots=True)
class DataPlaces:
    """Where data is looked for.

    Attributes:
        folder: an empty one, which downloads are put into.
        run: the id of the run that has made the version; None if nobody knows it.
        tracking: the address of MLflow's tracking server; None for its client's own.
        registry: that of its registry.
    """

    folder: Path
    run: str | None
    tracking: str | None = None
    registry: str | None = None

    def find(self, in_force: PolicyInForce) -> EvaluationData | None:
        """The data that the policy names; None if it names none.

        Raises `BadData`, and `Unreachable` if nobody answers where it is.
        """
        policy = in_force.policy
        if policy.data is None:
            return None
        if policy.data == DATA_OF_RUN:
            return self._of_run(policy.label)
        base = Path.cwd() if "data" in in_force.flags else in_force.folder
        return read_data(self._file(policy.data, base), shown_data(policy.data), str(policy.label))

    def _of_run(self, label: str | None) -> EvaluationData:
        if self.run is None:
            raise BadData("the version names no run that has made it: name its data")
        where = f"runs:/{self.run}/{DATA}"
        file = self._downloaded(where)
        return read_data(file, where, label or self._label_of_run())

    def _label_of_run(self) -> str:
        where = f"runs:/{self.run}/{DESCRIPTION}"
        file = self._downloaded(where)
        try:
            told: Any = json.loads(file.read_text()[:_MOST_OF_DESCRIPTION])
            label = told[LABEL]
        except (ValueError, KeyError, TypeError, OSError):
            raise BadData(f"{where}: does not name the label; give one") from None
        return str(label)

    def _file(self, where: str, base: Path) -> Path:
        far = SCHEME in where or where.startswith(_OF_MLFLOW)
        return self._downloaded(where) if far else base / where

    def _downloaded(self, where: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        if is_of_web(where):
            return from_web(where, self.folder)
        # A command's output is its own.
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        return _brought(
            lambda: mlflow.artifacts.download_artifacts(
                artifact_uri=where,
                dst_path=str(self.folder),
                tracking_uri=self.tracking,
                registry_uri=self.registry,
            ),
            where,
        )


def _brought(download: Callable[[], str], where: str) -> Path:
    said = shown_data(where)
    try:
        return Path(download())
    except Exception as error:  # each store's library has exceptions of its own
        if is_unanswered(error):
            raise Unreachable(f"{said}: does not answer ({type(error).__name__})") from error
        raise BadData(f"{said}: {_why(error, hides=said != where)}") from error


def _why(error: Exception, *, hides: bool) -> str:
    if not isinstance(error, MlflowException):
        return f"cannot be downloaded ({type(error).__name__})"
    # What has a secret in it may stand in the library's text as a whole or in part.
    return "MLflow cannot download it" if hides else _first_line(error)


def _first_line(error: Exception) -> str:
    """Without what MLflow's own address may hold."""
    said = (str(error).splitlines() or [type(error).__name__])[0]
    return _USER.sub(r"\1", said)[:300]
