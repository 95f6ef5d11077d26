"""`podium train`: the training's own command, told where MLflow is and what is set up wrongly.

Training knows nothing of the service; the command line hands this to it, so that both say the same
in the same words.
"""

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from service.cli.found import loaded, mlflow_of
from service.cli.mistakes import mistake_in, mistakes
from training.command import train

if TYPE_CHECKING:
    from service.registry.wire import Fault

_ADDRESS = "MLFLOW_TRACKING_URI"

_SENTENCES = {
    "registry_timed_out": (
        "MLflow takes too long for an answer: see what keeps it, or set "
        "MLFLOW_HTTP_REQUEST_TIMEOUT to more seconds."
    ),
    "registry_forbidden": (
        "MLflow refuses this account (403): give it EDIT on the experiment and on the registered "
        "model, or another account in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
    ),
    "registry_unauthenticated": (
        "MLflow does not know who is asking (401): set MLFLOW_TRACKING_USERNAME and "
        "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
    ),
}


__all__ = ["prepare", "train"]


def prepare(context: click.Context) -> None:
    """Gives the command MLflow's address where its own variable does not, and advice."""
    context.obj = TrainingAdvice(os.environ)
    if os.environ.get(_ADDRESS):
        return
    mlflow = mlflow_of(loaded().home)
    if mlflow is not None:
        context.default_map = {"train": {"tracking_uri": mlflow.tracking}}


class TrainingAdvice:
    """For a training in that environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def mistake(self, tracking_uri: str | None) -> str | None:
        """What is certainly written wrongly, before anybody is asked; the address is a flag's."""
        wrong = mistake_in(tracking_uri or "")
        if wrong is not None:
            return f"--tracking-uri: {wrong}"
        counts = {
            name: value
            for name, value in self._environment.items()
            if name != _ADDRESS or tracking_uri is None
        }
        return next(iter(mistakes(counts)), None)

    def why(self, error: Exception, *, has_answered: bool) -> str | None:
        """What an error of MLflow's client means, as a sentence; None if its own words say it.

        Once MLflow `has_answered`, what it refuses is told best by itself. The sentence repeats
        nothing of the error but names of variables and packages: a text of the client's
        may hold a token.
        """
        # Late, since they know MLflow's client and the training has imported that by now.
        from service.registry.child.faults import fault_of_look
        from service.registry.wire import SENTENCES, Fault

        fault = fault_of_look(error)
        own_words = {Fault.REFUSED, Fault.NONSENSE} if has_answered else {Fault.UNREACHABLE}
        if fault in own_words:
            return None
        return f"{_SENTENCES.get(fault.value) or SENTENCES[fault]}{_named(fault, error)}"


def _named(fault: "Fault", error: Exception) -> str:
    """The variable, or the package, where the sentence leaves that to a log."""
    patterns = {
        "registry_client_setting": r"MLFLOW_\w+",
        "registry_driver_missing": r"(?<=No module named ')[\w.]+",
    }
    pattern = patterns.get(fault.value)
    found = sorted(set(re.findall(pattern, str(error)))) if pattern else []
    return f" It is {' or '.join(found)}." if found else ""
