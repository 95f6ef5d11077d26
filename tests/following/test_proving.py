"""Versions that serve before they were ever loaded: what is good, and what gives its slot back."""

from dataclasses import dataclass, field

from service.errors import FollowingError, PassingFault, VersionFault
from service.following.ports import FetchedVersion, Staged
from service.refs import VersionId
from tests.following.fakes import World, version
from tests.support.serving import FakeContract, FakePredictor, FakeReader

BROKEN = VersionFault("load", "load_failed", "MLflow could not load the model.")
NO_PROCESS = PassingFault("load", "processes_exhausted", "There is no process.")

DOWN = PassingFault("look", "registry_unreachable", "The registry does not answer.")


@dataclass
class Sleeper(FakePredictor):
    """Cold until a test says otherwise."""

    cold: bool = True
    proven: bool = False
    failure: FollowingError | None = None
    failed_at: float = 7.0

    async def load(self) -> None:
        """It is loaded, or raises why not."""
        if self.failure is not None:
            raise self.failure
        self.wake()

    def wake(self) -> None:
        """It is loaded."""
        self.cold, self.proven, self.failure = False, True, None

    def fail(self, error: FollowingError) -> None:
        """It could not be."""
        self.failure, self.ready = error, False
        self.irreplaceable = isinstance(error, VersionFault)


@dataclass
class SleepyStager:
    """Stages without a load; with one where the version's load has failed before."""

    sleepers: dict[VersionId, list[Sleeper]] = field(default_factory=dict)
    errors: dict[VersionId, FollowingError] = field(default_factory=dict)

    async def stage(self, fetched: FetchedVersion, environment: object) -> Staged:
        before = self.sleepers.setdefault(fetched.version, [])
        if fetched.version in self.errors and before:
            raise self.errors[fetched.version]
        before.append(Sleeper(answer=fetched.version.version))
        contract = FakeContract()
        return Staged(contract, FakeReader(contract), before[-1], before[-1])


def world() -> tuple[World, SleepyStager]:
    """One slot."""
    stager = SleepyStager()
    return World(stager=stager), stager


async def test_cold_slot_is_ready_and_says_that_it_is_cold() -> None:
    """Its next request loads it."""
    made, stager = world()
    await made.follow_to(version(1))
    assert (made.slot.status.state, made.slot.ready, made.slots.ready) == ("cold", True, True)
    stager.sleepers[version(1)][0].wake()
    await made.follow()
    assert made.slot.status.state == "serving"


async def test_version_that_was_never_loaded_is_no_better_than_one_that_was() -> None:
    """It is what a start goes by only where nothing else is known; loaded, it is the newest."""
    made, stager = world()
    ref = made.refs[0]
    await made.follow_to(version(1))
    assert made.history.known[ref].fetched.version == version(1), "nothing was known before"
    await made.follow_to(version(2))
    assert made.slot.version == version(2)
    assert made.history.known[ref].fetched.version == version(1)
    stager.sleepers[version(2)][0].wake()
    await made.follow()
    assert made.history.known[ref].fetched.version == version(2)
    noted = made.history.known[ref]
    await made.follow()
    assert made.history.known[ref] is noted


async def test_p2_version_that_cannot_load_gives_its_slot_back() -> None:
    """It is fetched and tried once more, refused, and what was loaded before serves."""
    made, stager = world()
    await made.follow_to(version(1))
    stager.sleepers[version(1)][0].wake()
    await made.follow()
    await made.follow_to(version(2))
    stager.errors[version(2)] = BROKEN
    stager.sleepers[version(2)][0].fail(BROKEN)
    for _ in range(4):
        await made.follow()
        made.time.now += 1
    status = made.slot.status
    assert (status.version, status.aspired, status.quarantined) == (
        *(version(1), version(2), version(2)),
    )
    assert status.failure is not None
    assert (status.failure.code, status.state, status.ready) == ("load_failed", "refused", True)
    assert [each[1] for each in made.events.of("refused")] == [version(2)]
    assert len(made.registry.fetched) == 3


async def test_p13_load_that_fails_in_passing_is_shown_and_keeps_the_slot() -> None:
    """Requests try again; nothing is fetched anew."""
    made, stager = world()
    await made.follow_to(version(1))
    sleeper = stager.sleepers[version(1)][0]
    sleeper.fail(NO_PROCESS)
    for _ in range(3):
        await made.follow()
    failure = made.slot.failure
    assert failure is not None
    assert (failure.code, failure.at, made.slot.version) == (
        *("processes_exhausted", 7.0, version(1)),
    )
    assert made.registry.fetched == [version(1)]
    sleeper.ready = True
    sleeper.wake()
    await made.follow()
    assert made.slot.failure is None


async def test_operator_lifts_what_could_not_be_loaded() -> None:
    """It is loaded before it serves then, since its last load has failed."""
    made, stager = world()
    await made.follow_to(version(1))
    stager.errors[version(1)] = BROKEN
    stager.sleepers[version(1)][0].fail(BROKEN)
    for _ in range(3):
        await made.follow()
    assert (made.slot.version, made.slot.quarantined) == (None, version(1))
    stager.errors.clear()
    made.follower.reload(made.refs[0])
    await made.follow()
    assert made.slot.version == version(1)


async def test_p2_version_that_cannot_load_gives_its_slot_back_without_a_registry() -> None:
    """It cannot be fetched anew then; it is tried once the registry answers."""
    made, stager = world()
    await made.follow_to(version(1))
    stager.sleepers[version(1)][0].wake()
    await made.follow()
    await made.follow_to(version(2))
    made.registry.down = DOWN
    stager.sleepers[version(2)][0].fail(BROKEN)
    for _ in range(2):
        await made.follow()
        made.time.now += 1
    assert (made.slot.version, made.slot.ready) == (version(1), True)
    made.registry.down = None
    await made.follow()
    assert made.slot.version == version(2)


async def test_p2_version_that_only_may_be_loaded_anew_keeps_its_slot() -> None:
    """It answers as it is, in Podium's own environment, also while the registry is silent."""
    made, _ = world()
    await made.follow_to(version(1))
    made.registry.down = DOWN
    binding = made.slot.binding
    assert binding is not None
    binding.servable.outdated = True
    for _ in range(2):
        await made.follow()
        made.time.now += 1
    assert made.slot.binding is binding


async def test_p5_version_loaded_just_before_the_stop_is_what_the_next_start_knows() -> None:
    """Looks may be seconds apart; what has answered must not be forgotten for that."""
    made, stager = world()
    await made.follow_to(version(1))
    await made.follow_to(version(2))
    stager.sleepers[version(2)][0].wake()
    await made.follower.close()
    assert made.history.known[made.refs[0]].fetched.version == version(2)
