"""`podium release`: whoever serves an alias follows it again."""

from typing import TYPE_CHECKING

import click

from service.cli.moving import alias_option, marked_alias, ref_of
from service.cli.once import OnceCommand
from service.cli.told import json_option, origin_options
from service.origin import Origin

if TYPE_CHECKING:
    from service.promotion.marking import MarkedAlias


@click.command(cls=OnceCommand)
@click.argument("name")
@alias_option
@origin_options
@json_option
def release(name: str, alias: str, origin: Origin, *, as_json: bool) -> None:
    """Release an alias that `podium hold` has held: it is followed again, wherever it is by now.

    Every service that follows it sees that at its next look.

    \b
    Exit status: 0 if it is not held; 1 if MLflow refuses; 2 wrong use; 3 if
    it does not answer: try again.
    podium release iris --alias champion
    """  # noqa: D301 - click wants a real backspace
    ref = ref_of(name, alias)
    from service.promotion.marking import release as work

    def sentence(released: "MarkedAlias") -> str:
        on = "is not there" if released.on is None else f"is on version {released.on}"
        return f"is released, and {on}" if released.changed else f"is not held, and {on}"

    marked_alias(ref, origin, lambda writer: work(writer, ref, origin), sentence, as_json=as_json)
