"""What lies on disk: never altered, never half there, never more than is allowed."""

import asyncio
import io
import os
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from service.environments.building import IMPORTED
from service.environments.environment import (
    BuiltEnvironment,
    EnvironmentDelayed,
    EnvironmentRefused,
)
from service.environments.environment_store import EnvironmentStore
from service.environments.late import LateEnvironments
from service.environments.verified_files import note_files, verify_files
from service.registry.store.locks import Lock, Locked
from service.zygote.main import PRELOADED
from tests.environments.given import environments, settings, wish
from tests.environments.package_index import PackageIndex, package_index, wheel
from tests.support.waiting import until

MINE = wish("mine==1.0")
RIGHT = "VERSION = '1.0'\n"


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    """With a package and one that needs it."""
    with package_index() as index:
        index.add("mine", "1.0")
        index.add("other", "1.0", ["mine"])
        yield index


def module(built: BuiltEnvironment, name: str = "mine.py") -> Path:
    """The file of a package's module."""
    (found,) = built.folder.glob("lib/python3*/site-packages")
    return found / name


def alter(path: Path) -> None:
    """Writes to it in place, as a model may; whatever else is that file has it too."""
    with path.open("r+") as file:
        file.write("VERSION = '6.6'\n")


async def give_back(built: BuiltEnvironment) -> None:
    """Its lease, which takes a moment."""
    assert built.lease is not None
    built.lease.release()
    await until(lambda: is_free(built.folder), 60, "the lease has been given back")


def is_free(folder: Path) -> bool:
    """Whether nobody has a lease on it."""
    try:
        Lock.exclusive(folder).release()
    except Locked:
        return False
    return True


async def test_altered_file_is_seen_and_the_environment_built_anew_with_copies(
    tmp_path: Path, index: PackageIndex
) -> None:
    """uv's cache has the altered one, too, and is not believed."""
    async with environments(settings(tmp_path, index.url)) as made:
        first = await made.environment(MINE)
        assert module(first).stat().st_nlink > 1
        alter(module(first))
        with pytest.raises(EnvironmentDelayed) as delayed:
            await made.verify(first)
        await give_back(first)
        second = await made.environment(MINE)
        await made.verify(second)
    assert delayed.value.reason == "environment_altered"
    # Measured with each build.
    assert second == replace(first, built=True, memory_bytes=second.memory_bytes)
    assert module(second).read_text() == RIGHT
    assert module(second).stat().st_nlink == 1


async def test_altered_one_that_somebody_uses_is_left_to_them(
    tmp_path: Path, index: PackageIndex
) -> None:
    """Another of the same key is built beside it."""
    async with environments(settings(tmp_path, index.url)) as made:
        first = await made.environment(MINE)
        alter(module(first))
        second = await made.environment(MINE)
    assert second.key == first.key
    assert second.folder != first.folder
    assert module(first).exists()
    assert module(second).read_text() == RIGHT


async def test_what_one_environment_has_altered_reaches_no_other(
    tmp_path: Path, index: PackageIndex
) -> None:
    """Both have the package, by links to one file."""
    async with environments(settings(tmp_path, index.url)) as made:
        first = await made.environment(MINE)
        alter(module(first))
        other = await made.environment(wish("other==1.0"))
    assert module(other).read_text() == RIGHT
    assert other.findings == ()


@pytest.mark.parametrize(
    "change",
    ["added", "linked", "removed", "replaced", "emptied notes", "podium.json", "podium-files.json"],
)
async def test_every_other_change_is_seen_too(
    tmp_path: Path, index: PackageIndex, change: str
) -> None:
    """A module that nobody has installed is imported like any other."""
    async with environments(settings(tmp_path, index.url)) as made:
        first = await made.environment(MINE)
        match change:
            case "added":
                module(first, "sitecustomize.py").touch()
            case "linked":
                module(first, "sitecustomize").symlink_to(tmp_path)
            case "removed":
                module(first).unlink()
            case "replaced":
                before = module(first).stat()
                module(first).unlink()
                module(first).write_text(RIGHT.replace("1", "2"))
                os.utime(module(first), ns=(before.st_atime_ns, before.st_mtime_ns))
            case "emptied notes":
                (first.folder / "podium-files.json").write_text("{")
            case name:
                (first.folder / name).unlink()
        await give_back(first)
        second = await made.environment(MINE)
    assert second.built
    assert module(second).read_text() == RIGHT
    assert not module(second, "sitecustomize.py").exists()


