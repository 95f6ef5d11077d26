"""What following may expect of every history: the fake and the one on disk keep one contract."""

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from service.following.bake import BakeVerdict
from service.following.history import History, ServedBefore
from service.following.ports import FetchedVersion
from service.refs import ModelRef, VersionId
from service.registry.front.client import Cache, MlflowRegistry
from service.registry.front.last_known_good import DiskHistory
from service.registry.store.artifacts import discard
from service.rollout.verdict import Sample
from service.zygote.front.handle import Zygote
from tests.following.fakes import FakeHistory, FakeRegistry, version
from tests.registry.conftest import PATIENT, Watched
from tests.registry.stores import MlflowStore
from tests.registry.told import Told
from tests.support.serving import fetched_version
from tests.support.tracking import copy_database
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = 240
REF, OTHER = ModelRef("iris", "champion"), ModelRef("iris", "challenger")


class Home(Protocol):
    """A history over restarts, and versions for it."""

    @property
    def history(self) -> History:
        """What is tested."""
        ...

    def restart(self) -> None:
        """The service ends and starts again on the same home."""
        ...

    async def fetch(self, number: int) -> FetchedVersion:
        """A version of the model, 1 or 2."""
        ...

    def lose(self, fetched: FetchedVersion) -> None:
        """Its artifact is not there any more."""
        ...


@dataclass
class FakeHome:
    """Nothing is forgotten."""

    history: FakeHistory = field(default_factory=FakeHistory)

    def restart(self) -> None:
        """As if it had been."""

    async def fetch(self, number: int) -> FetchedVersion:
        return fetched_version(version(number))

    def lose(self, fetched: FetchedVersion) -> None:
        self.history.lost.add(fetched.version)


class DiskHome:
    """The one on disk, with a real registry child and a real cache."""

    def __init__(self, folder: Path, store: MlflowStore, registry: MlflowRegistry) -> None:
        self.folder = folder
        self.told = Told()
        self._store = store
        self._registry = registry
        self.history = self._open()

    def restart(self) -> None:
        self.history.close()
        self.history = self._open()

    async def fetch(self, number: int) -> FetchedVersion:
        return await self._registry.fetch(self._store.identity(REF.name, str(number)))

    def lose(self, fetched: FetchedVersion) -> None:
        fetched.lease.release()
        shutil.rmtree(fetched.path.parent)

    def _open(self) -> DiskHistory:
        return DiskHistory(self.folder, self._registry, self.told)


