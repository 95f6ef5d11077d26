"""The artifacts that older releases of MLflow have made, put back on the disk."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("old_artifacts")


@dataclass(frozen=True)
class KeptArtifact:
    """One artifact: who made it, its example's form, what that release calls the model with."""

    release: str
    form: str
    given: dict[str, Any] | None
    files: dict[str, str]

    def __str__(self) -> str:
        return f"{self.release} {self.form}"

    @property
    def request(self) -> Any:
        """MLflow's own request, which releases since 2.15 store; None for older ones."""
        return self.json("serving_input_example.json")

    def json(self, name: str) -> Any:
        """What that file holds, None if it is not there."""
        if name not in self.files:
            return None
        # MLflow writes a missing number as bare NaN.
        return json.loads(self.files[name], parse_constant=lambda _: None)

    def put(self, place: Path, *, raises: bool = False) -> Path:
        """The artifact's folder; whether its model raises on whatever it is given."""
        for name, text in self.files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if self.form != "typed":
            code = place / "code" / "told_back.py"
            code.parent.mkdir(exist_ok=True)
            code.write_bytes((FOLDER / "told_back.py").read_bytes())
            (place / "data" / "kept.json").write_text(json.dumps({"raises": raises}))
        return place


def kept_artifacts() -> Iterator[KeptArtifact]:
    """All of them, the oldest release first."""
    paths = sorted(FOLDER.glob("*.json"), key=lambda path: [*map(int, path.stem.split("."))])
    for path in paths:
        for form, kept in json.loads(path.read_bytes()).items():
            yield KeptArtifact(path.stem, form, kept["given"], kept["files"])


def kept_artifact(release: str, form: str) -> KeptArtifact:
    """That one."""
    return next(each for each in kept_artifacts() if (each.release, each.form) == (release, form))
