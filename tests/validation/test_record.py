"""The run of a validation in a real MLflow: everything is in it, and it never stays RUNNING."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from service.config.addresses import MlflowAddresses
from service.origin import Origin
from service.registry.writer.faults import WriteRefused
from service.registry.writer.writer import Writer
from service.validation.findings import Judgement
from service.validation.policy.reading import read_policy
from service.validation.quality.found import PartScores, Quality
from service.validation.record.card import card_of
from service.validation.record.figures import figures_of
from service.validation.record.junit import junit_of
from service.validation.record.leftovers import OWNER_TAG
from service.validation.record.metric_names import metrics_of_data, metrics_without_data
from service.validation.record.report import ValidationReport
from service.validation.record.trial_record import LoadSamples, RecordedVersion, TrialRecord
from service.validation.record.validation_run import NOBODY, OTHERWISE, ValidationRun
from tests.validation.answered import data_of, judged

FRAME = pd.DataFrame(
    {
        "x": [float(row) for row in range(90)],
        "kind": [("often", "also", "rare")[row // 30] for row in range(90)],
        "label": [("setosa", "versicolor", "virginica")[row % 3] for row in range(90)],
    }
)
POLICY: Mapping[str, Any] = {
    "metrics": {"accuracy_score": {"threshold": 0.8, "min_absolute_change": 0}},
    "slices": [{"by": "kind"}],
    "differences": "predictions",
}


def label_of(row: Mapping[str, Any]) -> str:
    """What is right."""
    return str(FRAME["label"][int(row["x"])])


def worse(row: Mapping[str, Any]) -> str:
    """Wrong on every seventh row, and on all rows of one slice that are even."""
    wrong = row["x"] % 7 == 0 or (row["kind"] == "rare" and row["x"] % 2 == 0)
    return "setosa" if wrong else label_of(row)


def load_samples() -> LoadSamples:
    """As if both had been under load; drawn by a fixed seed."""
    drawn = np.random.default_rng(7)
    ours = {
        "one_row": drawn.lognormal(-6, 0.3, 400).tolist(),
        "many_rows": drawn.lognormal(-5, 0.3, 200).tolist(),
    }
    theirs = {kind: [0.8 * each for each in times] for kind, times in ours.items()}
    return LoadSamples(ours, theirs, [100_000_000 + 300_000 * look for look in range(60)])


def record_of(folder: Path, version: RecordedVersion, **changed: Any) -> TrialRecord:
    """What a trial of a version that is a little worse has found."""
    (folder / "policy").mkdir(exist_ok=True)
    quality = judged(folder / "policy", FRAME, POLICY, worse, label_of)
    load = Judgement("load.one_row", "passed", "fast", "load", {"load.one_row.p50_ms": 2.5})
    return TrialRecord(
        version,
        RecordedVersion("iris", "1"),
        read_policy(folder / "policy/validation.yaml", {"load.seconds": 3}),
        [load, *quality.judgements],
        "ab" * 32,
        data_of(folder, FRAME),
        quality,
        load_samples(),
        **changed,
    )


@pytest.fixture
def writer(tracking_uri: str) -> Writer:
    """Of a fresh MLflow."""
    return Writer(MlflowAddresses(tracking_uri, tracking_uri))


def trained(client: MlflowClient) -> RecordedVersion:
    """A version as a training makes it: a run in an experiment, and a logged model."""
    experiment = client.create_experiment("iris-training")
    run = client.create_run(experiment).info.run_id
    model = client.create_logged_model(experiment, name="iris", source_run_id=run)
    return RecordedVersion("iris", "2", run, model.model_id)


def recorded(writer: Writer, folder: Path, version: RecordedVersion) -> str:
    """The id of the run that holds such a trial."""
    record = record_of(folder, version)
    run = ValidationRun(writer, record.in_force, version)
    found = run.begin()
    run.keep(record)
    run.finish(record.verdict)
    return found


def test_run_stands_beside_the_training_and_its_metrics_on_the_model(
    writer: Writer, tmp_path: Path
) -> None:
    """Where MLflow's page shows them: with the data set and the run that they are from."""
    version = trained(writer.client)
    assert version.run is not None
    assert version.model_id is not None
    run = writer.client.get_run(recorded(writer, tmp_path, version))
    training = writer.client.get_run(version.run)
    assert run.info.experiment_id == training.info.experiment_id
    assert (run.info.status, run.data.tags["podium.verdict"]) == ("FINISHED", "failed")
    of_model = writer.client.get_logged_model(version.model_id).metrics
    assert of_model is not None
    found = {each.key: each for each in of_model}
    assert set(found) >= {"accuracy_score", "slice/kind: rare/accuracy_score"}
    accuracy = found["accuracy_score"]
    assert run.inputs is not None
    data = run.inputs.dataset_inputs[0].dataset
    assert (accuracy.run_id, accuracy.dataset_name) == (run.info.run_id, "iris rows")
    assert (accuracy.dataset_digest, data.digest) == (
        data.digest,
        data_of(tmp_path, FRAME).digest[:10],
    )
    assert "against/accuracy_score" not in found
    assert run.data.metrics["against/accuracy_score"] == 1
    assert run.data.metrics["load.one_row.p50_ms"] == 2.5
    assert run.data.params["flag/load.seconds"] == "3"


