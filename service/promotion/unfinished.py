"""Moves that somebody has begun and nobody has finished, of whichever aliases are asked for."""

from collections.abc import Collection, Mapping

from service.origin import Origin
from service.promotion.journal import Journal
from service.promotion.left_open import left_open
from service.promotion.mover import Mover
from service.refs import ModelRef
from service.registry.writer.faults import DENIED, NOT_FOUND, WriteRefused
from service.registry.writer.once import OnceRegister
from service.registry.writer.writer import Writer


def unfinished(writer: Writer, refs: Collection[ModelRef]) -> Mapping[ModelRef, str]:
    """What is to be done about each that has such a move; all others cost one question together.

    Raises `WriteRefused` and `Unreachable`.
    """
    journals = OnceRegister.every(writer)
    begun = [ref for ref in refs if _is_begun(Journal.of(journals.get(str(ref), {})))]
    told = {ref: _told(writer, ref) for ref in begun}
    return {ref: sentence for ref, sentence in told.items() if sentence}


def _is_begun(journal: Journal) -> bool:
    return journal.open is not None or journal.way_back is not None


def _told(writer: Writer, ref: ModelRef) -> str:
    try:
        standing = Mover(writer, ref, Origin("", "", ""), 0.0).look()
    except WriteRefused as error:
        if error.code == NOT_FOUND:
            return ""
        if error.code == DENIED:
            return "a move was begun; MLflow has no such model, or does not show it to this account"
        raise
    # A move past the commands has settled what was begun.
    return left_open(standing) if standing.is_explained else ""
