"""The tags of a version that say whether it was validated, in an order that no crash can turn.

`pending` at the begin, `podium.validation` once there is a verdict, and the status itself last:
who reads `passed` finds what was passed, and who was interrupted has left `pending`.

MLflow has no compare-and-set. Of two validations at once the one whose `podium.validation` was
overwritten leaves the status to the other; where even that comes too late, `podium.validation` has
the verdict of its own run, and whoever asks for one asks that, too.
"""

from collections.abc import Mapping
from typing import Protocol

from service.registry.writer.writer import RegisteredVersion
from service.status_tag import DEFAULT_STATUS, StatusTag
from service.validation.findings import Verdict
from service.validation_tag import VALIDATION_TAG, Validation


class WritesTags(Protocol):
    """Of `service.registry.writer.writer.Writer`, whose errors these raise."""

    def tag(self, name: str, version: str, key: str, value: str) -> None:
        """The version has that tag."""
        ...

    def tags(self, name: str, version: str) -> Mapping[str, str]:
        """Every tag of the version."""
        ...


class Overtaken(Exception):
    """Another validation of the version has written what it has found in between; for people."""


class VerdictTags:
    """Writes them for one version.

    What has `passed` and an alias is on keeps that, whatever comes: it serves, and a validation
    that fails, or never ends, must not have the next start of a service refuse it. `demote`: it
    does not keep it.
    """

    def __init__(
        self,
        writer: WritesTags,
        version: RegisteredVersion,
        aliases: tuple[str, ...],
        status: StatusTag = DEFAULT_STATUS,
        *,
        demote: bool = False,
    ) -> None:
        self._writer = writer
        self._version = version
        self._status = status
        passed = version.tags.get(status.key) == status.passed
        self.keeps = passed and bool(aliases) and not demote
        """Whether its status stays `passed`."""

    def begin(self) -> None:
        """Nothing is known of it any more."""
        if not self.keeps:
            self._write(self._status.key, self._status.pending)

    def finish(self, verdict: Verdict, validation: Validation | None) -> None:
        """What has come of it; nothing where it is undecided. `validation`: of which files.

        Raises `Overtaken`: the status is the other validation's then.
        """
        if verdict == "undecided" or (verdict == "failed" and self.keeps):
            return
        if validation is not None:
            self._write(VALIDATION_TAG, validation.text())
            self._look_again(validation)
        said = self._status.passed if verdict == "passed" else self._status.failed
        self._write(self._status.key, said)

    def _look_again(self, written: Validation) -> None:
        now = self._writer.tags(self._version.name, self._version.number)
        if now.get(VALIDATION_TAG) == written.text():
            return
        raise Overtaken(
            f"has {written.verdict} in the run {written.run}, which counts for nothing: another "
            "validation of the version has ended meanwhile"
        )

    def _write(self, key: str, value: str) -> None:
        self._writer.tag(self._version.name, self._version.number, key, value)
