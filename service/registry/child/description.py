"""What an artifact says of itself in its MLmodel file, read with bounded size."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

_MAX_MLMODEL_BYTES: Final = 4 * 1024**2
_MAX_DEPTH: Final = 100
LONGEST_TEXT: Final = 4096
_MERGE: Final = frozenset({"<<", "tag:yaml.org,2002:merge"})


class Unreadable(Exception):
    """The MLmodel file is there and is not a description of a Python model."""


def describe(artifact: Path) -> dict[str, Any]:
    """Signature, flavours and loader, as `service.following.ports.FetchedVersion` names them.

    `example` beside is how MLflow has stored the input example (`saved_input_example_info`), and
    `logged` what `service.registry.child.logged_environment` takes of it.
    Raises FileNotFoundError without an MLmodel file, `Unreadable` with a bad one.
    """
    described = read_mapping(artifact / "MLmodel")
    flavors = described.get("flavors")
    if not isinstance(flavors, Mapping) or not isinstance(flavors.get("python_function"), Mapping):
        raise Unreadable("no python_function flavour")
    function = flavors["python_function"]
    loader = function.get("loader_module", "")
    if not isinstance(loader, str):
        raise Unreadable("its loader_module is not text")
    return {
        "signature": _signature(described.get("signature")),
        "flavors": [str(flavor) for flavor in flavors],
        "loader_module": loader,
        "serialization_format": _serialization_format(flavors.get("sklearn")),
        "from_type_hint": described.get("is_signature_from_type_hint") is True,
        "example": described.get("saved_input_example_info"),
        "logged": {
            "python": plain_text(function.get("python_version")),
            "created": plain_text(described.get("utc_time_created")),
            "mlflow": plain_text(described.get("mlflow_version")),
        },
    }


def plain_text(value: Any) -> str:
    """What stands there, as text: YAML reads an unquoted 3.11 as a number, and times as times."""
    return "" if value is None or isinstance(value, list | Mapping) else str(value)[:LONGEST_TEXT]


def _serialization_format(flavor: Any) -> str | None:
    named = flavor.get("serialization_format") if isinstance(flavor, Mapping) else None
    return named if isinstance(named, str) else None


def _signature(stored: Any) -> dict[str, str | None] | None:
    if stored is None:
        return None
    if not isinstance(stored, Mapping):
        raise Unreadable("its signature is not a mapping")
    # Other keys are not MLflow's (models/signature.py, ModelSignature.from_dict) and are left out.
    parts = {part: stored.get(part) for part in ("inputs", "outputs", "params")}
    if not all(part is None or isinstance(part, str) for part in parts.values()):
        raise Unreadable("a part of its signature is not text")
    return parts


def _check_events(text: bytes) -> None:
    # The loader calls itself for each level, in C: too many of them would end this process. Merge
    # keys multiply: ten lines of them take gigabytes. MLflow writes none.
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.ScalarEvent) and {event.value, event.tag} & _MERGE:
            raise Unreadable("merge keys")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise Unreadable("nested too deeply")


def read_mapping(path: Path) -> Mapping[str, Any]:
    """A YAML file whose top is a mapping, bounded. Raises `Unreadable` and OSError."""
    with path.open("rb") as file:
        text = file.read(_MAX_MLMODEL_BYTES + 1)
    if len(text) > _MAX_MLMODEL_BYTES:
        raise Unreadable("the file is too large")
    try:
        _check_events(text)
        described = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Unreadable(str(error)) from error
    if not isinstance(described, Mapping):
        raise Unreadable("not a mapping")
    return described
