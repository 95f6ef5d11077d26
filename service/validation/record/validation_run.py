"""The one MLflow run of a validation: made first, filled, and ended whatever happens.

It stands beside the run that has made the version, where whoever trains looks for it, unless the
policy names an experiment; metrics of the data are on MLflow's logged model too.
"""

import getpass
import json
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeVar

import mlflow.data
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, Metric, Param, RunTag

from service.local.passing_folder import passing_folder
from service.origin import Origin
from service.registry.writer.faults import DENIED, Unreachable, WriteRefused, asked
from service.registry.writer.writer import Writer
from service.validation.findings import Verdict
from service.validation.policy.reading import PolicyInForce, canonical
from service.validation.quality.evaluation_data import EvaluationData
from service.validation.quality.found import Quality
from service.validation.record.card import card_of
from service.validation.record.figures import figures_of
from service.validation.record.junit import junit_of
from service.validation.record.leftovers import OWNER_TAG, has_ended, owner
from service.validation.record.metric_names import (
    metrics_of_data,
    metrics_of_other,
    metrics_without_data,
)
from service.validation.record.report import report_of
from service.validation.record.trial_record import RecordedVersion, TrialRecord

OTHERWISE: Final = "podium/validation"
"""The experiment where nobody knows which run has made the version."""
VERDICT_TAG: Final = "podium.verdict"
_OF: Final = "podium.validation.of"
_NOTE: Final = "mlflow.note.content"
# mlflow/utils/validation.py: longer ones are refused.
_MOST_OF_NOTE: Final = 7000
_MOST_OF_PARAM: Final = 500
_METRICS_AT_ONCE: Final = 1000
_MOST_LEFT: Final = 100
_DIGEST: Final = 10
_MOST_OF_NAME: Final = 250
NOBODY: Final = Origin("", "", "")
"""Where nobody says who asks, and why."""
_T = TypeVar("_T")
MOST: Final = 10_000
"""Of more rows the first are kept, and how many there are."""


