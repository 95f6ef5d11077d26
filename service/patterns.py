"""Patterns of what to follow: every model and alias that match one are a slot of their own.

Patterns are those of `fnmatch`, and case counts: `*`, `?`, `[abc]`, `[!abc]`; what is in brackets
is meant as it is, so `[*]` is a star. MLflow admits all of these in names of models; whoever
follows a model of such a name writes its address, `models:/NAME@ALIAS`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Self

from service.refs import BadRef, ModelRef

MOST_FOUND: Final = 1000
"""How many slots patterns make where nobody says otherwise."""
_WILD: Final = re.compile(r"[*?[]")
_BRACKETS: Final = re.compile(r"\[!?.[^]]*\]")
_URI: Final = "models:/"
# MLflow stores no longer names and aliases (mlflow/store/model_registry/dbmodels/models.py).
_LONGEST_NAME: Final = 256


@dataclass(frozen=True, slots=True)
class RefPattern:
    """What names of models, and aliases, must match."""

    name: str
    alias: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `name@alias`, split at the last `@`, with a wildcard in it; raises `BadRef`."""
        ref = ModelRef.parse(text)
        if "@" in ref.name:
            raise BadRef(f"{text!r} has more than one @; write ? for one that is in a model's name")
        if "[" in _BRACKETS.sub("", ref.name) + _BRACKETS.sub("", ref.alias):
            raise BadRef(f"{text!r}: a [ has no ] that closes it; write [[] for the character")
        return cls(ref.name, ref.alias)

    def matches(self, name: str, alias: str) -> bool:
        """Whether that alias of that model is meant."""
        return self.matches_name(name) and fnmatchcase(alias, self.alias)

    def matches_name(self, name: str) -> bool:
        """Whether an alias of that model may be meant."""
        return fnmatchcase(name, self.name)

    def __str__(self) -> str:
        return f"{self.name}@{self.alias}"


def is_pattern(text: str) -> bool:
    """Whether what an operator has typed is to be read as a pattern; an address never is."""
    return not text.strip().startswith(_URI) and _WILD.search(text) is not None


def address(ref: ModelRef) -> str:
    """What is read as that reference, and as nothing else."""
    return f"{_URI}{ref}" if is_pattern(str(ref)) else str(ref)


def matched(
    name: str, aliases: Iterable[str], patterns: Iterable[RefPattern]
) -> Iterator[ModelRef]:
    """What the patterns mean of a model with these aliases.

    Names are anybody's: one that is not read again as it is written is left out.
    """
    meant = [pattern for pattern in patterns if pattern.matches_name(name)]
    for alias in aliases if meant else ():
        if any(pattern.matches(name, alias) for pattern in meant) and _can_be_named(name, alias):
            yield ModelRef(name, alias)


def _can_be_named(name: str, alias: str) -> bool:
    try:
        ref = ModelRef.parse(f"{name}@{alias}")
    except BadRef:
        return False
    return (ref.name, ref.alias) == (name, alias) and max(map(len, (name, alias))) <= _LONGEST_NAME
