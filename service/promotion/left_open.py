"""Moves that somebody has begun and nobody has finished: what is said of one, and what mends it."""

from service.promotion.deciding import AliasStanding
from service.promotion.journal import Entry, Written
from service.promotion.mover import now
from service.refs import ModelRef
from service.typed import typed_on


def under_way(standing: AliasStanding, begun: Written) -> str:
    """That somebody has begun a move, and what to do about it."""
    entry, rollback = begun.entry, resumed_back(standing.ref)
    link = f" ({entry.link})" if entry.link else ""
    finish = _resumed(standing.ref, entry) if entry.kind == "promote" else rollback
    # The journal does not know where instances are, and a move without them asks none.
    every = ", with the --url of each instance" if entry.kind == "promote" else ""
    undo = f"; {rollback} undoes it" if entry.kind == "promote" else ""
    return (
        f"{entry.by} has begun to move {standing.ref} from {entry.before or 'nothing'} to "
        f"{entry.to or 'nothing'} at {entry.time.isoformat()}{link}, and has not finished. If that "
        f"is at work, wait; else {finish} finishes it{every}{undo}. Others may go on at "
        f"{(standing.gives_way_at or begun.gives_way_at).isoformat()}{_by_steps(standing, begun)}"
    )


def _by_steps(standing: AliasStanding, begun: Written) -> str:
    """How far a promotion by steps has come, and whether its split still lasts."""
    if begun.entry.steps is None:
        return ""
    if not begun.steps:
        return "; its first step is not begun"
    at, split = f"; it has come to {begun.steps[-1].share:g}%", standing.steps
    if split is None or split.version != begun.entry.to:
        return f"{at}, and no request goes there by a step now"
    if split.is_over(now()):
        return f"{at}, and its share has ended by itself at {split.until.isoformat()}"
    return f"{at}, and its share of {split.share:g}% lasts until {split.until.isoformat()}"


def left_open(standing: AliasStanding) -> str:
    """What somebody has begun and nobody has finished, or was refused; empty if nothing is."""
    journal = standing.journal
    if journal.open is not None:
        return under_way(standing, journal.open)
    if journal.way_back is None:
        return ""
    to = journal.way_back.entry.to
    return (
        f"the registry has refused to move {standing.ref} back to {to or 'nothing'}: "
        f"{resumed_back(standing.ref)} does, by an account that may"
    )


def _resumed(ref: ModelRef, entry: Entry) -> str:
    taken = ["--unvalidated", entry.unvalidated] if entry.unvalidated else []
    return typed_on(ref, "promote", str(entry.to), options=[*taken, "--resume"])


def resumed_back(ref: ModelRef) -> str:
    """What undoes a move that was begun, to be typed."""
    return typed_on(ref, "rollback", options=["--resume"])
