"""Trains iris: fit, evaluate, log and register, each step reported as it begins.

`python -P -m training.train --C 0.1 --alias champion` does the same as `podium train`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

from training import classifier, data, record
from training.addresses import run_page, shown_server
from training.classifier import Evaluation
from training.connection import connected
from training.data import Split
from training.job import OnProgress, Settings, Step, Trained


def silent(_step: Step, _detail: str) -> None:
    """Reports to nobody."""


def train(settings: Settings, on_progress: OnProgress = silent) -> Trained:
    """Trains one version and registers it, tagged `validation_status=pending`.

    Raises `TrainingError` if MLflow does not answer (within seconds) or the data is not right, and
    MLflow's own errors if it refuses something later; the run is then marked as failed.
    """

    def told(uri: str) -> None:
        on_progress(Step.CONNECT, shown_server(uri))

    with connected(settings.tracking_uri, told) as uri:
        fitted = _fit(settings, on_progress)
        return _keep(settings, fitted, uri, on_progress)


@dataclass(frozen=True, slots=True)
class _Fitted:
    split: Split
    model: LogisticRegression
    evaluation: Evaluation


def _fit(settings: Settings, on_progress: OnProgress) -> _Fitted:
    on_progress(Step.DATA, "iris")
    iris = data.load()
    data.check(iris)
    split = data.split(iris)
    on_progress(Step.FIT, f"{len(split.train_features)} rows, C={settings.regularization:g}")
    model = classifier.fit(
        split, regularization=settings.regularization, max_iter=settings.max_iter
    )
    on_progress(Step.EVALUATE, f"{len(split.test_features)} rows")
    return _Fitted(split, model, classifier.evaluate(model, split))


def _keep(settings: Settings, fitted: _Fitted, uri: str, on_progress: OnProgress) -> Trained:
    on_progress(Step.LOG, settings.experiment)
    with record.run_in(settings.experiment) as run:
        record.log_training(_parameters(settings), fitted.evaluation, fitted.split)
        model_uri = _log_model(fitted)
        on_progress(Step.REGISTER, settings.name)
        version = _register(settings, model_uri, run.info.run_id)
    return Trained(
        name=settings.name,
        version=version,
        alias=settings.alias,
        run_id=run.info.run_id,
        run_url=run_page(uri, run.info.experiment_id, run.info.run_id),
        tracking_uri=uri,
        accuracy=fitted.evaluation.metrics["accuracy"],
        converged=classifier.converged(fitted.model),
    )


def _parameters(settings: Settings) -> dict[str, str | int | float]:
    return {
        "solver": classifier.SOLVER,
        "max_iter": settings.max_iter,
        "random_state": classifier.SEED,
        "C": settings.regularization,
    }


def _log_model(fitted: _Fitted) -> str:
    features = fitted.split.train_features
    return record.log_model(
        fitted.model,
        signature=infer_signature(features, fitted.model.predict(features)),
        input_example=fitted.split.example(),
    )


def _register(settings: Settings, model_uri: str, run_id: str) -> str:
    tags = {"validation_status": "pending"}
    version = record.register(model_uri, settings.name, run_id, tags)
    if settings.alias is not None:
        record.set_alias(settings.name, settings.alias, version)
    return version


def main(argv: Sequence[str] | None = None) -> None:
    """The command `podium train`; ends the process with its exit status."""
    from training.command import train as command  # which itself imports this module, late

    command.main(args=argv, prog_name="podium train")


if __name__ == "__main__":
    main()
