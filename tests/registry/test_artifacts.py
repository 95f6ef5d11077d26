"""The cache of artifacts: whole or absent, whoever fetches, whatever fails and whoever meddles."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from service.registry.store.artifacts import (
    ArtifactCache,
    Kept,
    discard,
    is_place,
    private_folder,
    remove_partial,
)
from service.registry.store.locks import Lock, lock_file
from service.registry.store.manifest import Altered

IDENTITY = ("iris", 1_700_000_000_000, "1", "models:/m-1")


class FetchFailed(Exception):
    """What a test's fetch raises."""


def write_whole(private: Path) -> Path:
    """A fetch that succeeds."""
    made = private / "model"
    (made / "data").mkdir(parents=True)
    (made / "MLmodel").write_text("whole")
    (made / "data" / "weights").write_bytes(b"weights")
    return made


def write_half(private: Path) -> Path:
    """A fetch that fails in the middle."""
    (private / "MLmodel").write_text("ha")
    raise FetchFailed


def refuse(private: Path) -> Path:
    """A fetch that must not happen."""
    raise AssertionError(private)


def test_place_is_named_by_a_digest_of_the_whole_identity(tmp_path: Path) -> None:
    """No part of a name becomes part of a path, and no two identities share a place."""
    cache = ArtifactCache(tmp_path)
    identities = [
        IDENTITY,
        ("../iris", *IDENTITY[1:]),
        ("iris", 1_700_000_000_001, "1", "models:/m-1"),
        ("iris", 1_700_000_000_000, "2", "models:/m-1"),
        ("iris", 1_700_000_000_000, "1", "models:/m-2"),
        ("iris1", 1_700_000_000_000, "", "models:/m-1"),
    ]
    places = {cache.place(identity) for identity in identities}
    assert len(places) == len(identities)
    assert {place.parent for place in places} == {tmp_path}
    assert all(set(place.name) <= set("0123456789abcdef") for place in places)
    assert all(is_place(place.name) for place in places)


def get(cache: ArtifactCache, place: Path, fetch: Callable[[Path], Path]) -> Kept:
    """What the cache gives, fetching by way of a private folder of its own."""
    return cache.get(place, private_folder(place.parent), fetch)


def put(folder: Path) -> tuple[ArtifactCache, Path]:
    """A cache, and a place in it with an artifact that nobody uses."""
    cache = ArtifactCache(folder / "cache")
    place = cache.place(IDENTITY)
    get(cache, place, write_whole).lock.release()
    return cache, place


def test_artifact_is_put_into_place_whole_and_fetched_once(tmp_path: Path) -> None:
    """Nothing but its lock is beside it."""
    cache, place = put(tmp_path)
    kept = get(cache, place, refuse)
    assert kept.place == place
    assert (kept.artifact / "MLmodel").read_text() == "whole"
    assert set(place.parent.iterdir()) == {place, lock_file(place)}
    kept.lock.release()


@pytest.mark.parametrize(
    ("umask", "modes"), [(0o077, (0o700, 0o700, 0o600)), (0o007, (0o770, 0o770, 0o660))]
)
def test_o20_modes_of_a_store_are_not_handed_on(
    tmp_path: Path, umask: int, modes: tuple[int, ...]
) -> None:
    """A store in a folder hands on its own, which may be open to all."""

    def open_to_all(private: Path) -> Path:
        made = write_whole(private)
        for path in (made, *made.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o444)
        return made

    os.umask(umask)
    cache = ArtifactCache(tmp_path / "cache")
    kept = get(cache, cache.place(IDENTITY), open_to_all)
    found = (kept.artifact, kept.artifact / "data", kept.artifact / "data" / "weights")
    assert tuple(path.stat().st_mode & 0o777 for path in found) == modes
    kept.lock.release()


def test_failed_fetch_leaves_nothing(tmp_path: Path) -> None:
    """And its error is passed on."""
    cache = ArtifactCache(tmp_path)
    with pytest.raises(FetchFailed):
        get(cache, cache.place(IDENTITY), write_half)
    assert list(tmp_path.iterdir()) == []


