"""Callers by the thousand, asked over real connections: who is answered by which arm."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final
from urllib.parse import urlsplit

from tests.rollout_soak.versions import NAME, REF, STICKY
from tests.support.clients import Client
from tests.support.registered import Registry
from tests.support.services import RunningService
from tests.support.waiting import wait_until

CONNECTIONS: Final = 16
SECONDS: Final = 300.0
ROW: Final = b'{"dataframe_records":[{"x":1.0}]}'
# Of all, in percentage points: what shares may be away from what they are said to be.
NEAR: Final = 0.5
Answered = Mapping[str, str]
"""The alias that has answered each caller."""


@dataclass(slots=True)
class Shares:
    """What came of asking; `wrong` has a sentence for each thing that is."""

    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def hold(self, *, true: bool, said: str) -> None:
        """Writes it down."""
        self.lines.append(f"{'yes' if true else 'NO '}  {said}")
        if not true:
            self.wrong.append(said)


def looked_at(
    services: Sequence[RunningService], registry: Registry, callers: int, asked: int
) -> Shares:
    """Asks two services, at 10%, with another arm at 5%, and at 30% with that."""
    shares, names = Shares(), [f"user-{number}" for number in range(callers)]
    _split(services, registry, "challenger=10")
    random = Random(19)  # noqa: S311 - so that it is the same again
    many = [random.choice(names) for _ in range(asked)]
    got = answers(services[0], many)
    of_ten = dict(zip(many, got, strict=True))
    percent = 100 * got.count("challenger") / asked
    said = f"{asked} requests of {callers} callers at 10%: {percent:.2f}% by the challenger"
    shares.hold(true=abs(percent - 10) <= NEAR, said=said)
    kept = all(of_ten[name] == arm for name, arm in zip(many, got, strict=True))
    shares.hold(true=kept, said="the same caller always got the same arm")
    others = [name for name in names if name not in of_ten]
    first = {**of_ten, **dict(zip(others, answers(services[0], others), strict=True))}
    _compare(shares, services[1], first, names)
    before = first
    for split in ("challenger=10,canary=5", "challenger=30,canary=5"):
        _split(services, registry, split)
        after = dict(zip(names, answers(services[0], names), strict=True))
        _grown(shares, split, before, after)
        before = after
    _compare(shares, services[1], before, names)
    return shares


def _compare(shares: Shares, other: RunningService, first: Answered, names: Sequence[str]) -> None:
    second = dict(zip(names, answers(other, names), strict=True))
    differ = sum(first[name] != second[name] for name in names)
    said = f"two services agree on {len(names) - differ} of {len(names)} callers"
    shares.hold(true=not differ, said=said)


def _grown(shares: Shares, split: str, before: Answered, after: Answered) -> None:
    moved = Counter((before[name], after[name]) for name in before if before[name] != after[name])
    lost = sum(count for (had, _), count in moved.items() if had != "champion")
    counts = ", ".join(f"{arm} {count}" for arm, count in sorted(Counter(after.values()).items()))
    shares.hold(true=not lost, said=f"{split}: {lost} callers have lost an arm ({counts})")


def _split(services: Sequence[RunningService], registry: Registry, split: str) -> None:
    registry.client.set_registered_model_tag(NAME, "podium.split.champion", split)
    wished = sorted(part.partition("=")[0] for part in split.split(","))

    def shared() -> bool:
        shown = [service.slot(REF)["arms"] for service in services]
        return all(_is_shared(arms, wished, split) for arms in shown)

    wait_until(shared, SECONDS, f"requests are shared by {split}")


def _is_shared(
    arms: Sequence[Mapping[str, float | str]], wished: Sequence[str], split: str
) -> bool:
    others = [arm for arm in arms if arm["alias"] != "champion"]
    named = sorted(str(arm["alias"]) for arm in others)
    weights = [f"{arm['alias']}={arm['weight']:g}" for arm in others]
    return named == list(wished) and ",".join(weights) == split


def answers(service: RunningService, callers: Sequence[str]) -> list[str]:
    """The alias that answers each, in order; over several connections at once."""
    return asyncio.run(_asked(service.url, callers))


async def _asked(url: str, callers: Sequence[str]) -> list[str]:
    got: list[str] = [""] * len(callers)
    numbers = iter(range(len(callers)))
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_ask_all(url, callers, numbers, got))
    return got


async def _ask_all(
    url: str, callers: Sequence[str], numbers: Iterator[int], got: list[str]
) -> None:
    address = urlsplit(url)
    client = Client(*await asyncio.open_connection(address.hostname, address.port))
    for number in itertools.chain(numbers):
        client.send(
            b"POST /predict HTTP/1.1\r\nhost: podium\r\ncontent-type: application/json\r\n"
            b"%b: %b\r\ncontent-length: %d\r\n\r\n%b"
            % (STICKY.encode(), callers[number].encode(), len(ROW), ROW)
        )
        answer = await client.answer()
        model, headers = answer.json["model"], answer.headers
        named = headers["podium-alias"], headers["podium-version"]
        assert answer.status == 200, answer
        assert named == (model["alias"], model["version"]), answer
        assert answer.json["predictions"] == [[int(model["version"]), 1.0]], answer
        got[number] = model["alias"]
    client.leave()
