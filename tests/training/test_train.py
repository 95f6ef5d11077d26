"""A training leaves a run and a version that hold all that serving and people need."""

import json
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.models import Model

from training import data
from training.job import MODEL_NAME, Settings, Step, Trained
from training.train import train


@pytest.fixture(scope="module")
def client(trained: Trained) -> MlflowClient:
    """A client of the store that was trained into."""
    return MlflowClient(trained.tracking_uri)


@pytest.fixture(scope="module")
def run(trained: Trained, client: MlflowClient) -> Run:
    """The run that the training left."""
    return client.get_run(trained.run_id)


@pytest.fixture(scope="module")
def artifact(
    trained: Trained, client: MlflowClient, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The version's artifact, fetched as a service fetches it."""
    folder = tmp_path_factory.mktemp("artifact")
    source = client.get_model_version_download_uri(trained.name, trained.version)
    return Path(download_artifacts(source, dst_path=str(folder), tracking_uri=trained.tracking_uri))


def _aliased(client: MlflowClient, alias: str) -> str:
    # Over a database MLflow gives numbers, over HTTP text.
    return str(client.get_model_version_by_alias(MODEL_NAME, alias).version)


def test_steps_are_reported_in_order(trained: Trained, steps: list[tuple[Step, str]]) -> None:
    """Each step once, the first with the store's address."""
    assert [step for step, _ in steps] == list(Step)[1:]
    assert steps[0] == (Step.CONNECT, trained.tracking_uri)


def test_artifact_holds_everything_that_serving_needs(artifact: Path) -> None:
    """The model, its environment, an example and a ready request."""
    assert sorted(path.name for path in artifact.iterdir()) == [
        "MLmodel",
        "conda.yaml",
        "input_example.json",
        "model.skops",
        "python_env.yaml",
        "requirements.txt",
        "serving_input_example.json",
    ]


def test_requirements_are_pinned(artifact: Path) -> None:
    """Exactly what was installed, so that a service can tell whether it runs the same."""
    lines = (artifact / "requirements.txt").read_text().split()
    assert [line.partition("==")[0] for line in lines] == [
        "mlflow",
        "scikit-learn",
        "pandas",
        "numpy",
        "skops",
    ]
    assert all("==" in line for line in lines)


def test_signature_names_the_columns(artifact: Path) -> None:
    """Four required doubles under scikit-learn's names."""
    signature = Model.load(str(artifact)).signature
    assert signature is not None
    columns = signature.inputs.to_dict()
    assert [column["type"] for column in columns] == ["double"] * 4
    assert columns[0] == {"type": "double", "name": "sepal length (cm)", "required": True}


def test_input_example_is_a_few_rows(artifact: Path) -> None:
    """Five rows, not the training data."""
    example = json.loads((artifact / "input_example.json").read_text())
    assert len(example["data"]) == 5


def test_stored_model_predicts_as_it_was_trained(trained: Trained, artifact: Path) -> None:
    """What a service loads answers with the classes of the rows that it is asked about."""
    model = mlflow.pyfunc.load_model(str(artifact))
    example = pd.read_json(artifact / "input_example.json", orient="split")
    known = data.split(data.load()).train_target[: len(example)]
    assert model.predict(example).tolist() == known.tolist()
    assert trained.accuracy == 1.0


def test_run_holds_parameters_metrics_and_tag(run: Run) -> None:
    """What people compare runs by."""
    assert run.data.params == {
        "solver": "lbfgs",
        "max_iter": "1000",
        "random_state": "8888",
        "C": "1.0",
    }
    assert len(run.data.metrics) == 10
    assert run.data.tags["Training Info"] == "Basic LR model for iris data"
    assert run.info.status == "FINISHED"


def test_run_stands_in_the_iris_experiment(run: Run, client: MlflowClient) -> None:
    """Where people look for it."""
    assert client.get_experiment(run.info.experiment_id).name == "/iris-experiment"


def test_run_holds_the_confusion_matrix(run: Run, client: MlflowClient) -> None:
    """As a figure, beside the test set."""
    paths = [file.path for file in client.list_artifacts(run.info.run_id)]
    assert paths == ["confusion_matrix.png", "evaluation"]


def test_run_names_its_data(run: Run) -> None:
    """Both parts of the data set, each with its use."""
    assert run.inputs is not None
    inputs = run.inputs.dataset_inputs
    assert [entry.dataset.name for entry in inputs] == ["iris", "iris"]
    uses = {tag.value for entry in inputs for tag in entry.tags if tag.key == "mlflow.data.context"}
    assert uses == {"training", "evaluation"}


def test_version_is_tagged_pending(trained: Trained, client: MlflowClient) -> None:
    """Nobody has validated it yet; and it leads back to its run."""
    version = client.get_model_version(trained.name, trained.version)
    assert version.tags == {"validation_status": "pending"}
    assert version.run_id == trained.run_id


def test_alias_points_to_the_new_version(trained: Trained, client: MlflowClient) -> None:
    """`--alias` is done when the training is."""
    assert _aliased(client, "champion") == trained.version


def test_second_training_makes_the_next_version(tracking_uri: str) -> None:
    """Same model, same experiment, next number; the alias stays where it was."""
    first = train(Settings(alias="champion", tracking_uri=tracking_uri))
    second = train(Settings(regularization=0.1, tracking_uri=tracking_uri))
    assert (first.version, second.version) == ("1", "2")
    client = MlflowClient(tracking_uri)
    assert _aliased(client, "champion") == "1"
    assert client.get_run(second.run_id).data.params["C"] == "0.1"


def test_mlflow_is_left_as_it_was(trained: Trained) -> None:
    """A store given for one training does not stay set for the process."""
    assert not mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call]
    assert mlflow.active_run() is None


def test_reserved_alias_is_refused_before_any_work() -> None:
    """MLflow would refuse it only after the version is registered."""
    with pytest.raises(ValueError, match="reserved"):
        Settings(alias="v3")


def test_test_set_is_kept_to_judge_versions_by(trained: Trained, tmp_path: Path) -> None:
    """The rows that were never trained on, with their labels, and which column these are."""
    uri = f"runs:/{trained.run_id}/evaluation"
    folder = download_artifacts(uri, dst_path=str(tmp_path), tracking_uri=trained.tracking_uri)
    label = json.loads((Path(folder) / "data.json").read_text())["label"]
    kept = pd.read_parquet(Path(folder) / "data.parquet")
    split = data.split(data.load())
    assert kept.drop(columns=label).equals(split.test_features.reset_index(drop=True))
    assert kept[label].tolist() == split.test_target.tolist()
