"""What an artifact says of itself in its MLmodel file, read with bounded size."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

_MAX_MLMODEL_BYTES: Final = 4 * 1024**2
_MAX_EXAMPLE_BYTES: Final = 4 * 1024**2


class Unreadable(Exception):
    """The MLmodel file is there and is no description of a Python model."""


def describe(artifact: Path) -> dict[str, Any]:
    """Signature, flavours and loader, as `service.following.ports.FetchedVersion` names them.

    Raises FileNotFoundError without an MLmodel file, `Unreadable` with a bad one.
    """
    described = _read(artifact / "MLmodel")
    flavors = described.get("flavors")
    if not isinstance(flavors, Mapping) or not isinstance(flavors.get("python_function"), Mapping):
        raise Unreadable("no python_function flavour")
    signature = described.get("signature")
    return {
        "signature": dict(signature) if isinstance(signature, Mapping) else None,
        "flavors": [str(flavor) for flavor in flavors],
        "loader_module": str(flavors["python_function"].get("loader_module", "")),
        "from_type_hint": bool(described.get("is_signature_from_type_hint", False)),
    }


def serving_example(artifact: Path) -> bytes | None:
    """The bytes of the ready request that MLflow stores beside the model; None if too large."""
    # The name is fixed in mlflow/models/utils.py, SERVING_INPUT_FILENAME.
    path = artifact / "serving_input_example.json"
    if not path.is_file() or path.stat().st_size > _MAX_EXAMPLE_BYTES:
        return None
    return path.read_bytes()


def _read(path: Path) -> Mapping[str, Any]:
    with path.open("rb") as file:
        text = file.read(_MAX_MLMODEL_BYTES + 1)
    if len(text) > _MAX_MLMODEL_BYTES:
        raise Unreadable("the file is too large")
    try:
        described = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Unreadable(str(error)) from error
    if not isinstance(described, Mapping):
        raise Unreadable("not a mapping")
    return described
