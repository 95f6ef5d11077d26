"""`podium rollback`: an alias goes back to the version before, as its journal tells."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import click
from pydantic import BaseModel

from service.cli.moving import (
    MoveReport,
    alias_option,
    lease_option,
    ref_of,
    resume_option,
    run,
    told_writer,
)
from service.cli.once import OnceCommand
from service.cli.options import version_number
from service.cli.report_files import report_files
from service.cli.told import json_option, origin_options
from service.exits import DONE
from service.origin import Origin
from service.promotion.journal import Done, Entry, StepBegun

if TYPE_CHECKING:
    from service.promotion.deciding import AliasStanding
    from service.promotion.journal import Written
    from service.promotion.rollback import RolledBack


class PassedOver(BaseModel):
    """A version that would have come first, and why it did not."""

    version: str
    why: str


class JournalEntry(BaseModel):
    """One entry of the journal; `open`: it was begun, and nobody has finished it.

    `steps` are those that were begun, of a promotion by steps.
    """

    number: int
    entry: Entry
    done: Done | None
    open: bool
    steps: Sequence[StepBegun] = ()


class RollbackReport(MoveReport):
    """The one JSON object of `podium rollback --json`; `journal` with `--list` alone."""

    passed_over: Sequence[PassedOver] = ()
    journal: Sequence[JournalEntry] = ()

    def lines(self) -> list[str]:
        """The journal, newest first, and then the sentence."""
        return [*(journal_line(each) for each in self.journal), *super().lines()]


@click.command(cls=OnceCommand)
@click.argument("name")
@alias_option
@click.option("--to", metavar="N", callback=version_number, help="Go to that version instead.")
@click.option("--list", "lists", is_flag=True, help="Show the journal; nothing is changed.")
@lease_option
@resume_option
@origin_options
@report_files
@json_option
def rollback(  # noqa: PLR0913 - the command line's
    name: str,
    alias: str | None,
    to: str | None,
    lease_seconds: float,
    origin: Origin,
    *,
    lists: bool,
    resume: bool,
    as_json: bool,
) -> None:
    """Move an alias back to the version that it was on before, by its journal.

    That is the newest one that was not rolled back itself, is still there, is not blocked, and has
    served. No service is asked: it works while none answers; `podium wait --version` tells when
    one serves it. A job that is tried again, known by its --link, goes no further back. --resume
    undoes a promotion that was begun and not finished, or finishes a rollback.

    \b
    Exit status: 0 if the alias is there; 1 if there is nothing to go back
    to; 2 wrong use; 3 unreachable, or somebody else is at it, and nothing
    was changed: try again; 4 changed in part: --resume goes on.
    podium rollback iris --alias champion --reason "too slow"
    """  # noqa: D301 - click wants a real backspace
    ref, writer = ref_of(name, alias), told_writer(as_json=as_json)
    from service.promotion.known import MoveKnown
    from service.promotion.mover import Mover
    from service.promotion.rollback import Rollback

    known = MoveKnown()
    mover = Mover(writer, ref, origin, lease_seconds, known.reached.add, known)
    blank = RollbackReport(
        server=writer.server(),
        name=ref.name,
        alias=ref.alias,
        status=DONE,
        code="done",
        sentence="",
        version=to,
    )
    ending = partial(run, known=known, blank=blank, as_json=as_json)
    if lists:
        ending(mover.look, on_done=partial(_listed, blank))
    ending(lambda: Rollback(mover).run(to, resume=resume), on_done=partial(_done, blank))


def _done(blank: RollbackReport, done: "RolledBack") -> RollbackReport:
    return blank.model_copy(
        update={
            "code": "done" if done.outcome == "rolled_back" else "already",
            "sentence": _sentence(done),
            "version": done.version,
            "before": done.before,
            "entry": done.entry,
            "passed_over": [
                PassedOver(version=each.version, why=each.why_not) for each in done.passed
            ],
        }
    )


def _sentence(done: "RolledBack") -> str:
    there = "gone" if done.version is None else f"on version {done.version}"
    if done.outcome == "already":
        return f"is {there} already: nothing is left to do"
    passed = "".join(f"; not on {each.version}: {each.why_not}" for each in done.passed)
    return f"is {there} again, from version {done.before}{passed}"


def _listed(blank: RollbackReport, standing: "AliasStanding") -> RollbackReport:
    entries = [
        journal_entry(each, is_open=each is newest)
        for newest in (standing.journal.open,)
        for each in reversed(standing.journal.entries)
    ]
    return blank.model_copy(
        update={"journal": entries, "version": standing.alias, "sentence": _stands(standing)}
    )


def _stands(standing: "AliasStanding") -> str:
    from service.promotion.left_open import left_open

    there = standing.absent or f"is on version {standing.alias}"
    if not standing.is_explained:
        return f"{there}; somebody has moved it past the commands since"
    left = left_open(standing)
    return f"{there}; {left}" if left else there


def journal_entry(each: "Written", *, is_open: bool) -> JournalEntry:
    """As reports have it."""
    number, entry = each.number, each.entry
    return JournalEntry(number=number, entry=entry, done=each.done, open=is_open, steps=each.steps)


def journal_line(each: JournalEntry) -> str:
    """One entry, for people."""
    entry = each.entry
    told = " ".join(text for text in (entry.by, entry.reason, entry.link) if text)
    became = f"{_so_far(each)}{_state(each)}"
    return (
        f"{each.number:>4}  {entry.time:%Y-%m-%d %H:%M:%S}Z  {entry.kind:<8}  "
        f"{entry.before or 'nothing'} -> {entry.to or 'nothing'}  {told}{became}"
    )


def _so_far(each: JournalEntry) -> str:
    """Of a promotion by steps: which share it has come to."""
    plan = each.entry.steps
    if plan is None:
        return ""
    came = f"{each.steps[-1].share:g}%" if each.steps else "none"
    return f"  by steps of {', '.join(f'{share:g}' for share in plan.shares)}%: came to {came}"


def _state(each: JournalEntry) -> str:
    """What else than done it is."""
    if each.open:
        return "  begun, not finished"
    if each.done is None:
        return "" if each.entry.kind == "seen" else "  never finished: others went on from it"
    why = "held" if each.done.held else each.done.why or "refused"
    return "" if each.done.moved else f"  {why}: the alias was not moved"
