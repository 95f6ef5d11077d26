"""Requests of one double column `x`, and an observer that counts."""

from array import array
from dataclasses import dataclass, field

from service.contract.model_input import Column, ModelInput


def double_rows(*values: float) -> ModelInput:
    """Rows without nulls."""
    column = Column("x", "double", array("d", values))
    return ModelInput("table", (column,), len(values), None, None, "x")


@dataclass
class Counts:
    """What hosting has told."""

    batches: list[int] = field(default_factory=list)
    restarts: int = 0
    lines: list[str] = field(default_factory=list)

    def batch(self, rows: int, seconds: float) -> None:
        self.batches.append(rows)

    def host_restarted(self) -> None:
        self.restarts += 1

    def queued(self, waiting: int) -> None:
        pass

    def printed(self, stream: str, line: str) -> None:
        self.lines.append(line)
