"""The gate of variables: which a model read when it was logged, and its hosts will not have.

It lets every version pass: MLflow notes each variable that looks like one for a model's use, and
many that a model can do without.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from service.following.gates.files import from_disk
from service.following.gates.gate import GateFinding
from service.following.ports import FetchedVersion
from service.following.sentences import listed, named
from service.processes.front.beside import Beside

GATE: Final = "environment"
# mlflow/models/model.py, ENV_VAR_FILE_NAME: a name a line, after a comment.
_FILE: Final = "environment_variables.txt"
_MOST_BYTES: Final = 64 * 1024


class EnvironmentGate:
    """Reads the artifact's list of variables, bounded, off the loop.

    `given` is asked which ones hosts of the model of that name have.
    """

    def __init__(self, given: Callable[[str], Collection[str]]) -> None:
        self._given = given
        self._beside = Beside("variables")

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        """One finding that names every variable that is not there."""
        wanted = await from_disk(self._beside, _wanted, fetched.path / _FILE)
        there = self._given(fetched.version.name)
        missing = [named(name) for name in wanted if name not in there]
        if not missing:
            return ()
        sentence = (
            f"The model used variables when it was logged that its processes do not have: "
            f"{listed(missing)}. If it needs them, set them and name them in "
            "PODIUM_MODEL_ENVIRONMENT."
        )
        return (GateFinding(GATE, "variable_missing", sentence),)


def _wanted(path: Path) -> Sequence[str]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode(errors="replace")
    except OSError:
        # What serves does not hang on it; a disk that fails does so where it matters.
        return ()
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
