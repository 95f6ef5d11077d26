"""Rolls versions out under load, and says what came of it; exit status 1 if anything was wrong.

make soak-rollout     200 changes, and 100,000 requests of 20,000 callers
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from tests.rollout_soak.changing import Changing
from tests.rollout_soak.shares import looked_at
from tests.rollout_soak.versions import ENVIRONMENT, REF, registered
from tests.support import tracking
from tests.support.services import running_service

_Part = Callable[[Path, str], tuple[list[str], bool]]


@click.command()
@click.option("--changes", default=200, show_default=True, help="How often something is changed.")
@click.option("--callers", default=20_000, show_default=True, help="Who is asked for.")
@click.option("--requests", default=100_000, show_default=True, help="Of these callers, at 10%.")
@click.option("--seed", default=19, show_default=True, help="Another one draws other changes.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Also writes there what is printed."
)
def main(changes: int, callers: int, requests: int, seed: int, output: Path | None) -> None:
    """Both parts, one after the other, each with services and a registry of its own."""
    printed = [f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores"]
    clean = True
    for part in _parts(changes, callers, requests, seed):
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            lines, is_clean = part(folder, f"sqlite:///{tracking.migrate(folder)}")
        printed += ["", *lines]
        clean = clean and is_clean
        if output is not None:
            output.write_text("\n".join([*printed, ""]))
    click.echo("\n".join(printed))
    sys.exit(0 if clean else 1)


def _parts(changes: int, callers: int, requests: int, seed: int) -> Iterator[_Part]:
    def asked(folder: Path, uri: str) -> tuple[list[str], bool]:
        registry = registered(uri, folder)
        homes = [folder / "one", folder / "two"]
        for home in homes:
            home.mkdir()
        with (
            running_service([REF], uri, homes[0], **ENVIRONMENT) as one,
            running_service([REF], uri, homes[1], **ENVIRONMENT) as two,
        ):
            for service in (one, two):
                service.wait_until_ready()
            found = looked_at([one, two], registry, callers, requests)
        return found.lines, not found.wrong

    def changed(folder: Path, uri: str) -> tuple[list[str], bool]:
        registry = registered(uri, folder)
        with running_service([REF], uri, folder, **ENVIRONMENT) as service:
            service.wait_until_ready()
            changing = Changing(service, registry, seed)
            changing.run(changes)
        return [f"seed {seed}", *changing.seen.lines()], changing.seen.clean

    yield asked
    yield changed


if __name__ == "__main__":
    main()
