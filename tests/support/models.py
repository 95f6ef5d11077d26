"""Real models for tests, saved as MLflow saves them, in a fifth of a second each.

Those of `tests/models` are models from code: hosts do not see the tests' own modules.
"""

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import ModelSignature, infer_signature

CODE = Path(__file__).parents[1] / "models"
ROWS = pd.DataFrame({"x": [1.0, 2.0, 4.0]})
# Naming them spares MLflow from finding them out, which takes seconds.
REQUIREMENTS = ("mlflow",)


def doubles(*names: str) -> ModelSignature:
    """A signature of required double columns, without outputs."""
    return infer_signature(pd.DataFrame({name: [0.5] for name in names}))


def save(  # noqa: PLR0913, PLR0917 - what a test may wish, all with defaults
    folder: Path,
    code: str,
    signature: ModelSignature | None = None,
    example: Any = ROWS,
    ships: Sequence[Path] = (),
    config: Mapping[str, Any] | None = None,
    requirements: Sequence[str] = REQUIREMENTS,
) -> Path:
    """Saves `tests/models/CODE.py` as a model below the folder; its place."""
    place = folder / code
    with importable(ships):
        mlflow.pyfunc.save_model(
            str(place),
            python_model=str(CODE / f"{code}.py"),
            signature=signature or doubles("x"),
            input_example=example,
            code_paths=[str(path) for path in ships] or None,
            pip_requirements=list(requirements),
            model_config=None if config is None else dict(config),
        )
    return place


@contextmanager
def importable(paths: Sequence[Path]) -> Iterator[None]:
    """While it lasts, what the paths hold is imported first; afterwards it is forgotten."""
    before, names = list(sys.path), {path.stem for path in paths}
    hidden = {name: sys.modules.pop(name) for name in _within(names)}
    sys.path[:0] = [str(path.parent) for path in paths]
    try:
        yield
    finally:
        sys.path[:] = before
        for name in _within(names):
            del sys.modules[name]
        sys.modules.update(hidden)


def _within(packages: Collection[str]) -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] in packages]


def number_module(folder: Path, number: int) -> Path:
    """A module `the_number` that holds this number, for `tests/models/numbered.py`."""
    folder.mkdir(parents=True, exist_ok=True)
    module = folder / "the_number.py"
    module.write_text(f'"""A number."""\n\nNUMBER = {number}\n')
    return module


def worsening(folder: Path, fails: int = 0, seconds: float = 0.0) -> Path:
    """`tests/models/worsening.py` that fails on so many of 100 values of `x`, saved; its place."""
    folder.mkdir(parents=True)
    module = folder / "how_badly.py"
    module.write_text(f'"""How badly."""\n\nFAILS = {fails}\nSECONDS = {seconds}\n')
    return save(folder, "worsening", example=pd.DataFrame({"x": [99.0]}), ships=[module])


@dataclass(frozen=True, slots=True)
class Gate:
    """Two files: one that a model makes when it has come to the gate, one that lets it pass."""

    folder: Path

    @property
    def arrived(self) -> bool:
        """Whether somebody waits there, or has."""
        return (self.folder / "arrived").exists()

    def open(self) -> None:
        """Lets pass whoever comes."""
        (self.folder / "gate").touch()

    def close(self) -> None:
        """Nobody has ever come, and nobody passes."""
        for name in ("arrived", "gate"):
            (self.folder / name).unlink(missing_ok=True)


def gated(folder: Path, number: int, stage: str = "none") -> tuple[Path, Gate]:
    """`tests/models/gated.py` that answers with this number, saved; its gate, which is closed.

    It waits there at its `load` or its `warm_up`.
    """
    gate = Gate(folder)
    folder.mkdir(parents=True)
    module = folder / "the_gate.py"
    module.write_text(
        f'"""A gate."""\n\nNUMBER = {number}\nSTAGE = {stage!r}\n'
        f"ARRIVED = {str(folder / 'arrived')!r}\nGATE = {str(folder / 'gate')!r}\n"
    )
    gate.open()  # saving a model loads it
    place = save(folder, "gated", ships=[module])
    gate.close()
    return place, gate