async def test_bytecode_that_the_build_has_not_made_is_removed(
    tmp_path: Path, index: PackageIndex
) -> None:
    """Python runs it in place of the module, and has written the others by itself."""
    async with environments(settings(tmp_path, index.url)) as made:
        first = await made.environment(MINE)
        (compiled,) = module(first, "__pycache__").glob("pandas.*.pyc")
        cached = module(first, "__pycache__") / "mine.cpython-311.pyc"
        cached.write_bytes(b"any")
        right = compiled.read_bytes()
        await made.verify(first)
        assert not cached.exists()
        assert compiled.read_bytes() == right
        compiled.write_bytes(b"any")
        await made.verify(first)
        assert not compiled.exists()
        await made.verify(first)
        again = await made.environment(MINE)
    assert not again.built


async def test_links_to_the_same_files_are_no_alteration(
    tmp_path: Path, index: PackageIndex
) -> None:
    """Other environments make them."""
    async with environments(settings(tmp_path, index.url)) as made:
        first = await made.environment(MINE)
        await made.environment(wish("other==1.0"))
        await made.verify(first)


def test_what_zygotes_import_is_compiled_by_the_build() -> None:
    """No more, and no less."""
    assert IMPORTED == PRELOADED


@pytest.mark.parametrize(
    "record",
    [b"mine.py,sha256=a,9\n", b"\xff\n", b"mine.py,sha256=\xc3\xa4,9\n", b"a\0b,sha256=,\n"],
)
def test_record_that_is_none_is_a_finding(tmp_path: Path, record: bytes) -> None:
    """Of a wheel whose author may write anything; the rest of it is as it was locked."""
    content = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(wheel("mine", "2.0"))) as made_by,
        zipfile.ZipFile(content, "w") as archive,
    ):
        for name in made_by.namelist():
            archive.writestr(name, record if name.endswith("RECORD") else made_by.read(name))
    environment = tmp_path / "environment"
    site = environment / "lib" / "python3.11" / "site-packages"
    zipfile.ZipFile(content).extractall(site)
    assert note_files(environment) == ["mine"]
    verify_files(environment)


async def test_wheel_whose_own_record_is_wrong_is_taken_with_a_finding(
    tmp_path: Path, index: PackageIndex
) -> None:
    """There are such; its hash is that of the lock."""
    odd = wheel("odd", "1.0", files={"odd.py": "A = 1\n"}, recorded={"odd.py": "A = 2\n"})
    index.add("odd", "1.0", content=odd)
    async with environments(settings(tmp_path, index.url)) as made:
        built = await made.environment(wish("odd==1.0"))
        await made.verify(built)
        await give_back(built)
        again = await made.environment(wish("odd==1.0"))
    assert [code for code, _ in built.findings] == ["record_differs"]
    assert again == replace(built, built=False)


async def test_room_is_made_of_what_nobody_uses(tmp_path: Path, index: PackageIndex) -> None:
    """Least recently used first; what has a lease stays, whatever the limit is."""
    index.add("huge", "1.0", content=wheel("huge", "1.0", files={"huge.py": "#" * 3_000_000}))
    index.add("vast", "1.0", content=wheel("vast", "1.0", files={"vast.py": "#" * 3_000_000}))
    given = settings(tmp_path, index.url, max_bytes=4_000_000)
    async with environments(given) as made:
        kept = await made.environment(MINE)
        await give_back(await made.environment(wish("huge==1.0")))
    async with environments(given) as made:
        await made.environment(wish("vast==1.0"))
    assert EnvironmentStore(given.folder).usage() < 4_000_000
    left = [set(each.notes.packages) for each in EnvironmentStore(given.folder).entries()]
    assert len(left) == 2
    assert not any("huge" in each for each in left)
    assert kept.folder.exists()


