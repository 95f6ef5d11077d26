"""The version tags of a copy: `podium.source`, what it was made from, and `podium.digest`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

SOURCE_TAG: Final = "podium.source"
DIGEST_TAG: Final = "podium.digest"
"""The digest of the files that were copied; a link, which has no files of its own, has none."""
# A model's name holds neither a slash nor a colon (mlflow/utils/validation.py).
_WRITTEN: Final = re.compile(r"models:/([^/:]+)/(\d{1,18})(?: at (.+))?")


@dataclass(frozen=True, slots=True)
class CopySource:
    """A version that another one was made from.

    Attributes:
        server: its registry's address, and its workspace; empty where that is the copy's own.
    """

    name: str
    version: str
    server: str = ""

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> Self | None:
        """By a version's tags; None where they tell of no source, or of none that can be read."""
        found = _WRITTEN.fullmatch(tags.get(SOURCE_TAG, ""))
        return None if found is None else cls(found[1], found[2], found[3] or "")

    def text(self) -> str:
        """The tag's value."""
        where = f" at {self.server}" if self.server else ""
        return f"models:/{self.name}/{self.version}{where}"


def source_name(name: str, prefix: str) -> str:
    """The name that the model has in the environment of that prefix, as in `staging.`.

    As many parts as the prefix has are replaced; a name that has no more gets the prefix.
    """
    parts, many = name.split("."), prefix.count(".")
    return prefix + ".".join(parts[many:] if len(parts) > many else parts)
