"""Tombstones on disk, and the end of what lies in the cache below them (P23)."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from service.config.home import HomeUnusable
from service.parts import withdrawn_before
from service.refs import VersionId
from service.registry.front.tombstones import DiskTombstones
from service.registry.store.artifacts import ArtifactCache, private_folder
from service.registry.store.locks import Lock
from service.tombstones import Source, Tombstone

HOSTILE = "../../a\n/b\x00"
STONE = Tombstone(HOSTILE, 7, "1", Source.TAG, 1000.5, "leaks <names>")
OTHER = Tombstone(HOSTILE, 7, "2", Source.OPERATOR, 1001.0)


@dataclass
class Told:
    """A `TombstoneObserver` that remembers, and what was forgotten."""

    codes: list[str] = field(default_factory=list)
    forgotten: list[Callable[[VersionId], bool]] = field(default_factory=list)

    def tombstone_failed(self, file: str, code: str, error: Exception) -> None:
        self.codes.append(code)


@dataclass
class Home:
    """A folder of services, with what one of them is told."""

    folder: Path
    told: Told = field(default_factory=Told)
    samples_of: list[tuple[str, str]] = field(default_factory=list)

    def service(self) -> DiskTombstones:
        """Another one that shares it."""
        folders = self.folder / "withdrawn", self.folder / "cache"
        return DiskTombstones(
            *(*folders, self.told.forgotten.append, lambda: True, self.told),
            lambda name, version: self.samples_of.append((name, version)),
        )

    def put(self, number: str, source: str = "there", *, says: bool = True) -> Path:
        """An artifact of that version of the model; its place."""

        def fetch(private: Path) -> Path:
            (private / "model").mkdir()
            (private / "model" / "MLmodel").write_text("flavors: {}")
            return private / "model"

        cache = ArtifactCache(self.folder / "cache")
        identity = HOSTILE, 7, number, source
        place, private = cache.place(identity), private_folder(self.folder / "cache")
        cache.get(place, private, fetch, identity if says else None).lock.release()
        return place


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty one."""
    return Home(tmp_path)


async def test_p23_tombstone_is_seen_by_every_service_of_the_home(home: Home) -> None:
    """As it was laid, until it is taken back."""
    one, two = home.service(), home.service()
    assert await two.read() == ()
    assert await one.keep(STONE)
    assert await two.read() == (STONE,)
    folder = home.folder / "withdrawn"
    (file,) = folder.iterdir()
    assert file.suffix == ".json"
    assert await two.remove(STONE)
    assert (await one.read(), list(folder.iterdir())) == ((), [])
    assert home.told.codes == []


async def test_p23_what_is_no_tombstone_is_told_once_and_left(home: Home) -> None:
    """The others stand."""
    service = home.service()
    await service.keep(STONE)
    for number, text in enumerate(["", "{}", "[1]", '{"model": 1}', "\udcff"]):
        path = home.folder / "withdrawn" / f"{number}.json"
        path.write_bytes(text.encode(errors="surrogateescape"))
    for _ in range(2):
        assert await service.read() == (STONE,)
    assert home.told.codes == ["tombstone_unreadable"] * 5


async def test_p23_folder_that_somebody_removes_takes_nothing_back(home: Home) -> None:
    """Nobody can tell what stood there; what is known stays withdrawn."""
    service = home.service()
    await service.keep(STONE)
    assert await service.read() == (STONE,)
    shutil.rmtree(home.folder / "withdrawn")
    assert await service.read() is None
    assert home.told.codes == ["tombstones_unreadable"]


@pytest.mark.parametrize("umask", [0o007, 0o077])
async def test_p23_tombstone_is_whose_the_home_is(home: Home, umask: int) -> None:
    """Where a group shares that, whoever runs next under another number reads it."""
    before = os.umask(umask)
    try:
        await home.service().keep(STONE)
    finally:
        os.umask(before)
    folder = home.folder / "withdrawn"
    (file,) = folder.iterdir()
    modes = [path.stat().st_mode & 0o777 for path in (folder, file)]
    assert modes == [0o777 & ~umask, 0o666 & ~umask]


