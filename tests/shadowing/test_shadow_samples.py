"""Samples of what differed: the owner's alone, few, bounded, and gone when they are to be."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.following.servable import Shadow
from service.predicting.hearing import HeardRequest
from service.predicting.request import Timeline
from service.refs import ModelRef
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


def sample(body: bytes = BODY, shadow: bytes | None = b"[2]") -> ShadowSample:
    """A request that version 1 has answered otherwise than version 2 would have."""
    listener = make_binding(ModelRef(IRIS.name, "challenger"), "2")
    hears = Shadow(listener, make_binding(IRIS, "1").servable, WHOLE, reads_same=True)
    model_input = FakeContract().parse(BODY, "application/json")
    heard = HeardRequest(IRIS, hears, "id", model_input, JSON, body, len(body), Timeline(0.0))
    return ShadowSample(heard, b"[1]", shadow, None if shadow else "model_failed")


def samples(folder: Path, most_bytes: int = 10_000, now: float = NOW) -> ShadowSamples:
    """Of at most so many bytes, and a week."""
    return ShadowSamples(folder / "samples", SampleLimits(most_bytes), lambda: now)


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
    """The oldest go first, a day's at a time."""
    writing = samples(tmp_path, most_bytes=1000)
    for day in range(3):
        for _ in range(2):
            writing.write(sample(), NOW + day * DAY)
    assert [each["at"] for each in kept(tmp_path)] == [NOW + DAY] * 2 + [NOW + 2 * DAY] * 2
    writing.write(sample(), NOW + 8.5 * DAY)
    assert {each["at"] for each in kept(tmp_path)} == {NOW + 2 * DAY, NOW + 8.5 * DAY}


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
