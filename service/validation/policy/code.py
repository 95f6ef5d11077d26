"""The code of own metrics: which file it is, and its digest, without running it."""

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service.validation.policy.quality_bounds import MetricBounds, Slice
from service.validation.policy.validation_policy import ValidationPolicy


class MissingCode(Exception):
    """The file of an own metric is not there, or is not the one that the policy names."""


def with_code(policy: ValidationPolicy, folder: Path) -> ValidationPolicy:
    """The policy with the SHA-256 of each file of an own metric, so that its own pins them too.

    Files are looked for from `folder`. Raises `MissingCode` with everything that is wrong.
    """
    wrong: list[str] = []
    slices = tuple(_slice_with_code(each, folder, wrong) for each in policy.slices)
    metrics = _metrics_with_code(policy.metrics, folder, wrong)
    if wrong:
        raise MissingCode("\n".join(wrong))
    return policy.model_copy(update={"metrics": metrics, "slices": slices})


def code_mistakes(told: Mapping[str, Any], folder: Path) -> list[str]:
    """The same mistakes in a policy as it is written, which may have others besides."""
    wrong: list[str] = []
    slices = told.get("slices")
    for part in (told, *(slices if isinstance(slices, list) else ())):
        metrics = part.get("metrics") if isinstance(part, Mapping) else None
        for name, each in metrics.items() if isinstance(metrics, Mapping) else ():
            said = each if isinstance(each, Mapping) else {}
            if isinstance(said.get("make_metric"), str):
                bounds = MetricBounds.model_construct(
                    make_metric=said["make_metric"], code=said.get("code")
                )
                _bounds_with_code(name, bounds, folder, wrong)
    return wrong


def file_of(reference: str, folder: Path) -> tuple[Path, str]:
    """The file and the name in it of `file.py:name` or `package.module:name`.

    Of a module in a package the packages above it are imported. Raises `MissingCode`.
    """
    place, _, name = reference.rpartition(":")
    if not place or not name.isidentifier():
        raise MissingCode(f"make_metric: {reference} is not file.py:name or package.module:name")
    found = folder / place if place.endswith(".py") else _file_of_module(place)
    if found is None or not found.is_file():
        raise MissingCode(f"make_metric: there is no {place}")
    return found, name


def _file_of_module(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    return None if spec is None or spec.origin is None else Path(spec.origin)


def _slice_with_code(part: Slice, folder: Path, wrong: list[str]) -> Slice:
    return part.model_copy(update={"metrics": _metrics_with_code(part.metrics, folder, wrong)})


def _metrics_with_code(
    metrics: Mapping[str, MetricBounds] | None, folder: Path, wrong: list[str]
) -> Mapping[str, MetricBounds] | None:
    if metrics is None:
        return None
    return {name: _bounds_with_code(name, each, folder, wrong) for name, each in metrics.items()}


def _bounds_with_code(
    name: str, bounds: MetricBounds, folder: Path, wrong: list[str]
) -> MetricBounds:
    if bounds.make_metric is None:
        return bounds
    try:
        file, _ = file_of(bounds.make_metric, folder)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except (MissingCode, OSError) as error:
        wrong.append(f"metrics.{name}: {error}")
        return bounds
    if bounds.code not in {None, digest}:
        wrong.append(f"metrics.{name}: code is of another file than {file.name} is now")
    return bounds.model_copy(update={"code": digest})
