"""What to follow, and what was found: names for models, never the models themselves."""

import re
from dataclasses import dataclass
from typing import Final, Self

# What ends a line or drives a terminal, and what is not text: bytes of an environment that are not
# UTF-8 arrive as lone surrogates.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff,]")
# MLflow keeps these for itself: `latest` would mean the highest version, whatever it is
# (mlflow/utils/validation.py, _validate_model_alias_name).
RESERVED: Final = re.compile(r"latest|v\d+", re.IGNORECASE)
"""Aliases that nobody can set."""
_URI = "models:/"


class BadRef(ValueError):
    """A text that names no model and alias; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A registered model's name and the alias to follow."""

    name: str
    alias: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `name@alias`, split at the last `@`, also as `models:/name@alias`; raises `BadRef`.

        As MLflow splits its addresses (mlflow/store/artifact/utils/models.py, _parse_model_uri).
        """
        name, _, alias = _within_uri(text.strip()).rpartition("@")
        if not name or not alias:
            stage = text.strip().startswith(_URI) and "/" in _within_uri(text.strip())
            hint = ": neither a stage nor a number is followed" if stage else ""
            raise BadRef(
                f"{text!r} is not a model reference; write NAME@ALIAS, as in iris@champion{hint}"
            )
        if _FORBIDDEN.search(text.strip()):
            raise BadRef(
                f"{text!r}: control characters, line ends, commas and bytes that are not UTF-8 "
                "cannot be served by name"
            )
        if RESERVED.fullmatch(alias):
            raise BadRef(f"{text!r}: MLflow reserves {alias!r}; set an alias of your own")
        return cls(name, alias)

    @classmethod
    def parse_setting(cls, text: str) -> Self:
        """The same for what an operator has typed: two `@` are meant only within an address.

        MLflow admits names with an `@`; far more often somebody has joined two references.
        """
        ref = cls.parse(text)
        if "@" in ref.name and not text.strip().startswith(_URI):
            raise BadRef(
                f"{text!r} has more than one @; for a model of that name write {_URI}{ref}"
            )
        return ref

    def __str__(self) -> str:
        return f"{self.name}@{self.alias}"


def _within_uri(text: str) -> str:
    return text.removeprefix(_URI).lstrip("/") if text.startswith(_URI) else text


@dataclass(frozen=True, slots=True)
class VersionId:
    """A resolved version, compared for equality only.

    Aliases move backwards, so versions have no order here; a model that was deleted and made anew
    reuses its numbers, so the model's creation timestamp (milliseconds) is part of the identity.
    """

    name: str
    created: int
    version: str

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"
