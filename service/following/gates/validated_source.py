"""The gate of validation, of copies: what serves was validated where it was copied from.

The tags of a version are set by whoever may EDIT its model. Whoever may put a version into an
environment may so say of it what they like; what the environment before says of the same files,
other accounts have said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.copy_source import SOURCE_TAG, CopySource, source_name
from service.following.gates.gate import GateClosed, GateFinding
from service.following.gates.validation import ValidationGate, not_validated, validation_closed
from service.following.ports import FetchedVersion
from service.following.sentences import named
from service.refs import VersionId
from service.validation_tag import has_failed

# Versions that were refused; an operator's service has a few slots.
_MOST_REMEMBERED = 1000

Tags = Mapping[VersionId, Mapping[str, str] | None]


class AsksVersions(Protocol):
    """Of `service.following.ports.Registry`, whose errors these raise."""

    async def identify(self, name: str, version: str) -> VersionId | None:
        """The model's version of that number; None where there is none."""
        ...

    async def tags(self, versions: Sequence[VersionId]) -> Tags:
        """The versions' tags now; None for one that nobody answers about."""
        ...


@dataclass(frozen=True, slots=True)
class _Refused:
    """What a version was refused for.

    Attributes:
        said: its own tag of its source.
        source: None where that names none that could be asked about.
        judged: the digest that the source was validated with, where that is not the version's.
        had_failed: whether its own tags said that it has failed, so that no source was looked for.
    """

    said: str | None
    source: VersionId | None
    judged: str = ""
    had_failed: bool = False


class ValidatedSourceGate:
    """Opens for files that were validated as the version that `podium.source` names.

    That has to be of the same use case, in the environment of that prefix, and to be read by the
    service's account. What the version's own tags say of a validation counts where it has failed;
    once they do not any more, it is judged anew. Of a source that is gone no look tells whether it
    has come back: an operator's reload asks again.
    """

    codes = ValidationGate.codes

    def __init__(self, judge: ValidationGate, prefix: str, versions: AsksVersions) -> None:
        self._judge = judge
        self._prefix = prefix
        self._versions = versions
        self._refused: dict[VersionId, _Refused] = {}
        self._seen: Tags = {}

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        """Raises `GateClosed` unless all of it is so; `PassingFault` where nobody answers."""
        version, said = fetched.version, fetched.tags.get(SOURCE_TAG)
        had_failed = _has_failed(version, fetched.tags)
        self._remember(version, _Refused(said, None, had_failed=had_failed))
        source = await self._source(version, fetched.tags)
        self._remember(version, _Refused(said, source))
        tags = (await self._versions.tags([source])).get(source)
        if tags is None:
            raise not_validated(f"{_of(source)}, which it was copied from, may not be read")
        told = self._judge.told(source, tags)
        if told.digest != fetched.digest:
            self._remember(version, _Refused(said, source, told.digest))
            raise validation_closed(
                "validated_other_bytes",
                f"The version's files are not those that were validated as {_of(source)}.",
                f"validated {told.digest}, fetched {fetched.digest}",
            )
        self._refused.pop(version, None)
        sentence = f"These files were validated as {_of(source)}, by the run {named(told.run)}."
        return (GateFinding("validation", "validated", sentence),)

    def goes_by(self, version: VersionId) -> VersionId | None:
        """Whose tags let the version pass, where those were asked for and did not."""
        refused = self._refused.get(version)
        return None if refused is None else refused.source

    def saw(self, tags: Tags) -> None:
        """The tags of versions as they are now, those that refused ones go by among them."""
        self._seen = tags

    def met(self, version: VersionId, tags: Mapping[str, str]) -> bool:
        """Whether it has not failed, and its source, or what that says, is another than then."""
        refused = self._refused.get(version)
        if _has_failed(version, tags):
            return False
        if refused is None or refused.had_failed or tags.get(SOURCE_TAG) != refused.said:
            return True
        now = None if refused.source is None else self._seen.get(refused.source)
        if refused.source is None or now is None:
            return False
        try:
            return self._judge.told(refused.source, now).digest != refused.judged
        except GateClosed:
            return False

    async def _source(self, version: VersionId, tags: Mapping[str, str]) -> VersionId:
        if _has_failed(version, tags):
            raise not_validated("its own tags say that it has failed")
        source = CopySource.of(tags)
        if source is None:
            raise not_validated(f"it has no tag {SOURCE_TAG}, which names what it was copied from")
        if source.server:
            raise not_validated("it was copied from another server, which is not asked")
        wanted = source_name(version.name, self._prefix)
        if source.name != wanted:
            raise validation_closed(
                "validated_elsewhere",
                f"It was copied from {named(source.name)}, and PODIUM_VALIDATED_AS asks for what "
                f"was validated as {named(wanted)}.",
            )
        found = await self._versions.identify(source.name, source.version)
        if found is None:
            raise not_validated(f"{named(source.name)} version {source.version} is gone")
        return found

    def _remember(self, version: VersionId, refused: _Refused) -> None:
        self._refused.pop(version, None)
        self._refused[version] = refused
        if len(self._refused) > _MOST_REMEMBERED:
            del self._refused[next(iter(self._refused))]


def _has_failed(version: VersionId, tags: Mapping[str, str]) -> bool:
    return has_failed(version.name, version.version, tags)


def _of(version: VersionId) -> str:
    return f"{named(version.name)} version {version.version}"
