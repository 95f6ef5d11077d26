"""`podium train`: options in, progress and a summary out, one line and status 1 on failure."""

import json
import logging
import math
import os
import shlex
import sys
from pathlib import Path
from typing import Protocol

import click

from training.addresses import model_page, shown, shown_server
from training.errors import TrainingError, Unreachable
from training.job import EXPERIMENT, MODEL_NAME, Settings, Step, Trained
from training.progress import shown_on

_USAGE_ERROR = 2
_ADDRESSES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")


class Advice(Protocol):
    """What the command line knows of MLflow's client; without it, errors speak for themselves."""

    def mistake(self, tracking_uri: str | None) -> str | None:
        """What is written wrongly in that address, or else in MLflow's variables."""
        ...

    def why(self, error: Exception, *, has_answered: bool) -> str | None:
        """What an error of the client's means, as a sentence; None if its own words say it.

        `has_answered`: whether MLflow did so before, and refuses something that it was asked for.
        """
        ...


def _number(_context: click.Context, _option: click.Parameter, given: float) -> float:
    # NaN is in no range and outside of none.
    if math.isnan(given):
        raise click.BadParameter("nan is not a number.")
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
@click.pass_obj
def train(  # noqa: PLR0913, PLR0917 - an argument for each option
    advice: Advice | None,
    alias: str | None,
    name: str,
    regularization: float,
    max_iter: int,
    tracking_uri: str | None,
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
    wrong = None if advice is None else advice.mistake(tracking_uri)
    if wrong is not None:
        click.echo(f"podium: {wrong}", err=True)
        sys.exit(_USAGE_ERROR)
    click.echo(summary(run(settings, advice), settings))


def run(settings: Settings, advice: Advice | None) -> Trained:
    """Trains, with progress on stderr. Raises `click.ClickException`, in one line."""
    with shown_on(sys.stderr) as report:
        report(Step.START, "loading MLflow and scikit-learn")
        from training.train import train as run

        _quiet_libraries()
        try:
            return run(settings, report)
        except Unreachable as error:
            raise click.ClickException(_unreachable(error, advice)) from error
        except TrainingError as error:
            raise click.ClickException(str(error)) from error
        except Exception as error:
            if not _is_mlflows(error):
                raise
            raise click.ClickException(_refused(error, advice)) from error


def _unreachable(error: Unreachable, advice: Advice | None) -> str:
    why, cause = None, error.__cause__
    if advice is not None and isinstance(cause, Exception):
        why = advice.why(cause, has_answered=False)
    return str(error) if why is None else f"{error.address}: {why}"


def _refused(error: Exception, advice: Advice | None) -> str:
    why = None if advice is None else advice.why(error, has_answered=True)
    return why or f"MLflow refused: {_first_line(error)}"


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
        f"  server  {shown_server(trained.tracking_uri)}",
    ]
    if not trained.converged:
        lines.append(f"  note    the solver stopped after {settings.max_iter} steps, unfinished")
    return "\n".join([*lines, "", *_next(trained, settings)])


def _next(trained: Trained, settings: Settings) -> list[str]:
    if trained.alias is None:
        return _judged(trained, settings) if _has_podium() else _give_alias(trained)
    return ["Next, train another version and move the alias to it:", f"  {_another(settings)}"]


def _judged(trained: Trained, settings: Settings) -> list[str]:
    version = [trained.name, trained.version]
    return [
        "Next, judge it by the rows that it was not trained on, and give it the alias:",
        f"  {_podium(settings, 'validate', *version, '--data-of-run')}",
        f"  {_podium(settings, 'promote', *version)}",
    ]


def _podium(settings: Settings, *words: str) -> str:
    # The commands find MLflow as this one has, unless it was told where.
    uri = settings.tracking_uri
    before = "" if uri is None else f"MLFLOW_TRACKING_URI={shlex.quote(shown(uri))} "
    return before + shlex.join([_beside_python("podium"), *words])


def _give_alias(trained: Trained) -> list[str]:
    page = model_page(trained.tracking_uri, trained.name)
    where = f" (or on {page})" if page else ""
    return [f"Next, give it an alias{where}:", f"  {_alias_command(trained)}"]


def _has_podium() -> bool:
    # An environment that `mlflow run` has made holds none.
    return Path(sys.executable).with_name("podium").exists()


def _another(settings: Settings) -> str:
    if not _has_podium():
        return _run_again(settings)
    words = [_beside_python("podium"), "train"]
    words += ["--C", _other(settings)]
    words += ["--alias", settings.alias or ""]
    if settings.name != MODEL_NAME:
        words += ["--name", settings.name]
    if settings.tracking_uri is not None:
        words += ["--tracking-uri", shown(settings.tracking_uri)]
    return shlex.join(words)


def _other(settings: Settings) -> str:
    return "0.1" if settings.regularization != 0.1 else "10"  # noqa: PLR2004 - just another one


def _run_again(settings: Settings) -> str:
    project = str(Path(__file__).parent)
    parameters = {"C": _other(settings), "alias": settings.alias or "", "name": settings.name}
    if settings.name == MODEL_NAME:
        del parameters["name"]
    given = [word for name, value in parameters.items() for word in ("-P", f"{name}={value}")]
    return shlex.join(["mlflow", "run", project, *given, "--experiment-name", EXPERIMENT])


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
