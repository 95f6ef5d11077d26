"""How what a service served last was saved, told before anything heavy is imported."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import orjson

from service.refs import ModelRef

MOST_RECORD_BYTES: Final = 4 * 1024**2
"""Nothing longer is read."""


def record_of(folder: Path, ref: ModelRef) -> Path:
    """The file of that slot in the folder of `service.registry.front.last_known_good`."""
    # A digest, since names of models may be hostile or too long.
    return folder / f"{hashlib.sha256(str(ref).encode()).hexdigest()}.json"


def served_in(folder: Path) -> Iterator[ModelRef]:
    """The slots that have a file in the folder; what cannot be read is left out."""
    for path in sorted(folder.glob("*.json")):
        try:
            with path.open("rb") as file:
                ref = ModelRef.parse(orjson.loads(file.read(MOST_RECORD_BYTES))["ref"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        if record_of(folder, ref) == path:
            yield ref


def may_be_skops(folder: Path, refs: Iterable[ModelRef]) -> bool:
    """Whether skops has saved what one of the slots served last, as far as can be told.

    MLflow saves scikit-learn's models by it if not told otherwise, so a slot of which nothing is
    known may well come to need it.
    """
    return any(_format(record_of(folder, ref)) in {"skops", "unknown"} for ref in refs)


def _format(record: Path) -> str | None:
    try:
        found = orjson.loads(record.read_bytes())["described"]["serialization_format"]
    except (OSError, ValueError, KeyError, TypeError):
        return "unknown"
    return found if isinstance(found, str) else None
