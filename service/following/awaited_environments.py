"""Versions that run in Podium's own environment only until one of their own can be had.

That is tried on beside what serves, with growing pauses. Once the environment is there, the version
is loaded anew in it and takes its own place, without a request that is lost.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

from service.background import Work, begin, growing_pause
from service.environments.environment import BuildProgress, EnvironmentRefused
from service.errors import FollowingError, PassingFault, VersionFault
from service.following.environments import FindsEnvironments
from service.following.ports import Clock
from service.following.pursuit import LONGEST_PAUSE
from service.following.servable import Servable
from service.following.slot import Slot


@dataclass(eq=False, slots=True)
class _Tries:
    """How often it was tried for one servable, and when it is again, in monotonic seconds."""

    due: float
    attempts: int = 1
    task: asyncio.Task[None] | None = None


@dataclass(eq=False, repr=False)
class AwaitedEnvironments:
    """Tries on for whatever serves, and tells the servable once it may be replaced.

    Where it turns out that it never will be, that is told once; it serves on where it is.
    """

    _environments: FindsEnvironments
    _clock: Clock
    _tell: Callable[[Servable, FollowingError], None]
    _tries: dict[Servable, _Tries] = field(default_factory=dict, init=False)

    @property
    def tasks(self) -> Collection[asyncio.Task[None]]:
        """What is under way."""
        return [each.task for each in self._tries.values() if each.task is not None]

    def see_to(self, slots: Iterable[Slot]) -> None:
        """Begins what is due, and ends what is for nobody any more."""
        serving = {
            slot.binding.servable
            for slot in slots
            if slot.binding is not None and slot.binding.servable.runs_in.awaited
        }
        for gone in [each for each in self._tries if each not in serving]:
            self._end(self._tries.pop(gone))
        for servable in serving:
            if not servable.outdated:
                self._try_if_due(servable)

    def stop(self) -> None:
        """Nothing is tried any more."""
        for each in self._tries.values():
            self._end(each)

    def _try_if_due(self, servable: Servable) -> None:
        now = self._clock.monotonic()
        tries = self._tries.setdefault(servable, _Tries(now + growing_pause(1, LONGEST_PAUSE)))
        if now < tries.due or (tries.task is not None and not tries.task.done()):
            return
        tries.attempts += 1
        tries.task = begin(Work.FOLLOWING, self._try(servable, tries))

    async def _try(self, servable: Servable, tries: _Tries) -> None:
        lease, longest = servable.fetched.lease.share(), LONGEST_PAUSE
        try:
            await self._look(servable)
        except VersionFault as fault:
            self._settle(servable, fault)
        except PassingFault as fault:
            longest = fault.longest_pause  # as before: it is tried again
        finally:
            lease.release()
            tries.due = self._clock.monotonic() + growing_pause(tries.attempts, longest)

    async def _look(self, servable: Servable) -> None:
        choice = await self._environments.choose(servable.fetched)
        if not choice.builds:
            self._settle(servable, choice.instead)
            return
        runs_in = await self._environments.find(servable.fetched, choice, _tell_nobody)
        runs_in.release()
        servable.outdated = runs_in.built is not None
        if not servable.outdated and not runs_in.awaited:
            # Podium's own, from now on.
            for why in runs_in.findings[:1]:
                self._tell(servable, EnvironmentRefused(why.code, why.sentence))
            self._settle(servable, None)

    def _settle(self, servable: Servable, fault: FollowingError | None) -> None:
        """It stays where it is: there will be no other."""
        servable.runs_in = replace(servable.runs_in, awaited=False)
        if fault is not None:
            self._tell(servable, fault)

    @staticmethod
    def _end(tries: _Tries) -> None:
        if tries.task is not None:
            tries.task.cancel()


def _tell_nobody(_: BuildProgress) -> None:
    """Whoever serves waits for nothing."""
