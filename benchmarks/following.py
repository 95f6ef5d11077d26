"""How soon a move of the alias is seen in replies, and what it costs to look for one.

    make bench-following

An MLflow server over HTTP on SQLite, and services that follow versions of iris there. The alias
moves between two versions that are in the cache: with the processes of both running (warm), and
with those of none but the one that serves (`PODIUM_KEEP_WARM_SECONDS=0`: not loaded); then to
versions that were never fetched. Followed by polling every second, and by MLflow's webhook with a
poll every ten, so that no poll can have been it. Then 50 slots at rest: how much of the time is
spent looking, and how much of a core the front and the registry's process use.

Exit status 1: a target was missed. `--json` keeps every figure.
"""

import base64
import json
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from benchmarks.alias_moves import LEDGER_KEY, Moves, moves
from benchmarks.following_report import Followed, Rest, print_tables
from benchmarks.iris_versions import ROW, IrisVersions
from benchmarks.looking import PROGRAM, looking
from benchmarks.machine import this_machine
from tests.support.registered import Registry
from tests.support.server_process import started
from tests.support.services import RunningService, running_service
from tests.support.tracking import copy_database, free_port, migrate, mlflow_process

_WIDTH: Final = 110
_POLL_SECONDS: Final = 1.0
_SECRET: Final = secrets.token_urlsafe()
# What an MLflow server needs to be told before it calls a plain address of its own machine.
_CALLS_THIS_MACHINE: Final = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_WEBHOOK_CACHE_TTL": "1",  # seconds in which it may miss a webhook just made
    "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": base64.urlsafe_b64encode(
        secrets.token_bytes(32)
    ).decode(),
}
_POLLING: Final = {"PODIUM_POLL_SECONDS": f"{_POLL_SECONDS:g}"}
_CALLED: Final = {"PODIUM_POLL_SECONDS": "10", "PODIUM_WEBHOOK_SECRET": _SECRET}
_TRIGGERS: Final = {"webhook": "webhook", "polling": "poll"}
_NOT_LOADED: Final = {"PODIUM_KEEP_WARM_SECONDS": "0", "PODIUM_BAKE_SECONDS": "0"}


@dataclass(frozen=True, slots=True)
class Store:
    """An MLflow server, and the SQLite file that it keeps everything in."""

    url: str
    database: Path


@dataclass(frozen=True, slots=True)
class Way:
    """One way to follow; `target` is what no move may take longer than, in seconds."""

    cached: str
    by: str
    environment: Mapping[str, str]
    target: float | None

    @property
    def name(self) -> str:
        """Of the model that is followed; commas are for lists of models."""
        return f"{self.cached} by {self.by}".replace(",", "")


WAYS: Final = (
    Way("cached, warm", "webhook", _CALLED, 1.0),
    Way("cached, warm", "polling", _POLLING, _POLL_SECONDS + 1),
    Way("cached, not loaded", "webhook", _CALLED | _NOT_LOADED, 1.0),
    Way("cached, not loaded", "polling", _POLLING | _NOT_LOADED, _POLL_SECONDS + 1),
    Way("not cached", "webhook", _CALLED, None),
    Way("not cached", "polling", _POLLING, None),
)


@contextmanager
def mlflow_over_http(folder: Path) -> Iterator[Store]:
    """A server that can deliver webhooks to this machine."""
    database = copy_database(migrate(folder), folder, "mlflow-artifacts:/")
    server = mlflow_process(
        folder,
        *("--artifacts-destination", (folder / "artifacts").as_uri()),
        port=(port := free_port()),
        backend_store_uri=f"sqlite:///{database}",
        environment=_CALLS_THIS_MACHINE,
    )
    with started(server):
        yield Store(f"http://127.0.0.1:{port}", database)


def followed(way: Way, models: IrisVersions, folder: Path, number: int) -> Followed:
    """So many moves, followed in that way by a service of its own."""
    registry = models.registered(way.name, number + 2)
    ref, home = f"{way.name}@champion", folder / way.name
    home.mkdir()
    environment = {**LEDGER_KEY, **way.environment}
    with running_service([ref], registry.tracking_uri, home, **environment) as service:
        service.wait_until_ready()
        with _webhook(registry, service) if way.by == "webhook" else nullcontext():
            found = _moves(way, service, registry, number)
    otherwise = sum(trigger != _TRIGGERS[way.by] for trigger in found.triggers)
    return Followed(way.cached, way.by, way.target, found, otherwise)


def _moves(way: Way, service: RunningService, registry: Registry, number: int) -> Moves:
    # These do not count: both versions are to have served, and MLflow to know of the webhook.
    moves("", service, registry, ROW, "21")
    if way.cached == "not cached":
        versions = [str(version) for version in range(3, number + 3)]
    else:
        versions = ["21"[turn % 2] for turn in range(number)]
    return moves(way.name, service, registry, ROW, versions)


@contextmanager
def _webhook(registry: Registry, service: RunningService) -> Iterator[None]:
    made = registry.client.create_webhook(
        name="podium",
        url=f"{service.url}/webhooks/mlflow",
        events=["model_version_alias.created"],
        secret=_SECRET,
    )
    try:
        yield
    finally:
        registry.client.delete_webhook(made.webhook_id)


def slots_at_rest(
    models: IrisVersions, store: Store, folder: Path, slots: int, seconds: int
) -> Iterator[Rest]:
    """Services that follow so many models, none of which moves: over HTTP, and over SQLite."""
    names = [models.registered(f"followed {place}", 1).name for place in range(slots)]
    refs = [f"{name}@champion" for name in names]
    home = folder / "slots"
    home.mkdir()
    directly = {"MLFLOW_REGISTRY_URI": f"sqlite:///{store.database}"}
    for over, environment, bound in (("HTTP", {}, True), ("SQLite directly", directly, False)):
        with running_service(refs, store.url, home, PROGRAM, **_POLLING, **environment) as service:
            service.wait_until_ready()
            yield Rest(over, looking(service, slots, seconds), bound=bound)


@click.command()
@click.option("--moves", "number", default=12, show_default=True, help="Moves of each kind.")
@click.option("--webhook/--no-webhook", default=True, help="Also by MLflow's webhook.")
@click.option("--slots", default=50, show_default=True, help="Slots at rest; 0 leaves them out.")
@click.option("--seconds", default=20, show_default=True, help="How long they are watched.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the figures here.")
def main(number: int, slots: int, seconds: int, target: Path | None, *, webhook: bool) -> None:
    """Measure how moves are followed, and what looking costs."""
    # Ended from outside, it ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    machine = this_machine()
    ways = [way for way in WAYS if webhook or way.by != "webhook"]
    with tempfile.TemporaryDirectory() as text, mlflow_over_http(folder := Path(text)) as store:
        models = IrisVersions(store.url)
        found = [followed(way, models, folder, number) for way in ways]
        rests = list(slots_at_rest(models, store, folder, slots, seconds)) if slots else []
    print_tables(found, rests, Console(file=sys.stdout, width=_WIDTH))
    click.echo(str(machine))
    if target is not None:
        document = {"machine": asdict(machine), "moves": _plain(found), "looking": _plain(rests)}
        target.write_text(json.dumps(document, indent=2) + "\n")
    if not (all(each.met for each in found) and all(each.met for each in rests)):
        sys.exit(1)


def _plain(found: Sequence[Followed] | Sequence[Rest]) -> list[dict[str, object]]:
    return [asdict(each) for each in found]


if __name__ == "__main__":
    main()
