"""What is asked of every server: models, and requests to them whose right answers are known."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

ALIAS: Final = "champion"
_LIST: Final = "cases.json"
# How many rows are asked of each model at once.
ROWS: Final[Mapping[str, tuple[int, ...]]] = {
    "iris": (1, 100, 1000),
    "forest": (1, 100),
    "numbers20": (1, 1000),
    "numbers600": (1, 100),
    "journeys": (1, 100),
}


@dataclass(frozen=True, slots=True)
class Case:
    """Requests of one kind to one model.

    `bodies` are files in MLflow's request format, `v2_bodies` the same requests in that of the Open
    Inference Protocol; `expected[i]` is what the model itself, called directly, answers to body i.
    Load is made of body 0; all of them are asked at once before that, and compared.
    """

    name: str
    model: str
    rows: int
    columns: int
    bodies: tuple[str, ...]
    v2_bodies: tuple[str, ...]
    expected: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A folder with an MLflow store, models in it under the alias `champion`, and their cases.

    `server` is the address of an MLflow server on that store, if one runs.
    """

    folder: Path
    cases: tuple[Case, ...]
    server: str | None = None

    @property
    def tracking_uri(self) -> str:
        """Of the server, else of the store itself."""
        return self.server or store_of(self.folder)

    def case(self, name: str) -> Case:
        """The case of that name."""
        return next(case for case in self.cases if case.name == name)

    def model_folder(self, model: str) -> Path:
        """Where the model's artifact lies."""
        return self.folder / "models" / model


def prepared(folder: Path, models: Sequence[str], python: str = sys.executable) -> Prepared:
    """Models and cases, made in that folder by a process that ends; see `benchmarks.preparing`."""
    command = [python, "-m", "benchmarks.preparing", str(folder), *models]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the models could not be prepared:\n{done.stderr}")
    return read_cases(folder)


def store_of(folder: Path) -> str:
    """The tracking URI of the store in that folder."""
    return f"sqlite:///{folder}/mlflow.db"


def write_cases(folder: Path, cases: list[Case]) -> None:
    """Notes them for `read_cases`."""
    (folder / _LIST).write_text(json.dumps([asdict(case) for case in cases]))


def read_cases(folder: Path) -> Prepared:
    """What `write_cases` noted there."""
    found = json.loads((folder / _LIST).read_text())
    return Prepared(folder, tuple(_case(each) for each in found))


def _case(noted: dict[str, Any]) -> Case:
    lists = {name: tuple(noted[name]) for name in ("bodies", "v2_bodies")}
    expected = tuple(tuple(answers) for answers in noted["expected"])
    return Case(**{**noted, **lists, "expected": expected})
