"""The cache of artifacts: complete or absent, whoever fetches and whatever fails."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from service.registry.artifacts import ArtifactCache, private_folder, remove_partial

IDENTITY = ("iris", 1_700_000_000_000, "1", "models:/m-1")


class FetchFailed(Exception):
    """What a test's fetch raises."""


def write_whole(private: Path) -> Path:
    """A fetch that succeeds."""
    made = private / "model"
    made.mkdir()
    (made / "MLmodel").write_text("whole")
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


def fetched(cache: ArtifactCache, place: Path, fetch: Callable[[Path], Path]) -> Path:
    """What the cache gives, fetching by way of a private folder of its own."""
    return cache.get(place, private_folder(place.parent), fetch)


def test_artifact_is_put_into_place_whole_and_fetched_once(tmp_path: Path) -> None:
    """Nothing else is left in the folder."""
    cache = ArtifactCache(tmp_path / "cache")
    place = cache.place(IDENTITY)
    assert fetched(cache, place, write_whole) == place
    assert fetched(cache, place, refuse) == place
    assert (place / "MLmodel").read_text() == "whole"
    assert list(place.parent.iterdir()) == [place]


def test_failed_fetch_leaves_nothing(tmp_path: Path) -> None:
    """And its error is passed on."""
    cache = ArtifactCache(tmp_path)
    with pytest.raises(FetchFailed):
        fetched(cache, cache.place(IDENTITY), write_half)
    assert list(tmp_path.iterdir()) == []


def test_slower_of_two_fetches_takes_what_is_in_place(tmp_path: Path) -> None:
    """Both have begun before either has ended."""
    cache = ArtifactCache(tmp_path)
    place, both = cache.place(IDENTITY), threading.Barrier(2, timeout=20)
    found: list[Path] = []

    def fetch(private: Path) -> Path:
        both.wait()
        return write_whole(private)

    threads = [
        threading.Thread(target=lambda: found.append(fetched(cache, place, fetch)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [place, place]
    assert list(tmp_path.iterdir()) == [place]


def test_leftovers_of_ended_fetches_are_removed_and_nothing_else(tmp_path: Path) -> None:
    """What is complete stays, and what another service has begun since."""
    cache = ArtifactCache(tmp_path)
    place = fetched(cache, cache.place(IDENTITY), write_whole)
    old, new = tmp_path / "partial-old", tmp_path / "partial-new"
    for partial, begun in ((old, 1_000.0), (new, 3_000.0)):
        (partial / "model").mkdir(parents=True)
        os.utime(partial, (begun, begun))
    remove_partial(tmp_path, older_than=2_000.0)
    assert set(tmp_path.iterdir()) == {place, new}


def test_removing_leftovers_needs_no_folder(tmp_path: Path) -> None:
    """The first start has none."""
    remove_partial(tmp_path / "nothing", older_than=2_000.0)
    assert list(tmp_path.iterdir()) == []
