"""The record of a running `up`."""

import os
from pathlib import Path

import pytest

from service.local.running import (
    RunningUp,
    read_record,
    read_running,
    remove_record,
    write_record,
)
from service.local.table import Mark, mark


def _record(up: Mark) -> RunningUp:
    return RunningUp("http://127.0.0.1:1", "http://127.0.0.1:2", up, {"MLflow": Mark(1, 2)})


def _here() -> Mark:
    here = mark(os.getpid())
    assert here is not None
    return here


def test_reads_what_was_written(tmp_path: Path) -> None:
    """Addresses and processes come back as they were."""
    write_record(tmp_path / "new", _record(_here()))
    assert read_running(tmp_path / "new") == _record(_here())


def test_leaves_no_draft_beside_the_record(tmp_path: Path) -> None:
    """It is put into place by a rename, never written in place."""
    write_record(tmp_path, _record(_here()))
    assert [path.name for path in tmp_path.iterdir()] == ["up.json"]


def test_an_up_that_is_gone_is_not_running(tmp_path: Path) -> None:
    """The record is still there for the next `up`, but nobody uses its addresses."""
    write_record(tmp_path, _record(Mark(_here().pid, 0)))
    assert read_running(tmp_path) is None
    assert read_record(tmp_path) is not None


def test_removing_twice_is_fine(tmp_path: Path) -> None:
    """A clean end never fails for want of a file."""
    write_record(tmp_path, _record(_here()))
    remove_record(tmp_path)
    remove_record(tmp_path)
    assert read_record(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"children": [], "up": {}}', '{"children": {}, "up": {"x": 1}}'],
)
def test_text_that_is_no_record_counts_as_none(tmp_path: Path, text: str) -> None:
    """A file that was cut or edited stops nobody."""
    (tmp_path / "up.json").write_text(text)
    assert read_running(tmp_path) is None
