"""What several commands are given, read and checked alike."""

import sys
from typing import Any, Final

import click

from service.cli.mistakes import mistake_in

USAGE_ERROR: Final = 2
# MLflow counts from 1, and no number of its has more digits.
_MOST_DIGITS: Final = 18


def version_number(context: click.Context, parameter: click.Parameter, given: Any) -> str | None:
    """A callback of click's: a version's number as MLflow writes it, or none."""
    if given is None:
        return None
    number = str(given)
    if not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        raise click.BadParameter("must be the number of a version, as in 3", context, parameter)
    return number.lstrip("0") or "0"


def _address(_: click.Context, __: click.Parameter, given: str | None) -> str | None:
    wrong = mistake_in(given or "")
    if wrong is not None:
        click.echo(f"podium: --url: {wrong}", err=True)
        sys.exit(USAGE_ERROR)
    return given


url_option = click.option(
    "--url",
    metavar="URL",
    callback=_address,
    help="The service's address.  [default: that of a running `podium up`, else "
    "http://127.0.0.1:8000]",
)
"""Where the service is; an address that can be none ends the command with one line."""
