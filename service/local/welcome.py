"""What to do with what now runs: addresses, a request to paste, and how to move the alias."""

import json
from collections.abc import Collection, Sequence
from urllib.parse import quote

from service.following.sentences import plain
from service.local.commands import pasted
from service.local.settings import MODEL, UpSettings
from service.refs import ModelRef

# One flower of the data set (setosa), by the names of the columns that the model was trained on.
_FLOWER = {
    "sepal length (cm)": 5.1,
    "sepal width (cm)": 3.5,
    "petal length (cm)": 1.4,
    "petal width (cm)": 0.2,
}

_TEXT = """
Podium serves {served}.
{absent}
  MLflow's page   {page}
  The service     {service}
  Its API         {service}/docs
  Logs            {logs}
  Admin token     {token}
{first}
See what serves and why, and meet the service as an application would:

  {status}
  {smoke}

Ctrl-C ends all of it."""

_ABSENT = """
Not there yet: {models}. Served as soon as MLflow has it; register versions with
MLFLOW_TRACKING_URI={tracking}.
"""

_FIRST = """
Ask for a prediction; the answer names the version that gave it:

  curl -s {service}{path} -H 'Content-Type: application/json' \\
    -d '{body}'

Train a second version and move the alias to it, in another terminal; then ask again:

  {train}

Move the alias back in MLflow's page (the version's Aliases): {page}
"""


def welcome(settings: UpSettings, absent: Collection[ModelRef] = ()) -> str:
    """The text; every command in it can be pasted as it is."""
    iris = next((ref for ref in settings.models if ref.name == MODEL), None)
    return _TEXT.format(
        served=_named([ref for ref in settings.models if ref not in absent]) or "nothing yet",
        absent=_missing(settings, absent),
        page=settings.model_page((iris or settings.models[0]).name),
        service=settings.service_url,
        logs=settings.logs,
        token=settings.admin_token or "yours",
        first="" if iris is None else _first_steps(settings, iris),
        status=pasted("status", settings.home),
        smoke=pasted("smoke", settings.home),
    )


def _missing(settings: UpSettings, absent: Collection[ModelRef]) -> str:
    if not absent:
        return ""
    return _ABSENT.format(models=_named(list(absent)), tracking=settings.tracking_uri)


def _named(refs: Sequence[ModelRef]) -> str:
    # Names of models are anybody's: they are shown, never obeyed.
    return plain(", ".join(map(str, refs)))


def _first_steps(settings: UpSettings, iris: ModelRef) -> str:
    own = f"/models/{quote(iris.name, safe='')}@{quote(iris.alias, safe='')}/predict"
    return _FIRST.format(
        service=settings.service_url,
        path="/predict" if iris == settings.models[0] else own,
        body=json.dumps({"dataframe_records": [_FLOWER]}),
        train=pasted(f"train --C 0.1 --alias {iris.alias}", settings.home),
        page=settings.model_page(iris.name),
    )
