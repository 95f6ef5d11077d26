"""Copies that are killed, and copies at the same time: one version comes of them."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.copying.conftest import Copies, fetched, registered
from tests.copying.dying import DyingCopies, dying_copies

STEPS = ("downloading", "uploading", "reading", "registering", "removing")


@pytest.fixture(scope="module")
def program() -> Iterator[DyingCopies]:
    """What ends in the middle."""
    with dying_copies() as running:
        yield running


def folders(copies: Copies) -> list[Path]:
    """What lies in the home for a while."""
    return [each for each in (copies.home / "tmp").glob("*") if each.is_dir()]


@pytest.mark.parametrize("step", STEPS)
def test_copy_that_was_killed_is_finished_by_the_next(
    copies: Copies, saved: Path, program: DyingCopies, step: str
) -> None:
    """Wherever that was: one version, one set of files, and nothing in the home."""
    name, to = f"dev.{step}", f"staging.{step}"
    registered(copies.uri, name, saved)
    assert program.copy(copies, name, to, step) == -signal.SIGKILL
    assert len(folders(copies)) == 1
    copied = copies.copy(name, to)
    assert copied.outcome == ("already" if step == "removing" else "copied")
    (version,) = copies.versions(to)
    (logged,) = copies.logged(to)
    assert (copied.version, version.version) == ("1", "1")
    assert (version.source, str(logged.status)) == (f"models:/{logged.model_id}", "READY")
    assert folders(copies) == []
    # Files that had arrived whole are not sent again.
    sent = any(each.startswith("uploading") for each in copies.steps)
    assert sent == (step in {"downloading", "uploading", "reading"})


class _Ended(Exception):
    """A copy ends here."""


@pytest.mark.parametrize("ends", [False, True], ids=["finished", "not tidied"])
def test_two_copies_at_once_are_one_version(copies: Copies, saved: Path, *, ends: bool) -> None:
    """Whoever registers second takes its own away, or finds that it was taken."""
    name, to = f"dev.twice{ends}", f"staging.twice{ends}"
    registered(copies.uri, name, saved)
    other = Copies(copies.uri, copies.home, fetch=fetched)

    def before(step: str) -> None:
        if step.startswith("registering"):
            if not ends:
                assert other.copy(name, to).outcome == "copied"
                return
            with pytest.raises(_Ended):
                other.copy(name, to)

    def untidied(step: str) -> None:
        if ends and step.startswith("removing"):
            raise _Ended

    copies.on_step, other.on_step = before, untidied
    second = copies.copy(name, to)
    assert (second.outcome, second.version) == ("already", "1")
    assert [str(each.version) for each in copies.versions(to)] == ["1"]
    (version,), (logged,) = copies.versions(to), copies.logged(to)
    assert version.source == f"models:/{logged.model_id}"
