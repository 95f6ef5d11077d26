"""What looking at the registry costs: time, and processor time of front and registry child.

    .venv/bin/python -m benchmarks.looks

A real MLflow server over HTTP and the same SQLite file directly; registries of several sizes, of
which 1, 3, 10 or 50 models are followed, asked one by one and by one search. From the medians
follows what a service spends that looks every second, or after 20 times the look if that is longer:
the share of time in which it looks, and of one core. The server's own work is not counted.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlflow import MlflowClient
from rich.console import Console
from rich.table import Table

from service.config.environment import host_environment
from service.processes.front.child import Child
from service.processes.front.output import OnLine
from service.refs import ModelRef
from service.registry.front.client import Cache, MlflowRegistry, RegistryDeadlines
from service.registry.front.remembered import LookStrategy
from service.registry.roles import DATABASE_ROLE, REGISTRY_ROLE
from service.registry.wire import LONGEST_PAGE
from service.zygote.front.handle import Zygote
from service.zygote.front.spawning import ZygoteCommand
from tests.support.tracking import migrate, mlflow_server

_SIZES: Final = (50, 200, 1000)
_FOLLOWED: Final = (1, 3, 10, 50)
_LOOKS: Final = 6
_POLL_SECONDS: Final = 1.0
_SHARE: Final = 20
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Watched:
    """`service.processes.front.child.Forks` that remembers whom it has made."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self.children: list[Child] = []

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        """A child of the zygote."""
        self.children.append(await self._zygote.fork(role, max_body_bytes, on_line))
        return self.children[-1]

    def cpu_seconds(self) -> float:
        """Of this process and the child that looks."""
        return time.process_time() + sum(_cpu_seconds(child.pid) for child in self.children)


def _cpu_seconds(pid: int) -> float:
    # In ticks of 10 ms, so only sums over several looks mean anything (proc(5), utime and stime).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@dataclass(frozen=True, slots=True)
class Looking:
    """The cost of one look; seconds."""

    seconds: float
    cpu_seconds: float

    @property
    def period(self) -> float:
        """From the beginning of a look to that of the next one."""
        return self.seconds + max(_POLL_SECONDS, _SHARE * self.seconds)

    @property
    def row(self) -> tuple[str, str, str, str]:
        """Milliseconds, of processor time, share of time, share of one core."""
        return (
            f"{self.seconds * 1e3:.0f}",
            f"{self.cpu_seconds * 1e3:.1f}",
            f"{self.seconds / self.period:.1%}",
            f"{self.cpu_seconds / self.period:.1%}",
        )


async def measure(zygote: Zygote, uri: str, followed: int, survey: LookStrategy) -> Looking:
    """Looks in turn, without pauses."""
    forks = Watched(zygote)
    with tempfile.TemporaryDirectory() as folder:
        environment = {"MLFLOW_TRACKING_URI": uri}
        deadlines = RegistryDeadlines(look=60)
        cache = Cache(Path(folder))
        registry = MlflowRegistry(
            forks, environment, cache, lambda *_: None, deadlines, survey=survey
        )
        refs = [ModelRef(f"model {number}", "champion") for number in range(followed)]
        await registry.resolve(refs)
        await registry.resolve(refs)
        spent, times = forks.cpu_seconds(), list[float]()
        for _ in range(_LOOKS):
            started = time.perf_counter()
            await registry.resolve(refs)
            times.append(time.perf_counter() - started)
        spent = forks.cpu_seconds() - spent
        await registry.close()
    return Looking(statistics.median(times), spent / _LOOKS)


@contextmanager
def registry_of(folder: Path) -> Iterator[tuple[MlflowClient, dict[str, str]]]:
    """A client that makes models, and the addresses under which they are looked for."""
    served = folder / "served"
    served.mkdir()
    with mlflow_server(migrate(folder), served) as server:
        database = f"sqlite:///{server.database}"
        yield MlflowClient(database), {"HTTP": server.url, "SQLite": database}


def fill(client: MlflowClient, first: int, size: int) -> None:
    """Models of two versions, two aliases each, up to that many."""
    for number in range(first, size):
        name = f"model {number}"
        client.create_registered_model(name)
        for alias in ("champion", "challenger"):
            made = client.create_model_version(name, "nowhere")
            client.set_registered_model_alias(name, alias, made.version)


async def run(console: Console) -> None:
    """Prints the table."""
    table = Table("models", "store", "followed", "way", "ms", "CPU ms", "of time", "of a core")
    roles = (REGISTRY_ROLE, DATABASE_ROLE)
    zygote = Zygote(ZygoteCommand(roles, host_environment(os.environ, hosts=1)))
    await zygote.start()
    with tempfile.TemporaryDirectory() as folder, registry_of(Path(folder)) as (client, uris):
        made = 0
        for size in _SIZES:
            await asyncio.to_thread(fill, client, made, size)
            made = size
            for store, uri in uris.items():
                for followed in _FOLLOWED:
                    one_by_one = LookStrategy(least=LONGEST_PAGE + 1)
                    searching = LookStrategy(least=1, models_for_a_question=LONGEST_PAGE)
                    for way, survey in (("one by one", one_by_one), ("search", searching)):
                        found = await measure(zygote, uri, followed, survey)
                        table.add_row(str(size), store, str(followed), way, *found.row)
    await zygote.close()
    console.print(table)


if __name__ == "__main__":
    asyncio.run(run(Console(width=100)))
