"""What is asked of a training, how it reports, and what it gives.

Importing this loads no library.
"""

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# MLflow takes no others, and keeps some for itself (mlflow/utils/validation.py,
# _validate_model_alias_name and _validate_model_alias_name_reserved).
_RESERVED_ALIAS = re.compile(r"latest|v\d+", re.IGNORECASE)
_ALIAS = re.compile(r"[\w-]{1,255}")

EXPERIMENT: Final = "/iris-experiment"
MODEL_NAME: Final = "basic_lr_iris_model"


@dataclass(frozen=True, slots=True)
class Settings:
    """What to train and where to put it.

    Attributes:
        name: the registered model.
        alias: is moved to the new version; None moves none.
        regularization: scikit-learn's C, greater than 0; smaller is stronger.
        max_iter: at most so many steps of the solver.
        tracking_uri: MLflow's store; None for the one that MLflow is set to.
        experiment: the experiment that holds the run.
    """

    name: str = MODEL_NAME
    alias: str | None = None
    regularization: float = 1.0
    max_iter: int = 1000
    tracking_uri: str | None = None
    experiment: str = EXPERIMENT

    def __post_init__(self) -> None:
        """Raises `ValueError` for an alias that MLflow would refuse after all the work."""
        if self.alias is None:
            return
        if not _ALIAS.fullmatch(self.alias):
            raise ValueError("an alias is up to 255 letters, digits, underscores and dashes")
        if _RESERVED_ALIAS.fullmatch(self.alias):
            raise ValueError(f"{self.alias!r} is reserved by MLflow and cannot be an alias")


class Step(enum.Enum):
    """The steps in their order; `START` is the time that the libraries take to load."""

    START = "start"
    CONNECT = "connect"
    DATA = "data"
    FIT = "fit"
    EVALUATE = "evaluate"
    LOG = "log"
    REGISTER = "register"


# Told each step, and a word on it, when the step begins.
OnProgress = Callable[[Step, str], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """A version that MLflow holds now.

    Attributes:
        name: of the registered model.
        version: its number, text as in MLflow.
        alias: what points to the version since, if one was asked for.
        run_id: the run that made it.
        run_url: the run's page; None if the store is not a server.
        tracking_uri: the store that was written to. It may hold a password: print it by `shown`.
        accuracy: on the test rows, from 0 to 1.
        converged: False if the solver had to stop at `max_iter`.
    """

    name: str
    version: str
    alias: str | None
    run_id: str
    run_url: str | None
    tracking_uri: str
    accuracy: float
    converged: bool
