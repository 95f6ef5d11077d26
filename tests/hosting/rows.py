"""Requests of one double column `x`, pools of hosts, and an observer that counts."""

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from service.contract.model_input import Column, ModelInput
from service.hosting.observer import Purpose
from service.hosting.pool import Pool
from service.hosting.specification import HostedModel, PoolLimits
from service.hosting.starting import LocalHosts
from service.processes.front.child import Forks
from service.processes.front.ending import Ending, EndReason


def double_rows(*values: float) -> ModelInput:
    """Rows without nulls."""
    column = Column("x", "double", array("d", values))
    return ModelInput("table", (column,), len(values), None, None, "x")


async def started(
    forks: Forks,
    model: HostedModel,
    limits: PoolLimits | None = None,
    counts: "Counts | None" = None,
) -> Pool:
    """A pool of hosts of this machine."""
    bounds, told = limits or PoolLimits(), counts or Counts()
    return await Pool.start(LocalHosts(forks, model, bounds, told), model, bounds, told)


@dataclass
class Counts:
    """What hosting has told."""

    batches: list[int] = field(default_factory=list)
    restarts: list[EndReason] = field(default_factory=list)
    endings: list[tuple[Ending, Purpose]] = field(default_factory=list)
    not_started: list[Exception] = field(default_factory=list)
    held: dict[int, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    waiting: Callable[[], Mapping[str, int]] = dict

    def opened(self, waiting: Callable[[], Mapping[str, int]]) -> None:
        self.waiting = waiting

    def closed(self) -> None:
        self.waiting = dict

    def batch(self, rows: int, seconds: float, alias: str) -> None:
        self.batches.append(rows)
        self.aliases.append(alias)

    def host_ended(self, ending: Ending, purpose: Purpose) -> None:
        self.endings.append((ending, purpose))

    def host_restarted(self, reason: EndReason) -> None:
        self.restarts.append(reason)

    def host_not_started(self, error: Exception) -> None:
        self.not_started.append(error)

    def memory(self, pid: int, held_bytes: int) -> None:
        self.held[pid] = held_bytes

    def printed(self, stream: str, line: str) -> None:
        self.lines.append(line)