class ValidationRun:
    """One run. Every method but `abandon` raises `WriteRefused` and `Unreachable`."""

    def __init__(
        self,
        writer: Writer,
        in_force: PolicyInForce,
        version: RecordedVersion,
        origin: Origin = NOBODY,
    ) -> None:
        """Nothing is written yet."""
        # A command's output is its own: MLflow would print the run's address there.
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        self._client = writer.client
        self._in_force = in_force
        self._version = version
        self._origin = {
            name: text
            for name, text in asdict(origin).items()
            if text  # MLflow takes no empty param
        }
        self._run: str | None = None
        self._needs = "EDIT on the experiment"
        self._model_id = version.model_id

    def begin(self) -> str:
        """Makes the run; its id.

        Ends what a killed validation has left there: one of this machine, and one of this version
        for the same link, since a job that is tried again has another machine, and the same work.
        """
        experiment = self._experiment()
        self._needs = self._needed_on(experiment)
        self._end_leftovers(experiment)
        tags = {_OF: self._of, OWNER_TAG: owner(), **_source(), **self._origin_tags()}
        title = f"validate {self._version}"
        made = self._asked(lambda: self._client.create_run(experiment, tags=tags, run_name=title))
        self._run = str(made.info.run_id)
        return self._run

    def keep(self, record: TrialRecord) -> None:
        """Everything that was found: metrics, params, report, card, policy, settings, pictures."""
        self._log_metrics(record)
        self._log_params(record)
        with passing_folder() as folder:
            _write_all(record, folder)
            self._asked(lambda: self._client.log_artifacts(self._id, str(folder)))

    def finish(self, verdict: Verdict) -> None:
        """The run is complete: FINISHED, whatever the verdict is."""
        self._asked(lambda: self._client.set_tag(self._id, VERDICT_TAG, verdict))
        self._asked(lambda: self._client.set_terminated(self._id, "FINISHED"))

    def abandon(self, error: BaseException) -> None:
        """The run ends as KILLED, or as FAILED for an error; says nothing if MLflow cannot.

        Does nothing before `begin`.
        """
        if self._run is None:
            return
        status = "FAILED" if isinstance(error, Exception) else "KILLED"
        self._end(self._run, status)

    def _origin_tags(self) -> Mapping[str, str]:
        return {f"podium.{name}": text for name, text in self._origin.items()}

    @property
    def _of(self) -> str:
        return f"{self._version.name}/{self._version.number}"

    @property
    def _id(self) -> str:
        assert self._run is not None, "begun first"  # noqa: S101 - a mistake of the program's
        return self._run

    def _asked(self, question: Callable[[], _T]) -> _T:
        return asked(question, self._needs)

    def _experiment(self) -> str:
        name = self._in_force.policy.experiment
        if name is None and self._version.run is not None:
            run, needs = self._version.run, "READ on the experiment of the version's run"
            return str(asked(lambda: self._client.get_run(run), needs).info.experiment_id)
        return self._named(name or OTHERWISE)

    def _needed_on(self, experiment: str) -> str:
        found = asked(lambda: self._client.get_experiment(experiment), "READ on its experiment")
        return (
            f"EDIT on the experiment {found.name}, which an administrator, or who has made it, "
            "grants; the policy may name another"
        )

    def _named(self, name: str) -> str:
        found = self._asked(lambda: self._client.get_experiment_by_name(name))
        if found is not None and found.lifecycle_stage == "active":
            return str(found.experiment_id)
        return str(asked(lambda: self._client.create_experiment(name), f"to create {name}"))

    def _end_leftovers(self, experiment: str) -> None:
        left = self._asked(
            lambda: self._client.search_runs(
                [experiment], "attributes.status = 'RUNNING'", max_results=_MOST_LEFT
            )
        )
        for run in left:
            tags = run.data.tags
            ended = _OF in tags and has_ended(tags.get(OWNER_TAG, ""))
            if ended or self._is_an_earlier_try(tags):
                self._end(run.info.run_id, "KILLED")

    def _is_an_earlier_try(self, tags: Mapping[str, str]) -> bool:
        # Should that one live after all, it is FINISHED once it has come to its end.
        link = self._origin.get("link")
        return tags.get(_OF) == self._of and link is not None and tags.get("podium.link") == link

    def _end(self, run: str, status: str) -> None:
        with suppress(WriteRefused, Unreachable):
            self._asked(lambda: self._client.set_terminated(run, status))

    def _log_metrics(self, record: TrialRecord) -> None:
        """With the logged model, too, where the account may write to that; else with the run alone.

        MLflow wants EDIT on the experiment of the logged model for it, which a validator need not
        have (mlflow/server/auth, `_validate_can_update_run_and_models`).
        """
        try:
            self._log_all_metrics(record)
        except WriteRefused as refusal:
            if refusal.code != DENIED or self._model_id is None:
                raise
            self._model_id = None
            self._log_all_metrics(record)

    def _log_all_metrics(self, record: TrialRecord) -> None:
        data: dict[str, Any] = {}
        if record.data is not None:
            entity = _dataset(record.data, self._version.name)
            data = {"dataset_name": entity.name, "dataset_digest": entity.digest}
            self._log_inputs(entity)
        of_model = data | {"model_id": self._model_id}
        metrics = [
            *_metrics(metrics_of_data(record), of_model),
            *_metrics(metrics_of_other(record), data),
            *_metrics(metrics_without_data(record), {}),
        ]
        for first in range(0, len(metrics), _METRICS_AT_ONCE):
            part = metrics[first : first + _METRICS_AT_ONCE]
            self._asked(lambda part=part: self._client.log_batch(self._id, part))  # type: ignore[misc]

    def _log_inputs(self, entity: Dataset) -> None:
        inputs = [DatasetInput(entity, [InputTag("mlflow.data.context", "evaluation")])]
        models = [] if self._model_id is None else [LoggedModelInput(self._model_id)]
        self._asked(lambda: self._client.log_inputs(self._id, inputs, models))

    def _log_params(self, record: TrialRecord) -> None:
        told = {**_params(record), **self._origin}
        params = [Param(key, value[:_MOST_OF_PARAM]) for key, value in told.items()]
        tags = [RunTag(_NOTE, card_of(record)[:_MOST_OF_NOTE])]
        self._asked(lambda: self._client.log_batch(self._id, params=params, tags=tags))


