"""`podium block`: nobody takes a version any more, wherever an alias points."""

from typing import TYPE_CHECKING

import click

from service.blocked_tag import BLOCKED_TAG, blocked_by
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
def block(version: VersionArgument, origin: Origin, *, as_json: bool) -> None:
    """Block a version: no service takes it, and one that serves it goes back to what is proven.

    That is the latest version that its slot has served and that is neither blocked nor withdrawn.
    A process that serves it and has nothing of the kind goes on, and says so; none begins to serve
    it. `podium withdraw` ends what runs at once. `podium promote` refuses a blocked version, and
    `podium rollback` passes it over. It is the version's tag podium.blocked: --reason, and in
    brackets --by and --link; they stand in podium.blocked.by, too. What somebody else has blocked
    is left as it is, and told.

    \b
    Exit status: 0 if it is blocked; 1 if MLflow refuses; 2 wrong use; 3 if
    it does not answer: try again.
    podium block iris 3 --reason "wrong for small flowers"
    """  # noqa: D301 - click wants a real backspace
    why = origin.told
    if blocked_by({BLOCKED_TAG: why}) is None:  # it would say that the version is not blocked
        why = f"because: {why}"

    def work(writer: "Writer") -> "MarkedVersion":
        from service.promotion.marking import block as written

        return written(writer, version, why, origin)

    def done(blank: MarkedVersionReport, blocked: "MarkedVersion") -> MarkedVersionReport:
        told = {"code": "done" if blocked.changed else "already", "sentence": _sentence(blocked)}
        found = {
            "version": blocked.version,
            "aliases": blocked.aliases,
            "shares": shares_of(blocked),
        }
        whose = blocked.origin
        by = {} if whose is None else {"blocked_by": whose.by, "blocked_link": whose.link}
        return blank.model_copy(update={**told, **found, **by, "blocked_for": blocked.reason})

    marked_version(version, origin, work, done, as_json=as_json)


def _sentence(blocked: "MarkedVersion") -> str:
    from service.promotion.mark_origin import behind

    reason = f": {blocked.reason}" if blocked.reason else ""
    if blocked.changed:
        return f"is blocked{reason}"
    return f"is blocked already{reason}{behind(blocked.origin, blocked.reason)}"
