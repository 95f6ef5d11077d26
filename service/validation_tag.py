"""The version tag `podium.validation`: which files of which version were validated, and how."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self, get_args

VALIDATION_TAG: Final = "podium.validation"
_MAX_CHARACTERS: Final = 4096

Said = Literal["passed", "failed"]
"""The verdicts that a version is told by; of what is undecided nothing is said."""


class BadValidation(ValueError):
    """A text of the tag that nobody's `podium validate` has written; the message says why."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What a validation has said of a version.

    Attributes:
        run: the id of the MLflow run that holds everything of it.
        policy: the SHA-256 of the policy that it was judged by.
        digest: of the version's files, as `service.registry.store.manifest.digest_of` has it.
        name: the model's name, as it was validated; a copied version carries the tag along.
        version: its number then.
        verdict: of this very run. The status tag is written apart from this one, so that two
            validations at once may leave the status of the one beside the run of the other.
    """

    run: str
    policy: str
    digest: str
    name: str
    version: str
    verdict: Said

    @property
    def passed(self) -> bool:
        """Whether this run has passed it, whatever the status tag says."""
        return self.verdict == "passed"

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> Self | None:
        """By the version's tags; None without that one. Raises `BadValidation`."""
        text = tags.get(VALIDATION_TAG)
        return None if text is None else cls._read(text)

    @classmethod
    def _read(cls, text: str) -> Self:
        try:
            told: Any = json.loads(text) if len(text) <= _MAX_CHARACTERS else None
            found = cls(**told)
        except (ValueError, TypeError, RecursionError):
            raise BadValidation(f"the tag {VALIDATION_TAG} cannot be read") from None
        if not all(isinstance(each, str) for each in asdict(found).values()):
            raise BadValidation(f"the tag {VALIDATION_TAG} holds what is not text")
        if found.verdict not in get_args(Said):
            raise BadValidation(f"the tag {VALIDATION_TAG} holds no verdict")
        return found

    def text(self) -> str:
        """The tag's value."""
        return json.dumps(asdict(self), sort_keys=True)


def has_failed(name: str, version: str, tags: Mapping[str, str]) -> bool:
    """Whether that very version was validated, and has failed; the tags are its own."""
    try:
        told = Validation.of(tags)
    except BadValidation:
        return False
    own = told is not None and (told.name, told.version) == (name, version)
    return told is not None and own and not told.passed