def _source() -> Mapping[str, str]:
    """What MLflow's page shows of where a run is from, as its own context has it."""
    told = {"mlflow.source.name": "podium validate", "mlflow.source.type": "LOCAL"}
    with suppress(OSError, KeyError):
        told["mlflow.user"] = getpass.getuser()
    return told


def _metrics(values: Mapping[str, float], belongs: Mapping[str, Any]) -> list[Metric]:
    now = int(time.time() * 1000)
    return [Metric(name, value, now, 0, **belongs) for name, value in values.items()]


def _params(record: TrialRecord) -> Mapping[str, str]:
    told = {
        "model": record.version.name,
        "version": record.version.number,
        "against": None if record.against is None else record.against.number,
        "policy": record.in_force.sha256,
        "files": record.digest,
        "data": None if record.data is None else record.data.source,
        **{f"flag/{place}": str(value) for place, value in record.in_force.flags.items()},
    }
    return {key: value for key, value in told.items() if value}


def _dataset(data: EvaluationData, model: str) -> Dataset:
    """The data as MLflow lists it; its own class knows neither `runs:/` nor `models:/`."""
    digest, stem = data.digest[:_DIGEST], Path(data.source).stem
    name = f"{model} {stem}"[:_MOST_OF_NAME]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hints on integers that might be missing
        described = mlflow.data.from_pandas(  # type: ignore[attr-defined]
            data.frame, targets=data.label, name=name, digest=digest
        ).to_dict()
    return Dataset(
        name=described["name"],
        digest=digest,
        source_type="uri",
        source=json.dumps({"uri": data.source}),
        schema=described.get("schema"),
        profile=described.get("profile"),
    )


def _write_all(record: TrialRecord, folder: Path) -> None:
    report = report_of(record).model_dump(mode="json")
    _write_json(folder / "report.json", report)
    (folder / "junit.xml").write_text(junit_of(str(record.version), record.judgements))
    (folder / "card.md").write_text(card_of(record))
    _write_json(folder / "policy.json", json.loads(canonical(record.in_force.policy)))
    _write_json(folder / "settings.json", record.settings)
    _write_quality(record, folder)
    (folder / "figures").mkdir()
    for name, figure in figures_of(record).items():
        figure.savefig(folder / "figures" / name, dpi=120)


def _write_quality(record: TrialRecord, folder: Path) -> None:
    quality = record.quality
    if quality is None:
        return
    differences = differences_of(quality, record.in_force.policy.differences)
    if differences is not None:
        _write_json(folder / "differences.json", differences)
    if quality.changes is not None:
        new, never = map(list, (quality.changes.new, quality.changes.never))
        _write_json(folder / "classes.json", {"new": new, "never": never})


def _write_json(file: Path, told: object) -> None:
    file.write_text(json.dumps(told, indent=2, default=str) + "\n")


def differences_of(quality: Quality, kept: str) -> Mapping[str, Any] | None:
    """For `differences.json`; None where the policy keeps none, or nothing was compared."""
    ours, theirs = quality.ours, quality.theirs
    if kept == "none" or ours is None or theirs is None:
        return None
    rows = quality.differing[:MOST]
    told: dict[str, Any] = {"count": len(quality.differing), "rows": list(rows)}
    if kept == "predictions":
        told["this"] = _plain(ours.predictions.loc[list(rows)])
        told["other"] = _plain(theirs.predictions.loc[list(rows)])
    return told


def _plain(values: Any) -> Sequence[Any]:
    return [each.item() if hasattr(each, "item") else each for each in values]
