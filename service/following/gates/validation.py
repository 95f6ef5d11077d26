"""The gate of validation: what was validated is what serves, to the byte (P24).

`podium validate` writes two tags: which files of which version it has judged, by which policy, and
its verdict. Whoever copies a version, or alters its files afterwards, has the tags and not that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.following.gates.gate import GateClosed, GateFinding
from service.following.ports import FetchedVersion
from service.following.sentences import named
from service.refs import VersionId
from service.validation_tag import VALIDATION_TAG, BadValidation, Validation

_GATE: Final = "validation"
_OTHER_BYTES: Final = "validated_other_bytes"
# Versions that were refused for their files; an operator's service has a few slots.
_MOST_REMEMBERED: Final = 1000


@dataclass(frozen=True, slots=True)
class Required:
    """What is asked of a version: a tag with that value, and maybe the policy it was judged by.

    `policy` is the SHA-256 of one policy; None: any will do.
    """

    tag: str
    passed: str
    policy: str | None = None


class ValidationGate:
    """Opens for files that were validated, as the version's tags say and its digest shows.

    A version is tried again once its tags say something else: validated later, it serves then.
    """

    codes = frozenset(
        {"not_validated", _OTHER_BYTES, "validated_elsewhere", "validated_by_other_policy"}
    )

    def __init__(self, required: Required) -> None:
        self._required = required
        self._refused: dict[VersionId, str] = {}

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        """Raises `GateClosed` unless all of it is so."""
        told = self.told(fetched.version, fetched.tags)
        if told.digest != fetched.digest:
            self._remember(fetched.version, told.digest)
            raise validation_closed(
                _OTHER_BYTES,
                "The version's files are not those that were validated: they have been altered, or "
                "its tags were copied. Validate it again, or log the model anew.",
                f"validated {told.digest}, fetched {fetched.digest}",
            )
        self._refused.pop(fetched.version, None)
        sentence = f"These files were validated by the run {named(told.run)}."
        return (GateFinding(_GATE, "validated", sentence),)

    def met(self, version: VersionId, tags: Mapping[str, str]) -> bool:
        """Whether they say that it was validated; and of other files, where these were not."""
        try:
            told = self.told(version, tags)
        except GateClosed:
            return False
        return self._refused.get(version) != told.digest

    def told(self, version: VersionId, tags: Mapping[str, str]) -> Validation:
        """What the tags of that version say; raises `GateClosed` where that is not enough."""
        told = self._validation(tags)
        if (told.name, told.version) != (version.name, version.version):
            raise validation_closed(
                "validated_elsewhere",
                f"What was validated is {named(told.name)} version {named(told.version)}, whose "
                "tags have come along with a copy. Validate this version under its own name.",
            )
        if self._required.policy not in {None, told.policy}:
            raise validation_closed(
                "validated_by_other_policy",
                "The version was validated by a policy that PODIUM_REQUIRE_VALIDATION does not "
                "name. Validate it by the one that does.",
                f"by {told.policy}, asked for {self._required.policy}",
            )
        return told

    def _validation(self, tags: Mapping[str, str]) -> Validation:
        tag, passed = self._required.tag, self._required.passed
        if tags.get(tag) != passed:
            raise not_validated(f"its tag {named(tag)} is not {named(passed)}")
        try:
            told = Validation.of(tags)
        except BadValidation as error:
            raise not_validated(str(error)) from None
        if told is None:
            raise not_validated(f"it has no tag {VALIDATION_TAG}")
        if not told.passed:
            raise not_validated(f"the run {named(told.run)}, which its tags name, has failed it")
        return told

    def _remember(self, version: VersionId, digest: str) -> None:
        self._refused[version] = digest
        if len(self._refused) > _MOST_REMEMBERED:
            del self._refused[next(iter(self._refused))]


def not_validated(why: str) -> GateClosed:
    """What is raised where nobody has passed the version, or nobody can tell."""
    return validation_closed(
        "not_validated",
        f"The version was not validated: {why}. `podium validate` judges it and says so in its "
        "tags; it is tried again then.",
    )


def validation_closed(code: str, message: str, detail: str = "") -> GateClosed:
    """What a gate of validation raises; the code is one of `ValidationGate.codes`."""
    return GateClosed(_GATE, code, message, detail=detail)
