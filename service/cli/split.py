"""`podium split`: a part of an alias's requests goes to other versions."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from service.cli.found import stop
from service.cli.moving import alias_option, ref_of, stop_for_stranger
from service.cli.once import OnceCommand
from service.cli.options import later_time, urls_option
from service.cli.steering import clear_option, split_sentence, steered_alias
from service.cli.told import json_option, origin_options
from service.origin import Origin
from service.refs import ModelRef
from service.split_tag import BadRolloutTag, Split, sticky_header

if TYPE_CHECKING:
    from service.promotion.steering import Steering


@click.command(cls=OnceCommand)
@click.argument("name")
@click.argument("arms", metavar="[ARM=PERCENT]...", nargs=-1)
@alias_option
@click.option(
    "--until",
    metavar="TIME",
    callback=later_time,
    help="When it ends by itself, as in 2026-12-01T08:00:00Z.  [default: when it is taken back]",
)
@click.option(
    "--sticky",
    metavar="HEADER",
    help="The header by which a caller keeps an arm; empty: Podium-Sticky again.",
)
@clear_option
@urls_option
@origin_options
@json_option
def split(  # noqa: PLR0913, PLR0917 - the command line's
    name: str,
    arms: tuple[str, ...],
    alias: str | None,
    until: datetime | None,
    sticky: str | None,
    urls: tuple[str, ...],
    origin: Origin,
    *,
    clear: bool,
    as_json: bool,
) -> None:
    """Send a part of an alias's requests to other versions; without any, show who gets them.

    An arm is an alias of the model, or a version of it, as v7; two at most, beside the alias's own,
    which has what is left. A caller who sends the header of --sticky keeps an arm while shares only
    grow; others are drawn by chance. Every service that follows the alias sees it at its next look;
    each --url is told to look at once, with the admin token of PODIUM_ADMIN_TOKEN. It is the tag
    podium.split.ALIAS of the model, and podium.sticky.ALIAS; whose they are stands beside them.

    \b
    Exit status: 0 it is so, or is shown; 1 MLflow refuses, the alias is held
    or comes by steps, an arm is blocked; 2 wrong use, or no such alias or
    arm; 3 MLflow does not answer: try again; 4 it is written, and a --url
    could not be told: it sees it at its next look.
    podium split iris challenger=10 --url http://podium-1:8000
    """  # noqa: D301 - click wants a real backspace
    ref = ref_of(name, alias)
    stop_for_stranger(ref)
    if clear and (arms or until):
        raise click.UsageError("--clear takes all arms back: give it without any")
    if until and not arms:
        raise click.UsageError("--until is of arms: give them too, as challenger=10")
    wanted = _steering(ref, arms, until, sticky, clear=clear)
    steered_alias(ref, wanted, origin, urls, split_sentence, as_json=as_json)


def _steering(
    ref: ModelRef, arms: Sequence[str], until: datetime | None, sticky: str | None, *, clear: bool
) -> "Steering | None":
    values: dict[str, str | None] = {}
    named: Sequence[str] = ()
    try:
        if arms:
            found = Split.of(",".join(arms), ref.alias)
            if not found.arms:
                stop("name an arm, as challenger=10; --clear takes all back")
            found = Split(found.arms, until or found.until)
            named, values["split"] = [each.alias for each in found.arms], found.value
        if sticky is not None:
            values["sticky"] = sticky_header(sticky) if sticky.strip() else None
    except BadRolloutTag as error:
        stop(str(error))
    if clear:
        values["split"] = None
    if not values:
        return None
    from service.promotion.steering import Steering

    return Steering(values, named, moves_traffic=bool(arms))