def test_slower_of_two_fetches_takes_what_is_in_place(tmp_path: Path) -> None:
    """Both have begun before either has ended."""
    cache = ArtifactCache(tmp_path)
    place, both = cache.place(IDENTITY), threading.Barrier(2, timeout=240)
    found: list[Path] = []

    def fetch(private: Path) -> Path:
        both.wait()
        return write_whole(private)

    threads = [
        threading.Thread(target=lambda: found.append(get(cache, place, fetch).place))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [place, place]
    assert set(tmp_path.iterdir()) == {place, lock_file(place)}


def cut(place: Path) -> None:
    """The file is shorter than it was."""
    os.truncate(place / "model" / "data" / "weights", 3)


def change(place: Path) -> None:
    """A byte is another, and the length the same."""
    (place / "model" / "data" / "weights").write_bytes(b"weighty")


def add(place: Path) -> None:
    """A file more, a module that would shadow another say."""
    (place / "model" / "numpy.py").write_text("")


def take(place: Path) -> None:
    """A file less."""
    (place / "model" / "data" / "weights").unlink()


def lead_elsewhere(place: Path) -> None:
    """A link to the same content, which may become another's."""
    weights = place / "model" / "data" / "weights"
    elsewhere = place.parent.parent / "elsewhere"
    weights.rename(elsewhere)
    weights.symlink_to(elsewhere)


def tear_manifest(place: Path) -> None:
    """The machine lost its power, say."""
    os.truncate(place / "manifest.json", 20)


def write_another_manifest(place: Path) -> None:
    """JSON, and nothing like a manifest."""
    (place / "manifest.json").write_text('{"files": {"MLmodel": "whole"}}')


def drop_manifest(place: Path) -> None:
    """As a cache of an older Podium would be."""
    (place / "manifest.json").unlink()


MEDDLERS = [
    cut,
    change,
    add,
    take,
    lead_elsewhere,
    tear_manifest,
    write_another_manifest,
    drop_manifest,
]


@pytest.mark.parametrize("meddle", MEDDLERS, ids=lambda meddle: meddle.__name__)
def test_altered_artifact_is_discarded_and_fetched_anew(
    tmp_path: Path, meddle: Callable[[Path], None]
) -> None:
    """It is never handed out, whatever was altered."""
    cache, place = put(tmp_path)
    meddle(place)
    with pytest.raises(Altered):
        cache.find(place)
    kept = get(cache, place, write_whole)
    assert kept.place == place
    assert (kept.artifact / "data" / "weights").read_bytes() == b"weights"
    assert {each.name for each in kept.artifact.iterdir()} == {"MLmodel", "data"}
    kept.lock.release()
    assert set(place.parent.iterdir()) == {place, lock_file(place)}


def test_altered_artifact_that_somebody_serves_is_left_to_them(tmp_path: Path) -> None:
    """Its files stay, and whoever comes gets a copy of its own, which the next one shares."""
    cache, place = put(tmp_path)
    serving = Lock.shared(place)
    change(place)
    mine = get(cache, place, write_whole)
    assert mine.place != place
    assert is_place(mine.place.name)
    assert (place / "model" / "data" / "weights").read_bytes() == b"weighty"
    assert get(cache, place, refuse).place == mine.place
    serving.release()


def test_artifact_is_not_discarded_while_anybody_holds_its_lock(tmp_path: Path) -> None:
    """However many they are; the last one to release it lets it go."""
    cache, place = put(tmp_path)
    first, second = get(cache, place, refuse), get(cache, place, refuse)
    assert not discard(place)
    first.lock.release()
    assert not discard(place)
    second.lock.release()
    assert discard(place)
    assert list(place.parent.iterdir()) == []


def test_leftovers_of_ended_fetches_are_removed_and_nothing_else(tmp_path: Path) -> None:
    """What is complete stays, and what another service has begun since."""
    cache = ArtifactCache(tmp_path)
    place = get(cache, cache.place(IDENTITY), write_whole).place
    old, new = tmp_path / "partial-old", tmp_path / "partial-new"
    for partial, begun in ((old, 1_000.0), (new, 3_000.0)):
        (partial / "model").mkdir(parents=True)
        os.utime(partial, (begun, begun))
    remove_partial(tmp_path, older_than=2_000.0)
    assert set(tmp_path.iterdir()) == {place, lock_file(place), new}


def test_removing_leftovers_needs_no_folder(tmp_path: Path) -> None:
    """The first start has none."""
    remove_partial(tmp_path / "nothing", older_than=2_000.0)
    assert list(tmp_path.iterdir()) == []
