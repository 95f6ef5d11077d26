"""What was proven before a start comes back beside what bakes after it, for that to give way to.

A start within a bake has ended the processes of the version that was proven before it. Its files
lie on this machine still, as those of the last known good: it is loaded from them beside what
serves, with the memory that the bake had taken anyhow. The registry is not asked.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from service.background import Work, begin
from service.errors import FollowingError, VersionFault
from service.following.history import History
from service.following.journey import Journey
from service.following.observer import FollowingObserver
from service.following.open_versions import OpenVersions
from service.following.ports import Clock, FetchedVersion
from service.following.pursuit import Pursuit
from service.following.readying import Readying, ReadyVersion
from service.following.recording import defect, failure_of
from service.following.servable import Servable
from service.refs import ModelRef, VersionId


@dataclass(eq=False, repr=False)
class ReturnsProven:
    """Has versions come back, one at a time: what answers is not to feel it."""

    history: History
    readying: Readying
    open: OpenVersions
    observer: FollowingObserver
    clock: Clock
    turn: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, 1), init=False)


class ProvenReturn:
    """The return of one version to one slot, until it is closed. For the loop alone.

    `version` is the slot's last known good; `told` hears once that is loaded, or cannot be.

    Attributes:
        servable: the version, held until this is closed; None while it is not loaded.
    """

    def __init__(
        self, parts: ReturnsProven, ref: ModelRef, version: VersionId, told: Callable[[], None]
    ) -> None:
        self._parts = parts
        self._ref = ref
        self._pursuit = Pursuit(version)
        self._version = version
        self._told = told
        self._task: asyncio.Task[None] | None = None
        self.servable: Servable | None = None

    @property
    def is_lost(self) -> bool:
        """Whether it cannot be loaded any more."""
        return self._pursuit.fault is not None

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """What is under way."""
        return () if self._task is None else (self._task,)

    def see_to(self) -> None:
        """Begins what is due; what another slot has open is there at once."""
        if self.servable is not None or self._task is not None:
            return
        there = self._parts.open.ready(self._version)
        if there is not None:
            there.hold()
            self.servable = there
        elif self._pursuit.is_due(self._parts.clock.monotonic()):
            self._parts.observer.staging(self._version)
            self._task = begin(Work.FOLLOWING, self._bring())

    def close(self) -> None:
        """It is not wanted any more, or is somebody else's by now."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            self._parts.open.keep(task)
        servable, self.servable = self.servable, None
        if servable is not None:
            servable.release()

    async def _bring(self) -> None:
        made = failed = None
        try:
            async with self._parts.turn:
                made = await self._made()
        except FollowingError as error:
            failed = error
        except Exception as error:  # noqa: BLE001 - a defect of ours must not end following
            failed = defect("bake", error)
        is_wanted = self._task is asyncio.current_task()
        if made is not None:
            self._arrived(made, is_wanted=is_wanted)
        if is_wanted:
            self._task = None
            if failed is not None:
                self._failed(failed)
            elif made is None:
                self._pursuit = self._pursuit.refused("not_in_cache")  # which history has told
            self._told()

    def _arrived(self, made: ReadyVersion, *, is_wanted: bool) -> None:
        opened = self._parts.open
        servable = Servable(made.fetched, made.staged, opened.unheld, made.runs_in)
        there = opened.ready(self._version)
        if there is None:
            opened.opened(servable)
        else:
            # Another slot has come to want it meanwhile.
            opened.opened_beside(servable)
        if is_wanted:
            self.servable = there or servable
            self.servable.hold()
        servable.release()

    async def _made(self) -> ReadyVersion | None:
        known = await self._parts.history.last_known_good(self._ref)
        if known is None:
            return None
        if known.fetched.version != self._version:
            known.fetched.lease.release()
            return None
        return await self._parts.readying.ready(self._version, Journey(), _as_it_is, known.fetched)

    def _failed(self, error: FollowingError) -> None:
        parts = self._parts
        self._pursuit = self._pursuit.tried(parts.clock.monotonic())
        if isinstance(error, VersionFault):
            self._pursuit = self._pursuit.refused(error.reason)
        failure = failure_of(error, self._version, parts.clock)
        parts.observer.not_brought_back(self._ref, self._version, failure, error.detail)


async def _as_it_is(fetched: FetchedVersion) -> FetchedVersion:
    return fetched
