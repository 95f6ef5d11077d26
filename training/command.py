"""`podium train`: options in, progress and a summary out, one line and status 1 on failure."""

import json
import logging
import math
import os
import shlex
import sys
from pathlib import Path

import click

from training.addresses import model_page, shown
from training.errors import TrainingError
from training.job import MODEL_NAME, Settings, Step, Trained
from training.progress import shown_on

_ADDRESSES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")


def _number(_context: click.Context, _option: click.Parameter, given: float) -> float:
    # NaN is in no range and outside of none.
    if math.isnan(given):
        raise click.BadParameter("nan is no number.")
    return given


@click.command()
@click.option("--alias", metavar="ALIAS", help="Move this alias to the new version.")
@click.option("--name", default=MODEL_NAME, show_default=True, help="The registered model.")
@click.option(
    "--C",
    "regularization",
    type=click.FloatRange(min=0, min_open=True),
    callback=_number,
    default=1.0,
    show_default=True,
    help="Inverse strength of the regularization; another value makes a different version.",
)
@click.option(
    "--max-iter",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="At most so many steps of the solver.",
)
@click.option(
    "--tracking-uri",
    metavar="URI",
    help="MLflow's server or store, instead of MLFLOW_TRACKING_URI.",
)
def train(
    alias: str | None, name: str, regularization: float, max_iter: int, tracking_uri: str | None
) -> None:
    """Train iris, log it with MLflow and register it as the next version.

    Without --tracking-uri it goes where MLFLOW_TRACKING_URI and MLFLOW_REGISTRY_URI say, else to
    the MLflow of a running `podium up`.

    \b
    podium train --C 0.1 --alias champion
    """  # noqa: D301 - click wants a real backspace
    try:
        settings = Settings(name, alias or None, regularization, max_iter, tracking_uri)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--alias") from None
    if tracking_uri is None and not any(os.environ.get(name) for name in _ADDRESSES):
        raise click.UsageError(
            "which MLflow? Set MLFLOW_TRACKING_URI, as in "
            "MLFLOW_TRACKING_URI=http://127.0.0.1:8080, or start one with `podium up`."
        )
    click.echo(summary(_run(settings), settings))


def _run(settings: Settings) -> Trained:
    with shown_on(sys.stderr) as report:
        report(Step.START, "loading MLflow and scikit-learn")
        from training.train import train as run

        _quiet_libraries()
        try:
            return run(settings, report)
        except TrainingError as error:
            raise click.ClickException(str(error)) from error
        except Exception as error:
            if not _is_mlflows(error):
                raise
            raise click.ClickException(f"MLflow refused: {_first_line(error)}") from error


def _quiet_libraries() -> None:
    # The steps are told by the report; only an error is still worth a line of MLflow's.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    if "MLFLOW_LOGGING_LEVEL" not in os.environ:
        logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)


def _is_mlflows(error: Exception) -> bool:
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    # Uploads of artifacts let the errors of requests through.
    return isinstance(error, MlflowException | RequestException)


def _first_line(error: Exception) -> str:
    return shown(str(error).strip().partition("\n")[0][:300])


def summary(trained: Trained, settings: Settings) -> str:
    """What was made, where it is, and a command to go on with that can be pasted as it is."""
    alias = f", now {trained.alias}" if trained.alias else ""
    lines = [
        f"{trained.name} version {trained.version}{alias}; accuracy {trained.accuracy:.3f}",
        f"  run     {trained.run_url or trained.run_id}",
        f"  server  {shown(trained.tracking_uri)}",
    ]
    if not trained.converged:
        lines.append(f"  note    the solver stopped after {settings.max_iter} steps, unfinished")
    return "\n".join([*lines, "", *_next(trained, settings)])


def _next(trained: Trained, settings: Settings) -> list[str]:
    if trained.alias is None:
        page = model_page(trained.tracking_uri, trained.name)
        where = f" (or on {page})" if page else ""
        return [f"Next, give it an alias{where}:", f"  {_alias_command(trained)}"]
    return ["Next, train another version and move the alias to it:", f"  {_another(settings)}"]


def _another(settings: Settings) -> str:
    words = [_beside_python("podium"), "train"]
    words += ["--C", "0.1" if settings.regularization != 0.1 else "10"]  # noqa: PLR2004 - just another one
    words += ["--alias", settings.alias or ""]
    if settings.name != MODEL_NAME:
        words += ["--name", settings.name]
    if settings.tracking_uri is not None:
        words += ["--tracking-uri", shown(settings.tracking_uri)]
    return shlex.join(words)


def _alias_command(trained: Trained) -> str:
    store, name, version = map(
        json.dumps, (shown(trained.tracking_uri), trained.name, trained.version)
    )
    call = f'MlflowClient({store}).set_registered_model_alias({name}, "champion", {version})'
    code = f"from mlflow import MlflowClient; {call}"
    return shlex.join([_beside_python("python"), "-c", code])


def _beside_python(program: str) -> str:
    path = Path(sys.executable).parent / program
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
