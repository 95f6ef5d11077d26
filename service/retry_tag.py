"""The version tag `podium.retry`: `false` says that no request may be predicted a second time."""

from collections.abc import Mapping
from typing import Final

RETRY_TAG: Final = "podium.retry"


def may_retry(tags: Mapping[str, str]) -> bool:
    """Whether a request may be predicted once more, with nobody waiting for the answer."""
    return tags.get(RETRY_TAG, "").strip().lower() != "false"