@pytest.fixture(scope="module")
def database(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow over SQLite, a copy for these tests."""
    return copy_database(migrated_database, tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def store(database: Path) -> MlflowStore:
    """Two versions of the model in it."""
    made = MlflowStore(FakeRegistry(), f"sqlite:///{database}", database.parent)
    for _ in range(2):
        made.register(REF.name)
    return made


@pytest.fixture
def disk(zygote: Zygote, store: MlflowStore, database: Path, tmp_path: Path) -> DiskHome:
    """A home of this test's own, with a cache of its own."""
    forks, environment = Watched(zygote), {"MLFLOW_TRACKING_URI": f"sqlite:///{database}"}
    kept = Cache(tmp_path / "cache")
    registry = MlflowRegistry(forks, environment, kept, forks.printed, PATIENT)
    return DiskHome(tmp_path / "history", store, registry)


@pytest.fixture(params=["fake", "disk"])
def home(request: pytest.FixtureRequest) -> Home:
    """Each kind of history in turn."""
    if request.param == "fake":
        return FakeHome()
    made: DiskHome = request.getfixturevalue("disk")
    return made


async def last(home: Home, ref: ModelRef = REF) -> ServedBefore | None:
    """What the slot last served."""
    async with asyncio.timeout(SECONDS):
        return await home.history.last_known_good(ref)


async def test_nothing_is_known_of_a_slot_that_never_served(home: Home) -> None:
    """Also by those who ask again."""
    assert await last(home) is None
    assert not home.history.has_served(REF, version(1))


async def test_p5_last_known_good_is_what_the_slot_served_last(home: Home) -> None:
    """Everything of it, and since when."""
    first, second = await home.fetch(1), await home.fetch(2)
    home.history.note(REF, ServedBefore(first, 1000.0))
    home.history.note(REF, ServedBefore(second, 2000.5))
    home.restart()
    known = await last(home)
    assert known == ServedBefore(second, 2000.5)
    assert known is not None
    assert known.fetched.serving_example == second.serving_example
    assert await last(home, OTHER) is None


async def test_p12_baseline_is_described_also_where_its_files_are_gone(home: Home) -> None:
    """Without an example and a lease, which are for what is served."""
    second = await home.fetch(2)
    home.history.note(REF, ServedBefore(second, 1000.0))
    home.restart()
    home.lose(second)
    baseline = home.history.baseline(REF)
    assert baseline is not None
    assert baseline.version == second.version
    assert baseline.signature == second.signature
    assert home.history.baseline(OTHER) is None


async def test_p23_what_is_withdrawn_is_compared_with_and_served_no_more(home: Home) -> None:
    """After a restart too, until the slot serves another one, or that one again."""
    first = await home.fetch(1)
    home.history.note(REF, ServedBefore(first, 1000.0))
    for _ in range(2):
        home.history.withdraw(REF)
    assert await last(home) is None
    home.restart()
    assert await last(home) is None
    baseline = home.history.baseline(REF)
    assert baseline is not None
    assert (baseline.version, baseline.signature) == (first.version, first.signature)
    assert home.history.has_served(REF, first.version)
    home.history.note(REF, ServedBefore(first, 2000.0))
    assert await last(home) == ServedBefore(first, 2000.0)


async def test_p20_verdict_is_remembered_until_it_is_taken_back(home: Home) -> None:
    """Of a slot that has served; another one's is its own."""
    verdict = BakeVerdict(version(2), "fails_more", "Version 2 has failed.", 2000.5, "1")
    home.history.judge(REF, verdict)
    assert home.history.verdict(REF) is None
    home.history.note(REF, ServedBefore(await home.fetch(1), 1000.0))
    home.history.judge(REF, verdict)
    home.restart()
    assert (home.history.verdict(REF), home.history.verdict(OTHER)) == (verdict, None)
    home.history.judge(REF, None)
    home.restart()
    assert home.history.verdict(REF) is None


async def test_p20_what_the_proven_version_had_come_to_is_remembered(home: Home) -> None:
    """Until the slot serves another; nothing of one that never served."""
    home.history.count(REF, Sample(1000, 3))
    assert home.history.counted(REF) == Sample()
    home.history.note(REF, ServedBefore(await home.fetch(1), 1000.0))
    home.history.count(REF, Sample(1000, 3))
    home.history.note(REF, ServedBefore(await home.fetch(1), 2000.0))
    home.restart()
    assert (home.history.counted(REF), home.history.counted(OTHER)) == (Sample(1000, 3), Sample())
    home.history.note(REF, ServedBefore(await home.fetch(2), 3000.0))
    home.restart()
    assert home.history.counted(REF) == Sample()


async def test_p12_every_version_that_a_slot_has_served_is_remembered(home: Home) -> None:
    """Of that slot alone, and not only the last one."""
    first, second = await home.fetch(1), await home.fetch(2)
    for fetched in (first, second, first):
        home.history.note(REF, ServedBefore(fetched, 1000.0))
    home.history.note(OTHER, ServedBefore(second, 1000.0))
    home.restart()
    assert home.history.has_served(REF, first.version)
    assert home.history.has_served(REF, second.version)
    assert not home.history.has_served(OTHER, first.version)


async def test_version_of_a_model_made_anew_has_not_served(home: Home) -> None:
    """Although its name and number have."""
    first = await home.fetch(1)
    home.history.note(REF, ServedBefore(first, 1000.0))
    anew = VersionId(first.version.name, first.version.created + 1, first.version.version)
    assert not home.history.has_served(REF, anew)


async def test_version_whose_artifact_is_gone_is_not_known_any_more(home: Home) -> None:
    """But it has served."""
    second = await home.fetch(2)
    home.history.note(REF, ServedBefore(second, 1000.0))
    home.restart()
    home.lose(second)
    assert await last(home) is None
    assert home.history.has_served(REF, second.version)


async def test_p5_what_a_slot_served_last_is_kept_until_the_service_has_ended(
    disk: DiskHome,
) -> None:
    """Although nothing serves it any more; what the slot serves next takes its turn."""
    second = await disk.fetch(2)
    disk.history.note(REF, ServedBefore(second, 1000.0))
    second.lease.release()
    assert not discard(second.path.parent)
    disk.history.note(REF, ServedBefore(await disk.fetch(1), 1000.0))
    await until(lambda: discard(second.path.parent), SECONDS, "it may be taken away")


async def test_last_known_good_holds_a_lease_of_its_own(disk: DiskHome) -> None:
    """It may start a service while what it was noted with is long gone."""
    second = await disk.fetch(2)
    disk.history.note(REF, ServedBefore(second, 1000.0))
    second.lease.release()
    known = await last(disk)
    disk.history.close()
    assert known is not None
    assert not discard(known.fetched.path.parent)
    known.fetched.lease.release()


async def test_altered_artifact_is_no_last_known_good(disk: DiskHome) -> None:
    """It is told once, however often it is asked for, and never loaded."""
    first = await disk.fetch(1)
    disk.history.note(REF, ServedBefore(first, 1000.0))
    (first.path / "data" / "weights").write_bytes(b"poison!")
    assert await last(disk) is None
    assert await last(disk) is None
    assert disk.told.codes == ["artifact_altered"]
    again = await disk.fetch(1)
    disk.history.note(REF, ServedBefore(again, 2000.0))
    assert await last(disk) == ServedBefore(again, 2000.0)


async def test_place_outside_the_cache_is_never_looked_at(disk: DiskHome) -> None:
    """Whoever may write the file may not have it lead anywhere."""
    first = await disk.fetch(1)
    disk.history.note(REF, ServedBefore(first, 1000.0))
    disk.history.close()
    (file,) = disk.folder.iterdir()
    file.write_bytes(file.read_bytes().replace(first.path.parent.name.encode(), b"../cache"))
    disk.restart()
    assert await last(disk) is None
    assert disk.told.codes == ["artifact_not_in_cache"]
