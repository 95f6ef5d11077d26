"""What is known of a move by the time it ends, however it ends."""

from dataclasses import dataclass, field

from service.promotion.deciding import AliasStanding, Stage
from service.promotion.journal import MoveKind, Written


@dataclass(slots=True)
class MoveKnown:
    """Filled while the move goes on; of a move and of its being put back the first counts.

    Attributes:
        before: the version that the alias was on; None where there was none, or nobody has looked.
        version: the one that it was to go to.
        entry: the number of its entry; None where nothing was written.
        reached: the stages that were begun.
    """

    before: str | None = None
    version: str | None = None
    entry: int | None = None
    reached: set[Stage] = field(default_factory=set)
    _has_looked: bool = False

    def look(self, standing: AliasStanding) -> None:
        """It was looked at; a later look may find what the move has done."""
        if not self._has_looked:
            self.before, self._has_looked = standing.alias, True

    def mean(self, kind: MoveKind, before: str | None, version: str | None) -> None:
        """That move is meant."""
        if not self._is_put_back(kind):
            self.before, self.version = before, version

    def write(self, written: Written) -> None:
        """That move is written down."""
        entry = written.entry
        if not self._is_put_back(entry.kind):
            self.mean(entry.kind, entry.before, entry.to)
            self.entry = written.number

    def _is_put_back(self, kind: MoveKind) -> bool:
        return kind == "put_back" and self.entry is not None
