"""Private temporary folders: each child has its own, and none outlives its owner for long."""

import subprocess
import sys
from pathlib import Path

import pytest

from service.processes.front.scratch import Scratch
from service.processes.removal import remove_tree
from tests.support.waiting import wait_until

SECONDS = 240


def folders(place: Path) -> set[Path]:
    """What lies there but locks."""
    return {path for path in place.iterdir() if not path.name.endswith(".lock")}


def test_folders_are_empty_and_private(tmp_path: Path) -> None:
    """Each another, for its owner alone."""
    scratch = Scratch(tmp_path / "home" / "tmp")
    one, two = scratch.folder(), scratch.folder()
    assert one != two
    assert not list(one.iterdir())
    assert one.stat().st_mode & 0o077 == 0
    scratch.close()


def test_folder_is_removed_with_what_is_in_it(tmp_path: Path) -> None:
    """Links are removed, and not what they point to."""
    kept = tmp_path / "kept"
    kept.touch()
    scratch = Scratch(tmp_path / "tmp")
    folder = scratch.folder()
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "deeper" / "file").touch()
    (folder / "link").symlink_to(kept)
    (folder / "linked folder").symlink_to(tmp_path)
    scratch.remove(folder)
    wait_until(lambda: not folder.exists(), SECONDS, "it is removed")
    assert kept.exists()
    scratch.close()


def test_closing_leaves_nothing(tmp_path: Path) -> None:
    """Neither a folder nor the lock that told of it."""
    scratch = Scratch(tmp_path)
    (scratch.folder() / "file").touch()
    scratch.close()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_place_that_was_removed_is_made_again(tmp_path: Path) -> None:
    """With the lock that keeps others from taking its folders away."""
    scratch = Scratch(tmp_path / "home" / "tmp")
    scratch.folder()
    remove_tree(tmp_path / "home")
    folder = scratch.folder()
    Scratch(tmp_path / "home" / "tmp").close()
    assert folder.exists()
    scratch.close()
    assert folders(tmp_path / "home" / "tmp") == set()


def test_living_service_of_the_same_place_keeps_its_folders(tmp_path: Path) -> None:
    """Also when another has started and ended beside it."""
    first = Scratch(tmp_path)
    folder = first.folder()
    second = Scratch(tmp_path)
    second.close()
    assert folder.exists()
    first.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from service.processes.front.scratch import Scratch
scratch = Scratch(Path(sys.argv[1]))
(scratch.folder() / "left").touch()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_next_service_removes_what_a_killed_one_has_left(tmp_path: Path) -> None:
    """Its lock has ended with it."""
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    (left,) = folders(tmp_path)
    assert list(left.rglob("left"))
    scratch = Scratch(tmp_path)
    wait_until(lambda: not left.exists(), SECONDS, "it is removed")
    scratch.close()


def test_p23_running_service_removes_what_a_killed_one_has_left(tmp_path: Path) -> None:
    """When it is asked to, and returns when all is gone; its own folders stay."""
    scratch = Scratch(tmp_path)
    own, removed = scratch.folder(), scratch.folder()
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert list(tmp_path.rglob("left"))
    scratch.remove(removed)
    assert scratch.tidy(SECONDS)
    assert (list(tmp_path.rglob("left")), own.exists(), removed.exists()) == ([], True, False)
    remove_tree(tmp_path)
    assert scratch.tidy(SECONDS)
    scratch.close()


@pytest.mark.parametrize("missing", [True, False])
def test_removing_raises_nothing(tmp_path: Path, missing: bool) -> None:  # noqa: FBT001 - the table's word
    """Also of a folder that is not there."""
    folder = tmp_path / "folder"
    if not missing:
        folder.mkdir()
        (folder / "file").touch()
    remove_tree(folder)
    assert not folder.exists()
