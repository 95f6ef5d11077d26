"""`podium shadow`: another version hears of an alias's requests, and answers none."""

from typing import TYPE_CHECKING

import click

from service.cli.found import stop
from service.cli.moving import alias_option, ref_of, stop_for_stranger
from service.cli.once import OnceCommand
from service.cli.options import urls_option
from service.cli.steering import clear_option, shadow_sentence, steered_alias
from service.cli.told import json_option, origin_options
from service.origin import Origin
from service.refs import ModelRef
from service.shadow_tag import ShadowTag
from service.split_tag import BadRolloutTag

if TYPE_CHECKING:
    from service.promotion.steering import Steering


@click.command(cls=OnceCommand)
@click.argument("name")
@click.argument("arm", metavar="[ARM[=PERCENT]]", required=False)
@alias_option
@clear_option
@urls_option
@origin_options
@json_option
def shadow(  # noqa: PLR0913 - the command line's
    name: str,
    arm: str | None,
    alias: str | None,
    urls: tuple[str, ...],
    origin: Origin,
    *,
    clear: bool,
    as_json: bool,
) -> None:
    """Have another version predict an alias's requests too, unseen; without ARM, show which does.

    ARM is an alias of the model, or a version of it, as v7; with =PERCENT it hears of that part
    alone. It answers nobody: GET /models/NAME@ALIAS/shadow and metrics compare what it says. Every
    service that follows the alias sees it at its next look; each --url is told to look at once,
    with the admin token of PODIUM_ADMIN_TOKEN. It is the tag podium.shadow.ALIAS of the model;
    whose it is stands beside it.

    \b
    Exit status: 0 it is so, or is shown; 1 MLflow refuses, or the version is
    blocked; 2 wrong use, or no such alias or arm; 3 MLflow does not answer:
    try again; 4 it is written, and a --url could not be told: it sees it at
    its next look.
    podium shadow iris challenger=25 --url http://podium-1:8000
    """  # noqa: D301 - click wants a real backspace
    ref = ref_of(name, alias)
    stop_for_stranger(ref)
    if clear and arm:
        raise click.UsageError("--clear takes it back: give it without any version")
    wanted = _steering(ref, arm, clear=clear)
    steered_alias(ref, wanted, origin, urls, shadow_sentence, as_json=as_json)


def _steering(ref: ModelRef, arm: str | None, *, clear: bool) -> "Steering | None":
    if arm is None and not clear:
        return None
    try:
        found = None if arm is None else ShadowTag.of(arm, ref.alias)
    except BadRolloutTag as error:
        stop(str(error))
    if arm is not None and found is None:
        stop("name who is to hear of requests, as challenger; --clear takes it back")
    from service.promotion.steering import Steering

    if found is None:
        return Steering({"shadow": None})
    return Steering({"shadow": found.value}, [found.alias])
