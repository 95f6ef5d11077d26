"""Looks at all connections: a defect over one costs no other its look (P12, P15)."""

import asyncio
from collections.abc import Mapping
from typing import Any

from service.background import NAMED, Work
from service.server.connections import Connections
from service.server.timeouts import ClientLimits, Ended


class Connection:
    """One that is looked at, or raises."""

    app: Any = None
    since, used, spare = 0.0, True, True
    unanswered = 0

    def __init__(self, *, defective: bool) -> None:
        self.defective = defective
        self.looks = 0

    def look(self, now: float) -> None:
        if self.defective:
            raise ZeroDivisionError
        self.looks += 1

    def make_room(self) -> None:
        pass

    def abort(self, reason: Ended) -> None:
        pass


class Raising:
    """An observer that cannot be told."""

    told = 0

    def connections_ended(self, reasons: Mapping[Ended, int]) -> None:
        self.told += 1
        raise ZeroDivisionError


async def nobody(*_: Any) -> None:
    """Answers nothing."""


async def test_p12_connection_whose_look_raises_keeps_no_other_from_its_own() -> None:
    """It is told, and the look comes to its end."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: told.append(said))
    connections = Connections(ClientLimits(), nobody, Raising(), lambda: 1.0)
    bad, good = Connection(defective=True), Connection(defective=False)
    for each in (bad, good):
        connections.admit(each)
    await connections.look()
    assert (good.looks, connections.looked_at) == (1, 1.0)
    assert [said[NAMED] for said in told] == [Work.CONNECTIONS]
