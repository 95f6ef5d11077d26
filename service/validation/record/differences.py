"""Rows on which both versions differ: their positions and, if the policy says so, predictions."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from service.validation.quality.found import Quality

MOST: Final = 10_000
"""Of more rows the first are kept, and how many there are."""


def differences_of(quality: Quality, kept: str) -> Mapping[str, Any] | None:
    """For `differences.json`; None where the policy keeps none, or nothing was compared."""
    ours, theirs = quality.ours, quality.theirs
    if kept == "none" or ours is None or theirs is None:
        return None
    rows = quality.differing[:MOST]
    told: dict[str, Any] = {"count": len(quality.differing), "rows": list(rows)}
    if kept == "predictions":
        told["this"] = _plain(ours.predictions.loc[list(rows)])
        told["other"] = _plain(theirs.predictions.loc[list(rows)])
    return told


def _plain(values: Any) -> Sequence[Any]:
    return [each.item() if hasattr(each, "item") else each for each in values]