def test_run_holds_report_junit_card_policy_differences_and_pictures(
    writer: Writer, tmp_path: Path
) -> None:
    """Whoever opens it needs nothing else."""
    run = recorded(writer, tmp_path, trained(writer.client))
    uri = writer.client.tracking_uri
    there = Path(download_artifacts(run_id=run, dst_path=str(tmp_path / "got"), tracking_uri=uri))
    report = ValidationReport.model_validate_json((there / "report.json").read_text())
    assert (report.version, report.against, report.verdict) == ("2", "1", "failed")
    assert report.rows == 90
    cases = ET.fromstring((there / "junit.xml").read_text())  # noqa: S314 - our own
    failures = {case.get("name") for case in cases if case.find("failure") is not None}
    assert failures == {each.name for each in report.judgements if each.verdict == "failed"}
    policy = json.loads((there / "policy.json").read_text())
    assert policy["load"]["seconds"] == 3
    differences = json.loads((there / "differences.json").read_text())
    assert differences["count"] == len(differences["rows"]) == len(differences["this"]) > 10
    assert "kind=rare" in (there / "card.md").read_text()
    assert {each.name for each in (there / "figures").iterdir()} == {
        *("predictions.png", "metric_accuracy_score.png", "latency.png", "memory.png")
    }


def test_version_of_no_known_run_is_recorded_in_an_experiment_of_its_own(
    writer: Writer, tmp_path: Path
) -> None:
    """Or in the one that the policy names."""
    record = record_of(tmp_path, RecordedVersion("iris", "2"))
    found = ValidationRun(writer, record.in_force, record.version).begin()
    experiment = writer.client.get_experiment_by_name(OTHERWISE)
    assert experiment is not None
    assert writer.client.get_run(found).info.experiment_id == experiment.experiment_id
    named = read_policy(None, {"experiment": "gates"})
    other = ValidationRun(writer, named, trained(writer.client)).begin()
    gates = writer.client.get_experiment_by_name("gates")
    assert gates is not None
    assert writer.client.get_run(other).info.experiment_id == gates.experiment_id


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), "KILLED"), (SystemExit(3), "KILLED"), (ValueError(), "FAILED")],
)
def test_interrupted_run_does_not_stay_running(
    writer: Writer, error: BaseException, status: str
) -> None:
    """Nor does what interrupts it hide behind what MLflow says."""
    run = ValidationRun(writer, read_policy(None), RecordedVersion("iris", "2"))
    run.abandon(error)
    found = run.begin()
    run.abandon(error)
    assert writer.client.get_run(found).info.status == status


def test_run_that_a_kill_has_left_is_ended_by_the_next_one(writer: Writer) -> None:
    """One of a process that lives, or of another machine, is left alone."""
    version, client = RecordedVersion("iris", "2"), writer.client
    mine = ValidationRun(writer, read_policy(None), version).begin()
    experiment = client.get_run(mine).info.experiment_id
    tags = client.get_run(mine).data.tags
    place, pid, started = tags[OWNER_TAG].rsplit(":", 2)
    owners = {
        "dead": f"{place}:{pid}:{int(started) - 1}",
        "elsewhere": f"another:{pid}:{int(started) - 1}",
        "unknown": "",
    }
    left = {
        name: client.create_run(experiment, tags={**tags, OWNER_TAG: owned}).info.run_id
        for name, owned in owners.items()
    }
    ValidationRun(writer, read_policy(None), version).begin()
    found = {name: client.get_run(run).info.status for name, run in left.items()}
    assert found == {"dead": "KILLED", "elsewhere": "RUNNING", "unknown": "RUNNING"}
    assert client.get_run(mine).info.status == "RUNNING"


def test_run_that_an_earlier_try_of_the_job_has_left_is_ended(writer: Writer) -> None:
    """A runner that is killed is followed by one on another machine, or in another container."""
    client, in_force = writer.client, read_policy(None)
    versions = {each: RecordedVersion("iris", each) for each in ("2", "3")}
    job, other = (Origin("ada", "", f"https://ci/{each}") for each in ("1", "2"))
    left = {
        name: ValidationRun(writer, in_force, versions[number], origin).begin()
        for name, number, origin in (
            *(("same", "2", job), ("of another version", "3", job)),
            *(("of another pipeline", "2", other), ("of nobody", "2", NOBODY)),
        )
    }
    for run in left.values():
        client.set_tag(run, OWNER_TAG, "another:1:1")
    ValidationRun(writer, in_force, versions["2"], NOBODY).begin()
    ValidationRun(writer, in_force, versions["2"], job).begin()
    ended = [name for name, run in left.items() if client.get_run(run).info.status == "KILLED"]
    assert ended == ["same"]


