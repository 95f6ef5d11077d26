"""Flags and arguments that several commands take, read and checked alike."""

import sys
from collections.abc import Callable
from typing import Any, Final, Literal, get_args, get_origin

import click

from service.cli.mistakes import mistake_in
from service.config.secrets import PREFIX
from service.config.settings import LocalSettings, variable
from service.refs import BadRef, ModelRef

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

models_option = click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME@ALIAS",
    help="Model to follow; may be repeated. The first is the default model. With *, ? or "
    "[...] in it every model and alias that match, as in 'prod.*@champion'. "
    "[PODIUM_MODELS, comma-separated]",
)


def setting(name: str, description: str = "") -> Callable[[Any], Any]:
    """A flag for one setting, described by the setting itself if nothing else is said."""
    field = LocalSettings.model_fields[name]
    default = field.get_default()
    shown = "" if default in ((), {}) else f" [{variable(name)}; default: {default}]"
    flag = variable(name).removeprefix(PREFIX)
    return click.option(
        f"--{flag.lower().replace('_', '-')}",
        name,
        metavar="|".join(_values(field.annotation)) or flag,
        help=f"{description or field.description}.{shown}",
    )


def _values(kind: Any) -> tuple[str, ...]:
    """All that such a setting can be; empty where they cannot be listed."""
    return (
        ("true", "false") if kind is bool else get_args(kind) if get_origin(kind) is Literal else ()
    )


def settings(*names: str) -> Callable[[Any], Any]:
    """A flag for each of these settings."""

    def decorate(command: Any) -> Any:
        for name in reversed(names):
            command = setting(name)(command)
        return command

    return decorate


class _Ref(click.ParamType[ModelRef]):
    """`name@alias`, as everywhere."""

    name = "NAME@ALIAS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ModelRef:
        try:
            return ModelRef.parse(value)
        except BadRef as error:
            self.fail(str(error), param, ctx)


ref_argument = click.argument("ref", type=_Ref(), metavar="NAME@ALIAS")
