"""Samples of what differed: the owner's alone, few, bounded, and gone when they are to be."""

import asyncio
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.following.servable import Shadow
from service.predicting.hearing import HeardRequest
from service.predicting.request import Timeline
from service.protocols.protocol import by_media_type
from service.refs import ModelRef, VersionId
from service.shadowing.shadow_samples import LONGEST_SAMPLE, SampleLimits, ShadowSamples
from service.shadowing.shadowing import ShadowSample
from service.split_tag import WHOLE
from tests.support.given import JSON
from tests.support.serving import FakeContract, make_binding
from tests.support.waiting import until

IRIS = ModelRef("../iris", "champion")
BODY = b'{"inputs":[1]}'
DAY = 86_400.0
NOW = 1_800_000_000.0
SECONDS = 240.0
WITHDRAWN: set[VersionId] = set()


def sample(body: bytes = BODY, shadow: bytes | None = b"[2]") -> ShadowSample:
    """A request that version 1 has answered otherwise than version 2 would have."""
    listener = make_binding(ModelRef(IRIS.name, "challenger"), "2")
    hears = Shadow(listener, make_binding(IRIS, "1").servable, WHOLE, reads_same=True)
    model_input = FakeContract().parse(BODY, "application/json")
    rest = (model_input, JSON, body, len(body), Timeline(0.0), by_media_type)
    heard = HeardRequest(IRIS, hears, "id", *rest)
    return ShadowSample(heard, b"[1]", shadow, None if shadow else "model_failed")


def samples(folder: Path, most_bytes: int = 10_000, now: float = NOW) -> ShadowSamples:
    """Of at most so many bytes, and a week."""
    limits = SampleLimits(most_bytes)
    return ShadowSamples(folder / "samples", limits, WITHDRAWN.__contains__, lambda: now)


def kept(folder: Path) -> list[dict[str, Any]]:
    """All that lie there."""
    places = sorted((folder / "samples").glob("*/*.jsonl"))
    return [orjson.loads(line) for place in places for line in place.read_bytes().splitlines()]


def test_sample_says_what_came_and_what_both_answered(tmp_path: Path) -> None:
    """Also of bytes that are no text, and of a shadow that failed."""
    writing = samples(tmp_path)
    writing.write(sample(), NOW)
    writing.write(sample(b"\xff", None), NOW)
    first, second = kept(tmp_path)
    assert first == {
        "at": NOW,
        "slot": "../iris@champion",
        "version": "1",
        "shadow_version": "2",
        "request_id": "id",
        "media_type": "application/json",
        "request": '{"inputs":[1]}',
        "answer": "[1]",
        "shadow_answer": "[2]",
        "shadow_error": None,
    }
    assert second["request"] == {"base64": "/w=="}
    assert (second["shadow_answer"], second["shadow_error"]) == (None, "model_failed")


def test_samples_are_their_owners_alone(tmp_path: Path) -> None:
    """Whatever the mask is; and a model's name leads nowhere else."""
    os.umask(0)
    samples(tmp_path).write(sample(), NOW)
    (place,) = (tmp_path / "samples").glob("*/*.jsonl")
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == [tmp_path / "samples"]


def test_samples_are_bounded_in_bytes_and_days(tmp_path: Path) -> None:
    """The oldest go first."""
    writing = samples(tmp_path, most_bytes=1000)
    for day in range(3):
        for _ in range(2):
            writing.write(sample(), NOW + day * DAY)
    assert [each["at"] for each in kept(tmp_path)] == [NOW + DAY] * 2 + [NOW + 2 * DAY] * 2
    writing.write(sample(), NOW + 9.5 * DAY)
    assert {each["at"] for each in kept(tmp_path)} == {NOW + 2 * DAY, NOW + 9.5 * DAY}


def test_limit_that_is_met_within_a_day_costs_the_oldest_alone(tmp_path: Path) -> None:
    """Of one model and one pair of versions too: what was just written is never among them."""
    writing = samples(tmp_path, most_bytes=1000)
    for number in range(30):
        writing.write(sample(), NOW + number)
    found = sorted(each["at"] - NOW for each in kept(tmp_path))
    assert len(found) >= 3
    assert found == [*range(30)][-len(found) :]


def test_files_are_few_and_each_a_part_of_what_may_be_kept(tmp_path: Path) -> None:
    """To make room is to lose that much at most."""
    writing = samples(tmp_path, most_bytes=16_000)
    for _ in range(100):
        writing.write(sample(), NOW)
    sizes = [each.stat().st_size for each in (tmp_path / "samples").glob("*/*.jsonl")]
    assert 14_000 < sum(sizes) <= 16_000
    assert max(sizes) <= 1000
    assert len(sizes) <= 24


async def test_samples_that_are_too_old_go_though_nothing_is_written(tmp_path: Path) -> None:
    """At the start, and every hour."""
    samples(tmp_path).write(sample(), NOW)
    now, left = [NOW + 6 * DAY], list[int]()
    limits = SampleLimits(10_000)
    tidying = ShadowSamples(tmp_path / "samples", limits, lambda _: False, lambda: now[0])

    async def slept(_: float) -> None:
        left.append(len(kept(tmp_path)))
        now[0] += DAY
        if len(left) == 4:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await tidying.run(slept)
    assert left == [1, 1, 0, 0]


async def test_p23_samples_of_a_withdrawn_version_are_gone(tmp_path: Path) -> None:
    """Also one that was on its way to the disk before, and one that comes afterwards."""
    writing = samples(tmp_path)
    one = sample()
    begun, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        go_on.wait(SECONDS)

    writing._beside.submit(hang)
    writing.keep(one)
    forgetting = asyncio.ensure_future(asyncio.to_thread(writing.forget, IRIS.name, "2"))
    await until(begun.is_set, SECONDS)
    WITHDRAWN.add(one.heard.shadow.binding.servable.version)
    writing.keep(one)
    go_on.set()
    await forgetting
    assert writing._beside.finish(SECONDS)
    WITHDRAWN.clear()
    assert kept(tmp_path) == []


def test_samples_of_a_version_are_forgotten(tmp_path: Path) -> None:
    """Whichever of the two it was; others stay."""
    writing = samples(tmp_path)
    writing.write(sample(), NOW)
    other = sample()
    three = replace(
        other.heard.shadow, binding=make_binding(ModelRef(IRIS.name, "challenger"), "3")
    )
    writing.write(other._replace(heard=other.heard._replace(shadow=three)), NOW)
    writing.forget(IRIS.name, "2")
    assert [each["shadow_version"] for each in kept(tmp_path)] == ["3"]
    writing.forget(IRIS.name, "1")
    assert kept(tmp_path) == []
    writing.forget("another", "1")


@pytest.mark.parametrize(("length", "count"), [(1, 10), (LONGEST_SAMPLE, 0)])
async def test_few_are_kept_a_second_and_none_that_is_long(
    tmp_path: Path, length: int, count: int
) -> None:
    """In a thread: nobody waits for a disk."""
    writing = samples(tmp_path, most_bytes=10**9)
    for _ in range(30):
        writing.keep(sample(b"1" * length))
    later = samples(tmp_path, most_bytes=10**9, now=NOW + 1)
    later.keep(sample())
    await until(lambda: len(kept(tmp_path)) == count + 1, SECONDS)
