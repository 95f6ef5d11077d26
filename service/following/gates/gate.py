"""Gates: checks that a version must pass before it may be swapped in.

Gates of the version look at the version alone, before any host is started for it. The gate of the
slot compares it with what the slot serves, before hosts are started and again before the swap.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from service.errors import VersionFault
from service.following.ports import FetchedVersion
from service.refs import ModelRef, VersionId


@dataclass(frozen=True, slots=True)
class GateFinding:
    """What a gate has seen and lets pass: a stable code, a sentence safe to show."""

    gate: str
    code: str
    sentence: str


class GateClosed(VersionFault):
    """A gate does not let the version pass; `findings` is what it saw beside."""

    def __init__(
        self,
        gate: str,
        reason: str,
        message: str,
        findings: Sequence[GateFinding] = (),
        detail: str = "",
    ) -> None:
        super().__init__("gate", reason, message, detail)
        self.gate = gate
        self.findings = tuple(findings)


class Gate(Protocol):
    """A check of the version alone."""

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        """Returns if it may pass. Raises `GateClosed`, or `PassingFault` of stage `gate`."""
        ...


@dataclass(frozen=True, slots=True)
class Candidacy:
    """A version that is to be swapped into a slot.

    Attributes:
        ref: the slot's.
        fetched: the version.
        serving: what the slot serves now.
    """

    ref: ModelRef
    fetched: FetchedVersion
    serving: FetchedVersion | None


class SlotGate(Protocol):
    """A check of the version against the slot that it is to be swapped into."""

    def check(self, candidacy: Candidacy) -> Sequence[GateFinding]:
        """Returns if it may pass, else raises `GateClosed`."""
        ...


@runtime_checkable
class Comparing(Protocol):
    """A gate of the slot whose checks take long, unless they were prepared beside the loop."""

    def is_prepared(self, candidacy: Candidacy) -> bool:
        """Whether a check would answer at once."""
        ...

    async def prepare(self, candidacy: Candidacy) -> None:
        """Returns when a check would; raises nothing that a check would not."""
        ...


@runtime_checkable
class GoesByOthers(Protocol):
    """A gate of tags that goes by those of another version."""

    def goes_by(self, version: VersionId) -> VersionId | None:
        """Whose tags may let that one pass, which was refused."""
        ...

    def saw(self, tags: Mapping[VersionId, Mapping[str, str] | None]) -> None:
        """The tags of versions as they are now; `met` is asked by them next."""
        ...


class TagGate(Gate, Protocol):
    """A gate that tags may open while the alias stays where it is.

    `codes` are those that it refuses with.
    """

    @property
    def codes(self) -> Collection[str]:
        """Stable."""
        ...

    def met(self, version: VersionId, tags: Mapping[str, str]) -> bool:
        """Whether the version, refused before, would pass with these tags, as far as they say."""
        ...


@dataclass(frozen=True, slots=True)
class Gates:
    """All gates of a service, in the order in which they are asked; none by default."""

    of_version: Sequence[Gate] = ()
    of_slot: Sequence[SlotGate] = ()
    of_tags: Sequence[TagGate] = ()

    async def check(
        self,
        fetched: FetchedVersion,
        tell: Callable[[Sequence[GateFinding]], None] = lambda _: None,
    ) -> tuple[GateFinding, ...]:
        """What the gates of the version let pass; the first that is closed raises.

        `tell` is told of each gate's findings at once, so that they are known whatever comes after.
        """
        findings: list[GateFinding] = []
        for gate in self._of_version:
            found = await gate.check(fetched)
            tell(found)
            findings += found
        return tuple(findings)

    async def closed(
        self, fetched: FetchedVersion, tell: Callable[[Sequence[GateFinding]], None]
    ) -> Sequence[VersionFault]:
        """Every gate of the version that is closed, by what it raises; `tell` as in `check`.

        Raises `PassingFault` where one cannot tell.
        """
        closed: list[VersionFault] = []
        for gate in self._of_version:
            try:
                tell(await gate.check(fetched))
            except VersionFault as error:
                closed.append(error)
                tell(error.findings if isinstance(error, GateClosed) else ())
        return closed

    @property
    def _of_version(self) -> Sequence[Gate]:
        return (*self.of_tags, *self.of_version)

    def are_prepared(self, candidacy: Candidacy) -> bool:
        """Whether the gates of the slot can answer at once."""
        return all(gate.is_prepared(candidacy) for gate in self._comparing)

    async def prepare(self, candidacy: Candidacy) -> None:
        """Returns when they can."""
        for gate in self._comparing:
            await gate.prepare(candidacy)

    @property
    def _comparing(self) -> Iterator[Comparing]:
        return (gate for gate in self.of_slot if isinstance(gate, Comparing))

    def check_slot(self, candidacy: Candidacy) -> tuple[GateFinding, ...]:
        """What the gates of the slot let pass; the first that is closed raises."""
        return tuple(found for gate in self.of_slot for found in gate.check(candidacy))

    def hangs_on_tags(self, fault: str | None) -> bool:
        """Whether a version that was refused with that code may pass once its tags change."""
        return any(fault in gate.codes for gate in self.of_tags)

    def gone_by(self, versions: Collection[VersionId]) -> Collection[VersionId]:
        """The versions whose tags may let these pass, beside their own."""
        gates = [gate for gate in self.of_tags if isinstance(gate, GoesByOthers)]
        found = (gate.goes_by(version) for gate in gates for version in versions)
        return {each for each in found if each is not None}

    def saw(self, tags: Mapping[VersionId, Mapping[str, str] | None]) -> None:
        """Tags as they are now, before gates are asked whether they are met."""
        for gate in self.of_tags:
            if isinstance(gate, GoesByOthers):
                gate.saw(tags)

    def tags_met(self, version: VersionId, tags: Mapping[str, str]) -> bool:
        """Whether its tags, as they are now, would let the version pass."""
        return all(gate.met(version, tags) for gate in self.of_tags)
