"""Room in the cache: the least recently used goes first, and nothing that anybody uses."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from service.registry.store.artifacts import ArtifactCache, private_folder
from service.registry.store.eviction import make_room
from service.registry.store.locks import Lock, lock_file

FILE_BYTES = 10_000
ROOM_FOR_TWO = 25_000


def put(folder: Path, number: int, used_at: float) -> Path:
    """An artifact of that many bytes, last used then; its place."""

    def fetch(private: Path) -> Path:
        (private / "model").mkdir()
        (private / "model" / "MLmodel").write_bytes(b"x" * FILE_BYTES)
        return private / "model"

    cache = ArtifactCache(folder)
    place = cache.place(("iris", 1, str(number), "there"))
    cache.get(place, private_folder(folder), fetch).lock.release()
    os.utime(lock_file(place), (used_at, used_at))
    return place


@pytest.fixture
def places(tmp_path: Path) -> list[Path]:
    """Three artifacts, the least recently used first."""
    return [put(tmp_path, number, 1_000.0 + number) for number in range(3)]


def there(places: list[Path]) -> list[bool]:
    """Which are left."""
    return [place.is_dir() for place in places]


def test_least_recently_used_goes_first(tmp_path: Path, places: list[Path]) -> None:
    """And no more than has to; its lock goes with it."""
    make_room(tmp_path, ROOM_FOR_TWO)
    assert there(places) == [False, True, True]
    assert not lock_file(places[0]).exists()


def test_use_makes_an_artifact_recent(tmp_path: Path, places: list[Path]) -> None:
    """Whenever its lock is taken or given back."""
    lock = Lock.shared(places[0])
    os.utime(lock_file(places[0]), (0.0, 0.0))
    lock.release()
    make_room(tmp_path, ROOM_FOR_TWO)
    assert there(places) == [True, False, True]


def test_p8_nothing_goes_below_the_limit(tmp_path: Path, places: list[Path]) -> None:
    """However long ago it was used."""
    make_room(tmp_path, 100_000)
    assert there(places) == [True] * 3


def test_what_somebody_uses_stays_whatever_the_limit(tmp_path: Path, places: list[Path]) -> None:
    """Somebody else goes instead."""
    lock = Lock.shared(places[0])
    make_room(tmp_path, 1)
    assert there(places) == [True, False, False]
    lock.release()
    make_room(tmp_path, 1)
    assert there(places) == [False] * 3


def test_room_is_made_for_what_is_to_come(tmp_path: Path, places: list[Path]) -> None:
    """Before it comes."""
    make_room(tmp_path, ROOM_FOR_TWO, FILE_BYTES)
    assert there(places) == [False, False, True]


def test_nothing_else_in_the_folder_goes(tmp_path: Path, places: list[Path]) -> None:
    """A fetch on its way, or what somebody has put there; a lock of nothing does."""
    (tmp_path / "partial-1").mkdir()
    (tmp_path / "notes").mkdir()
    lock_file(tmp_path / "nothing").touch()
    make_room(tmp_path, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"partial-1", "notes"}


def test_empty_cache_has_room(tmp_path: Path) -> None:
    """Also before there is a folder."""
    make_room(tmp_path / "cache", 1, 1)
    make_room(tmp_path / "nowhere", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_more_than_the_disk_holds_is_said_before_it_is_fetched(tmp_path: Path) -> None:
    """As the disk itself would say it in the middle."""
    with pytest.raises(OSError, match="No space left") as full:
        make_room(tmp_path, 2**62, shutil.disk_usage(tmp_path).total * 2)
    assert full.value.errno == errno.ENOSPC
