"""Which version of which model a stage means, and where an alias in its place would be; no I/O."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class InStage:
    """A version that a registry has, and the stage that it is in."""

    name: str
    number: str
    stage: str


@dataclass(frozen=True, slots=True)
class Staged:
    """What one stage of one model means.

    Attributes:
        version: the highest number in it: what `models:/NAME/STAGE` loads.
        others: the lower ones, which get no alias.
        at: the version that the alias is on; None where there is no such alias.
    """

    name: str
    stage: str
    alias: str
    version: str
    others: tuple[str, ...]
    at: str | None

    @property
    def standing(self) -> Literal["absent", "there", "elsewhere"]:
        """Where the alias is."""
        if self.at is None:
            return "absent"
        return "there" if self.at == self.version else "elsewhere"


def staged(
    aliases: Mapping[str, Mapping[str, str]],
    versions: Iterable[InStage],
    mapping: Mapping[str, str],
) -> Sequence[Staged]:
    """By model, and then in the order of the mapping; an empty stage means nothing.

    `aliases` is by the name of each model that is asked for; `mapping` says which alias stands for
    which stage.
    """
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for each in versions:
        found[each.name, each.stage].append(int(each.number))
    return [
        _staged(name, stage, alias, sorted(numbers, reverse=True), on.get(alias))
        for name, on in sorted(aliases.items())
        for stage, alias in mapping.items()
        if (numbers := found.get((name, stage)))
    ]


def _staged(name: str, stage: str, alias: str, numbers: list[int], at: str | None) -> Staged:
    version, *others = map(str, numbers)
    return Staged(name, stage, alias, version, tuple(others), at)
