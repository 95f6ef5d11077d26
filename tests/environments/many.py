"""Ten versions in ten environments, then one again: what that leaves of memory and disk.

    python -m tests.environments.many --output docs/environments-many.txt

Ten aliases of one model are on one version, then on a version each, whose environments differ by
one small package, then on the one again. PODIUM_ENV_BYTES has room for a few of them. Fails where
processes stay, memory (each page divided by the number of processes that share it) does not come
back once no version is kept warm, or more lies on the disk than that setting says.
"""

import argparse
import datetime as dt
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.processes import pss_bytes
from service.environments.environment_store import EnvironmentStore
from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

# What every environment has, and ten releases of what sets it apart.
_COMMON: Final = ("mlflow-skinny==2.22.0", "pandas==2.2.3")
_APART: Final = tuple(f"idna==3.{n}" for n in range(1, 11))
_LIMIT_BYTES: Final = 400 * 1024**2
_MEGABYTE: Final = 1024**2
_SECONDS: Final = 1800.0
# Looks at the processes, 20 ms apart, that find the same ones.
_STILL: Final = 100
# Of what one environment took: the service's own heap has grown by ten versions' contracts.
_MOST_LEFT: Final = 0.5


@dataclass(frozen=True)
class _Seen:
    """The service at one moment; `environments` are those that lie on the disk."""

    processes: int
    memory: int
    disk: int
    environments: int

    def line(self, called: str) -> str:
        return (
            f"{called:<28} {self.processes:>3} processes, {self.memory / _MEGABYTE:>5.0f} MB; "
            f"{self.environments:>2} environments, {self.disk / _MEGABYTE:>4.0f} MB of the disk"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for each moment; 1 unless all has come back."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="environments-") as made:
        lines, right = _served(Path(made))
    if given.output is not None:
        given.output.write_text("".join(f"{line}\n" for line in lines))
    return int(not right)


def _served(folder: Path) -> tuple[list[str], bool]:
    uri = f"sqlite:///{tracking.copy_database(tracking.migrate(folder), folder)}"
    registry = Registry(uri, "pandas")
    versions = [
        registry.add(models.save(folder / f"{n}", "pandas_release", requirements=[*_COMMON, apart]))
        for n, apart in enumerate(_APART)
    ]
    aliases = [f"a{n}" for n in range(len(versions))]
    for alias in aliases:
        registry.move(alias, versions[0])
    lines = [f"{dt.datetime.now(dt.UTC):%Y-%m-%d}: {len(versions)} aliases, PODIUM_ENV_BYTES "]
    lines[0] += f"{_LIMIT_BYTES / _MEGABYTE:.0f} MB, each environment has {', '.join(_COMMON)}"
    _say(lines[0])
    given = {
        "PODIUM_ENV_MANAGER": "uv",
        "PODIUM_ENV_BYTES": str(_LIMIT_BYTES),
        "PODIUM_KEEP_WARM_SECONDS": "1",
    }
    refs = [f"pandas@{alias}" for alias in aliases]
    store = EnvironmentStore(folder / "podium" / "environments")
    with running_service(refs, uri, folder, **given) as service:
        service.wait_until_ready()

        def told(called: str) -> _Seen:
            seen = _seen(service, store)
            lines.append(seen.line(called))
            _say(lines[-1])
            return seen

        before = told("all on one version")
        for alias, version in zip(aliases, versions, strict=True):
            registry.move(alias, version)
        _wait_for(service, refs, versions)
        many = told("on a version each")
        for alias in aliases:
            registry.move(alias, versions[0])
        _wait_for(service, refs, versions[:1] * len(refs))
        wait_until(lambda: len(service.descendants()) <= before.processes, _SECONDS, "they end")
        wait_until(lambda: store.usage() <= _LIMIT_BYTES, _SECONDS, "room is made")
        after = told("all on the one again")
    of_one = (many.memory - before.memory) / (len(versions) - 1)
    right = (
        after.processes <= before.processes
        and after.memory - before.memory <= of_one * _MOST_LEFT
        and after.disk <= _LIMIT_BYTES
    )
    return lines, right


def _wait_for(service: RunningService, refs: Sequence[str], versions: Sequence[str]) -> None:
    for ref, version in zip(refs, versions, strict=True):
        wait_until(lambda: service.slot(ref)["version"] == version, _SECONDS, ref)  # noqa: B023


def _seen(service: RunningService, store: EnvironmentStore) -> _Seen:
    """Once what a swap leaves to be started and ended has been."""
    wait_until(_stays(service), _SECONDS, "processes come and go no more")
    return _Seen(
        len(service.descendants()),
        pss_bytes(service.process.pid),
        store.usage(),
        len(store.entries()),
    )


def _stays(service: RunningService) -> Callable[[], bool]:
    """Whether its processes have been the same for a while."""
    seen, looks = service.descendants(), 0

    def stays() -> bool:
        nonlocal seen, looks
        found = service.descendants()
        looks = looks + 1 if found == seen else 0
        seen = found
        return looks >= _STILL

    return stays


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
