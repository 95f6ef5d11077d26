"""Aliases come to stand where stages stood: each move by the journal, one after the other.

A move is a promotion that nobody asks to have been validated, and whose entry says by which stage;
so whatever refuses a promotion refuses it, and `podium rollback` takes it back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from service.cli.told import Origin
from service.migration.staged import Staged
from service.promotion.deciding import Stage
from service.promotion.instances import NoInstances
from service.promotion.mover import Mover
from service.promotion.promote import Promotion, Wanted
from service.promotion.stopped import MoveStopped, stopped_by
from service.refs import ModelRef, VersionId
from service.registry.writer.faults import Unreachable, WriteRefused
from service.registry.writer.writer import Writer

MigrationOutcome = Literal["moved", "already", "elsewhere", "would_move", "refused"]


@dataclass(frozen=True, slots=True)
class Migrated:
    """What has become of one stage.

    Attributes:
        ref: the alias that stands for it.
        version: that the alias is on, or would be.
        stopped: why it was not moved, where that is `refused`.
    """

    staged: Staged
    ref: ModelRef
    version: str
    outcome: MigrationOutcome
    stopped: MoveStopped | None = None

    @property
    def is_last(self) -> bool:
        """Whether the next one would end likewise: nobody answers, or nobody wants it any more."""
        return self.stopped is not None and self.stopped.code in {"unreachable", "interrupted"}


@dataclass(frozen=True, slots=True)
class _Numbered:
    name: str
    version: str
    alias: None = None


@dataclass(frozen=True, slots=True)
class Migration:
    """Of one registry.

    Attributes:
        force: whether an alias that is elsewhere moves too.
        dry: whether nothing is written.
        told: of each alias before it is moved.
    """

    writer: Writer
    origin: Origin
    lease_seconds: float
    force: bool
    dry: bool
    told: Callable[[str], None]

    def migrate(self, staged: Staged) -> Migrated:
        """The alias is where the stage is, unless it is elsewhere, or why it is not."""
        ref = ModelRef(staged.name, staged.alias)
        if staged.standing == "there":
            return Migrated(staged, ref, staged.version, "already")
        if staged.standing == "elsewhere" and not self.force:
            return Migrated(staged, ref, staged.version, "elsewhere")
        if self.dry:
            return Migrated(staged, ref, staged.version, "would_move")
        return self._moved(staged, ref, staged.version)

    def _moved(self, staged: Staged, ref: ModelRef, version: str) -> Migrated:
        self.told(f"{ref}  moving it to version {version}")
        reached: set[Stage] = set()
        mover = Mover(self.writer, ref, self.origin, self.lease_seconds, reached.add)
        wanted = Wanted(_Numbered(ref.name, version), f"stage {staged.stage}", first=True)
        try:
            Promotion(mover, NoInstances(), _nobody_looks).run(wanted)
        except MoveStopped as stopped:
            return Migrated(staged, ref, version, "refused", stopped)
        except WriteRefused as refused:
            return Migrated(staged, ref, version, "refused", stopped_by(refused, reached))
        except (Unreachable, KeyboardInterrupt) as lost:
            return Migrated(staged, ref, version, "refused", stopped_by(lost, reached))
        return Migrated(staged, ref, version, "moved")


def _nobody_looks(version: VersionId) -> str:
    raise AssertionError(f"{version}: what was not validated is compared with nothing")
