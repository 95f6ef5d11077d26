"""Three versions of one model that say which they are, and whom a caller is to get."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.rollout.buckets import Buckets, key_of
from service.split_tag import WHOLE, ArmShare
from tests.support import models
from tests.support.registered import Registry

NAME: Final = "soaking"
REF: Final = f"{NAME}@champion"
NUMBERS: Final = ("1", "2", "3")
STICKY: Final = "X-User"
ENVIRONMENT: Final = {"PODIUM_KEEP_WARM_SECONDS": "0"}


def registered(tracking_uri: str, folder: Path) -> Registry:
    """Each answers with its number and its input; the first one is champion."""
    registry = Registry(tracking_uri, NAME)
    for number in NUMBERS:
        ships = [models.number_module(folder / f"code{number}", int(number))]
        example = {"x": [1.0, 2.0]}
        place = models.save(folder / number, NAME, example=example, ships=ships)
        registry.add(place, **{"podium.batching": "rows"})
    for alias, number in zip(("champion", "challenger", "canary"), NUMBERS, strict=True):
        registry.move(alias, number)
    registry.client.set_registered_model_tag(NAME, "podium.sticky.champion", STICKY)
    return registry


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the registry says that requests to `@champion` are to get.

    `aliases` are where they point, `arms` who has a share beside the champion.
    """

    aliases: Mapping[str, str]
    arms: Sequence[ArmShare] = ()

    def version(self, arm: str) -> str:
        """Of that arm."""
        return self.aliases.get(arm) or arm.removeprefix("v")

    @property
    def shown(self) -> list[tuple[str, str, float]]:
        """As `arms` in `/models` has it."""
        if not self.arms:
            return []
        left = WHOLE - sum(each.share for each in self.arms)
        shares = (ArmShare("champion", left), *self.arms)
        return [(each.alias, self.version(each.alias), each.share / 100) for each in shares]

    def who(self, caller: str) -> tuple[str, str]:
        """The alias and the version that this caller is to be answered by."""
        first, second = (*self.arms, ArmShare("champion", 0), ArmShare("champion", 0))[:2]
        left, right = (first.alias, first.share), (second.alias, WHOLE - second.share)
        shares = Buckets(key_of(REF), STICKY.lower().encode(), "champion", left, right)
        alias = shares.pick({STICKY.lower().encode(): caller.encode()})
        return alias, self.version(alias)
