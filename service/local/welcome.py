"""What to do with what now runs: addresses, a request to paste, and how to move the alias."""

import json

from service.local.commands import pasted
from service.local.settings import ALIAS, MODEL, REF, UpSettings

# One flower of the data set (setosa), by the names of the columns that the model was trained on.
_FLOWER = {
    "sepal length (cm)": 5.1,
    "sepal width (cm)": 3.5,
    "petal length (cm)": 1.4,
    "petal width (cm)": 0.2,
}

_TEXT = """
Podium serves {ref}.

  MLflow's page   {tracking}
  The service     {service}
  Its API         {service}/docs
  Logs            {logs}
  Admin token     {token}

Ask for a prediction; the answer names the version that gave it:

  curl -s {service}/predict -H 'Content-Type: application/json' \\
    -d '{body}'

Train a second version and move the alias to it, in another terminal; then ask again:

  {train}

Move the alias back in MLflow's page (the version's Aliases): {page}

See what serves and why, and meet the service as an application would:

  {status}
  {smoke}

Ctrl-C ends all of it."""


def welcome(settings: UpSettings) -> str:
    """The text; every command in it can be pasted as it is."""
    return _TEXT.format(
        ref=REF,
        tracking=settings.tracking_uri,
        service=settings.service_url,
        logs=settings.logs,
        token=settings.admin_token or "yours",
        body=json.dumps({"dataframe_records": [_FLOWER]}),
        train=pasted(f"train --C 0.1 --alias {ALIAS}", settings.home),
        status=pasted("status", settings.home),
        smoke=pasted("smoke", settings.home),
        page=f"{settings.tracking_uri}/#/models/{MODEL}",
    )
