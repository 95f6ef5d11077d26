"""Temporary folders of commands: gone at their end, and after a kill by the next command."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from service.local.passing_folder import passing_folder

KILLED = """
import os, signal
from service.local.passing_folder import passing_folder
with passing_folder() as folder:
    (folder / "copy").write_text("large")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process makes them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_folder_is_gone_at_the_end(place: Path) -> None:
    """With all that was put there."""
    with passing_folder() as folder:
        (folder / "copy").write_text("large")
        assert list(folder.iterdir()) == [folder / "copy"]
    assert list(place.iterdir()) == []


def test_folder_of_a_killed_command_is_removed_by_the_next_one(place: Path) -> None:
    """And those of commands that live, or that nobody has claimed, are not."""
    (place / "podium-somebodys").mkdir()
    with passing_folder() as lives:
        command = [sys.executable, "-c", KILLED]
        subprocess.run(command, env={"TMPDIR": str(place)}, check=False)
        assert len(list(place.glob("podium-*/in/copy"))) == 1
        with passing_folder():
            assert list(place.glob("podium-*/in/copy")) == []
            assert lives.is_dir()
    assert [each.name for each in place.iterdir()] == ["podium-somebodys"]
