"""One thing in which two signatures differ, and what that means for clients."""

import enum
from dataclasses import dataclass

SchemaPath = tuple[str | int, ...]


class Severity(enum.Enum):
    """What a difference does, the worst first."""

    BREAKS_CLIENTS = "breaks_clients"
    COMPATIBLE = "compatible"
    OUTPUT_ONLY = "output_only"


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference between two signatures.

    Attributes:
        severity: what it does to clients that worked before.
        place: where: `inputs`, `params` or `outputs`, then names and positions.
        sentence: for people, a clause about what is and what was.
        code: for programs, stable; `comparison` lists them.
    """

    severity: Severity
    place: SchemaPath
    sentence: str
    code: str


def breaking(code: str, place: SchemaPath, sentence: str) -> Finding:
    """A difference for which some request is refused, or read otherwise, that was taken before."""
    return Finding(Severity.BREAKS_CLIENTS, place, sentence, code)


def compatible(code: str, place: SchemaPath, sentence: str) -> Finding:
    """A difference that no request is refused for."""
    return Finding(Severity.COMPATIBLE, place, sentence, code)
