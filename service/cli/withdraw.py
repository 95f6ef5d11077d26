"""`podium withdraw`: what an operator has to take away at once."""

import sys
from typing import Any

import click

from service.cli.found import admin_token, admin_url, advice
from service.cli.once import OnceCommand
from service.cli.options import url_option, version_number
from service.cli.told import origin_options
from service.origin import Origin
from service.refs import BadRef


def _model(context: click.Context, parameter: click.Parameter, value: Any) -> str:
    from service.checks.admin import model_of

    try:
        return model_of(value)
    except BadRef as error:
        raise click.BadParameter(str(error), context, parameter) from None


@click.command(cls=OnceCommand)
@click.argument("model", metavar="NAME", callback=_model)
@click.argument("version", metavar="VERSION", callback=version_number)
@click.option("--undo", is_flag=True, help="Undo the withdrawal: the version may serve again.")
@url_option
@origin_options
def withdraw(model: str, version: str, url: str | None, origin: Origin, *, undo: bool) -> None:
    """Withdraw a version: the service never answers by it again, also after restarts.

    NAME is the model's, or NAME@ALIAS. Requests to what served the version get 410 until the
    alias is moved to another one; its processes are ended, its files removed. Asks with the
    admin token that PODIUM_ADMIN_TOKEN holds, or the file that PODIUM_ADMIN_TOKEN_FILE names.
    The version's tag podium.withdrawn=true does the same at every service that follows the
    model. The service keeps --reason, and in brackets --by and --link, for its ledger, its log and
    `podium status`.

    \b
    Exit status: 0 if that holds now; 1 if the service refuses, cannot keep
    it, or the tag says otherwise; 2 if it does not follow that model, or
    the registry has no such version; 3 if no service answers.
    podium withdraw iris 3 --url http://127.0.0.1:8000
    """  # noqa: D301 - click wants a real backspace
    token = admin_token()
    from service.checks.admin import withdraw as run

    address = url or admin_url()
    why = origin.told
    sys.exit(run(address, model, version, token, undo=undo, reason=why, advice=advice(url)))
