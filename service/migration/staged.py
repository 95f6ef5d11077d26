"""Which version of which model a stage means, and where an alias in its place would be; no I/O."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from service.copy_source import CopySource
from service.refs import ModelRef

FIELD: Final = "{name}"
"""In a template: the name of the model."""


@dataclass(frozen=True, slots=True)
class InStage:
    """A version that a registry has, and the stage that it is in.

    Attributes:
        source: its tag `podium.source`; empty where it is not a copy.
    """

    name: str
    number: str
    stage: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class StageMeaning:
    """What one stage of one model means.

    Attributes:
        version: the highest number in it: what `models:/NAME/STAGE` loads.
        others: the lower ones, which get no alias.
        ref: the alias that is to stand for it; of another model if the version is copied there.
        at: the version that the alias is on; None where there is no such alias.
        copies: the versions of that other model that were copied from this one.
    """

    name: str
    stage: str
    version: str
    others: tuple[str, ...]
    ref: ModelRef
    at: str | None
    copies: tuple[str, ...] = ()

    @property
    def is_copied(self) -> bool:
        """Whether the alias is on a copy, or is to be."""
        return self.ref.name != self.name

    @property
    def standing(self) -> Literal["absent", "there", "elsewhere"]:
        """Where the alias is."""
        if self.at is None:
            return "absent"
        meant = self.copies if self.is_copied else (self.version,)
        return "there" if self.at in meant else "elsewhere"


@dataclass(frozen=True, slots=True)
class StagesFound:
    """All that a registry has; prompts are no models, and not among them.

    Attributes:
        aliases: of each model, by its name.
    """

    aliases: Mapping[str, Mapping[str, str]]
    versions: tuple[InStage, ...]


def staged(
    found: StagesFound, names: Iterable[str], mapping: Mapping[str, str], to: str = FIELD
) -> Sequence[StageMeaning]:
    """By model, and then in the order of the mapping; an empty stage means nothing.

    `mapping` says which alias stands for which stage, and the template `to` which model has it.
    """
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for each in found.versions:
        numbers[each.name, each.stage].append(int(each.number))
    return [
        _staged(found, (name, stage), ModelRef(to.replace(FIELD, name), alias), sorted(there))
        for name in sorted(set(names))
        for stage, alias in mapping.items()
        if (there := numbers.get((name, stage)))
    ]


def clashes(wanted: Iterable[StageMeaning]) -> Sequence[str]:
    """Aliases that would stand for more than one stage, each with those; for people.

    Each would have been looked at before the first of them has moved it.
    """
    meant: dict[str, list[str]] = defaultdict(list)
    for each in wanted:
        meant[str(each.ref)].append(f"{each.name} {each.stage}")
    return [f"{ref} for {' and '.join(of)}" for ref, of in meant.items() if len(of) > 1]


def _staged(
    found: StagesFound, of: tuple[str, str], ref: ModelRef, numbers: list[int]
) -> StageMeaning:
    name, stage = of
    *others, version = map(str, numbers)
    source = CopySource(name, version).text()
    copies = [each for each in found.versions if (each.name, each.source) == (ref.name, source)]
    return StageMeaning(
        name,
        stage,
        version,
        tuple(reversed(others)),
        ref,
        found.aliases.get(ref.name, {}).get(ref.alias),
        tuple(each.number for each in copies),
    )
