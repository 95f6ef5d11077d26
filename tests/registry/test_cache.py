"""The cache as a service uses it: verified by its own child, leased, emptied and shared."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from service.errors import FollowingError, PassingFault, VersionFault
from service.following.ports import FetchedVersion
from service.registry.store.artifacts import discard
from tests.registry.conftest import MakeRegistry
from tests.registry.fetching import INTACT, SCRIPTED, SECONDS, WHOLE, fault, files, scripted
from tests.registry.scripted_server import (
    DATA_PATH,
    ScriptedServer,
    one_version,
    response,
)
from tests.registry.stores import MlflowStore, artifact
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def downloads(server: ScriptedServer) -> int:
    """How often the artifact's large file was asked for."""
    return [asked.path for asked in server.asked].count(DATA_PATH)


def _poisoned(artifact: Path) -> None:
    (artifact / "data").write_bytes(b"poison!")


def _removed(artifact: Path) -> None:
    shutil.rmtree(artifact.parent)


async def test_artifact_altered_after_its_download_is_never_handed_out(
    make_registry: MakeRegistry,
) -> None:
    """It is discarded and fetched anew once nobody uses it."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        registry = make_registry(server.url)
        first = await scripted(registry)
        first.lease.release()
        (first.path / "data").write_bytes(b"poison!")
        second = await scripted(registry)
        assert (second.path, files(second.path)) == (first.path, INTACT)
        assert downloads(server) == 2


async def test_artifact_altered_while_it_serves_is_left_and_another_copy_fetched(
    make_registry: MakeRegistry,
) -> None:
    """What serves may still read its files; who comes next gets whole ones."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        registry = make_registry(server.url)
        serving = await scripted(registry)
        (serving.path / "data").write_bytes(b"poison!")
        fresh = await scripted(registry)
        assert fresh.path != serving.path
        assert files(fresh.path) == INTACT
        assert (serving.path / "data").read_bytes() == b"poison!"


async def test_p1_artifact_that_was_altered_is_known_to_be_written_to_from_then_on(
    make_registry: MakeRegistry,
) -> None:
    """Also to the next service, which finds it in the cache: hosts copy it, however large it is."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        registry = make_registry(server.url)
        serving = await scripted(registry)
        (serving.path / "data").write_bytes(b"poison!")
        fresh = await scripted(registry)
        assert not (serving.path.parent / "written-to").exists()
        assert (fresh.path.parent / "written-to").exists()


@pytest.mark.parametrize("harm", [_poisoned, _removed], ids=["altered", "gone"])
async def test_p1_artifact_that_serves_is_verified_before_it_is_loaded_again(
    make_registry: MakeRegistry, harm: Callable[[Path], None]
) -> None:
    """Another process of the version must not be of other files; what was added does no harm."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        serving = await scripted(make_registry(server.url))
        (serving.path / "written by the model").touch()
        serving.verify()
        harm(serving.path)
        with pytest.raises(VersionFault) as caught:
            serving.verify()
        assert (caught.value.stage, caught.value.reason) == ("load", "artifact_altered")


@pytest.mark.parametrize(
    "sizes", [{"data": 8}, {"data": 6}, {"more": 3}], ids=["short", "long", "a file less"]
)
async def test_artifact_that_is_not_as_its_store_lists_it_is_never_in_place(
    make_registry: MakeRegistry, cache: Path, sizes: dict[str, int]
) -> None:
    """Truncated on its way, say, by somebody who says that all is well; tried again."""
    answers = one_version("iris", WHOLE, sizes)
    answers["/api/2.0/mlflow-artifacts/artifacts/m/more"] = response(b"")
    async with ScriptedServer(answers=answers) as server:
        registry = make_registry(server.url)
        failure = await fault(registry.fetch(SCRIPTED))
        assert (type(failure), failure.reason) == (PassingFault, "artifact_incomplete")
        assert list(cache.iterdir()) == []
        server.answers |= one_version("iris", WHOLE)
        assert files((await scripted(registry)).path) == INTACT


async def test_files_of_a_version_stay_until_its_lease_is_released(
    make_registry: MakeRegistry,
) -> None:
    """Whatever another process would like to do."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        fetched = await scripted(make_registry(server.url))
        place = fetched.path.parent
        assert not discard(place)
        fetched.lease.release()
        await until(lambda: discard(place), SECONDS, "it may be taken away")


async def test_p8_files_of_a_retired_version_go_once_the_cache_is_over_its_limit(
    make_registry: MakeRegistry, database_uri: str, tmp_path: Path, name: str
) -> None:
    """At the moment it is given back; what serves stays, although it alone is over the limit."""
    registry = make_registry(database_uri, cache_bytes=1)
    store = MlflowStore(registry, database_uri, tmp_path)
    for _ in range(2):
        store.register(name)
    async with asyncio.timeout(SECONDS):
        old, new = [await registry.fetch(store.identity(name, each)) for each in ("1", "2")]
    assert (old.path.is_dir(), new.path.is_dir()) == (True, True)
    old.lease.release()
    await until(lambda: not old.path.exists(), SECONDS, "the retired version's files are gone")
    assert files(new.path)["data/weights"] == b"weights"
    new.lease.release()


async def test_least_recently_used_version_makes_room_for_the_next(
    make_registry: MakeRegistry, database_uri: str, tmp_path: Path, name: str
) -> None:
    """Before it is fetched, so that the disk need not hold both."""
    one = sum(map(len, files(artifact(tmp_path / "sample")).values()))
    registry = make_registry(database_uri, cache_bytes=one * 3)
    store = MlflowStore(registry, database_uri, tmp_path)
    paths = []
    for number in ("1", "2"):
        store.register(name)
        fetched = await registry.fetch(store.identity(name, number))
        fetched.lease.release()
        paths.append(fetched.path)
    assert [path.is_dir() for path in paths] == [False, True]


async def test_two_services_share_a_home(make_registry: MakeRegistry, cache: Path) -> None:
    """The second finds what the first has fetched, and each holds a lease of its own."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        first = await scripted(make_registry(server.url))
        second = await scripted(make_registry(server.url))
        assert (second.path, downloads(server)) == (first.path, 1)
    first.lease.release()
    assert not discard(second.path.parent)
    second.lease.release()


async def test_two_services_that_fetch_at_once_end_with_one_place(
    make_registry: MakeRegistry, cache: Path
) -> None:
    """Both have begun to download before either is done."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        gate = server.gates[DATA_PATH] = asyncio.Event()
        server.answers[DATA_PATH] = response(b"", length=7)
        fetching = [asyncio.create_task(scripted(make_registry(server.url))) for _ in range(2)]

        def both_wait() -> bool:
            return [asked.path for asked in server.asked].count(DATA_PATH) == 2

        await until(both_wait, SECONDS, "both are downloading")
        # Neither has the file yet; each asks again, and gets it.
        server.answers |= one_version("iris", WHOLE)
        gate.set()
        results = await asyncio.gather(*fetching, return_exceptions=True)
        again = [each for each in results if isinstance(each, FollowingError)]
        found = [each for each in results if isinstance(each, FetchedVersion)]
        found += [await scripted(make_registry(server.url)) for _ in again]
    assert len({each.path for each in found}) == 1
    assert files(found[0].path) == INTACT
    assert not list(cache.glob("partial-*"))
