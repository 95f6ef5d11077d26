"""A first version of iris, for `podium up`: trained, judged, and only then given its alias.

By the commands themselves, which are printed: whoever reads them knows how to do it again.
"""

from typing import Final

import click

from service.cli.main import main as podium
from training.command import run
from training.job import Settings

# It has no other version to be compared with, so that little load tells enough.
_LITTLE_LOAD: Final = ("--load-seconds", "1")


@click.command()
@click.option("--alias", required=True)
def main(alias: str) -> None:
    """Ends with the exit status of the first command that fails."""
    trained = run(Settings(), None)
    click.echo(f"{trained.name} version {trained.version}; accuracy {trained.accuracy:.3f}")
    version = (trained.name, trained.version)
    _do("validate", *version, "--data-of-run", *_LITTLE_LOAD)
    _do("promote", *version, "--alias", alias, "--first", "--reason", "the first version")


def _do(*words: str) -> None:
    click.echo(f"podium {' '.join(words[:3])}")
    try:
        podium.main(args=list(words), prog_name="podium")
    except SystemExit as ended:
        if ended.code:
            raise


if __name__ == "__main__":
    main()