def test_experiment_that_cannot_be_used_is_told(writer: Writer) -> None:
    """Not as a traceback of MLflow's."""
    run = ValidationRun(writer, read_policy(None), RecordedVersion("iris", "2", run="0" * 32))
    with pytest.raises(WriteRefused):
        run.begin()


def test_experiment_that_may_not_be_written_is_named(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As whoever grants it knows it, and not by its number."""
    experiment = writer.client.create_experiment("of the team")
    made_by = writer.client.create_run(experiment).info.run_id

    def refuse(*_: object, **__: object) -> None:
        raise MlflowException("Permission denied", PERMISSION_DENIED)

    monkeypatch.setattr(MlflowClient, "create_run", refuse)
    run = ValidationRun(writer, read_policy(None), RecordedVersion("iris", "2", run=made_by))
    with pytest.raises(WriteRefused, match="needs EDIT on the experiment of the team, which"):
        run.begin()


def test_metrics_stand_in_the_run_alone_where_the_logged_model_may_not_be_written(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A validator may READ the experiment of the version's files, and need not have EDIT there."""
    version = trained(writer.client)
    log_batch, log_inputs = MlflowClient.log_batch, MlflowClient.log_inputs

    def batch(client: MlflowClient, run: str, metrics: Sequence[Any] = (), **more: Any) -> Any:
        if any(each.model_id for each in metrics):
            raise MlflowException("Permission denied", PERMISSION_DENIED)
        return log_batch(client, run, metrics, **more)

    def inputs(client: MlflowClient, run: str, data: Any, models: Sequence[Any]) -> None:
        if models:
            raise MlflowException("Permission denied", PERMISSION_DENIED)
        log_inputs(client, run, data, models)

    monkeypatch.setattr(MlflowClient, "log_batch", batch)
    monkeypatch.setattr(MlflowClient, "log_inputs", inputs)
    run = writer.client.get_run(recorded(writer, tmp_path, version))
    assert {"accuracy_score", "against/accuracy_score"} <= run.data.metrics.keys()
    assert run.inputs is not None
    assert len(run.inputs.dataset_inputs) == 1
    assert version.model_id is not None
    assert not writer.client.get_logged_model(version.model_id).metrics


def part(label: str | None, value: float = 0.5) -> PartScores:
    """A slice with one metric."""
    return PartScores(label, 40, {"accuracy_score": value}, {}, {}, {})


def parts(folder: Path, labels: Sequence[str | None], **changed: Any) -> TrialRecord:
    """A record of slices of these names."""
    (folder / "validation.yaml").write_text("{}")
    quality = Quality([], parts=[part(label) for label in labels])
    version = RecordedVersion("iris", "2")
    in_force = read_policy(folder / "validation.yaml")
    return TrialRecord(version, None, in_force, [], quality=quality, **changed)


def test_every_slice_has_a_metric_of_its_own_that_mlflow_takes(
    writer: Writer, tmp_path: Path
) -> None:
    """Whatever its values are: paths, signs, the same text twice."""
    labels = [None, "../..", "a/b", "a_b", "a%b", "", "é=ü", "x" * 300, "."]
    record = parts(tmp_path, labels)
    assert len(metrics_of_data(record)) == len(labels)
    run = ValidationRun(writer, record.in_force, record.version)
    found = run.begin()
    run.keep(record)
    assert set(writer.client.get_run(found).data.metrics) == set(metrics_of_data(record))


def test_figures_that_are_no_numbers_are_no_metrics(tmp_path: Path) -> None:
    """MLflow would keep them as 0 or refuse all."""
    judgement = Judgement("a", "passed", "", "load", {"b": math.nan, "c": 1.0})
    record = parts(tmp_path, [])
    bare = TrialRecord(record.version, None, record.in_force, [judgement])
    assert metrics_without_data(bare) == {"c": 1.0}
    assert figures_of(bare) == {}


def test_card_and_junit_show_text_as_text(tmp_path: Path) -> None:
    """Names and values of slices are anybody's: no markup, no broken XML."""
    evil = "<script>|\x00[a](b) `c`\n# d"
    judgement = Judgement(evil, "failed", evil, "quality")
    record = parts(tmp_path, [evil])
    told = TrialRecord(record.version, None, record.in_force, [judgement], quality=record.quality)
    card = card_of(told)
    assert "<script>" not in card.replace("\\<", "")
    assert "\n# d" not in card
    ET.fromstring(junit_of(evil, told.judgements))  # noqa: S314 - our own
