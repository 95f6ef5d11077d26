"""`podium release`: whoever serves an alias follows it again."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from service.cli.exits import DONE
from service.cli.moving import MarkedAliasReport, alias_option, mlflow, ref_of, run
from service.cli.once import OnceCommand
from service.cli.told import Origin, json_option, origin_options, teller

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
    ref, addresses, tell = ref_of(name, alias), mlflow(), teller(as_json=as_json)
    from service.promotion.known import MoveKnown
    from service.promotion.marking import release as work
    from service.registry.writer.writer import Writer

    writer = Writer(addresses)
    tell(f"MLflow   {writer.server()}")
    blank = MarkedAliasReport(
        server=writer.server(),
        **asdict(origin),
        name=ref.name,
        alias=ref.alias,
        status=DONE,
        code="done",
        sentence="",
    )

    def done(released: "MarkedAlias") -> MarkedAliasReport:
        on = "is not there" if released.on is None else f"is on version {released.on}"
        said = f"is released, and {on}" if released.changed else f"is not held, and {on}"
        code = "done" if released.changed else "already"
        return blank.model_copy(update={"code": code, "sentence": said, "on": released.on})

    run(lambda: work(writer, ref), MoveKnown(), blank, on_done=done, as_json=as_json)
