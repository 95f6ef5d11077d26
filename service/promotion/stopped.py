"""A move that does not go on: with which exit status, and why."""

from collections.abc import Collection
from typing import Final

from service.config.home import HomeUnusable
from service.exits import IN_PART, REFUSED, UNDECIDED, WRONG_USE
from service.promotion.deciding import Stage
from service.registry.writer.faults import NAMES_NOTHING, Unreachable, WriteRefused

_GOES_ON: Final = "--resume goes on from there"


class MoveStopped(Exception):
    """The move ends here; the message says why, for people.

    Attributes:
        status: the command's exit status, as `service.exits` has them.
        code: a stable word for it.
        mend: what goes on from there, as half a sentence; empty where nothing does.
    """

    def __init__(self, status: int, code: str, sentence: str, mend: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.mend = mend


def refused(code: str, sentence: str) -> MoveStopped:
    """It is not good enough, and nothing is half done."""
    return MoveStopped(REFUSED, code, sentence)


def undecided(code: str, sentence: str) -> MoveStopped:
    """Nothing was changed; it may be tried again."""
    return MoveStopped(UNDECIDED, code, sentence)


def in_part(code: str, sentence: str, mend: str = _GOES_ON) -> MoveStopped:
    """Something was changed, and not all of it."""
    return MoveStopped(IN_PART, code, sentence, mend)


STOPS: Final = (MoveStopped, WriteRefused, Unreachable, KeyboardInterrupt, HomeUnusable, OSError)
"""Whatever ends a command before its end."""


def stopped_by(error: BaseException, reached: Collection[Stage] = ()) -> MoveStopped:
    """What one of `STOPS` means once those stages were begun."""
    begun = bool({Stage.STEP, Stage.CONFIRM} & set(reached))
    if isinstance(error, MoveStopped):
        return error
    if isinstance(error, WriteRefused):
        return _refused(error, reached)
    if isinstance(error, Unreachable):
        return (in_part if begun else undecided)("unreachable", str(error))
    if isinstance(error, HomeUnusable):
        return MoveStopped(WRONG_USE, "home_unusable", str(error))
    if isinstance(error, OSError):  # of the folder that files are downloaded to
        return undecided("disk", f"PODIUM_HOME: {error.strerror}")
    # Nobody knows whether what was just being written has arrived.
    written = begun or Stage.INTEND in reached
    return (in_part if written else undecided)("interrupted", "interrupted")


def _refused(error: WriteRefused, reached: Collection[Stage]) -> MoveStopped:
    code = error.code.lower() or "refused_by_mlflow"
    if error.code in NAMES_NOTHING and Stage.CONFIRM not in reached:
        return MoveStopped(WRONG_USE, code, str(error))
    # Of a refused move of the alias the journal says that it has not been made.
    after = {Stage.REREAD, Stage.WAIT, Stage.FINISH} & set(reached)
    return (in_part if after else refused)(code, str(error))
