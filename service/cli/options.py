"""Flags and arguments that several commands take, read and checked alike."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Final, Literal, get_args, get_origin

import click

from service.cli.mistakes import mistake_in
from service.cli.names import mistake_in_model
from service.config.secrets import PREFIX
from service.config.settings import LocalSettings, variable
from service.hold_tag import Hold
from service.refs import BadRef, ModelRef

USAGE_ERROR: Final = 2
# MLflow counts from 1, and no number of its has more digits.
_MOST_DIGITS: Final = 18
_MOST_SECONDS: Final = 7 * 86_400.0


class SecondsRange(click.FloatRange):
    """A number of seconds, from `least` to `most`, which is a week unless another is named.

    Some of them are kept in a journal, and added to times: JSON has neither NaN nor Infinity, and
    no calendar the year after 1e12 seconds.
    """

    def __init__(self, least: float = 1, most: float = _MOST_SECONDS) -> None:
        super().__init__(min=least, max=most)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """As click does."""
        found = float(super().convert(value, param, ctx))
        if math.isnan(found):  # no comparison says that it is out of a range
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return found


def version_number(context: click.Context, parameter: click.Parameter, given: Any) -> str | None:
    """A callback of click's: a version's number as MLflow writes it, or none."""
    return None if given is None else _numbered(str(given), context, parameter)


def _numbered(
    number: str, context: click.Context | None = None, parameter: click.Parameter | None = None
) -> str:
    if not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        raise click.BadParameter("must be the number of a version, as in 3", context, parameter)
    return number.lstrip("0") or "0"


def later_time(context: click.Context, parameter: click.Parameter, value: Any) -> datetime | None:
    """A callback of click's: a time with its offset that is still to come, or none."""
    if value is None:
        return None
    hold = Hold.of(f",until={value}")
    if hold is None or hold.until is None:
        raise click.BadParameter(
            "must be a time with its offset, as in 2026-12-01T08:00:00Z", context, parameter
        )
    if hold.is_over(datetime.now(UTC)):
        raise click.BadParameter("lies in the past", context, parameter)
    return hold.until


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


def _addresses(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    for each in given:
        _address(_, __, each)
    return tuple(dict.fromkeys(each.rstrip("/") for each in given))


urls_option = click.option(
    "--url",
    "urls",
    metavar="URL",
    multiple=True,
    callback=_addresses,
    help="An instance's address; repeated for each of them.",
)
"""Where each instance of a service is."""

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


@dataclass(frozen=True, slots=True)
class VersionArgument:
    """A version as an operator names it: by its number, or by an alias that is on it."""

    name: str
    version: str | None = None
    alias: str | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else f"{self.name}@{self.alias}"


def version_argument(command: Any) -> Any:
    """The arguments `NAME VERSION` (digits) or `NAME@ALIAS`, as the one parameter `version`.

    `1` is an alias that MLflow admits, so that a number never means one.
    """

    @wraps(command)
    def read(*args: Any, named: tuple[str, ...], **kwargs: Any) -> Any:
        return command(*args, version=_version_named(named), **kwargs)

    return click.argument("named", metavar="NAME VERSION | NAME@ALIAS", nargs=-1, required=True)(
        read
    )


def _version_named(named: tuple[str, ...]) -> VersionArgument:
    found = _version_read(named)
    if wrong := mistake_in_model(found.name):
        raise click.UsageError(wrong)
    return found


def _version_read(named: tuple[str, ...]) -> VersionArgument:
    if len(named) == 1:
        try:
            ref = ModelRef.parse(named[0])
        except BadRef as error:
            raise click.UsageError(f"{error}, or NAME VERSION, as in iris 3") from None
        return VersionArgument(ref.name, alias=ref.alias)
    if len(named) > 2:  # noqa: PLR2004 - a name and a number
        raise click.UsageError("one version at a time: NAME VERSION, or NAME@ALIAS")
    return VersionArgument(named[0], version=_numbered(named[1]))