async def test_what_is_in_use_beyond_the_limit_costs_no_build_its_downloads(
    tmp_path: Path, index: PackageIndex
) -> None:
    """What was fetched lies in environments, too: to remove it from uv's cache would free nothing.

    Else each of ten environments would fetch all anew, and share no file with the others.
    """
    huge = index.add("huge", "1.0", content=wheel("huge", "1.0", files={"huge.py": "#" * 10**7}))
    given = settings(tmp_path, index.url, max_bytes=8_000_000)
    async with environments(given) as made:
        first = await made.environment(wish("huge==1.0"))
    async with environments(given) as made:
        second = await made.environment(wish("huge==1.0", "other==1.0"))
    fetched = [path for path in index.asked if path.endswith(huge.name)]
    assert len(fetched) == 1
    assert len({module(each, "huge.py").stat().st_ino for each in (first, second)}) == 1


async def test_room_is_made_once_what_was_too_much_is_used_no_more(
    tmp_path: Path, index: PackageIndex
) -> None:
    """Nothing has to be built for that; what has a lease stays."""
    async with environments(settings(tmp_path, index.url, max_bytes=1)) as made:
        first = await made.environment(MINE)
        second = await made.environment(wish("other==1.0"))
        assert len(await made.entries()) == 2
        await give_back(first)
        await until(lambda: not first.folder.exists(), 60)
        assert second.folder.exists()


async def test_room_is_made_at_a_start_of_all_but_what_was_served_last(
    tmp_path: Path, index: PackageIndex
) -> None:
    """Nothing has to be built for that: an operator may allow less by now, or others have built."""
    given = settings(tmp_path, index.url)
    async with environments(given) as made:
        await give_back(last := await made.environment(MINE))
        await give_back(other := await made.environment(wish("other==1.0")))
    left = given.folder / f"{other.key}.part"
    left.mkdir()
    late = LateEnvironments(replace(given, max_bytes=1))
    lease = await asyncio.to_thread(late.keep, last.key)
    await late.make_room()
    await until(lambda: not other.folder.exists(), 60)
    assert last.folder.exists()
    assert not left.exists()
    await asyncio.to_thread(lease.release)
    await until(lambda: not last.folder.exists(), 60)
    await late.close()


async def test_environment_that_somebody_has_alone_keeps_no_other_waiting(
    tmp_path: Path, index: PackageIndex
) -> None:
    """However many want it: they wait for its lock in no thread."""
    async with environments(settings(tmp_path, index.url)) as made:
        await give_back(first := await made.environment(MINE))
        await give_back(await made.environment(wish("other==1.0")))
        alone = Lock.exclusive(first.folder)
        waiting = [asyncio.create_task(made.kept(first.key)) for _ in range(8)]
        await asyncio.sleep(0)
        again = await made.environment(wish("other==1.0"))
        assert not again.built
        assert not any(each.done() for each in waiting)
        alone.release()
        found = await asyncio.gather(*waiting)
    assert {each and each.folder for each in found} == {first.folder}


async def test_p5_altered_one_that_is_kept_is_built_beside_it(
    tmp_path: Path, index: PackageIndex
) -> None:
    """What was served last comes back, whatever has become of its files."""
    given = settings(tmp_path, index.url)
    async with environments(given) as made:
        await give_back(last := await made.environment(MINE))
    alter(module(last))
    late = LateEnvironments(given)
    lease = await asyncio.to_thread(late.keep, last.key)
    again = await late.environment(MINE)
    assert again.folder != last.folder
    assert module(again).read_text() == RIGHT
    lease.release()
    await late.close()


