"""How soon a move of the alias is seen in replies, and what it costs to look for one.

    make bench-following

An MLflow server over HTTP on SQLite, and a service that polls it every second. The alias moves
between two versions whose artifacts are in the cache: both with their processes running (warm), and
with nothing kept (`PODIUM_KEEP_WARM_SECONDS=0`, cold). With `--webhook` MLflow tells the service of
each move as well. Then 50 slots at rest: how much of the time is spent looking, and how much of a
core the front and the registry's process use.
"""

import base64
import json
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.alias_moves import POLL_SECONDS, Moves, moves
from benchmarks.looking import PROGRAM, Looking, looking
from tests.support.logged import Author
from tests.support.registered import Registry
from tests.support.server_process import started
from tests.support.services import RunningService, running_service
from tests.support.tracking import copy_database, free_port, migrate, mlflow_process

_SECRET = secrets.token_urlsafe()
# What an MLflow server needs to be told before it calls a plain address of its own machine.
_CALLS_THIS_MACHINE = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_WEBHOOK_CACHE_TTL": "1",  # seconds in which it may miss a webhook just made
    "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": base64.urlsafe_b64encode(
        secrets.token_bytes(32)
    ).decode(),
}


@contextmanager
def mlflow_over_http(folder: Path) -> Iterator[str]:
    """A server's URL."""
    database = copy_database(migrate(folder), folder, "mlflow-artifacts:/")
    server = mlflow_process(
        folder,
        *("--artifacts-destination", (folder / "artifacts").as_uri()),
        port=(port := free_port()),
        backend_store_uri=f"sqlite:///{database}",
        environment=_CALLS_THIS_MACHINE,
    )
    with started(server):
        yield f"http://127.0.0.1:{port}"


def all_moves(registry: Registry, folder: Path, number: int, *, webhook: bool) -> list[Moves]:
    """Warm and cold, by polling and, if wanted, by a webhook."""
    kept, gone = dict[str, str](), {"PODIUM_KEEP_WARM_SECONDS": "0"}
    wanted = {"polling, warm": kept, "polling, cold": gone}
    if webhook:
        called = {"PODIUM_WEBHOOK_SECRET": _SECRET}
        wanted |= {"webhook, warm": kept | called, "webhook, cold": gone | called}
    found = []
    for name, environment in wanted.items():
        home = folder / name
        home.mkdir()
        polling = {"PODIUM_POLL_SECONDS": str(POLL_SECONDS), **environment}
        refs = [f"{registry.name}@champion"]
        with running_service(refs, registry.tracking_uri, home, **polling) as service:
            if "PODIUM_WEBHOOK_SECRET" in environment:
                _register_webhook(registry, service)
            found.append(moves(name, service, registry, number))
    return found


def _register_webhook(registry: Registry, service: RunningService) -> None:
    registry.client.create_webhook(
        name="podium",
        url=f"{service.url}/webhooks/mlflow",
        events=["model_version_alias.created"],
        secret=_SECRET,
    )


def slots_at_rest(author: Author, uri: str, folder: Path, slots: int, seconds: int) -> Looking:
    """A service that follows so many models, none of which moves."""
    names = [f"followed-{place}" for place in range(slots)]
    author.alike(names, "slots")
    home = folder / "slots"
    home.mkdir()
    refs = [f"{name}@champion" for name in names]
    polling = {"PODIUM_POLL_SECONDS": str(POLL_SECONDS)}
    with running_service(refs, uri, home, PROGRAM, **polling) as service:
        service.wait_until_ready()
        return looking(service, slots, seconds)


def _print(found: list[Moves], rest: Looking | None) -> None:
    console = Console(file=sys.stdout)
    table = Table(
        title="From the alias's move to the first reply by the new version",
        caption=f"Seconds; polling every {POLL_SECONDS:g} s. Fetch and load: medians, in the log",
    )
    for heading in ("followed by", "moves", "min", "median", "max", "fetch", "load"):
        table.add_column(heading, justify="left" if heading == "followed by" else "right")
    for each in found:
        figures = min(each.seconds), each.median, max(each.seconds), each.fetch, each.load
        cells = (f"{figure:.2f}" for figure in figures)
        table.add_row(each.name, str(len(each.seconds)), *cells)
    console.print(table)
    if rest is not None:
        console.print(
            f"{rest.slots} slots at rest for {rest.seconds:.0f} s: {rest.looks} looks of "
            f"{rest.look_ms:.0f} ms, {rest.time_share:.1%} of the time; {rest.core_share:.1%} of a "
            f"core (front {rest.front_share:.1%}, registry child {rest.child_share:.1%})."
        )


def _document(found: list[Moves], rest: Looking | None) -> Mapping[str, Any]:
    return {
        "moves": [asdict(each) for each in found],
        "looking": None if rest is None else asdict(rest),
    }


@click.command()
@click.option("--moves", "number", default=20, show_default=True, help="Moves of each kind.")
@click.option("--webhook", is_flag=True, help="Also with MLflow's webhook.")
@click.option("--slots", default=50, show_default=True, help="Slots at rest; 0 leaves them out.")
@click.option("--seconds", default=20, show_default=True, help="How long they are watched.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the figures here.")
def main(number: int, slots: int, seconds: int, target: Path | None, *, webhook: bool) -> None:
    """Measure how moves are followed, and what looking costs."""
    with tempfile.TemporaryDirectory() as text, mlflow_over_http(folder := Path(text)) as uri:
        author = Author(uri, folder / "author")
        registry = author.numbered("moving", "moves")
        found = all_moves(registry, folder, number, webhook=webhook)
        rest = slots_at_rest(author, uri, folder, slots, seconds) if slots else None
    _print(found, rest)
    if target is not None:
        target.write_text(json.dumps(_document(found, rest), indent=2) + "\n")


if __name__ == "__main__":
    main()
