"""`podium hold`: slots of an alias stay on what they serve, wherever it is moved."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from service.cli.moving import alias_option, marked_alias, ref_of, stop_for_stranger
from service.cli.once import OnceCommand
from service.cli.options import later_time
from service.cli.told import json_option, origin_options
from service.hold_tag import Hold, without_time
from service.origin import Origin
from service.typed import typed_on

if TYPE_CHECKING:
    from service.promotion.marking import MarkedAlias
    from service.registry.writer.writer import Writer


@click.command(cls=OnceCommand)
@click.argument("name")
@alias_option
@click.option(
    "--until",
    metavar="TIME",
    callback=later_time,
    help="When it ends by itself, as in 2026-12-01T08:00:00Z.  [default: when it is released]",
)
@origin_options
@json_option
def hold(name: str, alias: str, until: datetime | None, origin: Origin, *, as_json: bool) -> None:
    """Hold an alias: whoever serves it stays on what it serves, also after a restart.

    Every service that follows the alias sees it at its next look, and says so in `podium status`.
    Moves of the alias are followed once it is released, or its time has come; until then
    `podium promote` and `podium rollback` refuse to move it. What is blocked or withdrawn meanwhile
    is taken from held slots as well. An instance that has never served takes what the alias is on,
    once. It is the tag podium.hold.ALIAS of the model: --reason, in brackets --by and --link, then
    `,until=TIME`; they stand in podium.hold.ALIAS.by, too. What somebody else holds is left as it
    is, and told.

    \b
    Exit status: 0 if it is held; 1 if MLflow refuses, or somebody else holds
    it, and for less long; 2 wrong use, or no such alias; 3 if MLflow does
    not answer: try again.
    podium hold iris --reason "an audit" --until 2099-01-01T08:00:00Z
    """  # noqa: D301 - click wants a real backspace
    ref, wanted = ref_of(name, alias), Hold(origin.told, until)
    stop_for_stranger(ref)
    if Hold.of(wanted.value) != wanted:
        wanted = _plain(wanted)
    from service.promotion.mark_origin import behind
    from service.promotion.marking import hold as work

    def sentence(held: "MarkedAlias") -> str:
        hold = held.hold or wanted
        goes_on = ""
        if held.split:
            ends = typed_on(ref, "split", options=["--clear"])
            goes_on = f"; its requests go on being split, as {held.split}: {ends} ends that"
        if held.changed:
            return f"is held {hold.sentence}{goes_on}"
        return f"is held already, {hold.sentence}{behind(held.origin, hold.reason)}{goes_on}"

    def mark(writer: "Writer") -> "MarkedAlias":
        return work(writer, ref, wanted, origin, datetime.now(UTC))

    marked_alias(ref, origin, mark, sentence, as_json=as_json)


def _plain(wanted: Hold) -> Hold:
    """The same, with a reason that cannot be taken for a time, or for none, and is not cut."""
    reason = without_time(wanted.reason[:500].strip())
    if Hold.of(reason) is None:
        reason = f"because: {reason}"
    return Hold(reason, wanted.until)
