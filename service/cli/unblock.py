"""`podium unblock`: a blocked version may be taken again."""

from typing import TYPE_CHECKING

import click

from service.cli.moving import MarkedVersionReport, marked_version, shares_of
from service.cli.once import OnceCommand
from service.cli.options import VersionArgument, version_argument
from service.cli.told import json_option, origin_options
from service.origin import Origin

if TYPE_CHECKING:
    from service.promotion.marking import MarkedVersion
    from service.registry.writer.writer import Writer


@click.command(cls=OnceCommand)
@version_argument
@origin_options
@json_option
def unblock(version: VersionArgument, origin: Origin, *, as_json: bool) -> None:
    """Unblock a version: services whose alias is on it take it at their next look.

    Deletes its tag podium.blocked; an account that may set tags and not delete them sets it to
    false, which means the same.

    \b
    Exit status: 0 if it is not blocked; 1 if MLflow refuses; 2 wrong use; 3
    if it does not answer: try again.
    podium unblock iris 3
    """  # noqa: D301 - click wants a real backspace

    def work(writer: "Writer") -> "MarkedVersion":
        from service.promotion.marking import unblock as written

        return written(writer, version, origin)

    def done(blank: MarkedVersionReport, freed: "MarkedVersion") -> MarkedVersionReport:
        said = "is not blocked any more" if freed.changed else "is not blocked"
        told = {"code": "done" if freed.changed else "already", "sentence": said}
        found = {
            "version": freed.version,
            "aliases": freed.aliases,
            "shares": shares_of(freed),
        }
        return blank.model_copy(update={**told, **found})

    marked_version(version, origin, work, done, as_json=as_json)
