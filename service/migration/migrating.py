"""Aliases come to stand where stages stood: each move by the journal, one after the other.

A move is a promotion that nobody asks to have been validated, and whose entry says by which stage;
so whatever refuses a promotion refuses it, and `podium rollback` takes it back. Where an alias of
another model is to stand for the stage, the version is copied there first.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from service.copying.made import Made
from service.migration.staged import StageMeaning
from service.origin import Origin
from service.promotion.deciding import Stage
from service.promotion.held import require_released
from service.promotion.instances import NoInstances
from service.promotion.mover import Mover
from service.promotion.promote import Promotion, Wanted
from service.promotion.stopped import STOPS, MoveStopped, stopped_by
from service.promotion.validated import require_fit
from service.refs import VersionId
from service.registry.writer.faults import NOT_FOUND, Unreachable, WriteRefused
from service.registry.writer.writer import NumberedVersion, Writer

MigrationOutcome = Literal["moved", "already", "elsewhere", "would_move", "refused"]


@dataclass(frozen=True, slots=True)
class MeantVersion:
    """The version that an alias is to be on: its number there; whether this call has copied it."""

    number: str
    copied_now: bool = False


@dataclass(frozen=True, slots=True)
class Migrated:
    """What has become of one stage.

    Attributes:
        version: that the alias is on; None where it is on none for this stage.
        stopped: why it was not moved, where that is `refused`.
    """

    staged: StageMeaning
    version: str | None
    outcome: MigrationOutcome
    stopped: MoveStopped | None = None

    @property
    def is_last(self) -> bool:
        """Whether the next one would end likewise: nobody answers, or nobody wants it any more."""
        return self.stopped is not None and self.stopped.code in {"unreachable", "interrupted"}


@dataclass(frozen=True, slots=True)
class Migration:
    """Of one registry.

    Attributes:
        force: whether an alias that is elsewhere moves too.
        dry: whether nothing is written.
        copy: brings a version into the model of its alias. Raises as
            `service.copying.copy_version` does.
        told: of each alias before it is moved.
    """

    writer: Writer
    origin: Origin
    lease_seconds: float
    force: bool
    dry: bool
    copy: Callable[[StageMeaning], MeantVersion]
    told: Callable[[str], None]

    def migrate(self, staged: StageMeaning) -> Migrated:
        """The alias is where the stage is, unless it is elsewhere, or why it is not."""
        if staged.standing == "elsewhere" and not self.force:
            return Migrated(staged, None, "elsewhere")
        reached: set[Stage] = set()
        mover = Mover(self.writer, staged.ref, self.origin, self.lease_seconds, reached.add)
        try:
            if staged.standing == "there":
                self._finish(staged, mover)
                return Migrated(staged, staged.at, "already")
            if self.dry:
                self._require_movable(staged, mover)
                return Migrated(staged, None, "would_move")
            return Migrated(staged, self._moved(staged, mover), "moved")
        except STOPS as error:
            return Migrated(staged, None, "refused", stopped_by(error, reached))

    def _finish(self, staged: StageMeaning, mover: Mover) -> None:
        """Ends the entry of a move that an earlier call has made, and was ended before it said so.

        The alias is there, whatever comes of it; what somebody else has begun is theirs to end.
        """
        if self.dry or staged.at is None:
            return
        with suppress(MoveStopped, WriteRefused, Unreachable):
            if mover.look().journal.open is not None:
                self._promoted(staged, mover, staged.at)

    def _require_movable(self, staged: StageMeaning, mover: Mover) -> None:
        """Raises as the move would, by what can be told without writing anything."""
        try:
            require_released(mover.look())
        except WriteRefused as refused:
            # The model of the copies is made with the first one.
            if not staged.is_copied or refused.code != NOT_FOUND:
                raise
        if not staged.is_copied:
            require_fit(self.writer.version_of(NumberedVersion(staged.name, staged.version)))

    def _moved(self, staged: StageMeaning, mover: Mover) -> str:
        meant = self.copy(staged) if staged.is_copied else MeantVersion(staged.version)
        made = Made()
        if meant.copied_now:
            made.add(f"version {meant.number} of {staged.ref.name}")
        self.told(f"{staged.ref}  moving it to version {meant.number}")
        with made.telling():
            self._promoted(staged, mover, meant.number)
        return meant.number

    def _promoted(self, staged: StageMeaning, mover: Mover, version: str) -> None:
        reason = f"stage {staged.stage} of {staged.name}"
        wanted = Wanted(NumberedVersion(staged.ref.name, version), reason, first=True)
        Promotion(mover, NoInstances(), _nobody_looks).run(wanted)


def _nobody_looks(version: VersionId) -> str:
    raise AssertionError(f"{version}: what was not validated is compared with nothing")