@pytest.mark.parametrize("refused", ["the folder", "a file"])
async def test_p23_what_cannot_be_read_is_not_taken_back(
    home: Home, refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can tell: neither a look, nor a start, which fails for that."""
    await home.service().keep(STONE)
    service = home.service()

    def refuse(*_: object, **__: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    if refused == "the folder":
        monkeypatch.setattr(os, "scandir", refuse)
    else:
        monkeypatch.setattr(Path, "open", refuse)
    assert await service.read() is None
    assert home.told.codes == ["tombstones_unreadable"]
    with pytest.raises(HomeUnusable, match="Permission denied"):
        withdrawn_before(service)
    monkeypatch.undo()
    assert await service.read() == (STONE,)


async def test_p23_torn_tombstone_stands_for_what_it_stood_for(home: Home) -> None:
    """A start that cannot know what that was fails, and names the file."""
    service = home.service()
    await service.keep(STONE)
    await service.keep(OTHER)
    assert set(await service.read() or ()) == {STONE, OTHER}
    for file in (home.folder / "withdrawn").iterdir():
        file.write_text("{")
    assert set(await service.read() or ()) == {STONE, OTHER}
    assert home.told.codes == ["tombstone_unreadable"] * 2
    with pytest.raises(HomeUnusable, match=r"[0-9a-f]{64}\.json is torn"):
        withdrawn_before(home.service())


async def test_p23_folder_that_was_removed_comes_back_with_all_that_stood_there(home: Home) -> None:
    """One alone would take the others back."""
    service = home.service()
    await service.keep(STONE)
    assert await service.read() == (STONE,)
    shutil.rmtree(home.folder / "withdrawn")
    await service.keep(OTHER)
    assert set(await home.service().read() or ()) == {STONE, OTHER}


async def test_p23_folder_that_cannot_be_written_is_told(home: Home) -> None:
    """Whoever asks knows that the next start does not."""
    (home.folder / "withdrawn").write_text("a file")
    assert not await home.service().keep(STONE)
    assert home.told.codes == ["tombstone_not_kept"]


async def test_p23_every_copy_of_a_withdrawn_version_goes_and_no_other(home: Home) -> None:
    """From whatever source, and what an ended fetch has left of it."""
    gone, kept = [home.put("1"), home.put("1", "elsewhere")], home.put("2")
    partial = private_folder(home.folder / "cache")
    partial.mkdir()
    (partial / "version.json").write_text(json.dumps([HOSTILE, 7, "1", "there"]))
    assert await home.service().clear([STONE]) == [STONE]
    assert [path.exists() for path in (*gone, kept, partial)] == [False, False, True, False]
    assert home.samples_of == [(HOSTILE, "1")]
    (forgotten,) = home.told.forgotten
    assert forgotten(VersionId(HOSTILE, 7, "1"))
    assert not forgotten(VersionId(HOSTILE, 8, "1"))


async def test_p23_what_lies_here_is_known_by_its_number(home: Home) -> None:
    """Of whichever model had that name; a cache that cannot be read tells of nothing."""
    service = home.service()
    assert not await service.lying(HOSTILE, "1")
    home.put("1")
    home.put("1", "elsewhere")
    home.put("2")
    home.put("3", says=False)
    assert set(await service.lying(HOSTILE, "1")) == {VersionId(HOSTILE, 7, "1")}
    assert not await service.lying(HOSTILE, "3")
    shutil.rmtree(home.folder / "cache")
    (home.folder / "cache").symlink_to("cache")
    assert not await service.lying(HOSTILE, "1")


async def test_p23_what_another_service_has_leased_goes_once_it_is_given_back(home: Home) -> None:
    """That one is told to give it back by the tombstone."""
    place = home.put("1")
    lock = Lock.shared(place)
    assert not await home.service().clear([STONE])
    assert place.exists()
    lock.release()
    assert await home.service().clear([STONE]) == [STONE]
    assert not place.exists()


async def test_p23_place_that_does_not_say_what_it_holds_goes_unless_it_is_used(home: Home) -> None:
    """An older release may have put the withdrawn version there."""
    free, used = home.put("1", says=False), home.put("2", says=False)
    lock = Lock.shared(used)
    assert await home.service().clear([STONE]) == [STONE]
    assert [free.exists(), used.exists()] == [False, True]
    lock.release()


async def test_p23_what_is_left_of_one_keeps_no_other_from_being_cleared(home: Home) -> None:
    """One purge is for all of them."""
    lock = Lock.shared(home.put("1"))
    free = home.put("2")
    assert await home.service().clear([STONE, OTHER]) == [OTHER]
    assert not free.exists()
    lock.release()
