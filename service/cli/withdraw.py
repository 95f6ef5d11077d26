"""`podium withdraw`: what an operator has to take away at once, from the command line."""

import sys
from collections.abc import Callable
from typing import Any

import click

from service.cli.options import url_option, version_number
from service.refs import BadRef


def withdraw_command(
    token: Callable[[], str], service: Callable[[], str], advice: Callable[[str | None], str]
) -> click.Command:
    """The command.

    `token` finds the admin token, `service` the service's address, and `advice` says what to do
    where none answers, as the other commands do, when the command runs.
    """

    @click.command(name="withdraw")
    @click.argument("model", metavar="NAME", callback=_model)
    @click.argument("version", metavar="VERSION", callback=version_number)
    @click.option("--undo", is_flag=True, help="Take it back: the version may serve again.")
    @url_option
    def withdraw(model: str, version: str, url: str | None, *, undo: bool) -> None:
        """Have the service answer by a version no more, from now on and after restarts.

        NAME is the model's, or NAME@ALIAS. Requests to what served the version get 410 until the
        alias is moved to another one; its processes are ended, its files removed. Asks with the
        admin token that PODIUM_ADMIN_TOKEN holds, or the file that PODIUM_ADMIN_TOKEN_FILE names.
        The version's tag podium.withdrawn=true does the same at every service that follows the
        model.

        \b
        Exit status: 0 if that holds now; 1 if the service refuses, cannot keep
        it, or the tag says otherwise; 2 if it does not follow that model, or
        the registry has no such version; 3 if no service answers.
        podium withdraw iris 3 --url http://127.0.0.1:8000
        """  # noqa: D301 - click wants a real backspace
        shared = token()
        from service.checks.withdrawal import withdraw as run

        address = url or service()
        sys.exit(run(address, model, version, shared, undo=undo, advice=advice(url)))

    return withdraw


def _model(context: click.Context, parameter: click.Parameter, value: Any) -> str:
    from service.checks.withdrawal import model_of

    try:
        return model_of(value)
    except BadRef as error:
        raise click.BadParameter(str(error), context, parameter) from None
