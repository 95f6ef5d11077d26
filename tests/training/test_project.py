"""`mlflow run training` trains with the same parameters."""

import os
import subprocess
import sys
from pathlib import Path

from mlflow import MlflowClient

import training

PROJECT = Path(training.__file__).parent


def test_mlflow_run_trains_with_the_same_parameters(mlflow_server: str) -> None:
    """In this environment: the run that `mlflow run` made holds the training and its version."""
    words = ["-P", "C=0.25", "-P", "max_iter=500", "-P", "name=project", "-P", "alias=candidate"]
    result = subprocess.run(
        [
            *(sys.executable, "-m", "mlflow", "run", str(PROJECT), *words),
            *("--env-manager", "local", "--experiment-name", "project"),
        ],
        env=os.environ
        | {
            "MLFLOW_TRACKING_URI": mlflow_server,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    client = MlflowClient(mlflow_server)
    version = client.get_model_version_by_alias("project", "candidate")
    run = client.get_run(str(version.run_id))
    assert run.data.params.items() >= {"C": "0.25", "max_iter": "500"}.items()
    experiment = client.get_experiment_by_name("project")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert [found.info.run_id for found in runs] == [run.info.run_id]