def test_start_with_no_environment_makes_none_of_all_that(tmp_path: Path) -> None:
    """Neither a folder, nor anything that builds."""
    late = LateEnvironments(settings(tmp_path))
    asyncio.run(late.make_room())
    assert list(tmp_path.iterdir()) == []
    assert late.keep("../environments").locks == []


async def test_all_that_nobody_uses_is_pruned(tmp_path: Path, index: PackageIndex) -> None:
    """And uv's cache."""
    async with environments(settings(tmp_path, index.url)) as made:
        kept = await made.environment(MINE)
        await give_back(await made.environment(wish("other==1.0")))
        assert await made.prune() > 0
        assert [each.place for each in await made.entries()] == [kept.folder]
        await made.verify(kept)


async def test_what_was_fetched_before_is_installed_without_an_index(
    tmp_path: Path, index: PackageIndex
) -> None:
    """The lock is kept, and the wheels are in uv's cache."""
    async with environments(settings(tmp_path, index.url)) as made:
        await give_back(first := await made.environment(MINE))
        assert EnvironmentStore(tmp_path / "environments").discard(first.folder)
        index.status = 500
        again = await made.environment(MINE)
    assert again.built
    assert module(again).read_text() == RIGHT


async def test_wheel_that_was_altered_since_it_was_locked_is_never_installed(
    tmp_path: Path, index: PackageIndex
) -> None:
    """Whatever the index says of it now."""
    async with environments(settings(tmp_path, index.url)) as made:
        await give_back(await made.environment(MINE))
        await made.prune()
        altered = wheel("mine", "1.0", files={"mine.py": "VERSION = '6.6'\n"})
        index.files["mine-1.0-py3-none-any.whl"].content = altered
        with pytest.raises(EnvironmentRefused) as refused:
            await made.environment(MINE)
        assert await made.entries() == []
    assert refused.value.reason == "hash_mismatch"


async def test_entries_and_locks_are_shown(tmp_path: Path, index: PackageIndex) -> None:
    """By the beginning of a key."""
    async with environments(settings(tmp_path, index.url)) as made:
        built = await made.environment(MINE)
        (shown,) = await made.show(built.key[:8])
        assert await made.show("z") == []
    assert shown.place == built.folder
    assert "mine==1.0 \\\n    --hash=sha256:" in shown.lock
    assert shown.notes.packages == built.packages


def test_leftovers_of_builds_that_were_killed_are_removed(tmp_path: Path) -> None:
    """Not those of another service that is building."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.part" / "deep").mkdir(parents=True)
    (tmp_path / "c.part.lock").touch()
    (tmp_path / "resolving-x").mkdir()
    (tmp_path / "resolving-old").mkdir()
    os.utime(tmp_path / "resolving-old", (1, 1))
    lock = Lock.exclusive(tmp_path / "b.part")
    EnvironmentStore(tmp_path).prepare()
    left = {each.name for each in tmp_path.iterdir()}
    lock.release()
    assert left == {"b.part", "b.part.lock", "resolving-x"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    place = tmp_path / "environments"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("nobody may mount a small disk here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


async def test_full_disk_is_told_and_leaves_nothing_half_built(
    tmp_path: Path, index: PackageIndex, small_disk: Path
) -> None:
    """What is there stays, and what comes later finds room again."""
    index.add("huge", "1.0", content=wheel("huge", "1.0", files={"huge.py": "#" * 5_000_000}))
    async with environments(settings(tmp_path, index.url)) as made:
        kept = await made.environment(MINE)
        with pytest.raises(EnvironmentDelayed) as delayed:
            await made.environment(wish("huge==1.0"))
        await made.verify(kept)
        assert len(await made.entries()) == 1
        assert (await made.environment(wish("other==1.0"))).built
    assert delayed.value.reason == "disk_full"
    assert not any(each.name.endswith(".part") for each in small_disk.iterdir())
