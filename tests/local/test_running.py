"""The record of a running `up`, and the kernel's table of processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.local.running import (
    Mark,
    RunningUp,
    alive,
    group_alive,
    mark,
    members,
    read_record,
    read_running,
    remove_record,
    write_record,
)
from tests.local.stand_ins import program

_PAUSE = "print('here', flush=True); import sys; sys.stdin.read()"


def _started(line: list[str]) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_process_lives_until_it_has_ended() -> None:
    """Also for a moment as a zombie it counts as gone."""
    with _started(list(program(_PAUSE))) as process:
        known = mark(process.pid)
        assert known is not None
        assert alive(known)
        assert members(process.pid) == (process.pid,)
        process.kill()
    assert not alive(known)
    assert members(process.pid) == ()


def test_other_start_time_is_another_process() -> None:
    """Numbers are used again."""
    with _started(list(program(_PAUSE))) as process:
        known = mark(process.pid)
        assert known is not None
        assert not alive(Mark(known.pid, known.started - 1))
        assert not group_alive(Mark(known.pid, known.started - 1))
        process.kill()


def test_name_with_brackets_and_spaces_is_read_right(tmp_path: Path) -> None:
    """The program's name stands unescaped in the middle of the line."""
    script = tmp_path / "a) R 1 (b"
    script.write_text(f"#!{sys.executable}\n{_PAUSE}\n")
    script.chmod(0o700)
    with _started([str(script)]) as process:
        assert members(process.pid) == (process.pid,)
        process.kill()


def test_number_without_a_process_has_no_mark() -> None:
    """Numbers end at 2**22 (proc(5), pid_max)."""
    assert mark(2**22 + 1) is None


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
