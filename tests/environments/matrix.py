"""Models of several years on every Python of this machine, served from environments of their own.

    python -m tests.environments.matrix --output docs/environments-matrix.txt

Each is trained in an environment of its time and registered; one service builds what its
requirements ask for, and answers 150 rows of each over HTTP. Fails where an answer is not the
model's own, or where there are fewer than two Pythons.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import platform
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from service.environments.build_settings import EnvironmentSettings, builder_environment
from service.environments.environments import Environments
from tests.environments.eras import ERAS, Era, minor_of, public_index, pythons
from tests.environments.serving import Trained, trained_by
from tests.support import tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

_SECONDS: Final = 3600
_LEAST_PYTHONS: Final = 2


@dataclass(frozen=True)
class _Case:
    """One model to be: what it is logged with, and what it is called in the registry."""

    name: str
    era: Era
    python: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for each Python and set of libraries; 1 unless all are right."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--only", help="sets of libraries that this pattern is found in")
    parser.add_argument("--folder", type=Path, help="kept, and gone on with if it was ended there")
    given = parser.parse_args(arguments)
    with contextlib.ExitStack() as temporary:
        folder = given.folder
        if folder is None:
            made = tempfile.TemporaryDirectory(prefix="environments-")
            folder = Path(temporary.enter_context(made))
        folder.mkdir(parents=True, exist_ok=True)
        lines, right = _served(folder.absolute(), given.only or "")
    if given.output is not None:
        given.output.write_text("".join(f"{line}\n" for line in lines))
    return int(not right)


def _served(folder: Path, only: str) -> tuple[list[str], bool]:
    # Where the service has its own: what was fetched to train is there.
    home = folder / "podium"
    settings = EnvironmentSettings(
        home / "environments", builder_environment=builder_environment(public_index())
    )
    found = asyncio.run(pythons(settings))
    day, machine = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}", platform.machine()
    lines = [f"{day} {machine}, Python {', '.join(found)}; 150 rows of each model over HTTP"]
    if only:
        lines[0] += f"; of these alone: {only}"
    _say(lines[0])
    cases = list(_cases(found, only))
    trained = asyncio.run(_trained(settings, cases, folder))
    database = tracking.copy_database(tracking.migrate(folder), folder)
    uri = f"sqlite:///{database}"
    for name, model in trained.items():
        Registry(uri, name).add(model.place, "champion")
    right = len(found) >= _LEAST_PYTHONS
    refs = [f"{name}@champion" for name in trained]
    own = {"PODIUM_ENV_MANAGER": "uv", "PODIUM_LOAD_TIMEOUT_SECONDS": str(_SECONDS)}
    with running_service(refs, uri, folder, **public_index() | own) as service:
        for case in cases:
            told, correct = _asked(service, case, trained[case.name])
            right = right and correct
            lines.append(f"{case.python:<8} {case.era.named:<60} {told}")
            _say(lines[-1])
    if len(found) < _LEAST_PYTHONS:
        lines.append("fewer than two Pythons: this proves little")
        _say(lines[-1])
    return lines, right


def _cases(found: Sequence[str], only: str) -> Iterator[_Case]:
    for number, era in enumerate(ERAS):
        for python in found:
            if re.search(only, era.named) and minor_of(python) in era.pythons:
                yield _Case(f"era{number}-python{minor_of(python)}", era, python)


async def _trained(
    settings: EnvironmentSettings, cases: Sequence[_Case], folder: Path
) -> dict[str, Trained]:
    environments = Environments(settings)
    trained = {}
    for case in cases:
        built = await environments.environment(case.era.wish(case.python))
        place = folder / case.name
        trained[case.name] = await asyncio.to_thread(trained_by, built.interpreter, place, case.era)
        _say(f"trained: {case.python} {case.era.named}")
        if built.lease is not None:
            built.lease.release()
    await environments.close()
    return trained


def _asked(service: RunningService, case: _Case, trained: Trained) -> tuple[str, bool]:
    """What is told of it, and whether all is as it should be."""
    ref = f"{case.name}@champion"
    wait_until(lambda: _is_settled(service.slot(ref)), _SECONDS, ref)
    slot = service.slot(ref)
    if slot["version"] is None:
        return f"NOT served: {slot['last_failure']}", False
    url = f"{service.url}/models/{ref}/predict"
    answer = httpx.post(url, json=trained.request, trust_env=False, timeout=_SECONDS)
    own = slot["environment"]
    equal = answer.status_code == httpx.codes.OK and answer.json()["predictions"] == trained.answers
    correct = equal and len(trained.answers) == 150 and own["python"] == case.python
    told = "equal" if equal else f"NOT equal: {answer.status_code} {answer.text[:200]}"
    return f"{told}; {own['packages']} packages, {own['key'][:12]}", correct


def _is_settled(slot: dict[str, Any]) -> bool:
    return slot["version"] is not None or slot["quarantined"] is not None


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
