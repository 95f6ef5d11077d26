"""One thing that is wrong with a set-up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with what, and what to do about it.

    Attributes:
        subject: a variable, a model, an alias, an account, a server, or this machine.
        code: a stable word; those of following are the service's own.
        sentence: says what mends it too.
    """

    subject: str
    code: str
    sentence: str
