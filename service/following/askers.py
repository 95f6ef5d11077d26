"""Who wants versions made ready that no alias is on; `coming_versions` asks and tells them."""

from collections.abc import Collection, Sequence
from typing import Protocol

from service.errors import FollowingError
from service.following.journey import Journey
from service.following.ports import FetchedVersion
from service.following.servable import Servable
from service.following.slot import Slot
from service.refs import VersionId


class Askers(Protocol):
    """Who wants versions made ready that no alias is on: `service.following.preparing`.

    They are asked and told on the loop, and raise nothing.
    """

    def let_go(self) -> None:
        """What nobody may be answered by any more is not wanted any more."""
        ...

    def wants(self, version: VersionId) -> bool:
        """Whether anybody waits for it."""
        ...

    @property
    def versions(self) -> Collection[VersionId]:
        """Those that are made ready, or are."""
        ...

    def slots(self, version: VersionId) -> Sequence[Slot]:
        """Those whose gates it has to pass."""
        ...

    def judge(self, fetched: FetchedVersion, journey: Journey) -> bool:
        """Whether it passes the gates of any such slot; those that it does not pass learn so."""
        ...

    def received(self, servable: Servable, journey: Journey) -> None:
        """It is loaded."""
        ...

    def failed(self, version: VersionId, error: FollowingError, journey: Journey) -> None:
        """It is not coming."""
        ...

    def over(self, version: VersionId) -> None:
        """Nobody is at it any more, whatever was told before."""
        ...
