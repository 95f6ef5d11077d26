"""Finds the environment of each version: Podium's own, or one that is built for it.

Here following's port meets environments: what the artifact asks for is read, the choice is made by
rules, and whoever builds environments is asked where it takes one.
"""

import platform
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, ParamSpec, TypeVar

from service.environments.choosing import (
    ChoosesByRules,
    EnvironmentChoice,
    EnvironmentRules,
    OwnEnvironment,
    instead,
)
from service.environments.environment import (
    BuildProgress,
    BuildsEnvironments,
    BuiltEnvironment,
    EnvironmentDelayed,
    EnvironmentRefused,
    EnvironmentWish,
    ForeseenBuild,
)
from service.environments.wish import read_wish
from service.errors import PassingFault
from service.following.environments import RunsIn
from service.following.gates.files import from_disk
from service.following.gates.gate import GateFinding
from service.following.ports import FetchedVersion
from service.processes.front.beside import Beside
from service.refs import VersionId

GATE = "requirements"
"""What a build has found is told with what the gate of that name has."""
# Of versions that are between the gate and their load; those of one service have few turns.
_MOST_HANDED_ON: Final = 64
_MIB: Final = 1024**2
_P = ParamSpec("_P")
_Chosen = TypeVar("_Chosen")


class VersionChoices:
    """Says of versions where they are to run, by what their artifacts ask for.

    `ran_in` says in which environment a version served the last time, by its key, which is empty
    for Podium's own; None where nobody knows.
    """

    def __init__(
        self,
        rules: EnvironmentRules,
        ran_in: Callable[[VersionId], str | None] = lambda _: None,
        own: OwnEnvironment | None = None,
    ) -> None:
        self.rules = rules
        self.ran_in = ran_in
        self._chooses = ChoosesByRules(own or OwnEnvironment(platform.python_version()), rules)
        self._beside = Beside("wishes")
        self._handed_on: dict[VersionId, tuple[FetchedVersion, EnvironmentChoice]] = {}

    async def first(self, fetched: FetchedVersion) -> EnvironmentChoice:
        """As `choose`, for a gate: what was fetched is loaded by the same choice afterwards."""
        self._handed_on.pop(fetched.version, None)
        choice = await self._chosen(fetched)
        while len(self._handed_on) >= _MOST_HANDED_ON:
            del self._handed_on[next(iter(self._handed_on))]
        self._handed_on[fetched.version] = fetched, choice
        return choice

    async def choose(self, fetched: FetchedVersion) -> EnvironmentChoice:
        """As `service.following.environments.FindsEnvironments` has it."""
        known, choice = self._handed_on.pop(fetched.version, (None, EnvironmentChoice()))
        return choice if known is fetched else await self._chosen(fetched)

    async def _chosen(self, fetched: FetchedVersion) -> EnvironmentChoice:
        if self.rules.of(fetched.tags) == "local":
            return EnvironmentChoice()
        ran_here = self.ran_in(fetched.version) == ""
        # With a thousand packages it takes a while.
        return await self._read(self._choose_at_once, fetched, ran_here=ran_here)

    def _choose_at_once(self, fetched: FetchedVersion, *, ran_here: bool) -> EnvironmentChoice:
        read, manager = read_wish(fetched.path, fetched.logged), self.rules.of(fetched.tags)
        return self._chooses.choose(
            read.wish, read.refusal(), manager, fetched.flavors, ran_here=ran_here
        )

    async def wish(self, fetched: FetchedVersion, choice: EnvironmentChoice) -> EnvironmentWish:
        """What it asks for, by which that was chosen. Raises `PassingFault`."""
        if choice.wish is not None:
            return choice.wish
        return (await self._read(read_wish, fetched.path, fetched.logged)).wish

    async def _read(
        self, work: Callable[_P, _Chosen], *args: _P.args, **kwargs: _P.kwargs
    ) -> _Chosen:
        try:
            return await from_disk(self._beside, work, *args, **kwargs)
        except OSError as error:
            message = "What the version asks for could not be read."
            raise PassingFault("gate", "disk", message, str(error)) from error


class VersionEnvironments:
    """`service.following.environments.FindsEnvironments` with real environments.

    `judge` says what the gate of requirements makes of a version for which Podium's own stands in.
    """

    def __init__(
        self,
        choices: VersionChoices,
        builder: BuildsEnvironments,
        judge: Callable[[FetchedVersion, EnvironmentChoice], Awaitable[Sequence[GateFinding]]],
    ) -> None:
        self._choices = choices
        self._builder = builder
        self._judge = judge

    async def choose(self, fetched: FetchedVersion) -> EnvironmentChoice:
        """Before anything is built."""
        return await self._choices.choose(fetched)

    async def judge(
        self, fetched: FetchedVersion, choice: EnvironmentChoice
    ) -> Sequence[GateFinding]:
        """As that gate does."""
        return await self._judge(fetched, choice)

    async def foresee(
        self, fetched: FetchedVersion, choice: EnvironmentChoice
    ) -> Sequence[GateFinding]:
        """Resolved, and looked for on this machine."""
        if not choice.builds:
            return ()
        wish = await self._choices.wish(fetched, choice)
        try:
            foreseen = await self._builder.foresee(wish)
        except (EnvironmentRefused, EnvironmentDelayed) as fault:
            kept = await self._kept(fetched)
            if kept is not None:
                RunsIn(kept).release()
                return (_kept(fault),)
            return await self._judge(fetched, self._instead(fetched, choice, fault))
        return (_foreseen(foreseen),)

    async def find(
        self,
        fetched: FetchedVersion,
        choice: EnvironmentChoice,
        tell: Callable[[BuildProgress], None],
    ) -> RunsIn:
        """Built, or Podium's own where it may stand in."""
        wish = await self._choices.wish(fetched, choice)
        try:
            built = await self._builder.environment(wish, tell)
        except (EnvironmentRefused, EnvironmentDelayed) as fault:
            kept = await self._kept(fetched)
            if kept is not None:
                return RunsIn(kept, findings=(_kept(fault),))
            own = self._instead(fetched, choice, fault)
            findings = await self._judge(fetched, own)
            return RunsIn(awaited=own.awaited, findings=tuple(findings))
        found = [GateFinding(GATE, code, sentence) for code, sentence in built.findings]
        return RunsIn(built, findings=tuple(found))

    async def _kept(self, fetched: FetchedVersion) -> BuiltEnvironment | None:
        """What it served in before: how packages would be found by now makes no difference."""
        key = self._choices.ran_in(fetched.version)
        return await self._builder.kept(key) if key else None

    def _instead(
        self,
        fetched: FetchedVersion,
        choice: EnvironmentChoice,
        fault: EnvironmentRefused | EnvironmentDelayed,
    ) -> EnvironmentChoice:
        manager = self._choices.rules.of(fetched.tags)
        ran_here = self._choices.ran_in(fetched.version) == ""
        return instead(choice, fault, manager, ran_here=ran_here)


def _kept(fault: EnvironmentRefused | EnvironmentDelayed) -> GateFinding:
    sentence = f"It runs in the environment that it served in before: {fault.message}"
    return GateFinding(GATE, "environment_kept", sentence)


def _foreseen(found: ForeseenBuild) -> GateFinding:
    many = f"Python {found.python}, {found.packages} packages ({found.key[:12]})"
    if found.there:
        takes = f"; its libraries take {found.memory_bytes / _MIB:.0f} MiB of memory"
        said = f"That environment is there: {many}{takes if found.memory_bytes else ''}."
        return GateFinding(GATE, "environment_there", said)
    return GateFinding(GATE, "environment_to_build", f"That is to be built first: {many}.")
